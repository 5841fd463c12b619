"""Settings, verdicts, reproducibility and refusals of the truncated Wigner approximation."""

import json
from dataclasses import replace

import numba
import numpy as np
import pytest

from impo import TWA, evolve, steady_state
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods.twa.state import TWAState
from impo.model import Jump, LindbladModel, Spin, Term
from impo.results.estimate import Status
from impo.results.state import SteadyState
from impo.results.summary import summary
from impo.results.trajectory import Trajectory
from models.gain_loss import chain, dimer, square

QUICK = TWA(cells=6, trajectories=64, tol=0.05, max_time=200)


@pytest.fixture(scope="module")
def state():
    return steady_state(chain(10, 1.0, 0.5, gain=1.5, loss=0.6), QUICK)


def test_result_is_a_steady_state(state):
    assert isinstance(state, SteadyState)
    assert state.status is Status.CONVERGED
    assert state.residual < QUICK.tol
    assert state.density_matrix([(0, 0)]) is None
    assert state.purity_density is None
    assert state.diagnostics["burn_in"] > 0
    assert state.diagnostics["autocorrelation_time"] > 0
    assert set(state.diagnostics["starts"]) == {"random", "ordered", "general"}
    json.dumps(summary(state))


def test_distributions(state):
    p = state.distribution([(0, 0)])
    m = 10 - np.arange(21)
    assert p.sum() == pytest.approx(1)
    assert p @ m == pytest.approx(state.expect("Sz").value[0], abs=0.5)
    joint = state.distribution([(0, 0), (1, 2)])
    assert joint.shape == (21, 21)
    np.testing.assert_allclose(joint.sum(axis=1), p, atol=1e-12)
    density, edges = state.transverse_histogram(1)
    assert np.sum(density * np.diff(edges)) == pytest.approx(1)
    mean = np.sum(density * np.diff(edges) * (edges[1:] + edges[:-1]) ** 2 / 4)
    exact = state.correlation("S+", "S-", (1, 1), 0).value[0].real - state.expect("Sz").value[1]
    assert mean == pytest.approx(exact, rel=0.05)


def test_rebuilt_from_arrays(state):
    arrays, attributes = state.to_arrays()
    again = TWAState.from_arrays(arrays, json.loads(json.dumps(attributes)))
    assert again.method == state.method
    assert again.model == state.model
    assert again.status is state.status
    np.testing.assert_array_equal(again.variance("Sz").error, state.variance("Sz").error)
    np.testing.assert_array_equal(again.distribution([(0, 1)]), state.distribution([(0, 1)]))


def test_same_seed_same_numbers_whatever_the_threads(monkeypatch):
    model = chain(10, 1.0, 0.5, gain=1.5, loss=0.6)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        found.append(steady_state(model, QUICK).moments.second)
    np.testing.assert_array_equal(*found)
    other = steady_state(model, TWA(cells=6, trajectories=64, tol=0.05, max_time=200, seed=1))
    assert not np.array_equal(other.moments.second, found[0])


def test_more_trajectories_keep_the_first_ones():
    start, times = [[2.0, 0, 0]] * 2, [0.0, 1.0]
    model = dimer(10, 1.0, 1.2, 0.7)
    few, many = (evolve(model, TWA(cells=2, trajectories=n), start, times) for n in (16, 64))
    for one, other in zip(few.states, many.states, strict=True):
        np.testing.assert_array_equal(one.snapshots, other.snapshots[..., :16])


def test_too_short_a_time_is_not_converged_and_shows_both_starts():
    """Weak gain and loss: after a tenth of the relaxation time the starts still differ."""
    model = chain(1000, 1.0, 0.5, gain=0.05, loss=0.04)
    state = steady_state(model, TWA(cells=10, trajectories=64, max_time=30, tol=0.01))
    assert state.status is Status.NOT_CONVERGED
    assert "disagree" in state.message
    starts = state.diagnostics["starts"]
    assert not state.diagnostics["starts_agree"]
    gap = np.abs(np.subtract(starts["random"]["Sz_var"], starts["ordered"]["Sz_var"]))
    assert np.all(state.variance("Sz").error >= gap)
    assert state.residual > 0.01


def test_unreachable_tolerance_is_not_converged():
    model = chain(10, 1.0, 0.5, gain=1.5, loss=2.5)
    state = steady_state(model, TWA(cells=4, trajectories=32, tol=1e-6, max_time=100))
    assert state.status is Status.NOT_CONVERGED
    assert "above tol" in state.message


def test_evolution_has_a_time_axis():
    times = [0.0, 0.33, 1.0]
    start = [[1.0, 0, 0], [0, 0, -1.0]]
    state = evolve(dimer(6, 1.0, 1.2, 0.7), TWA(cells=20, trajectories=64, tol=0.1), start, times)
    assert state.status is Status.CONVERGED
    sx = state.expect("Sx")
    assert sx.value.shape == (3, 2)
    assert np.all(np.abs(sx.value[0] - [6, 0]) <= 4 * sx.error[0])
    assert state.variance("Sz").value.shape == (3, 2)
    assert state.correlation("S+", "S-", (0, 1), 2).value.shape == (3, 3)
    assert state.structure_factor("S+", "S-", [0.0, 1.0]).value.shape == (3, 2)
    assert state.distribution([(0, 0), (1, 0)]).shape == (3, 13, 13)
    again = Trajectory.from_arrays(*state.to_arrays())
    np.testing.assert_array_equal(again.times, times)
    np.testing.assert_array_equal(again.expect("Sx").error, sx.error)
    half = evolve(state.model, state.method, state.states[-1], [0.0])
    np.testing.assert_allclose(half.expect("Sx").value[0], sx.value[-1], rtol=1e-5)


