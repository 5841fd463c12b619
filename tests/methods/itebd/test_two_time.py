from dataclasses import replace

import numpy as np
import pytest

from impo import ITEBD, ArgumentError, Boson, Jump, LindbladModel, Term, steady_state
from impo.methods.itebd.two_time import Pair, two_time_of
from impo.refinement.approximation import adapted
from models import gain_loss, xy_decay

TIMES = [0.0, 0.4, 1.5]


@pytest.fixture(scope="module")
def state():
    return steady_state(gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7), ITEBD(tol=1e-3))


@pytest.mark.parametrize("sites", [(0, 0), (0, 1), (1, 0)])
def test_at_equal_times_it_is_the_correlation_function(state, sites):
    names, mirrored = ("S-", "S+"), ("S+", "S-")
    found = state.two_time(*names, [0.0], sites, 4)
    right = state.correlation(*names, sites, 4).value
    np.testing.assert_allclose(found.value[0, 4:], right, atol=1e-12)
    # <A_0 B_-r> = <B_0 A_r> where both stand on different sites
    left = state.correlation(*mirrored, sites[::-1], 4).value[1:]
    np.testing.assert_allclose(found.value[0, 3::-1], left, atol=1e-12)


def test_both_orders_are_conjugates(state):
    """<B A(t)> = conj <A(t)^+ B^+>."""
    one = state.two_time("S-", "S+", TIMES, (0, 1), 3, reverse=True)
    two = state.two_time("S+", "S-", TIMES, (0, 1), 3)
    assert np.all(np.abs(one.value - two.value.conj()) <= one.error + two.error)
    assert np.abs(state.two_time("S-", "S+", TIMES, (0, 1), 3).value - one.value).max() > 0.05


@pytest.mark.slow
def test_a_better_state_is_within_the_errors(state):
    better = steady_state(state.model, ITEBD(tol=1e-5))
    for names in (("S-", "S+"), ("Sz", "Sz")):
        one, two = (s.two_time(*names, TIMES, (0, 1), 4) for s in (state, better))
        assert np.all(np.abs(one.value - two.value) <= one.error + two.error)
        assert one.error.max() < 5e-3
        assert two.error.max() < 1e-4


def test_other_cells_see_the_same():
    """A cell of one site, and one of two."""
    long = steady_state(gain_loss.chain(0.5, 1.0, 1.0, 1.3, 1.3), ITEBD(tol=1e-3))
    short = steady_state(xy_decay.chain(S=0.5, g=1.0, loss=1.3), ITEBD(tol=1e-3))
    one = long.two_time("Sz", "Sz", TIMES, (0, 0), 2)
    two = short.two_time("Sz", "Sz", TIMES, (0, 0), 4)
    assert np.all(np.abs(one.value - two.value[:, ::2]) <= one.error + two.error[:, ::2])


@pytest.mark.slow
def test_bosons_decay_with_half_of_their_rate():
    """<b(t) b+> = (<n> + 1) exp(-(loss - gain) t / 2 - i t) without a coupling."""
    model = LindbladModel(
        (Boson(3),), (Term(1.0, ("N", 0, 0)),), (Jump(1.0, "B", 0), Jump(0.02, "Bd", 0))
    )
    found = steady_state(model, ITEBD(tol=1e-3)).two_time("B", "Bd", TIMES, max_cells=1)
    right = (1 + 0.02 / 0.98) * np.exp(-(0.49 + 1j) * np.array(TIMES))
    assert np.all(np.abs(found.value[:, 1] - right) <= found.error[:, 1] + 1e-6)
    assert found.error.max() < 1e-2
    assert np.abs(found.value[:, [0, 2]]).max() < 1e-6


@pytest.mark.parametrize(
    "wrong",
    [
        {"times": [1.0, 0.5]}, {"times": [-1.0]}, {"op_a": "B"}, {"sites": (0, 2)},
        {"max_cells": -1}, {"reverse": 2},
    ],
)  # fmt: skip
def test_bad_input_is_one_line(state, wrong):
    good = {"op_a": "S-", "op_b": "S+", "times": TIMES, "sites": (0, 0), "max_cells": 2}
    with pytest.raises(ArgumentError, match="Argument"):
        state.two_time(**{**good, **wrong})


@pytest.mark.slow
def test_the_spectrum_adds_up_to_the_structure_factor(state):
    omega, k = np.linspace(-20, 20, 401), np.array([0.0, 2.0])
    found = state.spectral_function("S-", "S+", k, omega)
    total = np.trapezoid(found.value, omega, axis=1) / (2 * np.pi)
    right = state.structure_factor("S-", "S+", k)
    # a Lorentzian of width 1 has three hundredths of its weight beyond 20
    assert np.all(np.abs(total - right.value) < 0.04 * np.abs(right.value))
    assert found.value.shape == found.error.shape == (2, 401)
    assert np.all(found.value.real > -found.error)
    assert np.abs(found.value.imag).max() < 1e-3 * np.abs(found.value).max()
    with pytest.raises(ArgumentError, match="omega"):
        state.spectral_function("S-", "S+", 0.0, [np.nan])


def test_ranks_left_out_of_a_moving_operator_cost_what_a_higher_one_adds():
    """Of ranks up to 5 four are kept; with two, half a percent would be lost."""
    state = steady_state(gain_loss.chain(2.5, 1.0, 0.5, 0.5, 0.25), ITEBD(tol=2e-2, k_max=4))
    (found,) = two_time_of(state, Pair(("S-", "S+"), (0, 0), [-1, 0, 1])).at([0.5])
    values = found.values[state.approximation]
    weight, higher = found.coarser[-1]
    bar = weight * np.abs(higher - values)[:-1].max()
    assert 0 < bar < 1e-4 * np.abs(values[:-1]).max()


def test_a_moving_operator_of_higher_rank_sees_all_that_b_makes_of_the_state():
    """B takes a state of rank 1 to rank 2, which no A(t) of rank 1 has a part in."""
    state = steady_state(gain_loss.chain(1, 1.0, 0.5, 0.5, 0.25), ITEBD(tol=2e-2, k_max=1))
    known = two_time_of(state, Pair(("S-", "S+"), (0, 0), [0]))
    (found,) = known.at([3.0])
    best = found.values[state.approximation][0]
    approx = state.approximation
    whole = adapted(approx, approx.generator, 2, approx.weight)  # the same, in all operators
    (right,) = replace(known, approx=whole, others=()).at([3.0])
    assert abs(right.values[whole][0] - best) > 0.04
    assert found.coarser[-1][1][0] == pytest.approx(right.values[whole][0], abs=1e-10)
