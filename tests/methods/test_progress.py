"""What a computation tells of itself on the way, which changes nothing."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from impo import (
    ITEBD,
    TWA,
    ClusterMeanField,
    Exact,
    MeanField,
    check,
    compare,
    evolve,
    steady_state,
)
from impo.arguments import ArgumentError
from impo.operators.product_state import Coherent
from impo.results.progress import Progress
from impo.scans.checkpoint import Checkpoint
from models.gain_loss import chain, dimer

MODEL = chain(S=0.5, g=1.0, h=0.5, gain=1.5, loss=1.0)
ROUGH = ITEBD(tol=2e-2)
REFUSED = 'Argument `progress` must be None, "tqdm" or a function, but is '


def test_a_function_hears_of_every_look_and_changes_no_number():
    told = []
    state, silent = steady_state(MODEL, ROUGH, progress=told.append), steady_state(MODEL, ROUGH)
    assert told[0].stage == "preparing"
    looks = [one for one in told if one.stage == "relaxing"]
    assert [one.chi for one in looks] == [entry["chi"] for entry in state.history]
    assert all(one.k_max == 1 and 0 < one.time < one.time_limit for one in looks)
    assert np.all(np.diff([one.seconds for one in told]) >= 0)
    np.testing.assert_array_equal(state.expect("Sz").value, silent.expect("Sz").value)
    with pytest.raises(FrozenInstanceError):
        told[0].chi = 3


def test_what_other_methods_tell():
    model, told = dimer(3, gain=1.2, loss=0.7), []
    steady_state(model, TWA(cells=1, trajectories=32, tol=0.1, max_time=40), progress=told.append)
    assert next(one.time for one in told if one.stage == "averaging") == 0
    assert told[-1].error is not None
    steady_state(dimer(0.5), Exact(), progress=told.append)
    assert any(one.size == 16 for one in told)
    evolve(model, MeanField(), None, [0.0, 1.0], progress=told.append)
    assert (told[-1].method, told[-1].stage) == ("mf", "evolving")
    steady_state(model, MeanField(), progress=told.append)
    assert told[-1].stage == "following start 5 of 5"
    steady_state(MODEL, ClusterMeanField(2), progress=told.append)
    assert (told[-1].stage, told[-1].size) == ("looking for other solutions", 4)
    for method in (ClusterMeanField(2), Exact()):
        start = [Coherent(0.5, 0), Coherent(2, 1)]
        evolve(dimer(0.5), method, start, [0.5, 1.5], progress=told.append)
        assert [(one.time, one.time_limit) for one in told[-2:]] == [(0.5, 1.5), (1.5, 1.5)]
    evolve(MODEL, ROUGH, None, [0.0, 0.1, 0.2], progress=told.append)
    assert [one.time for one in told[-2:]] == [0.1, 0.2]


def test_all_verbs_take_it(tmp_path):
    told = []
    compare(dimer(0.5), [Exact(), MeanField()], told.append)
    assert [one.method for one in told if one.stage == "preparing"] == ["exact", "mf"]
    steady_state(dimer(0.5), Exact()).save(tmp_path / "a.h5")
    check(tmp_path / "a.h5", told.append)
    assert told[-1].stage.startswith("checked ")


def test_a_line_of_tqdm(capsys):
    steady_state(dimer(0.5), Exact(), progress="tqdm")
    assert "exact: solving, dimension 16" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["bar", 3, True, print.__class__, ["tqdm"]])
def test_anything_else_is_refused(wrong, tmp_path):
    with pytest.raises(ArgumentError) as caught:
        steady_state(dimer(0.5), Exact(), progress=wrong)
    assert str(caught.value).startswith(REFUSED)
    with pytest.raises(ArgumentError) as caught:
        compare(dimer(0.5), [Exact(), MeanField()], wrong)
    assert str(caught.value).startswith(REFUSED)


def test_an_error_of_the_function_is_no_failure_of_a_method():
    def wrong(now):
        raise ZeroDivisionError(now.stage)

    for ask in (
        lambda: steady_state(dimer(0.5), Exact(), progress=wrong),
        lambda: compare(dimer(0.5), [Exact(), MeanField()], wrong),
    ):
        with pytest.raises(ZeroDivisionError, match="preparing"):
            ask()


def test_a_comparison_keeps_nothing_to_go_on_from(tmp_path):
    with pytest.raises(ArgumentError, match=REFUSED):
        compare(dimer(0.5), [Exact(), MeanField()], Checkpoint(tmp_path / "a.partial", "key"))


def test_words():
    now = Progress(method="itebd", stage="relaxing", chi=17, k_max=2, remaining=2e-3, time=4.0)
    assert str(now) == "itebd: relaxing, chi 17, k_max 2, remaining 2e-03, time 4"
    assert str(Progress(remaining=float("inf"))) == ""
    assert Progress.of({"chi": 3, "dt": 0.1}) == Progress(chi=3)
