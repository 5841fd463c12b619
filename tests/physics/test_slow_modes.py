"""Slow modes of the infinite chain where they are known: exactly, or from rings."""

import numpy as np
import pytest

from impo import (
    ITEBD,
    TWA,
    Exact,
    HolsteinPrimakoff,
    Jump,
    LindbladModel,
    Spin,
    Term,
    spectrum,
    steady_state,
)
from models.gain_loss import chain


def _xxz(delta, up, down):
    """A chain of spins 1/2 whose dissipation is the same everywhere."""
    terms = (
        Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),
        Term(delta, ("Sz", 0, 0), ("Sz", 0, 1)),
    )
    jumps = (Jump(up, "S+", 0), Jump(down, "S-", 0))
    return LindbladModel(sites=(Spin(0.5),), terms=terms, jumps=jumps)


def _hopping(J=0.4, phi=0.4, gamma=2.5):
    """One excitation above the vacuum; k and -k differ."""
    hop = Term(J * np.exp(1j * phi), ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    model = LindbladModel(sites=(Spin(0.5),), terms=(hop,), jumps=(Jump(gamma, "S-", 0),))
    return model, lambda k: -2j * J * np.cos(k + phi) - gamma / 2


def _poles(modes):
    return [complex(-mode.rate.value, mode.frequency.value) for mode in modes]


@pytest.mark.slow
@pytest.mark.parametrize(("charge", "share"), [(0, 1.0), (1, 0.5)])
def test_uniform_rates(charge, share):
    """Sz and, at the isotropic point, S+ commute with H at k = 0: one exponential each."""
    up, down = 0.9, 1.6
    state = steady_state(_xxz(1.0, up, down), ITEBD(tol=1e-3))
    (mode, *_) = state.slow_modes(charge, 0.0)
    assert abs(mode.rate.value - share * (up + down)) <= max(mode.rate.error, 1e-6)
    assert mode.rate.error < 1e-2
    assert abs(mode.frequency.value) <= mode.frequency.error
    assert mode.kind == "isolated"


@pytest.mark.slow
def test_one_excitation_has_its_dispersion():
    """With the sign of k, the same for every method."""
    model, dispersion = _hopping()
    state = steady_state(model, ITEBD(tol=1e-4))
    bosons = steady_state(model, HolsteinPrimakoff())
    for k in (0.0, 1.1, -1.1, 2.5):
        (mode, *_) = state.slow_modes(1, k)
        assert abs(_poles([mode])[0] - dispersion(k)) <= mode.rate.error + 1e-7
        assert mode.rate.error < 2e-3
        assert np.abs(np.array(_poles(bosons.slow_modes(1, k))) - dispersion(k)).min() < 1e-12
    ring = steady_state(model, Exact(cells=3, periodic=True))
    k = 2 * np.pi / 3
    assert np.abs(np.array(_poles(ring.slow_modes(1, k))) - dispersion(k)).min() < 1e-12


@pytest.mark.slow
def test_decoupled_dimers_have_the_eigenvalues_of_one():
    model = chain(0.5, 1.0, 0.0, 1.5, 0.7)
    state = steady_state(model, ITEBD(tol=1e-4))
    expected = spectrum(model, Exact(), 1, count=4).eigenvalues
    (mode, *_) = state.slow_modes(1, 0.4)
    assert np.abs(expected - _poles([mode])).min() < 1e-6
    assert mode.rate.error < 1e-5
    one = steady_state(model, Exact()).slow_modes(1, 0.4)
    np.testing.assert_allclose(sorted(_poles(one), key=lambda z: -z.real)[0], expected[0])


@pytest.mark.slow
def test_neutral_modes_of_decoupled_dimers_are_those_of_one_and_pairs_of_two():
    """A product of neighbours in two dimers has charge 1 in one and -1 in the other."""
    model = chain(0.5, 1.0, 0.0, 1.5, 0.7)
    state = steady_state(model, ITEBD(tol=1e-3))
    charged = spectrum(model, Exact(), 1, count=4).eigenvalues
    one = spectrum(model, Exact(), 0, count=6).eigenvalues[1:]
    pairs = (charged[:, None] + charged.conj()).ravel()
    found = state.slow_modes(0, 0.0)
    for mode, pole in zip(found, _poles(found), strict=True):
        assert np.abs(np.append(one, pairs) - pole).min() <= mode.rate.error
    slowest = -pairs.real.max()
    assert slowest < -one.real.max() - 0.5
    near = [mode for mode in found if abs(mode.rate.value - slowest) <= mode.rate.error < 0.5]
    assert near, [str(mode) for mode in found]


@pytest.mark.slow
def test_rings_approach_the_gap_of_the_chain():
    model = chain(0.5, 1.0, 0.4, 1.5, 0.7)
    gap = steady_state(model, ITEBD(tol=3e-3)).gap([1], points=4)
    rings = [steady_state(model, Exact(cells=n, periodic=True)).gap([1]) for n in (2, 3)]
    assert gap.mode.kind == "isolated"
    assert abs(gap.mode.k % (2 * np.pi) - rings[0].mode.k) <= gap.spacing
    apart = abs(rings[1].rate.value - rings[0].rate.value)
    assert abs(gap.rate.value - rings[1].rate.value) <= apart + gap.rate.error
    assert rings[0].spacing == 0


@pytest.mark.slow
def test_correlations_at_a_wave_number_are_those_of_a_ring_at_first():
    """Until the light cone closes, the sum over cells is that of a ring of four cells."""
    model, times = chain(0.5, 1.0, 0.4, 1.5, 0.7), [0.0, 0.5, 1.0]
    infinite = steady_state(model, ITEBD(tol=1e-4))
    ring = steady_state(model, Exact(cells=4, periodic=True))
    r = np.arange(-2, 3)
    once = np.where(np.abs(r) == 2, 0.5, 1.0)  # two cells away to both sides is one cell
    for k in (0.0, np.pi / 2):
        here = ring.two_time("S-", "S+", times, (0, 1), 2).value @ (once * np.exp(1j * k * r))
        cells = np.arange(-8, 9)
        there = infinite.two_time("S-", "S+", times, (0, 1), 8).value @ np.exp(1j * k * cells)
        assert np.abs(here - there).max() < 1e-3


def test_methods_without_modes():
    model = chain(0.5, 1.0, 0.4, 1.5, 0.7)
    assert steady_state(model, Exact(cells=2)).slow_modes() is None
    assert steady_state(model, Exact(cells=2)).gap() is None
    fast = TWA(trajectories=64, cells=4, tol=0.5)
    assert steady_state(chain(8, 1.0, 0.4, 3.0, 3.0), fast).slow_modes(1) is None
