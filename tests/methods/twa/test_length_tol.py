"""Correlation lengths to an accuracy of their own, by more averaging."""

from dataclasses import replace

import numpy as np
import pytest

from impo import (
    TWA,
    ArgumentError,
    Boson,
    HolsteinPrimakoff,
    Jump,
    LindbladModel,
    check,
    load,
    steady_state,
)
from models import gain_loss

MODEL = gain_loss.chain(100, 1.0, 0.5, 1.7, 1.6)
PLAIN = TWA(cells=20, trajectories=64, tol=5e-3, seed=3)


@pytest.fixture(scope="module")
def wide():
    return steady_state(MODEL, PLAIN)


@pytest.fixture(scope="module")
def narrow():
    return steady_state(MODEL, replace(PLAIN, length_tol=0.05))


def test_averaging_goes_on_until_the_length_is_known(wide, narrow):
    before, after = (state.decay("S+", "S-") for state in (wide, narrow))
    assert before.length is None or before.error > 0.05 * before.value
    assert after.error <= 0.05 * after.value
    exact = steady_state(MODEL, HolsteinPrimakoff()).correlation_length("S+", "S-").value
    assert abs(after.value - exact) < 3.5 * after.error
    assert narrow.diagnostics["time"] > wide.diagnostics["time"]
    assert wide.status == narrow.status == "converged"
    assert narrow.message == f"{wide.message} Correlation lengths are known to `length_tol`."


def test_a_length_that_is_known_already_changes_no_digit(narrow):
    """Nor does one that there is not, of cells that are not coupled."""
    reached = max(narrow.diagnostics["statistical_error"], narrow.residual)
    strict = replace(PLAIN, tol=1.01 * reached)
    one, two = (
        steady_state(MODEL, method) for method in (strict, replace(strict, length_tol=0.05))
    )
    assert one.expect("Sz") == two.expect("Sz") == narrow.expect("Sz")
    assert one.history == two.history == narrow.history
    dimer = gain_loss.dimer(20, 1.0, 1.6, 1.2)
    alone = steady_state(dimer, TWA(cells=6, trajectories=32, tol=0.02, length_tol=0.01))
    assert alone.status == "converged"


def test_the_verdict_says_which_target_is_met_and_what_the_limit_is(wide, tmp_path):
    method = replace(PLAIN, length_tol=1e-3, max_time=100.0)
    state = steady_state(MODEL, method)
    assert state.status == "not_converged"
    assert state.message.startswith("All three starts agree, nothing drifts, and the statistical")
    assert "But `length_tol` is not reached at max_time. The correlation length" in state.message
    assert state.message.endswith("Raise max_time or trajectories.")
    assert state.residual < method.tol
    state.save(tmp_path / "state.h5")
    report = check(tmp_path / "state.h5")
    assert report.reproduced
    assert "length_tol" in str(report)


def test_a_file_knows_both_targets(narrow, tmp_path):
    narrow.save(tmp_path / "state.h5")
    assert load(tmp_path / "state.h5").method == narrow.method
    assert check(tmp_path / "state.h5").reproduced


def test_a_verdict_that_the_length_does_not_allow_is_noticed(wide, tmp_path):
    replace(wide, method=replace(PLAIN, length_tol=1e-3)).save(tmp_path / "state.h5")
    bad = [claim.name for claim in check(tmp_path / "state.h5").claims if claim.good is False]
    assert bad == ["length_tol"]


def test_operators_must_be_those_of_the_first_site():
    model = LindbladModel((Boson(2),), (), (Jump(1.0, "B", 0),))
    with pytest.raises(ArgumentError, match=r"S\+"):
        steady_state(model, TWA(length_tol=0.1))
    with pytest.raises(ArgumentError, match="`length_tol` must be a positive"):
        TWA(length_tol=0)
    assert np.array_equal(TWA(lengths=["Sz", "Sz"]).lengths, [["Sz", "Sz"]])
