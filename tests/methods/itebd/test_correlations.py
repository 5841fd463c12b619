"""What errors of a connected correlation function are relative to."""

import numpy as np

from impo.methods.itebd.correlations import connected_scales


def test_scales_of_a_decay_with_zeros():
    """The function vanishes at odd distances; its errors there are like those beside them."""
    r = np.arange(12)
    values = np.where(r % 2, 0.0, 0.5 * np.exp(-r / 2.0))
    found = connected_scales(values, r, 2.0)
    np.testing.assert_array_equal(found[:2], 2.0)
    np.testing.assert_allclose(found[2:8], 2 * np.exp(-(r[2:8] + r[2:8] % 2 - 2) / 2.0))


def test_what_is_not_correlated_has_no_scale():
    values = np.array([0.25, *np.full(9, 1e-17)])
    found = connected_scales(values, 2 * np.arange(10), 1.0)
    assert found[0] == 1
    assert found[1:].max() < 1e-6
