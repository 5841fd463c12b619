import numpy as np
import pytest

from impo.signals.transform import half_line

OMEGA = np.linspace(-4, 4, 41)
POLES = np.array([-0.4 + 1.1j, -0.9 - 0.5j, -2.0])
SIZES = np.array([1.0, 0.5 - 0.2j, 0.3])


def signal(times):
    return np.exp(np.outer(times, POLES)) @ SIZES


def exact():
    return -np.sum(SIZES / (POLES + 1j * OMEGA[:, None]), axis=1)


@pytest.mark.parametrize("end", [30.0, 6.0])
def test_the_integral_of_a_sum_of_exponentials(end):
    """The signal is known up to where it is 6e-6, or 0.09."""
    spacing = 0.05
    times = spacing * np.arange(round(end / spacing) + 1)
    found = half_line(signal(times)[:, None], spacing, OMEGA)
    assert np.abs(found.value[:, 0] - exact()).max() < 2e-5
    assert np.abs(found.beyond).max() < (1e-4 if end == 30 else 0.3)
    assert np.all(np.abs(found.value[:, 0] - exact()) <= found.interpolation[:, 0] + 2e-6)


def test_what_lies_beyond_is_told():
    times = 0.05 * np.arange(121)
    found = half_line(signal(times)[:, None], 0.05, OMEGA)
    without = found.value - found.beyond
    assert np.abs(without[:, 0] - exact()).max() > 0.05


def test_a_signal_that_is_zero():
    found = half_line(np.zeros((50, 2)), 0.1, OMEGA)
    assert not np.any(found.value)
    assert found.value.shape == (41, 2)
