"""Grids of parameters and settings, and the tables of their results."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from impo.arguments import ArgumentError
from impo.methods.api import phase_growth
from impo.results.dataset import LONGEST_FAMILY, Dataset
from impo.results.points import DIRECTORY, FILE, common_directory
from impo.results.state import SteadyState
from impo.results.variable import Variable
from impo.scans.scan import DIRECTIONS

LARGEST_GRID = 100_000
"""Points that a grid may have: each is a description in memory and a file on disk."""


_LARGEST_MAP = 2500  # points whose phases are found in well under a minute


@dataclass(frozen=True)
class Axis:
    """Parameters or settings that take the same values together, and these values."""

    names: tuple[str, ...]
    values: tuple[float, ...]

    @property
    def dim(self) -> str:
        """Name of the dimension: the first parameter."""
        return self.names[0]


def parameter_grid(axes: Sequence[Axis]) -> list[list[dict[str, float]]]:
    """Return the parameters of all points, one list for each run along the last axis.

    Raises
    ------
    ArgumentError
        If a parameter occurs twice, or the grid has more than `LARGEST_GRID` points.
    """
    _check_axes(axes)
    check_size([len(axis.values) for axis in axes])

    def named(values: Iterable[float]) -> dict[str, float]:
        pairs = zip(axes, values, strict=True)
        return {name: value for axis, value in pairs for name in axis.names}

    heads = product(*[axis.values for axis in axes[:-1]])
    return [[named((*head, last)) for last in axes[-1].values] for head in heads]


def tabulate(
    axes: Sequence[Axis], points: Iterable[tuple[int, SteadyState]], direction: str = "forward",
    observe: Sequence[str] = (),
) -> Dataset:  # fmt: skip
    """Return the observables of a scan over a grid as a dataset.

    Parameters
    ----------
    axes
        The grid, in the order of `parameter_grid`.
    points
        What `scan` yields, in any order; all points of the grid.
    direction
        That of the scan.
    observe
        Names of further observables, such as "Sz.Sz": see `impo.results.observed`.

    Returns
    -------
    Dataset
        Every number of `summary.readable`, the `message` of every point, and the reason why a
        correlation length is missing, with the axes as leading dimensions; nan (an empty text)
        where there is none. The coordinates are the first parameters of the axes. With both
        directions, `direction` is the first dimension. If the scan kept its points in a directory,
        `state` of the dataset finds them.

    Raises
    ------
    ArgumentError
        If a parameter occurs twice or is called as a result, cells differ, or points are missing.
    """
    _check_axes(axes)
    shape = tuple(len(axis.values) for axis in axes)
    dims = tuple(axis.dim for axis in axes)
    parameters = {
        name: Variable((axis.dim,), np.array(axis.values), "1", name)
        for axis in axes for name in axis.names
    }  # fmt: skip
    variables: dict[str, Variable] = dict(parameters)
    if direction == "both":
        if "direction" in parameters:
            raise ArgumentError("Parameter `direction` must not have the name of a dimension.")
        ways = Variable(("direction",), np.array(DIRECTIONS[:2]), "1", "direction of the scan")
        variables["direction"] = parameters["direction"] = ways
        shape, dims = (2, *shape), ("direction", *dims)
    files, mapped = [], _is_map(shape)
    for number, state in points:
        files.append(state.file)
        found = _row(state, mapped, observe)
        if shared := parameters.keys() & found.keys():
            raise ArgumentError(f"Parameter `{min(shared)}` must not have the name of a result.")
        place = np.unravel_index(number, shape)
        for name, item in found.items():
            if item.dims == (name,):  # the coordinate of the sites is the same everywhere
                variables[name] = item
            else:
                _enter(variables.setdefault(name, _empty(item, dims, shape)), place, item)
    _refuse_gaps(variables.get("status"))
    told = {"axes": [list(axis.names) for axis in axes]}
    return _with_points(Dataset(_as_text(variables), told), common_directory(files))


def _as_text(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Return variables whose texts are as long as they need to be."""
    out = dict(variables)
    for name, item in variables.items():
        if item.values.dtype == object:
            out[name] = replace(item, values=item.values.astype(str))
    return out


def _with_points(data: Dataset, directory: Path | None) -> Dataset:
    """Return a table that tells where its points lie, or knows none if they lie in no directory."""
    if directory is not None:
        return replace(data, attributes={**data.attributes, DIRECTORY: str(directory)})
    variables = {name: item for name, item in data.variables.items() if name != FILE}
    return replace(data, variables=variables)


def _is_map(shape: tuple[int, ...]) -> bool:
    """Return whether the figure of a scan is a map, of so few points that its phases are cheap."""
    return len(shape) == 2 and min(shape) > LONGEST_FAMILY and math.prod(shape) <= _LARGEST_MAP


def _row(state: SteadyState, mapped: bool, observe: Sequence[str]) -> dict[str, Variable]:
    """Return what a table holds of a point; for a map, also which phases are stable at large S."""
    message = Variable((), np.array(state.message), "1", "why the verdict is what it is")
    asked = state.observing(observe)
    found = {**asked.readable(), "message": message}
    for name, reason in asked.summary()["no_correlation_length"].items():
        label = f"why {name} has no correlation length"
        found[f"xi_{name}_reason"] = Variable((), np.array(reason), "1", label)
    if state.file is not None:
        found[FILE] = Variable((), np.array(state.file.name), "1", "file of the complete result")
    if mapped and (growth := phase_growth(state.model)):
        label = "largest growth rate about a configuration for S -> infinity (HPA)"
        names, rates = np.array([*growth]), np.array([*growth.values()])
        found["configuration"] = Variable(("configuration",), names, "1", "direction of the spins")
        found["hpa_growth"] = Variable(("configuration",), rates, "1", label)
    return found


def _refuse_gaps(verdicts: Variable | None) -> None:
    """Raise `ArgumentError` if a point has no verdict: an empty one counts as nothing to solve."""
    if verdicts is None or not np.all(verdicts.values != ""):
        raise ArgumentError(
            "Argument `points` must be all points of the grid, but some are missing."
        )


def _empty(item: Variable, dims: tuple[str, ...], shape: tuple[int, ...]) -> Variable:
    """Return a variable of all points of a grid without values: nan, or empty text."""
    blank: Any = ("", object) if item.values.dtype.kind == "U" else (np.nan, float)
    values = np.full(shape + item.values.shape, *blank)
    return replace(item, dims=dims + item.dims, values=values)


def _enter(table: Variable, place: tuple[Any, ...], item: Variable) -> None:
    """Write what one point has of a variable into that of all points."""
    if np.shape(table.values[place]) != item.values.shape:  # would be broadcast
        raise ArgumentError("The models of a table must have equal cells.")
    table.values[place] = item.values[()]


def check_size(counts: Sequence[int]) -> None:
    """Refuse a grid of too many points, given the length of every axis."""
    if (total := math.prod(counts)) > LARGEST_GRID:
        size = " x ".join(map(str, counts)) if len(counts) > 1 else str(total)
        raise ArgumentError(f"A grid must have at most {LARGEST_GRID} points, but has {size}.")


def _check_axes(axes: Sequence[Axis]) -> None:
    names = [name for axis in axes for name in axis.names]
    if not names or len(set(names)) != len(names):
        raise ArgumentError(f"Parameters of a grid must be different, but are {names}.")
