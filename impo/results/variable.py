"""An array with named dimensions, units and a name for people."""

from dataclasses import dataclass

from impo.arrays import Array


@dataclass(frozen=True)
class Variable:
    """An array with named dimensions; a variable named like its one dimension is a coordinate.

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
    """

    dims: tuple[str, ...]
    values: Array
    units: str = "1"
    long_name: str = ""
