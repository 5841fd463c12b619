"""Checks of user input, all with the same one-line grammar.

Every message reads "Argument `name` must be <what is allowed>, but is <what was given>."
"""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ArgumentError(ValueError):
    """An argument has a value that it cannot have."""


class UnsupportedModelError(ValueError):
    """A method cannot treat a model; the message says why and which method can."""


def fail(name: str, allowed: str, value: Any) -> ArgumentError:
    """Return the error for argument `name`; the caller raises it."""
    return ArgumentError(f"Argument `{name}` must be {allowed}, but is {value!r}.")


def positive_integer(name: str, value: Any) -> int:
    """Return `value` as an int, or raise `ArgumentError` unless it is a positive integer."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise fail(name, "a positive integer", value)
    return int(value)


def non_negative_integer(name: str, value: Any) -> int:
    """Return `value` as an int, or raise `ArgumentError` unless it is an integer >= 0."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise fail(name, "a non-negative integer", value)
    return int(value)


def finite(name: str, value: Any) -> float:
    """Return `value` as a float, or raise `ArgumentError` unless it is a finite real number."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise fail(name, "a finite real number", value)
    return float(value)


def positive(name: str, value: Any) -> float:
    """Return `value` as a float, or raise `ArgumentError` unless it is finite and positive."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
        raise fail(name, "a positive finite number", value)
    return float(value)


def non_negative(name: str, value: Any) -> float:
    """Return `value` as a float, or raise `ArgumentError` unless it is finite and not negative."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < math.inf:
        raise fail(name, "a non-negative finite number", value)
    return float(value)


def boolean(name: str, value: Any) -> bool:
    """Return `value`, or raise `ArgumentError` unless it is True or False."""
    if not isinstance(value, bool):
        raise fail(name, "True or False", value)
    return value


def one_of(name: str, value: Any, allowed: Iterable[Any]) -> Any:
    """Return `value`, or raise `ArgumentError` unless it is among `allowed`."""
    choices = list(allowed)
    if value not in choices:
        raise fail(name, "one of " + ", ".join(map(str, choices)), value)
    return value


def rising_times(value: Any) -> NDArray:
    """Return times as an array, or raise `ArgumentError` unless they rise from zero or later on."""
    times = np.asarray(value, dtype=float)
    if times.ndim != 1 or not len(times) or not np.all(np.isfinite(times)):
        raise fail("times", "a non-empty list of finite numbers", value)
    if times[0] < 0 or np.any(np.diff(times) < 0):
        raise fail("times", "non-negative and in rising order", value)
    return times
