"""TWA with noise about any axis, fields, S_z^2 and shared jumps, against exact results."""

import numpy as np
import pytest
from scipy.linalg import expm

from impo import TWA, Exact, evolve, jumps_from_rates, steady_state
from impo.model import Jump, LindbladModel, Spin, Term
from impo.operators.product_state import Coherent
from impo.results.estimate import Status

FIELD = (Term(0.7, ("Sx", 0, 0)), Term(-0.4, ("Sy", 0, 0)), Term(0.5, ("Sz", 0, 0)))
TILTED = (Term(0.6, ("Sx", 0, 0)), Term(-0.3, ("Sy", 0, 0)), Term(0.5, ("Sz", 0, 0)))
NOISES = {
    "z": (Jump(0.6, "Sz", 0),),
    "x and z": (Jump(0.3, "Sx", 0), Jump(0.2, "Sz", 0)),
    "tilted": (Jump(0.8, *TILTED),),
}
TIMES = [0.0, 0.5, 1.5, 4.0]
small_spins = pytest.mark.filterwarnings("ignore:TWA is meant for large S")


def pulls(found, exact):
    """Return (means and variances - exact ones) / standard errors, of all components."""
    out = []
    for op in ("Sx", "Sy", "Sz"):
        for one, two in (
            (found.expect(op), exact.expect(op)), (found.variance(op), exact.variance(op))
        ):  # fmt: skip
            out.append(((one.value - two.value) / one.error).ravel())
    return np.concatenate(out)


@small_spins
@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("S", [0.5, 2])
def test_noise_and_a_field_are_exact(S, name):
    """All first and second moments of a spin, at all times, without any bias."""
    model, start = LindbladModel((Spin(S),), FIELD, NOISES[name]), [Coherent(1.1, 0.7)]
    exact = evolve(model, Exact(), start, TIMES)
    found = evolve(model, TWA(cells=250, trajectories=64, tol=1, seed=3), start, TIMES)
    assert np.abs(pulls(found, exact)).max() < 4.5


def test_pulls_of_noise_in_a_field_are_those_of_a_normal_distribution():
    """Errors say how large deviations are: over 20 seeds their squares are one on average."""
    model, start = LindbladModel((Spin(3),), FIELD, NOISES["x and z"]), [Coherent(1.1, 0.7)]
    times = [0.7, 4.0]
    exact = evolve(model, Exact(), start, times)
    every = [
        pulls(evolve(model, TWA(cells=8, trajectories=128, tol=9, seed=n), start, times), exact)
        for n in range(20)
    ]
    assert 0.8 < np.sqrt(np.mean(np.square(every))) < 1.25


def test_dephasing_of_coherences():
    """<S+> falls like exp(-gamma t / 2), <(S+)^2> like exp(-2 gamma t), for any S."""
    gamma, times = 0.8, np.array([0.0, 0.5, 1.0, 2.0])
    model = LindbladModel((Spin(4),), (), (Jump(gamma, "Sz", 0),))
    path = evolve(model, TWA(cells=400, trajectories=128, tol=1), [Coherent(np.pi / 2)], times)
    plus, square = path.expect("S+"), path.correlation("S+", "S+", (0, 0), 0)
    one = np.exp(-gamma * times / 2) * 4
    two = np.exp(-2 * gamma * times) * 4 * 3.5
    assert np.all(np.abs(plus.value[:, 0] - one) <= 4.5 * plus.error[:, 0])
    assert np.all(np.abs(square.value[:, 0] - two) <= 4.5 * square.error[:, 0])
    unchanged = path.variance("Sz")
    assert np.all(np.abs(unchanged.value[:, 0] - 2) <= 4.5 * unchanged.error[:, 0])


def pair(S, gain=False):
    """Two spins with an asymmetric complex matrix of rates, and a coupling."""
    rates = np.array([[1.0, 0.5 - 0.6j], [0.5 + 0.6j, 0.9]]) / S
    ladder = "S+" if gain else "S-"
    return LindbladModel(
        (Spin(S), Spin(S)),
        (Term(0.3 / S, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),),
        jumps_from_rates(rates, [(ladder, 0, 0), (ladder, 1, 0)]),
    )


def largest_bias(S, gain=False):
    """Return max |<S_z> - exact| / S and |<S+S-> - exact| / S^2, and their standard errors."""
    times, start = [0.5, 1.0, 2.0], [Coherent(np.pi if gain else 0.0)] * 2
    exact = evolve(pair(S, gain), Exact(), start, times)
    method = TWA(cells=400, trajectories=128, tol=1, seed=3)
    found = evolve(pair(S, gain), method, start, times)
    z, zero = found.expect("Sz"), exact.expect("Sz").value
    across, other = (path.correlation("S+", "S-", (0, 1), 0) for path in (found, exact))
    return (
        np.abs(z.value - zero).max() / S,
        np.abs(across.value - other.value).max() / S**2,
        max(z.error.max() / S, across.error.max() / S**2),
    )


