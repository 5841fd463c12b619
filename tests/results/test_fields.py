import numpy as np
import pytest

from impo.results.fields import stored, stored_array, stored_number
from impo.results.files import UnreadableError


def test_an_array_that_fits():
    values = np.zeros((2, 3))
    assert stored_array({"a": values}, "a", (2, 3)) is values
    assert stored_array({"a": values}, "a", (None, 3)) is values
    assert stored_array({"a": np.zeros((0, 3))}, "a", (0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.zeros(2), r"must have the shape \(any, 3\), but has \(2,\)"),
        (np.zeros((2, 4)), r"but has \(2, 4\)"),
        (np.zeros((0, 3)), r"but has \(0, 3\)"),
        (np.array(1.0), r"but has \(\)"),
        (np.full((2, 3), "x"), "holds <U1"),
        (np.zeros((2, 3), complex), "holds complex128"),
        (np.zeros((2, 3), bool), "holds bool"),
    ],
)
def test_an_array_that_does_not(values, why):
    with pytest.raises(UnreadableError, match=f"`a` .*{why}"):
        stored_array({"a": values}, "a", (None, 3))


def test_a_missing_array():
    with pytest.raises(UnreadableError, match="the array `a` is missing"):
        stored_array({}, "a", (1,))


def test_attributes_have_their_type():
    assert stored({"a": "x"}, "a", str, "text") == "x"
    assert stored_number({"a": 1}, "a") == 1.0
    assert stored_number({"a": None}, "a") is None
    for value in ("1", True, [], {}):
        with pytest.raises(UnreadableError, match=r"`a` must be a number or null, but is"):
            stored_number({"a": value}, "a")
    with pytest.raises(UnreadableError, match="`a` is missing"):
        stored({}, "a", str, "text")
