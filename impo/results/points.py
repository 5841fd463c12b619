"""The points of a scan behind its table: which file holds the complete result of each."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from impo.arguments import ArgumentError, finite, one_of, shown
from impo.arrays import Array
from impo.results.files import StoreError
from impo.results.variable import Variable

FILE = "file"
"""Variable of a table: names of the files of its points."""
DIRECTORY = "points"
"""Attribute of a table: where these files lie; in a file, relative to that."""
_ROUNDING = 1e-9  # relative, to which a value is one of an axis


def common_directory(files: Iterable[Path | None]) -> Path | None:
    """Return the directory in which all points lie, or None if not all lie in one."""
    found = {None if file is None else file.parent for file in files}
    return found.pop() if len(found) == 1 else None


def relative_to(directory: str, old: Path | None, new: Path) -> str:
    """Return a directory of points as a table in the file `new` tells it.

    Parameters
    ----------
    directory
        Absolute, or as a table in the file `old` told it.
    old, new
        Where the table was loaded from, None if it was not, and where it is written.
    """
    place = Path(directory) if old is None else old.parent / directory
    if not place.is_absolute():
        return directory
    return Path(os.path.relpath(place, new.resolve().parent)).as_posix()


def file_of(
    variables: Mapping[str, Variable], told: Mapping[str, Any], table: Path | None,
    parameters: Mapping[str, Any],
) -> Path:  # fmt: skip
    """Return the file of the point of a scan that has these parameters.

    Parameters
    ----------
    variables, told
        Those of the table, and its attributes.
    table
        The file from which it was loaded.
    parameters
        One value for each axis of the scan, by name; the `direction` of a scan in both.

    Raises
    ------
    ArgumentError
        If the table is not of a scan, or does not know its points; if a parameter is none of an
        axis, is missing, or has a value that is none of its axis.
    StoreError
        If the file of the point is gone.
    """
    if "axes" not in told:
        raise ArgumentError("Only the table of a scan has points; these data are not of a scan.")
    place = _place(variables, told["axes"], parameters)
    if FILE not in variables or DIRECTORY not in told:
        raise ArgumentError(
            "This table does not know the files of its points: it was made without a directory of "
            "points, or by an earlier version; repeat the scan with a directory (`impo scan` has "
            "one beside the table)."
        )
    directory = Path(str(told[DIRECTORY]))
    directory = directory if table is None else table.parent / directory
    found = directory / str(variables[FILE].values[place])
    if not found.is_file():
        raise StoreError(
            f"Cannot read the point {found}: it is gone; put the directory {directory.name} where "
            "it lay relative to the table, or repeat the scan."
        )
    return found


def _place(
    variables: Mapping[str, Variable], axes: list[list[str]], parameters: Mapping[str, Any]
) -> tuple[int, ...]:
    """Return the indices of a point, that of the direction first."""
    known = [name for names in axes for name in names]
    place: list[int] = []
    if "direction" in variables and "direction" not in known:
        ways = [str(way) for way in variables["direction"].values]
        if "direction" not in parameters:
            raise ArgumentError(f"Parameter `direction` must be one of {', '.join(ways)}.")
        place.append(ways.index(one_of("direction", parameters["direction"], ways)))
        known.append("direction")
    told = ", ".join(" = ".join(names) for names in axes)
    for name in parameters:
        if name not in known:
            raise ArgumentError(f"`{name}` is no parameter of an axis of the scan: {told}.")
    for names in axes:
        given = [name for name in names if name in parameters]
        if not given:
            raise ArgumentError(
                f"Parameter `{names[0]}` is missing: a point has a value of every axis, {told}."
            )
        found = {_index(name, variables[names[0]].values, parameters[name]) for name in given}
        if len(found) > 1:
            raise ArgumentError(f"Parameters {' and '.join(given)} must be equal: they are tied.")
        place += found
    return tuple(place)


def _index(name: str, values: Array, value: Any) -> int:
    """Return the place of a value on an axis, or name the nearest."""
    number = finite(name, value)
    nearest = int(np.argmin(np.abs(values - number)))
    zero = _ROUNDING * float(np.max(np.abs(np.diff(values)), initial=0.0))
    if not np.isclose(values[nearest], number, rtol=_ROUNDING, atol=zero):
        low, high = values.min(), values.max()
        raise ArgumentError(
            f"Parameter `{name}` must be one of the {len(values)} values of its axis, "
            f"{low:.6g} ... {high:.6g}, but is {shown(value)}; the nearest is "
            f"{values[nearest]:.12g}."
        )
    return nearest
