"""Many steady states: grids of parameters, chains of warm starts, finished points kept on disk."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from impo.arguments import ArgumentError
from impo.model import LindbladModel
from impo.result import Dataset, Status, SteadyState, Stored, Variable, method_settings, readable
from impo.steady import steady_state
from impo.store import StoreError, load, save

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Axis:
    """Parameters that take the same values together, and these values."""

    names: tuple[str, ...]
    values: tuple[float, ...]

    @property
    def dim(self) -> str:
        """Name of the dimension: the first parameter."""
        return self.names[0]


@dataclass(frozen=True)
class Chain:
    """Models solved one after the other, and where their results are kept.

    Attributes
    ----------
    models
        In the order in which they are solved.
    method
        Settings of the method. If its class has the attribute `warm_starts` = True, each point
        starts from the one before.
    first
        Number of the first point within the whole sweep.
    directory
        Where finished points are kept; None keeps nothing.
    """

    models: tuple[LindbladModel, ...]
    method: Any
    first: int = 0
    directory: Path | None = None


Point = tuple[int, Path | SteadyState]
Executor = Callable[[Callable[[Chain], Iterator[Point]], Sequence[Chain]], Iterable[Point]]


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
    chains: Iterable[Iterable[LindbladModel]],
    method: Any,
    directory: str | Path | None = None,
    executor: Executor = serial,
) -> Iterator[tuple[int, SteadyState]]:
    """Yield (number, state) of many models as they are solved; shows progress.

    Parameters
    ----------
    chains
        Models in chains of neighbouring parameters. Points are numbered through all chains.
    method
        Settings of the method, the same for all.
    directory
        Where finished points are kept. A point whose result lies there (same description, same
        settings) is read, not computed again. None keeps nothing.
    executor
        What solves the chains.

    Raises
    ------
    StoreError
        If `directory` cannot be written to.
    """
    directory = None if directory is None else Path(directory)
    if directory is not None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"Cannot write to {directory}: {error.strerror}.") from error
    work: list[Chain] = []
    total = 0
    for models in map(tuple, chains):
        work.append(Chain(models, method, total, directory))
        total += len(models)
    poor = 0
    with tqdm(total=total, unit="point", disable=None) as bar:
        for done, (number, point) in enumerate(executor(solve_chain, work), start=1):
            state = load(point) if isinstance(point, Path) else point
            poor += state.status != Status.CONVERGED
            bar.set_postfix_str(f"{poor} not converged", refresh=False)
            bar.update()
            if bar.disable:  # no terminal
                seconds = f"{state.seconds:.1f} s"
                logger.info("%d/%d %s %s %s", done, total, state.model.label, state.status, seconds)
            yield number, state


def solve_chain(task: Chain) -> Iterator[Point]:
    """Solve one chain, or read what is finished; yield (number, path of the result or result)."""
    previous: Path | SteadyState | None = None
    for number, model in enumerate(task.models, start=task.first):
        path = None if task.directory is None else task.directory / point_name(model, task.method)
        if path is None or not _is_complete(path):
            start = previous if getattr(task.method, "warm_starts", False) else None
            state = steady_state(
                model, task.method, load(start) if isinstance(start, Path) else start
            )
            if path is not None:
                save(state, path)  # type: ignore[arg-type]
        previous = path or state
        yield number, previous


def point_name(model: LindbladModel, method: Any) -> str:
    """Return the file name of a point: it depends on the description and the settings only."""
    key = json.dumps([model.to_json(), method_settings(method)], sort_keys=True, default=str)
    return hashlib.sha256(key.encode()).hexdigest()[:24] + ".h5"


def _is_complete(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        return isinstance(load(path), Stored)
    except StoreError as error:
        logger.warning("%s It is computed again.", error)
        return False


def tabulate(axes: Sequence[Axis], points: Iterable[tuple[int, SteadyState]]) -> Dataset:
    """Return the observables of a sweep over a grid as a dataset.

    Parameters
    ----------
    axes
        The grid, in the order of `parameter_grid`.
    points
        What `sweep` yields, in any order; all points of the grid.

    Returns
    -------
    Dataset
        Every number of `impo.result.readable` with the axes as leading dimensions; nan where the
        method gives none. The coordinates are the first parameters of the axes.

    Raises
    ------
    ArgumentError
        If a parameter occurs twice or has the name of a result.
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
    for number, state in points:
        place = np.unravel_index(number, shape)
        for name, item in readable(state).items():
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
            variables[name].values[place] = item.values[()]
    for name, item in variables.items():
        if item.values.dtype == object:
            variables[name] = Variable(item.dims, item.values.astype(str), "1", item.long_name)
    return Dataset(variables, {"axes": [list(axis.names) for axis in axes]})


def _check_axes(axes: Sequence[Axis]) -> None:
    names = [name for axis in axes for name in axis.names]
    if not names or len(set(names)) != len(names):
        raise ArgumentError(f"Parameters of a grid must be different, but are {names}.")
