"""Lengths to an accuracy of their own, and what is said where they do not reach it."""

import pytest

from impo import ITEBD, ArgumentError, Boson, Jump, LindbladModel, check, evolve, load, steady_state
from impo.methods.itebd.length_tol import too_wide
from impo.results.settings import settings_from
from impo.scans.checkpoint import Checkpoint
from models import gain_loss

MODEL = gain_loss.chain(0.5, 1.0, 0.5, 0.8, 0.8)


@pytest.fixture(scope="module")
def narrow():
    return steady_state(MODEL, ITEBD(tol=1e-3, length_tol=0.003))


def test_the_refinement_goes_on_until_the_length_is_known(narrow):
    plain = steady_state(MODEL, ITEBD(tol=1e-3))
    before, after = (state.correlation_length("S+", "S-") for state in (plain, narrow))
    assert before.error > 0.005 * before.value
    assert after.error < 0.003 * after.value
    assert abs(before.value - after.value) <= before.error
    assert narrow.status == "converged"
    assert narrow.message.endswith("Correlation lengths are known to `length_tol`.")
    assert not narrow.diagnostics["given_start"]
    assert narrow.method == ITEBD(tol=1e-3, length_tol=0.003)


def test_what_is_known_already_costs_nothing_more(narrow):
    wide = steady_state(MODEL, ITEBD(tol=1e-3, length_tol=0.5))
    assert len(wide.history) < len(narrow.history)
    for g, h in ((1.0, 0.0), (0.0, 1.0)):  # dimers have no length to refine
        model = gain_loss.chain(0.5, g, h, 0.8, 0.8)
        alone = steady_state(model, ITEBD(tol=1e-3, length_tol=0.003))
        assert alone.status == "converged"


def test_the_verdict_says_what_limits_a_length(tmp_path):
    state = steady_state(MODEL, ITEBD(tol=1e-3, length_tol=1e-3, chi_max=24))
    assert state.status == "chi_limited"
    assert "has an error above `length_tol` = 0.001. With a smaller tolerance: " in state.message
    assert too_wide(state) in state.message
    state.save(tmp_path / "state.h5")
    assert check(tmp_path / "state.h5").reproduced
    method = ITEBD(tol=1e-3, length_tol=1e-3, lengths=[["Sz", "Sz"]], chi_max=17)
    state = steady_state(gain_loss.chain(1, 1.0, 0.5, 1.45, 1.45), method)
    assert "The correlation length of SzSz is not known. " in state.message


def test_a_file_and_a_checkpoint_know_both_targets(narrow, tmp_path):
    narrow.save(tmp_path / "state.h5")
    again = load(tmp_path / "state.h5")
    assert again.method == narrow.method
    assert check(tmp_path / "state.h5").reproduced
    told = ITEBD(length_tol=0.1, lengths=("Sz", "Sz")).to_json()
    assert settings_from(told, "itebd").lengths == (("Sz", "Sz"),)


def test_an_evolution_has_no_lengths_to_refine(tmp_path):
    path = evolve(MODEL, ITEBD(tol=1e-2, chi_max=16, length_tol=0.003), None, [0.0, 0.5])
    assert path.status == "converged"
    path.save(tmp_path / "path.h5")
    assert check(tmp_path / "path.h5").reproduced


def test_an_interrupted_refinement_goes_on_to_the_same_numbers(narrow, tmp_path):
    seen = []

    def stop(entry):
        seen.append(entry)
        if len(seen) == len(narrow.history) - 5:
            raise KeyboardInterrupt

    keeping = Checkpoint(tmp_path / "point", "key", 0.0, stop)
    with pytest.raises(KeyboardInterrupt):
        steady_state(MODEL, narrow.method, progress=keeping)
    kept = Checkpoint(tmp_path / "point", "key")
    resumed = steady_state(MODEL, narrow.method, progress=kept)
    assert resumed.expect("Sz") == narrow.expect("Sz")
    assert resumed.correlation_length("S+", "S-") == narrow.correlation_length("S+", "S-")


def test_operators_must_be_those_of_the_first_site():
    with pytest.raises(ArgumentError, match=r"S\+"):
        steady_state(LindbladModel((Boson(2),), (), (Jump(1.0, "B", 0),)), ITEBD(length_tol=0.1))
    with pytest.raises(ArgumentError, match="`length_tol` must be a positive"):
        ITEBD(length_tol=0)
