"""An array with named dimensions, units and a name for people."""

from dataclasses import dataclass

from impo.arrays import Array


@dataclass(frozen=True)
class Variable:
    """An array with named dimensions; a variable named like its one dimension is a coordinate."""

    dims: tuple[str, ...]
    values: Array
    units: str = "1"
    long_name: str = ""
