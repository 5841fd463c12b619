"""Poles of synthetic correlation functions: eigenvalues, edges of continua, transients."""

import numpy as np
import pytest
from scipy.special import jv

from impo.signals.tracks import Kind, Track, Window, found_again, judged, tracks, useful, windows

DT, COUNT = 0.2, 100
T = DT * np.arange(COUNT)


def modes(function, noise=1e-8, seed=0):
    """Return (pole, error, kind) of a function whose errors fall as it does."""
    samples = np.asarray(function, dtype=complex).reshape(COUNT, *np.shape(function)[1:] or (1, 1))
    errors = noise * np.abs(samples).max(axis=(1, 2), keepdims=True) * np.ones(samples.shape)
    found = tracks(samples, DT, windows(samples, errors))
    other = samples + errors * np.random.default_rng(seed).normal(size=samples.shape)
    apart = np.abs(found_again(found, other, DT) - found_again(found, samples, DT))
    out, first = [], 0
    for track in found:
        out.append(judged(track, apart[first : first + len(track.poles)]))
        first += len(track.poles)
    return out


def test_eigenvalues_of_a_matrix_of_functions():
    """Two of them as slow as each other, and more of them than operators."""
    rng = np.random.default_rng(1)
    poles = np.array([-0.5, -0.8 + 1j, -0.8 - 1.3j, -1.5])
    left, right = (rng.normal(size=(2, 4, 2)) @ [1, 1j] for _ in range(2))
    function = np.einsum("in,nt,jn->tij", left, np.exp(np.outer(poles, T)), right)
    found = modes(function)
    for pole, error, kind in found[:3]:
        assert np.abs(poles - pole).min() <= error < 1e-4
        assert kind is Kind.ISOLATED
    assert len({np.argmin(np.abs(poles - pole)) for pole, _, _ in found[:3]}) == 3


@pytest.mark.parametrize(
    ("function", "edge"),
    [
        (np.exp(-0.5 * T) / np.sqrt(1 + T), -0.5),
        (np.exp(-0.5 * T) / (1 + T) ** 1.5, -0.5),
        (np.exp(-0.5 * T) * jv(0, 2 * T), -0.5 + 2j),
        (np.exp(-0.5 * T) * jv(0, 2 * T) ** 2, -0.5),
    ],
)
def test_edges_of_continua(function, edge):
    """The drift is the error, and it reaches the edge."""
    found = modes(function)
    at_edge = [one for one in found if abs(one[0] - edge) <= one[1] < 0.06]
    assert at_edge
    assert all(kind is Kind.EDGE for _, _, kind in at_edge)
    assert -found[0][0].real > 0.5


def test_an_eigenvalue_below_a_continuum_is_isolated():
    found = modes(np.exp(-0.5 * T) + np.exp(-0.8 * T) / np.sqrt(1 + T))
    pole, error, kind = found[0]
    assert abs(pole + 0.5) <= error < 1e-3
    assert kind is Kind.ISOLATED
    assert found[1][2] is Kind.EDGE
    assert abs(found[1][0] + 0.8) <= found[1][1]


def test_a_transient_is_said_to_be_one():
    """What grows before it decays, as perturbations of non-normal matrices do."""
    found = modes(1e-3 * np.exp(-0.5 * T) + np.exp(-0.6 * T) * T**4, 1e-6)
    assert found[0][2] is Kind.UNSETTLED
    assert found[0][1] > 0.05


def test_noise_hides_modes_and_widens_errors():
    function = np.exp(-0.5 * T) + 0.3 * np.exp(-1.5 * T)
    exact, noisy = modes(function, 1e-9), modes(function, 1e-3)
    assert exact[0][1] < 1e-6 < noisy[0][1]
    assert abs(noisy[0][0] + 0.5) <= noisy[0][1]
    assert abs(exact[1][0] + 1.5) < 1e-3


def test_too_few_samples_have_no_windows():
    samples = np.exp(-T)[:, None, None]
    errors = np.full(samples.shape, 0.5)
    errors[:9] = 1e-6
    assert useful(samples, errors) == 9
    assert windows(samples, errors) == []
    assert tracks(samples, DT, []) == []


def test_one_window_settles_nothing():
    track = Track((Window(0, 10, 1),), (-1.0 + 0j,))
    assert judged(track, np.zeros(1)) == (-1.0, np.inf, Kind.UNSETTLED)
