"""The points of a scan: what they are called, how chains of them are solved, what is left of each.

Beside the result `NAME.h5` of a point lie, while it is computed, `NAME.status` (which attempt this
is and how far it has come) and, after a while, `NAME.partial` (see `impo.scans.checkpoint`).
"""

import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from impo.methods.api import attempt
from impo.model import LindbladModel
from impo.results.estimate import Status
from impo.results.failure import Failure
from impo.results.state import SteadyState
from impo.results.store import StoreError, load, read_regular, saved
from impo.scans.checkpoint import INTERVAL, Checkpoint, computation

logger = logging.getLogger(__name__)

ATTEMPTS = 3
"""Number of times that a point may lose its process before it counts as failed."""
REPORT_INTERVAL = 1.0  # seconds between two reports of a running point

LITTER_AGE = 3600.0  # seconds: no file takes that long to write
PARTIAL, STATUS = ".partial", ".status"
_DIGITS = 24  # of the name of a point
_MADE = re.compile(  # a point, what lies beside one under way, and either while it is written
    rf"\.?[0-9a-f]{{{_DIGITS}}}\.(h5|partial|status)(\.[0-9a-f]{{8}}\.tmp)?"
)

Point = tuple[int, Path | SteadyState]


@dataclass(frozen=True)
class Task:
    """Points solved one after the other, and where their results are kept.

    Attributes
    ----------
    points
        Models and settings of the method, in the order in which they are solved. If the class of
        the method has the attribute `warm_starts` = True, each point starts from the last one
        before it that did not fail.
    numbers
        Number of each point within the whole scan.
    directory
        Where finished points are kept; None keeps nothing.
    run
        What tells this call of `scan` from others that work in the same directory.
    interval
        Seconds between two checkpoints of a point.
    """

    points: tuple[tuple[LindbladModel, Any], ...]
    numbers: tuple[int, ...]
    directory: Path | None = None
    run: str = ""
    interval: float = INTERVAL

    @cached_property
    def paths(self) -> tuple[Path | None, ...]:
        """File of every point."""
        if self.directory is None:
            return (None,) * len(self.points)
        names, before = [], ""
        for model, method in self.points:
            names.append(point_name(model, method, before if method.warm_starts else ""))
            before = names[-1]
        return tuple(self.directory / name for name in names)


def point_name(model: LindbladModel, method: Any, before: str = "") -> str:
    """Return the file name of a point.

    It depends on the description, the settings, and the name of the point that it starts from, so
    that points reached on different ways are different.
    """
    told = [model.to_json(), method.to_json(), *([before] if before else [])]
    key = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(key.encode()).hexdigest()[:_DIGITS] + ".h5"


def solve_chain(task: Task) -> Iterator[Point]:
    """Solve one chain, or read what is finished; yield (number, result) of every point."""
    last_good: SteadyState | None = None
    for number, (model, method), path in zip(task.numbers, task.points, task.paths, strict=True):
        state = None if path is None else finished(path)
        if state is None:
            start = last_good if method.warm_starts else None
            if path is None:
                state = attempt(model, method, start, None)
            else:
                state = _solve_and_keep(task, number, (model, method), start, path)
        if state.status != Status.FAILED:
            last_good = state
        yield number, state


def finished(path: Path) -> Any:
    """Return the result of a point, or None if it has none or a damaged one.

    What a process that was killed left beside a result is removed.
    """
    if not path.exists():
        return None
    try:
        state = load(path)
    except StoreError as error:
        logger.warning("%s It is computed again.", error)
        return None
    for ending in (PARTIAL, STATUS):
        with suppress(OSError):
            path.with_suffix(ending).unlink(missing_ok=True)
    return state if isinstance(state, SteadyState) else None


def remove_litter(directory: Path) -> None:
    """Remove what processes that were killed while writing have left, once it is surely theirs."""
    for path in directory.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > LITTER_AGE:
                path.unlink()


def remove_points(directory: Path) -> None:
    """Remove a directory of points: what a scan has put there, and nothing that is not its own.

    A directory with anything else in it stays, and so does one that is reached through a link.
    """
    with suppress(OSError):
        if directory.is_symlink():
            return
        for entry in os.scandir(directory):
            if _MADE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)
        directory.rmdir()


def _solve_and_keep(
    task: Task, number: int, point: tuple[LindbladModel, Any], start: Any, path: Path
) -> Any:
    """Solve a point, going on from its checkpoint, and write its result."""
    with Running(path, task.run, number) as running:
        checkpoint = Checkpoint(
            path.with_suffix(PARTIAL), computation(*point, start), task.interval, running.report
        )
        if running.attempt > ATTEMPTS:
            reason = f"The process that computed it was killed {ATTEMPTS} times (out of memory?)."
            state: Any = Failure(model=point[0], method=point[1], message=reason)
        else:
            state = attempt(*point, start, checkpoint)
        known = finished(path)  # by another scan in the same directory
        if known is None:
            known = saved(state, path)
        checkpoint.remove()
    return known


class Running:
    """The status file of a point while it is computed: a context.

    A file of the same run that is there already was left by a process that was killed: an exception
    removes it. So `attempt` counts how often this run has tried.
    """

    def __init__(self, path: Path, run: str, number: int):
        self._path = path.with_suffix(STATUS)
        earlier = _read_status(self._path)
        self.attempt = 1 + (earlier["attempt"] if earlier.get("run") == run else 0)
        self._known = {"run": run, "number": number, "attempt": self.attempt}
        self._due, self._stage = 0.0, ""

    def __enter__(self) -> "Running":
        try:
            self._path.write_text(json.dumps(self._known))
        except OSError as error:
            raise StoreError(f"Cannot write {self._path}: {error.strerror or error}.") from error
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(OSError):
            self._path.unlink()

    def report(self, entry: Mapping[str, Any]) -> None:
        """Write a report down, if it is of another stage or the last one was a while ago."""
        stage = entry.get("stage", self._stage)
        if stage != self._stage or time.monotonic() >= self._due:
            self._stage = stage
            self._due = time.monotonic() + REPORT_INTERVAL
            with suppress(OSError, TypeError):
                self._path.write_text(json.dumps({**self._known, **entry}))


def running(directory: Path, run: str) -> Iterable[Mapping[str, Any]]:
    """Return what the points under way in a run have reported, in the order of their numbers."""
    names = [name for name in os.listdir(directory) if name.endswith(STATUS)]
    found = [_read_status(directory / name) for name in names]
    mine = [status for status in found if status.get("run") == run]
    return sorted(mine, key=lambda status: status["number"])


def _read_status(path: Path) -> dict[str, Any]:
    """Return a status file, or nothing if it is missing or was being written."""
    try:
        status = json.loads(read_regular(path))
        return status if {"run", "number", "attempt"} <= status.keys() else {}
    except (StoreError, ValueError, AttributeError):
        return {}
