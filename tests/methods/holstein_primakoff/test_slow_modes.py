"""Dispersions of linear bosons against exact spectra."""

import numpy as np
import pytest

from impo import Exact, HolsteinPrimakoff, Jump, LindbladModel, Spin, Term, steady_state
from models.gain_loss import dimer


def test_exact_modes_approach_the_bosons_like_one_over_the_spin():
    """In the ordered phase, with gain unequal to loss."""
    bosons = steady_state(dimer(8, gain=2.5, loss=1.8), HolsteinPrimakoff())
    assert bosons.configuration == (1, -1)
    (mode, *_) = bosons.slow_modes(1, 0.0)
    apart = []
    for spin in (4, 8):
        state = steady_state(dimer(spin, gain=2.5, loss=1.8), Exact(gap=False))
        apart.append(abs(state.slow_modes(1, 0.0, 1)[0].rate.value - mode.rate.value))
    assert apart[0] < 0.2 * mode.rate.value
    assert 1.6 < apart[0] / apart[1] < 2.6


def test_two_bosons_are_a_continuum():
    """Above the vacuum: both decay at gamma / 2, and a frequency is the difference of two."""
    hop = Term(0.7 * np.exp(0.4j), ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    model = LindbladModel(sites=(Spin(0.5),), terms=(hop,), jumps=(Jump(0.9, "S-", 0),))
    state = steady_state(model, HolsteinPrimakoff())
    for charge in (0, 2):
        for mode in state.slow_modes(charge, 0.8):
            assert mode.rate.value == pytest.approx(0.9, abs=1e-9)
            assert mode.kind == "edge of a continuum"
    assert [mode.kind for mode in state.slow_modes(1, 0.8, 1)] == ["isolated"]
    assert state.slow_modes(3, 0.0) == ()
    assert state.gap().rate.value == pytest.approx(0.45, abs=1e-9)
