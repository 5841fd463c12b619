"""Two-time correlations of the infinite chain against exact ones."""

import numpy as np
import pytest
from scipy.linalg import expm

from impo import ITEBD, Exact, HolsteinPrimakoff, steady_state
from impo.operators.local import local_operators
from models.gain_loss import chain

TIMES = np.array([0.0, 0.3, 1.0, 2.5])
PAIRS = (
    ("S-", "S+", (0, 0)), ("S+", "S-", (1, 0)), ("Sz", "Sz", (0, 1)), ("Sx", "Sy", (1, 1)),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("spin", [0.5, 1.0])
def test_decoupled_dimers(spin):
    model = chain(spin, 1.0, 0.0, 1.5, 0.7)
    one = steady_state(model, ITEBD(tol=1e-8))
    two = steady_state(model, Exact(cells=1))
    for number, (*names, sites) in enumerate(PAIRS):
        reverse = bool(number % 2)
        found = one.two_time(*names, TIMES, sites, 0, reverse).value
        exact = two.two_time(*names, TIMES, sites, 0, reverse).value
        np.testing.assert_allclose(found, exact, atol=1e-8)


@pytest.mark.slow
def test_rings_approach_the_infinite_chain():
    """Their own distance from it is that of rings of different sizes."""
    model = chain(0.5, 1.0, 0.4, 1.5, 0.7)
    infinite = steady_state(model, ITEBD(tol=1e-4))
    rings = [steady_state(model, Exact(cells=cells, periodic=True)) for cells in (3, 4)]
    for *names, sites in PAIRS[:3]:
        found = infinite.two_time(*names, TIMES, sites, 1)
        centre = [ring.two_time(*names, TIMES, sites, 0).value[:, 0] for ring in rings]
        apart = np.abs(centre[1] - centre[0])
        assert np.all(np.abs(found.value[:, 1] - centre[1]) <= 2 * apart + found.error[:, 1])
        assert np.abs(found.value[:, 1] - centre[1]).max() < 1e-3 * np.abs(centre[1]).max() + 1e-4


@pytest.fixture(scope="module")
def coupled():
    return steady_state(chain(0.5, 1.0, 0.4, 1.5, 0.7), ITEBD(tol=1e-3))


def test_response_is_what_a_small_kick_does(coupled):
    """At 1e-3 of the kick itself, at every distance and on both sites; asymmetric in r."""
    small, spin, times = 1e-2, local_operators(coupled.model.sites[0])["Sy"], [0.0, 0.6]
    both = [
        coupled.local_quench(expm(-1j * sign * small * spin), times, "Sy", 1, 2) for sign in (1, -1)
    ]
    change = (both[0].value - both[1].value) / (2 * small)
    # the kick is in cell 0 and the observable in cell r
    right = coupled.response("Sy", "Sy", times, (0, 1), 2).value[:, ::-1].real
    np.testing.assert_allclose(change[..., 0], right, atol=1e-3 * np.abs(change).max())
    assert abs(change[1, 2, 0] - change[1, 3, 0]) > 0.01
    np.testing.assert_allclose(both[0].steady, coupled.expect("Sy").value, atol=1e-12)


def test_a_quench_on_decoupled_dimers():
    model = chain(1.0, 1.0, 0.0, 1.5, 0.7)
    one, two = steady_state(model, ITEBD(tol=1e-7)), steady_state(model, Exact(cells=1))
    found, exact = (state.local_quench("S-", TIMES, "Sz", 1, 0) for state in (one, two))
    np.testing.assert_allclose(found.value, exact.value, atol=1e-6)
    assert np.all(np.abs(found.value - exact.value) <= found.error + exact.error)
    assert np.abs(found.value[0] - found.steady).max() > 0.3


def test_a_quench_moves_as_the_ring_does(coupled):
    """A ring of three cells, at times before its far side is felt, and both directions."""
    ring = steady_state(coupled.model, Exact(cells=3, periodic=True, gap=False))
    times = [0.0, 0.3, 0.8]
    found, exact = (state.local_quench("S-", times, "Sz", 0, 1) for state in (coupled, ring))
    change, other = found.value - found.steady, exact.value - exact.steady
    np.testing.assert_allclose(change, other, atol=4e-3)
    assert change[2, 0, 1] < change[2, 2, 1] - 0.01  # site 1 of cell -1 is a neighbour


@pytest.mark.slow
def test_dimers_have_the_spectra_of_the_ring():
    model, omega = chain(1.0, 1.0, 0.0, 1.5, 0.7), np.linspace(-4, 4, 17)
    one, two = steady_state(model, ITEBD(tol=1e-3)), steady_state(model, Exact(cells=1))
    for verb, names, sites in (
        ("spectral_function", ("Sz", "Sz"), (1, 0)), ("susceptibility", ("S-", "S+"), (0, 1))
    ):  # fmt: skip
        found, exact = (getattr(s, verb)(*names, 0.7, omega, sites) for s in (one, two))
        apart, largest = np.abs(found.value - exact.value), np.abs(exact.value).max()
        assert np.all(apart <= found.error + exact.error)
        assert apart.max() < 2e-3 * largest
        assert found.error.max() < 0.05 * largest


@pytest.mark.slow
def test_the_power_spectrum_is_positive():
    """As a matrix over the sites of the cell, within the bars."""
    state = steady_state(chain(0.5, 1.0, 0.4, 1.5, 0.7), ITEBD(tol=1e-2))
    k, omega = np.array([0.0, 2.0]), np.linspace(-3, 3, 7)
    first, second, across = (
        state.spectral_function("S+", "S-", k, omega, sites) for sites in ((0, 0), (1, 1), (0, 1))
    )
    for one in (first, second):
        assert np.all(np.abs(one.value.imag) <= one.error)
        assert np.all(one.value.real > -one.error)
    both = (first.value + first.error).real * (second.value + second.error).real
    assert np.all(np.maximum(np.abs(across.value) - across.error, 0) ** 2 <= both)
    assert np.abs(across.value).max() > 0.1 * np.abs(first.value).max()


@pytest.mark.slow
def test_large_spins_approach_linearised_bosons():
    """In an ordered phase, like 1/S."""
    rates, times, apart = (3.0, 2.4), [0.0, 0.3], []
    for spin in (2, 4):  # S = 8, which takes a minute: 0.0074
        model = chain(spin, 1.0, 0.5, *rates)
        found = steady_state(model, ITEBD(tol=1e-2)).two_time("S-", "S+", times, (0, 1), 1)
        right = steady_state(model, HolsteinPrimakoff()).two_time("S-", "S+", times, (0, 1), 1)
        apart.append(np.abs(found.value - right.value).max() / spin)
        assert np.abs(right.value).max() > 0.4 * spin
    assert 0.35 * apart[0] < apart[1] < 0.6 * apart[0]
    assert apart[1] < 0.02
