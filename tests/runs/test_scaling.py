import numpy as np
import pytest

from runs._scaling import exponent_limit, large_spin_limit, local_exponents, power_law

SIZES = np.array([2.0, 4, 8, 16, 32, 64])


def test_pure_power_law():
    values = 3 * SIZES**-0.8
    middle, local = local_exponents(SIZES, values)
    np.testing.assert_allclose(local, 0.8)
    assert middle[0] == pytest.approx(np.sqrt(8))
    value, error = power_law(SIZES, values)
    assert value == pytest.approx(0.8)
    assert error < 1e-9


def test_error_of_a_drifting_law_covers_its_last_local_exponent():
    values = 1 / SIZES + 2 / SIZES**2
    value, error = power_law(SIZES, values)
    last = local_exponents(SIZES, values)[1][-1]
    assert value > last > 1
    assert value - error <= last + 1e-12


def test_limit_of_a_parabola_is_exact_and_of_others_within_the_error():
    x = 1 / SIZES
    value, error = large_spin_limit(SIZES, 0.5 + 2 * x - 3 * x**2)
    assert value == pytest.approx(0.5)
    assert error > 1e-4
    value, error = large_spin_limit(SIZES, 0.5 + x + x**3)
    assert 0 < abs(value - 0.5) < error


@pytest.mark.parametrize("power", [0.5, 0.75, 1.0])
def test_limit_of_exponents_whatever_the_power_of_the_correction(power):
    """With power 1 both parabolas are exact: value and error are then rounding, of any size."""
    value, error = exponent_limit(SIZES, 1 - 0.3 * SIZES**-power)
    assert abs(value - 1) <= error + 1e-12
    assert (error > 1e-3) == (power < 1)
