"""Cost of the scan machinery per point, for points that do nothing but wait for a second.

Run with `impo run bench_scan`. On a machine that does other work, too, the
computing time tells more than the time on the clock.
"""

import resource
import tempfile
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from impo import LindbladModel
from impo.methods.base import Method
from impo.results.failure import Failure
from impo.results.progress import Progress
from impo.scans.executors import embedded
from impo.scans.scan import scan
from models.gain_loss import chain


@dataclass(frozen=True)
class Wait(Method):
    """Waits, and has no result."""

    name: ClassVar[str] = "wait"
    seconds: float = 1.0

    def steady_state(
        self, model: LindbladModel, start: Any = None, progress: Progress | None = None
    ) -> Failure:
        """Wait."""
        time.sleep(self.seconds)
        return Failure(model=model, method=self, message="it only waited")


def used() -> float:
    """Return the computing time of this process and of those that it has started and ended."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, whose))


def measure(points: int, workers: int) -> np.ndarray:
    """Return clock time per worker, what the points took alone, and computing time of a scan."""
    models = [chain(S=10, gain=2.0, loss=0.5 + 0.001 * n) for n in range(points)]
    with tempfile.TemporaryDirectory() as directory:
        begin, computed = time.perf_counter(), used()
        found = dict(scan([models], Wait(), directory, embedded(workers)))
        alone = sum(state.seconds for state in found.values()) / workers
        return np.array([time.perf_counter() - begin, alone, used() - computed])


def main() -> None:
    """Print what a point and a start cost, from a short and a long scan."""
    for workers in (1, 2):
        short, long = 5 * workers, 25 * workers
        few = measure(short, workers)
        clock, alone, computed = measure(long, workers) - few
        print(
            f"{workers} workers: {clock / alone - 1:.1%} of the time of a point, "
            f"{1e3 * computed / (long - short):.1f} ms of computing time per point, "
            f"{few[0] - few[1] * clock / alone:.1f} s to start and end"
        )


if __name__ == "__main__":
    main()
