"""What counts as the same number, and that nan is none."""

import numpy as np
import pytest

from impo.results.equality import close, largest, same


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        (1.0, 1.0 + 1e-12, True), (1.0, 1.1, False), (np.nan, np.nan, True),
        (np.nan, 1.0, False), (1.0, np.nan, False), (np.inf, np.inf, True),
        (np.inf, -np.inf, False), (np.inf, 1.0, False), (1.0, np.inf, False),
        (1, 1.0, True), ("1", 1.0, False),
    ],
)  # fmt: skip
def test_numbers_that_are_alike(one, two, alike):
    """An infinite error bar is that in the file and that in the arrays."""
    for errors in (0.0, np.nan, np.inf):
        assert close([one], [two], errors) == alike


def test_error_bars_give_room():
    assert close(1.0, 1.0005, 0.1)
    assert not close(1.0, 1.0005, [0.01])
    assert not close([1.0, 2.0], 1.0)


def test_records_are_the_same_number_by_number():
    one = {"a": [1.0, None, "x"], "b": {"c": 2}}
    assert same({**one, "more": 1}, one)  # what is not asked for does not matter
    assert same({"a": [1.0 + 1e-6, None, "x"], "b": {"c": 2}}, one)
    for other in ({"a": [1.01, None, "x"], "b": {"c": 2}}, {"a": [1.0, None]}, None, [one]):
        assert not same(other, one)
    assert not same({"a": np.nan}, {"a": 1.0})


def test_the_largest_of_numbers_is_unknown_if_one_of_them_is():
    for values in ([1.0, np.nan], [np.nan, 1.0], [0.0, np.nan, 2.0]):
        assert np.isnan(largest(values))
    assert largest([0.5, 2.0]) == 2.0
    assert largest([]) == 0.0
    assert largest([-3.0], least=-np.inf) == -3.0
