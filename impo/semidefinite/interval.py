"""An interval that contains a number."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

_DIGITS = 2  # of the width


@dataclass(frozen=True)
class Interval:
    """An interval that contains the expectation value of an operator in the steady state.

    `value in interval` says whether it contains a number. It prints with its ends rounded outwards.

    Attributes
    ----------
    lower, upper
        Certified ends, in the units of the operator.
    sites
        Sites of the window that it was derived from; zero if not told.
    seconds
        Time that both ends took, without what several operators share.

    Examples
    --------
    >>> interval = Interval(0.3091, 0.3365)
    >>> print(interval, 0.33 in interval, interval.excludes(0.35, error=0.001))
    [0.309, 0.337] True True
    """

    lower: float
    upper: float
    sites: int = 0
    seconds: float = 0.0

    @property
    def width(self) -> float:
        """Upper end less lower end."""
        return self.upper - self.lower

    def __contains__(self, value: float) -> bool:
        return bool(self.lower <= value <= self.upper)

    def excludes(self, value: Any, error: Any = 0.0) -> Any:
        """Return whether a number, and everything within its error, lies outside; also of arrays.

        A number that is not known (nan) is not excluded.
        """
        with np.errstate(invalid="ignore"):
            return (value + error < self.lower) | (value - error > self.upper)

    def __str__(self) -> str:
        if not 0 < self.width < math.inf:
            return f"[{self.lower:.12g}, {self.upper:.12g}]"
        digits = min(max(_DIGITS - 1 - math.floor(math.log10(self.width)), 0), 15)
        unit = 10.0**digits
        lower, upper = math.floor(self.lower * unit) / unit, math.ceil(self.upper * unit) / unit
        return f"[{lower:.{digits}f}, {upper:.{digits}f}]"
