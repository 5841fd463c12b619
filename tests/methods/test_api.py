import dataclasses
import time
from typing import ClassVar

import numpy as np
import pytest
import threadpoolctl

from impo import ITEBD, TEBD, TWA, ClusterMeanField, Exact, MeanField
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods import METHODS
from impo.methods.api import evolve, steady_state
from impo.methods.base import Method
from impo.model import Jump, LindbladModel, Spin, Term
from models import gain_loss
from tests import dense as double
from tests.dense import Dense

MODEL = gain_loss.dimer(S=1, gain=1.5, loss=0.7)


def test_calls_the_verbs_of_the_method():
    state = steady_state(MODEL, Dense(), start="a start")
    assert isinstance(state, double.DenseState)
    assert state.start == "a start"
    assert len(evolve(MODEL, Dense(), None, [0, 0.5, 2])) == 3


def test_one_thread_and_the_time(monkeypatch):
    seen = []

    def slow(model, method, start):
        seen.extend(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        time.sleep(0.05)
        return plain(model, method, start)

    plain = double.steady_state
    monkeypatch.setattr(double, "steady_state", slow)
    state = steady_state(MODEL, Dense())
    assert 0.05 <= state.seconds < 60
    assert seen
    assert set(seen) == {1}


def test_methods_of_the_table_have_a_solver():
    for name, method in METHODS.items():
        assert method.name == name
        assert dataclasses.is_dataclass(method)
        assert method.steady_state is not Method.steady_state


def test_exact_solves_what_the_test_method_solves():
    ours, other = steady_state(MODEL, METHODS["exact"]()), steady_state(MODEL, Dense())
    for op in ("Sz", "S+"):
        np.testing.assert_allclose(ours.expect(op).value, other.expect(op).value, atol=1e-12)
    np.testing.assert_allclose(ours.variance("Sz").value, other.variance("Sz").value, atol=1e-12)


@pytest.mark.parametrize("method", [None, "dense", Dense, 3])
def test_not_a_method(method):
    with pytest.raises(ArgumentError, match="Argument `method` must be an instance of"):
        steady_state(MODEL, method)


@dataclasses.dataclass(frozen=True)
class Idle(Method):
    name: ClassVar[str] = "idle"


def test_a_method_without_a_verb():
    with pytest.raises(UnsupportedModelError, match="Method `idle` has no `evolve`"):
        evolve(MODEL, Idle(), None, [0.0])
    with pytest.raises(UnsupportedModelError, match="Method `idle` has no `steady_state`"):
        steady_state(MODEL, Idle())
    assert list(Idle().check(None)) == []
    assert np.isnan(Idle().leaves_out(MODEL, None).size)


def test_not_a_model():
    for verb in (lambda m: steady_state(m, Dense()), lambda m: evolve(m, Dense(), None, [0.0])):
        with pytest.raises(ArgumentError, match="`model` must be a `LindbladModel`, but is of"):
            verb({"S": 1})


@pytest.mark.parametrize(
    "model",
    [
        gain_loss.dimer(S=1, gain=0, loss=0),
        LindbladModel((Spin(1),), (Term(1.0, ("Sx", 0, 0)),)),
        LindbladModel((Spin(1),), (), (Jump(1.0, Term(0.0, ("S-", 0, 0))),)),
    ],
)
def test_a_model_without_dissipation(model):
    with pytest.raises(ArgumentError, match="without dissipation its steady state is not unique"):
        steady_state(model, Dense())
    assert len(evolve(model, Dense(), None, [0.0, 1.0])) == 2


@pytest.mark.parametrize("times", [[], 1.0, [[0.0]], [np.nan], [-1.0], [0.0, 2.0, 1.0]])
def test_bad_times(times):
    with pytest.raises(ArgumentError, match="Argument `times` must be"):
        evolve(MODEL, Dense(), None, times)


UP = np.array([1.0, 0.0])
STARTS = {
    "exact": (Exact(), [UP, UP]),
    "itebd": (ITEBD(chi_max=10, tol=1e-3), [UP, UP]),
    "tebd": (TEBD(cells=2, chi_max=10, tol=1e-3), [UP, UP]),
    "twa": (TWA(cells=3, trajectories=16), [[0.3, 0, 1.0]] * 2),
    "mf": (MeanField(), [[0.3, 0, 1.0]] * 2),
    "cmf": (ClusterMeanField(2), [[0.3, 0, 1.0]] * 2),
}


@pytest.mark.filterwarnings("ignore:TWA is meant for large S")
@pytest.mark.parametrize("name", STARTS)
def test_the_start_belongs_to_time_zero(name):
    method, start = STARTS[name]
    model = gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7)
    late = evolve(model, method, start, [0.6]).expect("Sz").value
    all_of_it = evolve(model, method, start, [0.0, 0.6, 0.6]).expect("Sz").value
    np.testing.assert_allclose(late[0], all_of_it[1], atol=1e-7)
    np.testing.assert_array_equal(all_of_it[1], all_of_it[2])
    assert np.all(np.abs(all_of_it[1] - all_of_it[0]) > 1e-3)


