"""Numbers with errors as text."""

import math

import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.results.estimate import Estimate
from impo.results.notation import numbers, with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.6501, 0.0002, "0.6501(2)"), (0.65, 0.00012, "0.65000(12)"), (-12.3, 4.2, "-12(4)"),
        (2.04e-9, 7e-16, "2.0400000(7)e-09"), (0.5, 0.0, "0.5(0)"), (0.0, 0.0, "0(0)"),
        (1 / 3, 1e-15, "0.3333333333(0)"), (1 / 3, math.nan, "0.3333333333(?)"),
        (-0.5, math.inf, "-0.5(inf)"), (math.nan, 1.0, "-"), (1 + 2j, 0.03, "1.00(3)+2.00(3)i"),
        (np.complex128(1 - 2j), 0.03, "1.00(3)-2.00(3)i"), (np.complex128(1), 0.2, "1.0(2)"),
    ],
)  # fmt: skip
def test_the_error_counts_in_units_of_the_last_digits(value, error, text):
    assert with_error(value, error) == text


def test_what_there_is_not_is_a_dash():
    assert numbers(None, None) == ["-"]
    assert numbers([0.5, None], [0.1, None]) == ["0.50(10)", "-"]
    assert numbers(1.5, None) == ["1.5(?)"]


def test_an_estimate_is_a_number_with_an_uncertainty():
    found = Estimate(0.6501, 2e-4).ufloat
    assert (found.nominal_value, found.std_dev) == (0.6501, 2e-4)
    ratio = np.prod(Estimate(np.array([1.0, 2.0]), np.array([0.1, 0.2])).ufloat)
    assert ratio.std_dev == pytest.approx(2 * math.hypot(0.1, 0.1))
    with pytest.raises(ArgumentError, match="parts of a complex"):
        _ = Estimate(1j, 0.1).ufloat
