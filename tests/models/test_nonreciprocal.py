import cmath
import math
from dataclasses import replace

import numpy as np
import pytest

from impo import ITEBD, Exact, Status, steady_state
from impo.model import Jump, Term
from models.nonreciprocal import chain


def current(state, J):
    """Return what flows from a site to the next through the coupling, and its error."""
    found = state.correlation("S+", "S-", (0, 0), 1)
    return -J * found.value[1].imag / 0.5, J * np.abs(found.error[1]) / 0.5


@pytest.mark.parametrize(("phase", "first"), [(-math.pi / 2, True), (math.pi / 2, False)])
@pytest.mark.parametrize("spin", [0.5, 1])
def test_nothing_comes_back_along_a_cascade(phase, first, spin):
    """At J = rate the first spin does not feel the others: it gains, and decays on one bond."""
    gain, rate = 0.4, 1.2
    cells = 4 if spin == 0.5 else 3
    state = steady_state(chain(spin, rate, rate, phase, gain), Exact(cells=cells, gap=False))
    start, end = (0, cells - 1) if first else (cells - 1, 0)
    weights = (gain / rate) ** np.arange(2 * spin, -1, -1)  # gain and loss are in balance
    alone = weights / weights.sum()
    np.testing.assert_allclose(state.distribution([(0, start)]), alone, atol=1e-9)
    assert np.abs(state.distribution([(0, end)]) - alone).max() > 0.01


def test_without_a_coupling_it_is_reciprocal():
    states = [
        steady_state(chain(0.5, 0.0, 1.0, phase, 0.4), Exact(cells=4, gap=False))
        for phase in (0.7, -0.7)
    ]
    for r in range(4):
        one, other = states[0].distribution([(0, r)]), states[1].distribution([(0, 3 - r)])
        np.testing.assert_allclose(one, other, atol=1e-10)


@pytest.mark.parametrize("phase", [-math.pi / 2, math.pi / 2, 0.4])
def test_the_current_has_the_direction_and_size_of_a_ring(phase):
    model = chain(0.5, 1.0, 0.8, phase, 0.6, 0.1)
    state = steady_state(model, ITEBD(tol=1e-3))
    assert state.status is Status.CONVERGED
    ring = steady_state(model, Exact(cells=7, periodic=True, gap=False))
    flow, error = current(state, 1.0)
    assert state.current()[(0, 0), (0, 1)].value == pytest.approx(flow, abs=1e-9)
    assert flow == pytest.approx(current(ring, 1.0)[0], abs=5 * error + 1e-4)
    assert abs(flow) > 0.02
    assert np.sign(flow) == -np.sign(phase)


def test_a_phase_that_turns_from_site_to_site_is_a_change_of_frame():
    """S-_j -> e^{i j theta} S-_j turns the phases of coupling and jump by the same angle."""
    model, theta = chain(0.5, 1.0, 0.8, 0.3, 0.6), 0.9
    turn = cmath.exp(1j * theta)
    (hop,) = model.terms
    first, *others = model.jumps
    one, two = first.terms
    turned = replace(
        model,
        terms=(Term(hop.coefficient * turn, *hop.factors, plus_hc=True),),
        jumps=(Jump(first.rate, one, Term(two.coefficient * turn, *two.factors)), *others),
    )
    states = [steady_state(m, ITEBD(tol=1e-3)) for m in (model, turned)]
    here, there = (state.correlation("S+", "S-", (0, 0), 4) for state in states)
    phases = np.exp(-1j * theta * np.arange(5))
    np.testing.assert_allclose(
        there.value, here.value * phases, atol=float(np.abs(here.error + there.error).max())
    )