@pytest.mark.parametrize("gain", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_correlated_decay_of_two_spins_has_a_bias_of_order_one_over_s(gain):
    for S in (5, 10):
        along, across, error = largest_bias(S, gain)
        assert along < 0.06 / S + 4.5 * error
        assert across < 0.05 / S + 4.5 * error
        assert error < 0.005


@pytest.mark.slow
def test_correlated_decay_of_large_spins():
    along, across, error = largest_bias(20)
    assert along < 0.06 / 20 + 4.5 * error
    assert across < 0.05 / 20 + 4.5 * error


def dicke(spin, rate, times):
    """Return <S_z> of collective decay from the top, by the rate equations of the ladder."""
    m = np.arange(spin, -spin - 1, -1)
    down = rate * (spin * (spin + 1) - m * (m - 1))
    matrix = np.diag(down[:-1], -1) - np.diag(down)
    return np.array([m @ expm(t * matrix)[:, 0] for t in times])


def test_collective_decay_is_that_of_one_large_spin():
    """Four spins of S = 5 that start up and decay together stay in the multiplet of S = 20."""
    S, count, rate, times = 5, 4, 0.05, [1.0, 2.0, 4.0]
    together = Jump(rate, *[Term(1.0, ("S-", site, 0)) for site in range(count)])
    model = LindbladModel((Spin(S),) * count, (), (together,))
    start = [Coherent(0.0)] * count
    path = evolve(model, TWA(cells=100, trajectories=128, tol=1, seed=1), start, times)
    z = path.expect("Sz")
    total, error = z.value.sum(axis=1), z.error.sum(axis=1)
    exact = dicke(S * count, rate, times)
    assert exact[0] > 10 > -10 > exact[2]
    assert np.all(np.abs(total - exact) <= 0.01 * S * count + 4.5 * error)
    state = steady_state(model, TWA(cells=2, trajectories=32, max_time=20))
    assert state.status is Status.FAILED
    assert "not unique" in state.message


@pytest.mark.parametrize(("phase", "moves"), [(-1j, True), (1j, False)])
def test_a_nonreciprocal_pair_moves_excitations_one_way(phase, moves):
    """S-_0 + e^{i phase} S-_1 beside J = rate: from 0 to 1 only at the phase -pi/2, as exactly."""
    S = 6
    model = LindbladModel(
        (Spin(S), Spin(S)),
        (Term(1 / (2 * S), ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),),
        (Jump(1 / S, Term(1.0, ("S-", 0, 0)), Term(phase, ("S-", 1, 0))),),
    )
    start, times = [Coherent(np.pi - 0.6), Coherent(np.pi)], [0.5, 1.0]
    exact = evolve(model, Exact(), start, times).expect("S+")
    found = evolve(model, TWA(cells=200, trajectories=128, tol=1), start, times).expect("S+")
    assert np.all(np.abs(found.value - exact.value) <= 0.01 * S + 4.5 * found.error)
    assert (np.abs(exact.value[1, 1]) > 0.2 * S) == moves
    assert (np.abs(found.value[1, 1]) > 0.2 * S) == moves


@pytest.mark.parametrize("S", [2, 6])
def test_one_axis_twisting_with_dephasing(S):
    """chi S_z^2 and (S_x S_y + S_y S_x) / 5 of one spin; the bias is of order 1/S^2."""
    terms = (
        Term(0.4 / S, ("Sz", 0, 0), ("Sz", 0, 0)),
        Term(0.1 / S, ("Sx", 0, 0), ("Sy", 0, 0), plus_hc=True),
    )
    model, start = LindbladModel((Spin(S),), terms, (Jump(0.1, "Sz", 0),)), [Coherent(1.0, 0.3)]
    times = [0.5, 1.0]
    exact = evolve(model, Exact(), start, times)
    found = evolve(model, TWA(cells=200, trajectories=128, tol=1), start, times)
    for op in ("Sx", "Sy", "Sz"):
        one = found.expect(op)
        off = np.abs(one.value - exact.expect(op).value)
        assert np.all(off <= 0.1 / S + 4.5 * one.error)


@small_spins
def test_quadratic_terms_of_spin_half_are_numbers_and_fields():
    """S+S- = 1/2 + S_z and S_z^2 = 1/4: exact, unlike the symbol of a large spin."""
    terms = (
        Term(0.9, ("S+", 0, 0), ("S-", 0, 0)),
        Term(5.0, ("Sz", 0, 0), ("Sz", 0, 0)),
    )
    model, start = LindbladModel((Spin(0.5),), terms, (Jump(0.3, "Sz", 0),)), [Coherent(1.2, 0.4)]
    exact = evolve(model, Exact(), start, TIMES)
    found = evolve(model, TWA(cells=200, trajectories=128, tol=1), start, TIMES)
    assert np.abs(pulls(found, exact)).max() < 4.5


def test_steady_state_under_correlated_loss_and_gain():
    """A driven pair with losses that it shares, gain on one site and dephasing on the other."""
    S = 4
    model = LindbladModel(
        (Spin(S), Spin(S)),
        (
            Term(0.5 / S, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
            Term(0.3, ("Sx", 0, 0)),
            Term(0.2, ("Sz", 1, 0)),
        ),
        (
            *jumps_from_rates(
                np.array([[1.0, 0.4j], [-0.4j, 0.5]]) / S, [("S-", 0, 0), ("S-", 1, 0)]
            ),
            Jump(0.6 / S, "S+", 1),
            Jump(0.2, "Sz", 0),
        ),
    )
    exact = steady_state(model, Exact(gap=False))
    found = steady_state(model, TWA(cells=40, trajectories=64, tol=1e-2, max_time=400))
    assert found.status is Status.CONVERGED
    for op in ("Sx", "Sy", "Sz"):
        one, two = found.expect(op), exact.expect(op)
        assert np.all(np.abs(one.value - two.value) <= 4.5 * one.error + 0.03 * S)
        assert np.all(np.abs(two.value) >= 0.01)
