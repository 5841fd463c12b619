"""Many steady states: grids of parameters and settings, chains of warm starts, tables."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

from impo.arguments import (
    ArgumentError,
    fail,
    non_negative,
    non_negative_integer,
    one_of,
    positive_integer,
)
from impo.results.state import SteadyState
from impo.results.store import StoreError
from impo.scans.checkpoint import INTERVAL
from impo.scans.progress import Bar
from impo.scans.tasks import Point, Task, finished, remove_litter, solve_chain

Work = Callable[[Task], Iterator[Point]]
Executor = Callable[[Work, Sequence[Task]], Iterable[Point]]
DIRECTIONS = ("forward", "backward", "both")


def serial(work: Work, chains: Sequence[Task]) -> Iterator[Point]:
    """Solve the chains one after the other in this process: the simplest executor.

    An executor applies `work` to every chain and gives its points in any order. One that spreads
    chains over processes gives (number, path) instead of (number, state): the files in the
    `directory` of the chains then travel instead of tensors.
    """
    return chain.from_iterable(map(work, chains))


def scan(
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
        What solves the chains; those of `impo.scans.executors` spread them over processes.
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
    non_negative("interval", interval)
    work = _work(chains, method, directory, direction, interval)
    work = [work[n] for n in _share(len(work), part)]
    if directory is not None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"Cannot write to {directory}: {error.strerror}.") from error
        remove_litter(directory)
    with Bar(work) as bar:
        remaining: list[Task] = []
        for task in work:
            known = _known(task)
            if len(known) < len(task.points):
                remaining.append(task)
            else:
                yield from map(bar.read, known)
        yield from map(bar.computed, executor(solve_chain, remaining) if remaining else ())


def _work(
    chains: Iterable[Iterable[Any]], method: Any, directory: Path | None, direction: str,
    interval: float,
) -> list[Task]:  # fmt: skip
    """Return all chains; of a line in which no point starts from another every point is one."""
    one_of("direction", direction, DIRECTIONS)
    run = secrets.token_hex(8)
    points = [[item if method is None else (item, method) for item in line] for line in chains]
    numbers = count()
    lines = [[(next(numbers), point) for point in line] for line in points]
    warm = [[method.warm_starts for _, method in line] for line in points]
    if direction == "forward":
        lines = [
            part for line, warm_line in zip(lines, warm, strict=True)
            for part in ([line] if any(warm_line) else [[point] for point in line])
        ]  # fmt: skip
    elif not all(map(all, warm)):
        raise ArgumentError(
            f"Argument `direction` must be forward, but is {direction}: the method starts no "
            "point from another."
        )
    else:
        shift = sum(map(len, lines)) if direction == "both" else 0
        back = [[(number + shift, point) for number, point in line[::-1]] for line in lines]
        lines = lines + back if direction == "both" else back
    return [
        Task(tuple(p for _, p in line), tuple(n for n, _ in line), directory, run, interval)
        for line in lines
    ]


def _share(count: int, part: tuple[int, int]) -> range:
    """Return the numbers of the chains of a part."""
    if not isinstance(part, tuple | list) or len(part) != 2:
        raise fail("part", "a pair (number of the share, number of shares)", part)
    first, step = non_negative_integer("part[0]", part[0]), positive_integer("part[1]", part[1])
    if first >= step:
        raise fail("part[0]", f"less than the number of shares, {step}", first)
    return range(first, count, step)


def _known(task: Task) -> list[Point]:
    """Return the points of a chain up to the first that is not finished.

    A single one is read once; the states of a long chain might not fit into memory together.
    """
    known: list[Point] = []
    for number, path in zip(task.numbers, task.paths, strict=True):
        state = None if path is None else finished(path)
        if path is None or state is None:
            break
        known.append((number, state if len(task.points) == 1 else path))
    return known
