"""A number with its error bar, and the verdict on a result."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.results.equality import equal
from impo.results.notation import with_error


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number, or an array of numbers, with its error bar.

    Indexing and iterating an array-valued estimate gives estimates; `numpy.asarray`, `float` and
    `complex` give the value alone. Estimates are equal if all values and errors are. It prints as
    0.6501(2).

    Attributes
    ----------
    value
        The value(s), in raw units (hbar = 1).
    error
        Bound or standard error of the same shape, never negative; nan where a method has none.

    Examples
    --------
    >>> length = Estimate(0.65012, 0.0002)
    >>> print(length, float(length))
    0.6501(2) 0.65012
    """

    value: Any
    error: Any

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Estimate):
            return NotImplemented
        return equal(self.value, other.value) and equal(self.error, other.error)

    def __hash__(self) -> int:
        return hash(np.shape(self.value))

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> "Estimate":
        return Estimate(self.value[index], self.error[index])

    def __iter__(self) -> Iterator["Estimate"]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.value, dtype=dtype)

    def __float__(self) -> float:
        return float(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    @property
    def ufloat(self) -> Any:
        """The number(s) as `uncertainties.UFloat`: a scalar, or an array of such objects.

        The numbers are taken for independent. Those of one state are not: they come from the same
        truncated state, or the same trajectories, and a difference of two is often more accurate
        than its propagated error says.

        Raises
        ------
        ArgumentError
            If the value is complex; take real and imaginary parts apart.
        """
        from uncertainties import ufloat, unumpy  # only where it is asked for

        if np.iscomplexobj(self.value):
            raise ArgumentError("`ufloat` is of real numbers; take the parts of a complex one.")
        if np.ndim(self.value):
            return unumpy.uarray(self.value, self.error)
        return ufloat(float(self.value), float(self.error))

    def __str__(self) -> str:
        if np.ndim(self.value):
            return "[" + ", ".join(str(item) for item in self) + "]"
        return with_error(self.value, self.error)

    def __repr__(self) -> str:
        return f"Estimate({self})"


class Status(StrEnum):
    """The verdict on a result; only `CONVERGED` means that every error is below the tolerance.

    Examples
    --------
    >>> Status.CONVERGED == "converged", [str(one) for one in Status][1:3]
    (True, ['not_converged', 'chi_limited'])
    """

    CONVERGED = "converged"
    NOT_CONVERGED = "not_converged"
    CHI_LIMITED = "chi_limited"
    K_LIMITED = "k_limited"
    UNPHYSICAL = "unphysical"
    FAILED = "failed"


def real_if(hermitian: bool, found: Estimate | None) -> Estimate | None:
    """Return an estimate that is real if the operator is Hermitian, else complex."""
    if found is None:
        return None
    value = np.asarray(found.value)
    return Estimate((value.real if hermitian else value.astype(complex))[()], found.error)