def test_every_method_with_a_motion_is_tested():
    moving = {name for name, method in METHODS.items() if method.evolve is not Method.evolve}
    assert moving == set(STARTS)


QUICK = {
    "exact": Exact(gap=False), "itebd": ITEBD(chi_max=16, tol=1e-2), "hpa": METHODS["hpa"](),
    "twa": TWA(cells=4, trajectories=32, max_time=20, tol=0.1),
    "mf": MeanField(), "cmf": ClusterMeanField(2), "tebd": TEBD(cells=2, chi_max=16, tol=1e-2),
}  # fmt: skip
ORDERED = gain_loss.chain(2.0, 1.0, 0.4, 4.0, 3.5)
NO_STARTS = [
    "nonsense", object(), [["a", "b", "c"]], 5, np.nan, [1, 2], [[1, 0]], [[np.nan, 0]] * 2,
    [[np.inf, 0]] * 2, [None, None],
]  # fmt: skip
ONE_LINE = r"^Argument `.*` must be .*, but is .*\.$"


def refused(ask, *arguments):
    with pytest.raises(ArgumentError, match=ONE_LINE):
        ask(*arguments)


@pytest.mark.filterwarnings("ignore:TWA is meant for large S")
@pytest.mark.parametrize("name", QUICK)
def test_questions_that_make_no_sense_are_one_line(name):
    state = steady_state(ORDERED, QUICK[name])
    assert state.expect("Sz") is not None
    for op in ("N", "foo", None, 3, ["Sz"], np.eye(2)):
        refused(state.expect, op)
        refused(state.variance, op)
        refused(state.correlation, "Sz", op)
        refused(state.structure_factor, op, "Sz", 0.0)
    for sites in (0, (0,), (0, 0, 0), "ab", None, (0.0, 1.0), (0, None), (0, 5), (0, -1)):
        refused(state.correlation, "Sz", "Sz", sites)
        refused(state.correlation_length, "Sz", "Sz", sites)
        refused(state.structure_factor, "Sz", "Sz", 0.0, sites)
    for cells in (-1, 1.5, "a", None):
        refused(state.correlation, "Sz", "Sz", (0, 0), cells)
    for places in (None, 5, "ab", [], [0.5], [(0.0, 0)], [(0, 0.5)], [(0,)], [None], [("a", 0)],
                   [(0, None)], [(2, 0)], [(0, (0, 0))], [(0, 0), (0, 0)]):  # fmt: skip
        refused(state.density_matrix, places)
        refused(state.distribution, places)
    for k in ("x", None, [1j], np.nan, [[1, 2], [3]]):
        refused(state.structure_factor, "Sz", "Sz", k)


@pytest.mark.filterwarnings("ignore:TWA is meant for large S")
@pytest.mark.parametrize("start", NO_STARTS)
@pytest.mark.parametrize("name", QUICK)
def test_starts_that_are_none_are_one_line(name, start):
    refused(steady_state, MODEL if name == "exact" else ORDERED, QUICK[name], start)


def test_every_method_is_asked_what_makes_no_sense():
    assert set(QUICK) == set(METHODS)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:TWA is meant for large S")
@pytest.mark.parametrize("name", QUICK)
def test_the_unit_of_time_is_anything(name):
    """A model in other units has the same state, up to where squares of rates have no number."""

    def solved(unit):
        model = gain_loss.chain(2.0, unit, 0.4 * unit, 4.0 * unit, 3.5 * unit)
        method = QUICK[name]
        if name == "twa":
            method = dataclasses.replace(method, dt=0.05 / unit, max_time=20 / unit)
        return steady_state(model, method)

    one = solved(1.0)
    for unit in (1e-99, 2.0**200):
        other = solved(unit)
        assert other.status == one.status
        error = one.expect("Sz").error + other.expect("Sz").error + 1e-9
        assert np.all(np.abs(other.expect("Sz").value - one.expect("Sz").value) <= error)
    with pytest.raises(ArgumentError, match="a coefficient or rate of at least 1e-100, but the la"):
        solved(1e-102)
    with pytest.raises(ArgumentError, match=r"`coefficient` must be at most 1e\+100 in size"):
        solved(1e101)


@pytest.mark.slow
def test_a_rate_beside_which_another_vanishes():
    """A slow decay leads to one state if nothing else moves what it moves, else it is no rate."""
    slow = Jump(1e-300, "S-", 0)
    state = steady_state(LindbladModel((Spin(0.5),), (Term(1.0, ("Sz", 0, 0)),), (slow,)), Exact())
    assert state.status == "converged"
    assert state.expect("Sz").value == pytest.approx(-0.5)
    assert state.extras["gap"] == pytest.approx(5e-301)
    driven = LindbladModel((Spin(0.5),), (Term(1.0, ("Sx", 0, 0)),), (slow,))
    for method in (Exact(), MeanField(), ClusterMeanField(1), ITEBD(chi_max=4, tol=0.1)):
        assert steady_state(driven, method).status != "converged"
