"""Slow modes of rings and of one cell are eigenvalues of the Liouvillian."""

import numpy as np
import pytest

import tests.qutip_oracle as oracle
from impo import ArgumentError, Exact, steady_state
from models.gain_loss import chain, dimer

CHAIN = chain(0.5, 1.0, 0.4, 1.5, 0.7)


@pytest.mark.slow
def test_the_gap_of_a_ring_is_that_of_all_its_eigenvalues():
    gap = steady_state(CHAIN, Exact(cells=2, periodic=True)).gap(range(-4, 5))
    values = np.linalg.eigvals(oracle.liouvillian(CHAIN, 2, True))
    rates = np.sort(-values.real)
    assert abs(rates[0]) < 1e-12
    assert gap.rate.value == pytest.approx(rates[1], abs=1e-12)
    assert gap.rate.error < 1e-11
    assert (abs(gap.mode.charge), gap.mode.k) == (1, 0.0)


def test_a_cell_alone_has_the_same_modes_at_every_wave_number():
    state = steady_state(dimer(1, gain=1.3, loss=0.6), Exact())
    values = np.linalg.eigvals(oracle.liouvillian(dimer(1, gain=1.3, loss=0.6)))
    rates = np.sort(-values.real)
    assert state.gap().rate.value == pytest.approx(rates[1], abs=1e-11)
    one, two = (state.slow_modes(1, k, 3) for k in (0.0, 0.7))
    assert [mode.rate for mode in one] == [mode.rate for mode in two]
    assert all(mode.rate.value > 0 for mode in state.slow_modes(0, 0.0, 50))


def test_a_cut_rank_is_part_of_the_error():
    model = dimer(3, gain=1.3, loss=0.6)
    full = steady_state(model, Exact(gap=False)).slow_modes(1, count=2)
    cut = steady_state(model, Exact(k_max=4, gap=False)).slow_modes(1, count=2)
    for a, b in zip(full, cut, strict=True):
        assert a.rate.error < 1e-10 < abs(a.rate.value - b.rate.value) <= 2 * b.rate.error


def test_refusals():
    state = steady_state(CHAIN, Exact(cells=2, periodic=True))
    with pytest.raises(ArgumentError, match="multiple of 2 pi / 2"):
        state.slow_modes(1, 1.0)
    with pytest.raises(ArgumentError, match="`charge`"):
        state.slow_modes(9)
    with pytest.raises(ArgumentError, match="`charge` must be an integer"):
        state.slow_modes(0.5)
    with pytest.raises(ArgumentError, match="`k` must be a finite"):
        state.slow_modes(1, np.inf)
    with pytest.raises(ArgumentError, match="`count`"):
        state.slow_modes(1, count=0)
    with pytest.raises(ArgumentError, match="`charges`"):
        state.gap([0.5])
