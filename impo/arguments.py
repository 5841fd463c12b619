"""Checks of user input, all with the same one-line grammar.

Every message reads "Argument `name` must be <what is allowed>, but is <what was given>."
"""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from impo.arrays import Array

_LONGEST = 200  # characters of a value in a message


class _OneLineError(ValueError):
    """An error whose message is one line, whatever values are printed in it."""

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))


class ArgumentError(_OneLineError):
    """An argument has a value that it cannot have."""


class UnsupportedModelError(_OneLineError):
    """A method cannot treat a model; the message says why and which method can."""


def shown(value: Any) -> str:
    """Return a value as messages print it: in one line, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def fail(name: str, allowed: str, value: Any) -> ArgumentError:
    """Return the error for argument `name`; the caller raises it."""
    return ArgumentError(f"Argument `{name}` must be {allowed}, but is {shown(value)}.")


def _real(value: Any) -> float:
    """Return a real number as a float, nan for anything else; inf for what no float can hold."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


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
    if not math.isfinite(number := _real(value)):
        raise fail(name, "a finite real number", value)
    return number


def positive(name: str, value: Any) -> float:
    """Return `value` as a float, or raise `ArgumentError` unless it is finite and positive."""
    if not 0 < (number := _real(value)) < math.inf:
        raise fail(name, "a positive finite number", value)
    return number


def non_negative(name: str, value: Any) -> float:
    """Return `value` as a float, or raise `ArgumentError` unless it is finite and not negative."""
    if not 0 <= (number := _real(value)) < math.inf:
        raise fail(name, "a non-negative finite number", value)
    return number


def boolean(name: str, value: Any) -> bool:
    """Return `value` as a bool, or raise `ArgumentError` unless it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise fail(name, "True or False", value)
    return bool(value)


def one_of(name: str, value: Any, allowed: Iterable[Any]) -> Any:
    """Return the one of `allowed` (names or whole numbers) that is `value`.

    Values of other types are not compared at all: `==` of an array has no truth value.

    Raises
    ------
    ArgumentError
        If it is none of them.
    """
    choices = list(allowed)
    if isinstance(value, str | Integral) and not isinstance(value, bool):
        for choice in choices:
            if value == choice:
                return choice
    raise fail(name, "one of " + ", ".join(map(str, choices)), value)


def rising_times(value: Any) -> Array:
    """Return times as an array, or raise `ArgumentError` unless they rise from zero or later on."""
    try:
        times = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise fail("times", "a non-empty list of finite numbers", value) from None
    if times.ndim != 1 or not len(times) or not np.all(np.isfinite(times)):
        raise fail("times", "a non-empty list of finite numbers", value)
    if times[0] < 0 or np.any(np.diff(times) < 0):
        raise fail("times", "non-negative and in rising order", value)
    return times
