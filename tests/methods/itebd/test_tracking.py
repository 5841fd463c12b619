"""Modes of almost equal eigenvalues in a tile of several cells."""

import numpy as np

from impo.methods.itebd.tracking import _by_wavenumber


def test_modes_of_equal_eigenvalues_are_separated_by_their_wavenumbers():
    random = np.random.default_rng(3)
    factors = 0.5 * np.exp(1j * np.array([0.4, 0.4 + np.pi, 0.4 - np.pi / 2]))
    values = np.append(factors**4, 0.3)  # those of a tile: three are equal
    pure = random.normal(size=(5, 4)) * np.append(factors, 0.3**0.25) ** np.arange(4)[:, None, None]
    lost = np.eye(4, dtype=complex)
    lost[:3, :3] = random.normal(size=(3, 3)) + 1j * random.normal(size=(3, 3))
    right = pure @ lost
    found = right @ _by_wavenumber(values, right)
    ratios = found[1:] / found[:-1]
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[:1, :1], ratios.shape), rtol=1e-10)
    angles = np.sort(np.angle(ratios[0, 0, :3]))
    np.testing.assert_allclose(angles, np.sort(np.angle(factors)), atol=1e-10)


def test_what_is_apart_or_not_seen_stays():
    random = np.random.default_rng(4)
    right = random.normal(size=(4, 3, 2))
    np.testing.assert_array_equal(_by_wavenumber(np.array([0.5, 0.4]), right), np.eye(2))
    right[:, :, 1] = 0
    np.testing.assert_array_equal(_by_wavenumber(np.array([0.5, 0.499]), right), np.eye(2))
