"""What a person sees of a running scan: a bar on a terminal, lines elsewhere."""

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from impo.compilation import clock
from impo.results.estimate import Status
from impo.results.progress import Progress
from impo.results.state import SteadyState
from impo.results.store import load
from impo.scans.tasks import Point, Task, running

logger = logging.getLogger(__name__)

REFRESH = 1.0  # seconds
SHOWN = 3  # points under way


class Bar:
    """Counts points, and tells of those under way what they report: a context."""

    def __init__(self, work: Sequence[Task]):
        self._total = sum(len(task.points) for task in work)
        self._task = work[0] if work else None
        self._done = self._poor = 0
        self._begin, self._new = clock(), 0
        self._bar: Any = None
        self._closed = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Bar":
        self._bar = tqdm(total=self._total, unit="point", disable=None, smoothing=0)
        if not self._bar.disable:
            self._watcher.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closed.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._bar.close()

    def read(self, point: Point) -> tuple[int, SteadyState]:
        """Count a point that was finished before; return its number and result."""
        if not self._bar.disable:
            self._bar.initial += 1  # takes no part in the estimate of the time left
        number, state = _loaded(point)
        self._count(state)
        return number, state

    def computed(self, point: Point) -> tuple[int, SteadyState]:
        """Count a point that was just finished; return its number and result.

        The estimate of the time left takes all new points alike, whatever number of processes
        computes them; the time of the compiler is no part of it.
        """
        number, state = _loaded(point)
        self._new += 1
        passed = clock() - self._begin
        self._count(state)
        if self._bar.disable:  # no terminal
            rest = passed / self._new * (self._total - self._done)
            logger.info(
                "%d/%d %s %s %.1f s, about %s left",
                self._done, self._total, state.model.label, state.status, state.seconds,
                tqdm.format_interval(rest),
            )  # fmt: skip
        else:
            self._bar.start_t = self._bar._time() - passed
        return number, state

    def _count(self, state: SteadyState) -> None:
        self._done += 1
        self._poor += state.status != Status.CONVERGED
        self._bar.set_postfix_str(f"{self._poor} not converged", refresh=False)
        self._bar.update()

    def _watch(self) -> None:
        """Show the points under way until the end."""
        while not self._closed.wait(REFRESH):
            task = self._task
            kept = task is not None and task.directory is not None
            found = running(task.directory, task.run) if kept else []  # type: ignore
            told = [_told(status) for status in found]
            more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
            words = [f"{self._poor} not converged", *told[:SHOWN], *more]
            self._bar.set_postfix_str("; ".join(words))


def _loaded(point: Point) -> tuple[int, SteadyState]:
    number, found = point
    state = load(found) if isinstance(found, Path) else found
    assert isinstance(state, SteadyState)
    return number, state


def _told(status: Mapping[str, Any]) -> str:
    """Return the number of a point and how far it is."""
    return f"#{status['number']} {Progress.of(status)}".rstrip()
