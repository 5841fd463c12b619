"""Numbers with their errors as people write them: 0.6501(2) is 0.6501 with the error 0.0002."""

import math
from typing import Any

import numpy as np

_DIGITS = 10  # of a number whose error is not known, zero, or beyond them


def with_error(value: complex, error: float) -> str:
    """Return a number with its error in brackets, which counts in units of the last digits.

    Parameters
    ----------
    value
        A real or complex number; nan stands for one that there is not.
    error
        Of the number, or of both parts of a complex one. It is given to one digit, or to two if the
        first is a 1. An error beyond ten digits of the number is "(0)", one that is not known (nan)
        is "(?)".

    Returns
    -------
    str
        As 0.6501(2), 1.2(1.3)e-05, 0.12(3)+0.40(3)i; "-" for nan.
    """
    if not np.iscomplexobj(value):
        return _real(float(value.real), error)
    real, imaginary = _real(float(value.real), error), _real(float(value.imag), error)
    if value.imag == 0:
        return real
    return f"{real}{'' if imaginary.startswith('-') else '+'}{imaginary}i"


def _real(value: float, error: float) -> str:
    if math.isnan(value):
        return "-"
    if not math.isfinite(error) or not math.isfinite(value) or error < 1e-10 * abs(value):
        told = "?" if math.isnan(error) else "0" if error < 1 else f"{error:g}"
        return f"{value:.{_DIGITS}g}({told})"
    if error == 0:
        return "0(0)"
    from uncertainties import ufloat  # only where a number is printed

    digits = 2 if f"{error:e}".startswith("1") else 1
    return f"{ufloat(value, error):.{digits}uS}"


def numbers(values: Any, errors: Any) -> list[str]:
    """Return the numbers of a list with their errors; a list or number that there is not is "-"."""
    if values is None:
        return ["-"]
    values = values if isinstance(values, list) else [values]
    errors = errors if isinstance(errors, list) else [errors] * len(values)
    return [
        "-" if value is None else with_error(value, math.nan if error is None else error)
        for value, error in zip(values, errors, strict=True)
    ]
