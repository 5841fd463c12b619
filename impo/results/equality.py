"""When two numbers, or two records of numbers, say the same; nan never passes for a number."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

ROUNDING = 1e-9  # to which the same arrays give the same numbers on any machine


def close(one: ArrayLike, two: ArrayLike, errors: ArrayLike = 0.0) -> bool:
    """Return whether numbers agree to rounding, or to a hundredth of their error bars."""
    one, two = np.asarray(one), np.asarray(two)
    if one.shape != two.shape:
        return False
    if one.dtype.kind not in "iufc" or two.dtype.kind not in "iufc":
        return bool(np.array_equal(one, two))
    known = np.nan_to_num(errors, nan=0.0, posinf=0.0)
    allowed = np.maximum(ROUNDING * np.maximum(1, np.abs(two)), 0.01 * known)
    alike = (one == two) | (np.isnan(one) & np.isnan(two))  # also infinities and missing numbers
    with np.errstate(invalid="ignore"):
        return bool(np.all(alike | (np.isfinite(two) & (np.abs(one - two) <= allowed))))


def same(one: Any, two: Any) -> bool:
    """Compare JSON objects, numbers as `close` does."""
    if isinstance(two, dict):
        return isinstance(one, dict) and all(same(one.get(key), two[key]) for key in two)
    if isinstance(two, list):
        return isinstance(one, list) and len(one) == len(two) and all(map(same, one, two))
    if isinstance(two, float):
        return isinstance(one, int | float) and close(one, two, 1e-4 * abs(two))
    return bool(one == two)


def equal(one: Any, two: Any) -> bool:
    """Return whether two values are the same to the last bit: what `==` of results means.

    Values are numbers, text, arrays, and sequences and mappings of these. Types of sequences and of
    numbers do not matter, as a file does not keep them. Where one is nan the other must be.
    """
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        first, second = ({str(key): item for key, item in held.items()} for held in (one, two))
        return first.keys() == second.keys() and all(equal(first[k], second[k]) for k in first)
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        return len(one) == len(two) and all(map(equal, one, two))
    if one is None or two is None or isinstance(one, Mapping) or isinstance(two, Mapping):
        return one is two
    first_array, second_array = np.asarray(one), np.asarray(two)
    numbers = first_array.dtype.kind in "fc" and second_array.dtype.kind in "fc"
    return bool(np.array_equal(first_array, second_array, equal_nan=numbers))


def largest(values: Iterable[float], least: float = 0.0) -> float:
    """Return the largest of some numbers, nan if one of them is; `max` may lose it."""
    return float(np.max(np.fromiter(values, dtype=float), initial=least))
