"""Checks of user input, all with the same one-line grammar.

Every message reads "Argument `name` must be <what is allowed>, but is <what was given>."
"""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from reprlib import Repr
from typing import Any

import numpy as np

from impo.arrays import Array

_LONGEST = 200  # characters of a value in a message
_LARGEST = 2**53  # up to here every whole number is a float as well
_MOST_TIMES = 10**5  # of an evolution: every time has a state
_SHORTEST = 1e-100  # time: powers of it are no rounding errors of the smallest numbers
_PRINTER = Repr()  # does not print all of what is very long
_PRINTER.maxlist = _PRINTER.maxtuple = _PRINTER.maxset = _PRINTER.maxdict = 100
_PRINTER.maxstring = _PRINTER.maxother = _PRINTER.maxlong = 10 * _LONGEST


class _OneLineError(ValueError):
    """An error whose message is one line, whatever values are printed in it."""

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))


class ArgumentError(_OneLineError):
    """An argument has a value that it cannot have.

    Examples
    --------
    >>> from impo import Spin
    >>> Spin(0.7)
    Traceback (most recent call last):
        ...
    impo.arguments.ArgumentError: Argument `S` must be a positive multiple of 1/2, but is 0.7.
    """


class UnsupportedModelError(_OneLineError):
    """A method cannot treat a model; the message says why and which method can.

    Examples
    --------
    >>> from impo import HolsteinPrimakoff, UnsupportedModelError, steady_state
    >>> from models.ising import chain
    >>> try:
    ...     steady_state(chain(), HolsteinPrimakoff())
    ... except UnsupportedModelError as error:
    ...     print("refused")
    refused
    """


def shown(value: Any) -> str:
    """Return a value as messages print it: in one line, cut where it is long."""
    try:
        text = " ".join(_PRINTER.repr(value).split())
    except ValueError:  # Python prints no more than some thousand digits of a number
        text = f"{type(value).__name__} with too many digits to print"
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


def integer(name: str, value: Any) -> int:
    """Return `value` as an int, or raise `ArgumentError` unless it is an integer."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise fail(name, "an integer", value)
    return int(value)


def positive_integer(name: str, value: Any) -> int:
    """Return `value` as an int, or raise `ArgumentError` unless it is one from 1 to 2^53."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise fail(name, "a positive integer", value)
    if (number := int(value)) > _LARGEST:
        raise fail(name, "a positive integer up to 2^53", value)
    return number


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


def pairs_of_names(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    """Return pairs of names of operators, or raise `ArgumentError` unless they are such.

    One pair may stand alone, as on the command line.
    """
    rows = value if isinstance(value, list | tuple) else ()
    if len(rows) == 2 and all(isinstance(word, str) for word in rows):
        rows = (rows,)
    if not rows or not all(map(_is_pair, rows)):
        raise fail(name, 'pairs of names of operators, such as (("S+", "S-"),)', value)
    return tuple((str(one), str(two)) for one, two in rows)


def _is_pair(row: Any) -> bool:
    whole = isinstance(row, list | tuple) and len(row) == 2
    return whole and all(isinstance(word, str) for word in row)


def rising_times(value: Any) -> Array:
    """Return times as an array, or raise `ArgumentError` unless they rise from zero or later on."""
    allowed = "a non-empty list of finite numbers"
    if hasattr(value, "__len__") and len(value) > _MOST_TIMES:
        raise ArgumentError(
            f"Argument `times` must be at most {_MOST_TIMES} numbers, but are {len(value)}."
        )
    try:
        times = np.asarray(value, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise fail("times", allowed, value) from None
    if times.ndim != 1 or not len(times) or not np.all(np.isfinite(times)):
        raise fail("times", allowed, value)
    if times[0] < 0 or np.any(np.diff(times) < 0):
        raise fail("times", "non-negative and in rising order", value)
    if np.any((times > 0) & (times < _SHORTEST)):
        raise fail("times", f"zero or at least {_SHORTEST:g}", value)
    return times
