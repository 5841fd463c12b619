"""Many steady states: grids of parameters and settings, chains of warm starts, tables."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np

from impo.arguments import (
    ArgumentError,
    fail,
    non_negative,
    non_negative_integer,
    one_of,
    positive_integer,
)
from impo.bar import Bar
from impo.checkpoint import INTERVAL
from impo.model import LindbladModel
from impo.points import Chain, Point, finished, remove_litter, solve_chain, starts_warm
from impo.result import Dataset, Status, SteadyState, Variable
from impo.store import StoreError
from impo.summary import readable


@dataclass(frozen=True)
class Axis:
    """Parameters or settings that take the same values together, and these values."""

    names: tuple[str, ...]
    values: tuple[float, ...]

    @property
    def dim(self) -> str:
        """Name of the dimension: the first parameter."""
        return self.names[0]


Executor = Callable[[Callable[[Chain], Iterator[Point]], Sequence[Chain]], Iterable[Point]]
DIRECTIONS = ("forward", "backward", "both")


def serial(work: Callable[[Chain], Iterator[Point]], chains: Sequence[Chain]) -> Iterator[Point]:
    """Solve the chains one after the other in this process: the simplest executor.

    An executor applies `work` to every chain and gives its points in any order. One that spreads
    chains over processes passes their `directory`, so that paths travel instead of tensors.
    """
    return chain.from_iterable(map(work, chains))


def parameter_grid(axes: Sequence[Axis]) -> list[list[dict[str, float]]]:
    """Return the parameters of all points, one list for each run along the last axis."""
    _check_axes(axes)

    def named(values: Iterable[float]) -> dict[str, float]:
        pairs = zip(axes, values, strict=True)
        return {name: value for axis, value in pairs for name in axis.names}

    heads = product(*[axis.values for axis in axes[:-1]])
    return [[named((*head, last)) for last in axes[-1].values] for head in heads]


def sweep(
    chains: Iterable[Iterable[Any]],
    method: Any = None,
    directory: str | Path | None = None,
    executor: Executor = serial,
    *,
    direction: str = "forward",
    part: tuple[int, int] = (0, 1),
    interval: float = INTERVAL,
) -> Iterator[tuple[int, SteadyState]]:
    """Yield (number, state) of many models as they are solved; shows progress.

    Parameters
    ----------
    chains
        Models in chains of neighbouring parameters, or pairs (model, method). Points are numbered
        through all chains.
    method
        Settings of the method, the same for all; None if the chains hold pairs.
    directory
        Where finished points are kept. A point whose result lies there (same description, same
        settings, same points before it if it starts from them) is read, not computed again. None
        keeps nothing.
    executor
        What solves the chains; those of `impo.executors` spread them over processes.
    direction
        How chains of a method that starts from neighbouring points are followed: "forward",
        "backward", or "both"; then the numbers of all points backward come after all forward.
    part
        (i, n): only every n-th chain from the i-th is solved (i = 0 ... n - 1).
    interval
        Seconds between two checkpoints of a point.

    Raises
    ------
    ArgumentError
        If the method starts no point from another, so that it has no direction; or if `direction`,
        `part` or `interval` are none.
    StoreError
        If `directory` cannot be written to.
    """
    directory = None if directory is None else Path(directory)
    non_negative("checkpoint", interval)
    work = _work(chains, method, directory, direction, interval)
    work = [work[n] for n in _share(len(work), part)]
    if directory is not None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"Cannot write to {directory}: {error.strerror}.") from error
        remove_litter(directory)
    with Bar(work) as bar:
        remaining: list[Chain] = []
        for task in work:
            known = _known(task)
            if len(known) < len(task.points):
                remaining.append(task)
            else:
                yield from map(bar.read, known)
        yield from map(bar.computed, executor(solve_chain, remaining) if remaining else ())


def _work(
    chains: Iterable[Iterable[Any]],
    method: Any,
    directory: Path | None,
    direction: str,
    interval: float,
) -> list[Chain]:
    """Return all chains; of a line in which no point starts from another every point is one."""
    one_of("direction", direction, DIRECTIONS)
    run = secrets.token_hex(8)
    lines: list[list[tuple[int, tuple[LindbladModel, Any]]]] = []
    total = 0
    for items in chains:
        points = [item if method is None else (item, method) for item in items]
        lines.append(list(enumerate(points, start=total)))
        total += len(points)
    warm = [[starts_warm(method) for _, (_, method) in line] for line in lines]
    if direction != "forward" and not all(map(all, warm)):
        raise ArgumentError(
            f"Argument `direction` must be forward, but is {direction}: the method starts no "
            "point from another."
        )
    if direction == "forward":
        parts = [
            [line] if any(warm_line) else [[point] for point in line]
            for line, warm_line in zip(lines, warm, strict=True)
        ]
        lines = list(chain.from_iterable(parts))
    else:
        shift = total if direction == "both" else 0
        back = [[(number + shift, point) for number, point in line[::-1]] for line in lines]
        lines = lines + back if shift else back
    return [
        Chain(tuple(p for _, p in line), tuple(n for n, _ in line), directory, run, interval)
        for line in lines
    ]


def _share(count: int, part: tuple[int, int]) -> range:
    """Return the numbers of the chains of a part."""
    first, step = non_negative_integer("task-id", part[0]), positive_integer("tasks", part[1])
    if first >= step:
        raise fail("task-id", f"less than the number of tasks, {step}", first)
    return range(first, count, step)


def _known(task: Chain) -> list[Point]:
    """Return the finished points of a chain."""
    pairs = zip(task.numbers, task.paths, strict=True)
    return [(n, path) for n, path in pairs if path is not None and finished(path) is not None]


def tabulate(
    axes: Sequence[Axis], points: Iterable[tuple[int, SteadyState]], direction: str = "forward"
) -> Dataset:
    """Return the observables of a sweep over a grid as a dataset.

    Parameters
    ----------
    axes
        The grid, in the order of `parameter_grid`.
    points
        What `sweep` yields, in any order; all points of the grid.
    direction
        That of the sweep.

    Returns
    -------
    Dataset
        Every number of `impo.summary.readable`, and the `message` of every point, with the axes as
        leading dimensions; nan where the method gives none. The coordinates are the first
        parameters of the axes. With both directions, `direction` is the first dimension.

    Raises
    ------
    ArgumentError
        If a parameter occurs twice or has the name of a result, or the cells of models differ.
    """
    _check_axes(axes)
    shape = tuple(len(axis.values) for axis in axes)
    dims = tuple(axis.dim for axis in axes)
    parameters = {
        name: Variable((axis.dim,), np.array(axis.values), "1", name)
        for axis in axes
        for name in axis.names
    }
    variables: dict[str, Variable] = dict(parameters)
    if direction == "both":
        if "direction" in parameters:
            raise ArgumentError("Parameter `direction` must not have the name of a dimension.")
        ways = Variable(("direction",), np.array(DIRECTIONS[:2]), "1", "direction of the sweep")
        variables["direction"] = parameters["direction"] = ways
        shape, dims = (2, *shape), ("direction", *dims)
    for number, state in points:
        place = np.unravel_index(number, shape)
        message = Variable((), np.array(state.message), "1", "why the verdict is what it is")
        for name, item in {**readable(state), "message": message}.items():
            if name in parameters:
                raise ArgumentError(f"Parameter `{name}` must not have the name of a result.")
            if item.dims == (name,):  # the coordinate of the sites is the same everywhere
                variables[name] = item
                continue
            if name not in variables:
                text = item.values.dtype.kind == "U"
                values: Any = np.full(shape + item.values.shape, "" if text else np.nan, object)
                values = values if text else values.astype(float)
                variables[name] = Variable(dims + item.dims, values, item.units, item.long_name)
            if np.shape(variables[name].values[place]) != item.values.shape:  # would be broadcast
                raise ArgumentError("The models of a table must have equal cells.")
            variables[name].values[place] = item.values[()]
    for name, item in variables.items():
        if item.values.dtype == object:
            variables[name] = Variable(item.dims, item.values.astype(str), "1", item.long_name)
    return Dataset(variables, {"axes": [list(axis.names) for axis in axes]})


def unconverged_points(data: Dataset) -> list[str]:
    """Return one line for every point of a table that is not converged: where, verdict, why."""
    status, messages = data.variables["status"], data["message"]
    names = [name for names in data.attributes["axes"] for name in names]
    lines = []
    for place in map(tuple, np.argwhere(status.values != Status.CONVERGED)):
        at = dict(zip(status.dims, place, strict=True))
        where = [
            f"{name}={data[name][at[data.variables[name].dims[0]]]}"
            for name in (["direction"] if "direction" in at else []) + names
        ]
        lines.append(f"{', '.join(where)}: {status.values[place]}: {messages[place]}")
    return lines


def _check_axes(axes: Sequence[Axis]) -> None:
    names = [name for axis in axes for name in axis.names]
    if not names or len(set(names)) != len(names):
        raise ArgumentError(f"Parameters of a grid must be different, but are {names}.")