def test_evolution_starts_with_the_exact_rate_of_change():
    """d<S_z>/dt of a spin along x under gain: rate (S(S+1) - <Sz^2> - <Sz>) = rate (S^2 + S/2)."""
    S, rate, dt = 4, 0.1, 0.01
    model = LindbladModel((Spin(S),), (), (Jump(rate, "S+", 0),))
    state = evolve(model, TWA(cells=4000, trajectories=512), [[1.0, 0, 0]], [0.0, dt])
    sz = state.expect("Sz")
    slope = (sz.value[1, 0] - sz.value[0, 0]) / dt
    assert slope == pytest.approx(rate * (S**2 + S / 2), rel=0.02)


def test_field_rotates_the_spin():
    model = LindbladModel((Spin(5),), (Term(0.7, ("Sz", 0, 0)),))
    state = evolve(model, TWA(cells=2000, trajectories=64), [[1.0, 0, 0]], [0.0, 1.0, 2.0])
    plus = state.expect("S+")
    expected = plus.value[0] * np.exp(0.7j * state.times[:, None])
    np.testing.assert_allclose(plus.value, expected, rtol=1e-4)


def test_start_replaces_the_ordered_one():
    model = chain(10, 1.0, 0.5, gain=1.5, loss=2.5)
    start = [[0, 0, 1.0], [0, 0, -1.0]]
    state = steady_state(model, QUICK, start)
    assert state.status is Status.CONVERGED
    again = steady_state(chain(10, 1.0, 0.5, gain=1.5, loss=2.3), QUICK, state)
    assert again.status is Status.CONVERGED
    with pytest.raises(ArgumentError, match="start"):
        steady_state(model, TWA(cells=5), state)
    with pytest.raises(ArgumentError, match="start"):
        steady_state(model, QUICK, [[0, 0, 0.0]] * 2)
    with pytest.raises(ArgumentError, match="start"):
        steady_state(model, QUICK, [[0, 0, 1.0]] * 3)


def test_open_ends_and_two_dimensions():
    model = chain(10, 1.0, 0.5, gain=1.5, loss=2.5)
    settings = {"trajectories": 64, "tol": 0.05, "max_time": 100}
    open_chain = steady_state(model, TWA(cells=2, periodic=False, **settings))
    ring = steady_state(model, TWA(cells=2, **settings))
    assert open_chain.expect("Sz").value[0] > ring.expect("Sz").value[0] + 0.01
    assert open_chain.distribution([(0, 0), (0, 1)]).sum() == pytest.approx(1)
    with pytest.raises(ArgumentError, match="places"):
        open_chain.distribution([(0, 0), (0, 2)])
    flat = steady_state(square(10, 1.0, 0.5, gain=6.0, loss=5.0), TWA(cells=4, dt=0.02, **settings))
    assert flat.moments.shape == (4, 4)
    assert flat.distribution([(0, (0, 0)), (1, (1, -1))]).shape == (21, 21)
    assert flat.expect("Sz").value[0] > 9


def test_small_spins_warn():
    with pytest.warns(UserWarning, match="<Sz>/S is off by up to 0.22"):
        steady_state(chain(1), TWA(cells=2, trajectories=32, tol=0.3, max_time=20))


@pytest.mark.parametrize(
    "bad",
    [
        {"dt": 0.0}, {"dt": -0.1}, {"dt": float("nan")}, {"trajectories": 0}, {"cells": 0},
        {"cells": (4, 0)}, {"seed": -1}, {"tol": 0.0}, {"max_time": -1.0}, {"periodic": 1},
        {"cells": 2.5}, {"trajectories": True},
    ],
)  # fmt: skip
def test_bad_settings_are_refused(bad):
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        TWA(**bad)


def test_bad_combinations_are_refused():
    with pytest.raises(ArgumentError, match="dt"):
        steady_state(chain(10), TWA(dt=0.6))
    with pytest.raises(ArgumentError, match="cells"):
        steady_state(chain(10), TWA(cells=(4, 4)))
    with pytest.raises(UnsupportedModelError, match="without dynamics"):
        TWA().steady_state(LindbladModel((Spin(5),)))
    for times in ([1.0, 0.5], [-1.0], [], [float("nan")]):
        with pytest.raises(ArgumentError, match="times"):
            evolve(chain(10), TWA(cells=2), [[1.0, 0, 0]] * 2, times)


@pytest.mark.filterwarnings("ignore:TWA is meant for large S")
def test_a_time_that_is_shorter_than_the_memory_is_not_enough():
    """Loss at the rate 1/16 and nothing else: at time 1 little has decayed, and noise hides it."""
    model = LindbladModel((Spin(0.5),) * 3, (), tuple(Jump(1 / 16, "S-", j) for j in range(3)))
    brief = TWA(cells=1, trajectories=1, max_time=1.0, tol=1.0)
    state = steady_state(model, brief)
    assert state.status is Status.NOT_CONVERGED
    assert "raise max_time" in state.message
    long = steady_state(model, replace(brief, max_time=500.0, trajectories=64))
    assert long.status is Status.CONVERGED
    apart = np.abs(long.expect("Sz").value + 0.5)
    assert np.all(apart < 3 * long.expect("Sz").error + 0.01)
