"""An array with named dimensions, units and a name for people."""

from dataclasses import dataclass

from impo.arrays import Array
from impo.results.equality import equal


@dataclass(frozen=True, eq=False)
class Variable:
    """An array with named dimensions; a variable named like its one dimension is a coordinate.

    Variables are equal if all that they hold is.

    Attributes
    ----------
    dims
        Name of each axis of `values`.
    values
        The array.
    units
        "1" for plain numbers.
    long_name
        The name that an axis of a figure carries.

    Examples
    --------
    >>> import numpy as np
    >>> Variable(("time",), np.array([0.0, 0.5]), units="1/g", long_name="time").dims
    ('time',)
    """

    dims: tuple[str, ...]
    values: Array
    units: str = "1"
    long_name: str = ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Variable):
            return NotImplemented
        return self._labels == other._labels and equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash(self._labels)

    @property
    def _labels(self) -> tuple[tuple[str, ...], str, str]:
        return self.dims, self.units, self.long_name
