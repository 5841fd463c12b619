"""Correlation lengths of the infinite chain against what is known of large spins."""

import math

import pytest

from impo import ITEBD, HolsteinPrimakoff, Status, steady_state
from models.gain_loss import chain


@pytest.mark.slow
def test_lengths_in_the_antimagnetic_phase_approach_those_of_linearised_bosons():
    """1/arccosh(|P - g^2 - h^2| / 2gh), P = gain loss, from which small spins differ by O(1/S)."""
    g, h, gain, loss = 1.0, 0.5, 2.2, 1.8
    exact = 1 / math.acosh(abs(gain * loss - g**2 - h**2) / (2 * g * h))
    bosons = steady_state(chain(1000, g, h, gain, loss), HolsteinPrimakoff())
    assert bosons.correlation_length("S+", "S-").value == pytest.approx(exact, rel=1e-9)
    apart = {}
    for S, tol in ((1, 1e-3), (2, 1e-3), (4, 1e-2)):
        state = steady_state(chain(S, g, h, gain, loss), ITEBD(tol=tol))
        assert state.status is Status.CONVERGED
        found = state.decay("S+", "S-")
        assert found.error < 0.03 * found.value
        apart[S] = exact - found.value, found.error
    assert apart[1][0] > 0.1 * exact
    assert apart[2][0] - apart[2][1] < (apart[1][0] + apart[1][1]) / 2  # at least like 1/S
    assert abs(apart[4][0]) < apart[4][1] + (apart[2][0] + apart[2][1]) / 2
