"""Chains of points spread over processes by dask: on this machine, or on a cluster.

Only names of files travel back: workers and the process that asked share a directory. A chain that
loses its worker goes on, on another one, at the point and the checkpoint it had come to.
"""

import asyncio
import json
import logging
import os
import queue
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from threadpoolctl import threadpool_limits

from impo.arguments import fail, positive_integer
from impo.compilation import COMPILING, announced
from impo.results.store import StoreError, read_regular
from impo.scans.scan import Executor, Work, serial
from impo.scans.tasks import Point, Task, finished

logger = logging.getLogger(__name__)

LOOK = 0.5  # seconds between two looks for points that chains under way have finished
LOSSES = 20  # of a chain in a row without a finished point: it may wait beside one that kills
PATIENCE = 60.0  # seconds that a shared directory may take to show a file written elsewhere
STOP = 1.0  # seconds that a worker may take to end by itself
CONNECT = 30.0  # seconds to wait for a scheduler
PER_CORE = 16
"""Largest number of processes for every usable core."""
SCHEDULER_FILE = "a file that `dask scheduler --scheduler-file` wrote"
_PROTOCOLS = ("tcp", "tls", "ws", "wss", "ucx")
_LARGEST = 2**20  # bytes of what a scheduler writes about itself
_LOST = "The scheduler is lost. Finished points are kept: start it again and repeat the command."

_SETTINGS = {
    # a busy machine answers late, and starts a process late
    "distributed.scheduler.worker-ttl": None,
    "distributed.deploy.lost-worker-timeout": "1 day",
    "distributed.comm.timeouts.connect": "300s",
    "distributed.comm.timeouts.tcp": "300s",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # what dask watches all the time by default costs a tenth of a core
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "500ms",
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "logging.distributed": "error",
}


class ClusterError(Exception):
    """The scheduler or all workers are lost; the message says what to do in one line."""


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def embedded(workers: int | None = None) -> Executor:
    """Return an executor with that many processes on this machine; None takes all usable cores.

    One process means this one. Every other gets one thread and an equal share of the memory; what
    needs more is killed. There are no more processes than chains.

    Raises
    ------
    ArgumentError
        If `workers` is not a positive integer, or more than sixteen for every usable core.
    """
    most = usable_cores() if workers is None else process_count("workers", workers)

    def execute(work: Work, chains: Sequence[Task]) -> Any:
        count = min(most, len(chains))
        return serial(work, chains) if count == 1 else _locally(work, _absolute(chains), count)

    return execute


def process_count(name: str, value: Any) -> int:
    """Return a number of processes for this machine, or raise `ArgumentError` if it is none."""
    most = PER_CORE * usable_cores()
    if positive_integer(name, value) > most:
        raise fail(name, f"at most {most}, {PER_CORE} for every usable core", value)
    return int(value)


def external(scheduler_file: str | Path) -> Executor:
    """Return an executor on the workers of a running scheduler.

    Parameters
    ----------
    scheduler_file
        What `dask scheduler --scheduler-file` writes.

    Raises
    ------
    ArgumentError
        If there is no such file, or it names no scheduler.
    ClusterError
        While it executes: if the scheduler does not answer or is lost.
    """
    path = Path(scheduler_file)
    address = scheduler_address(path)
    if address is None:
        raise fail("scheduler_file", SCHEDULER_FILE, str(path))

    def execute(work: Work, chains: Sequence[Task]) -> Any:
        from distributed import Client

        with _quiet("distributed", "distributed.client", "asyncio", "tornado"):
            try:
                # one that has gone is told at once: the client would ask for all the time it has
                with socket.create_connection((address.hostname, address.port), CONNECT):
                    pass
                client = Client(scheduler_file=str(path), timeout=CONNECT, set_as_default=False)
            except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
                why = f"The scheduler of {path} does not answer; start it and its workers again."
                raise ClusterError(why) from error
            with client:
                if not client.nthreads():
                    logger.info("waiting for workers of the scheduler of %s", path)
                yield from _collect(client, work, list(map(_Followed, _absolute(chains))))

    return execute


def scheduler_address(scheduler_file: Path) -> SplitResult | None:
    """Return the address in the file of a scheduler; None if it is none, or there is no file."""
    try:
        told = json.loads(read_regular(scheduler_file, _LARGEST))
        address = urlsplit(told["address"])
        known = address.scheme in _PROTOCOLS and address.hostname and address.port
    except (StoreError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return address if known else None


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Keep loggers silent for a while: a lost scheduler is told in one line."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


def _locally(work: Work, chains: Sequence[Task], count: int) -> Iterator[Point]:
    """Solve chains in processes of this machine; start anew should none be left."""
    import dask
    from distributed import Client, LocalCluster

    _compile(chains)
    under_way = [_Followed(task) for task in chains]
    for _ in range(LOSSES):
        with (
            dask.config.set(_SETTINGS),
            suppress(_StartError),
            _without_ctrl_c(partial(_started, LocalCluster, count)) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            try:
                yield from _collect(client, work, under_way, partial(_any_process, cluster))
            except BaseException:  # no one waits for what is under way
                cluster.sync(_stop, cluster)
                raise
        under_way = [followed for followed in under_way if followed.unfinished]
        if not under_way:
            return
        logger.warning("all worker processes are lost; starting others")
    raise ClusterError("Worker processes die as soon as they are started.")


def _compile(chains: Sequence[Task]) -> None:
    """Compile here, once, what every process would have to compile."""
    told: list[str] = []

    def tell(stage: str) -> None:
        if stage == COMPILING and not told:
            told.append(stage)
            logger.info(stage)

    points = [point for task in chains for point in task.points]
    kinds = {(method, *(site.dimension for site in model.sites)): model for model, method in points}
    with announced(tell):
        for (method, *_), model in kinds.items():
            with suppress(Exception):  # why a method refuses a model is said of every point
                method.compile(model)


async def _stop(cluster: Any) -> None:
    """End the worker processes, whatever they do."""
    ends = [nanny.close(timeout=STOP) for nanny in cluster.workers.values()]
    await asyncio.gather(*ends, return_exceptions=True)


def _without_ctrl_c(start: Callable[[], Any]) -> Any:
    """Return what `start` returns; processes and threads that it starts never get Ctrl-C.

    A terminal sends it to all processes. Only the one that started the others ends them. They
    inherit the mask of the thread that starts them; this one gets a signal that came meanwhile.
    """
    if not hasattr(signal, "pthread_sigmask"):
        return start()
    resource_tracker.ensure_running()  # it would lift the mask of the thread that first needs it
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class _StartError(Exception):
    """A worker process was lost before all had started."""


def _started(make: Callable[..., Any], count: int) -> Any:
    """Return a cluster of processes of one thread."""
    try:
        return make(
            n_workers=count, threads_per_worker=1, processes=True,
            dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
        )  # fmt: skip
    except RuntimeError as error:
        raise _StartError from error


def _any_process(cluster: Any) -> bool:
    """Return whether a worker process is alive.

    dask starts one again that was killed, but not one that was killed while it started.
    """
    return any(nanny.is_alive() for nanny in cluster.workers.values())


def _absolute(chains: Sequence[Task]) -> list[Task]:
    """Return chains whose files have the same names everywhere."""
    out = []
    for task in chains:
        if task.directory is None:
            raise fail("directory", "given to spread a scan over processes", None)
        out.append(replace(task, directory=task.directory.absolute()))
    return out


@dataclass
class _Followed:
    """A chain that was handed to a worker, how many of its points are told, and its losses."""

    task: Task
    told: int = 0
    losses: int = 0

    @property
    def unfinished(self) -> bool:
        """Whether points are left to tell."""
        return self.told < len(self.task.points)

    def appeared(self, all_of_them: bool) -> Iterator[Point]:
        """Yield the points whose files have appeared since; wait for all if they must be there."""
        while self.unfinished:
            path = self.task.paths[self.told]
            assert path is not None
            until = time.monotonic() + (PATIENCE if all_of_them else 0.0)
            while (state := finished(path)) is None:
                if time.monotonic() >= until:
                    if all_of_them:
                        raise ClusterError(
                            f"{path} was computed, but cannot be read here: the workers must see "
                            "the same directory by the same name."
                        )
                    return
                time.sleep(LOOK)
            yield self.task.numbers[self.told], state
            self.told += 1
            self.losses = 0


def _collect(
    client: Any, work: Work, chains: Sequence[_Followed], alive: Callable[[], bool] = lambda: True
) -> Iterator[Point]:
    """Hand chains to the workers of a client and yield their points as they are finished.

    It ends early if there are no worker processes any more, twice in a row.
    """
    under_way: dict[Any, _Followed] = {}
    done: queue.Queue[Any] = queue.Queue()

    def submit(followed: _Followed) -> None:
        future = client.submit(_run, work, followed.task, pure=False)
        under_way[future] = followed
        future.add_done_callback(done.put)

    for followed in chains:
        submit(followed)
    look, missed = 0.0, 0
    while under_way and missed < 2:
        with suppress(queue.Empty):
            future = done.get(timeout=LOOK)
            followed = under_way.pop(future)
            yield from _ended(future, followed)
            if followed.unfinished:  # its worker is lost
                submit(followed)
        if client.status != "running":
            raise ClusterError(_LOST)
        if time.monotonic() >= look:
            look = time.monotonic() + LOOK
            missed = 0 if alive() else missed + 1
            for followed in under_way.values():
                if len(followed.task.points) > 1:
                    yield from followed.appeared(all_of_them=False)


def _ended(future: Any, followed: _Followed) -> Iterator[Point]:
    """Yield the points of a chain that has ended; count the loss if its worker was killed."""
    from distributed import CancelledError, KilledWorker

    try:
        future.result()
        yield from followed.appeared(all_of_them=True)
    except KilledWorker as error:
        followed.losses += 1
        if followed.losses > LOSSES:
            raise ClusterError("Workers die before they can start a point.") from error
    except CancelledError as error:
        raise ClusterError(_LOST) from error


def _run(work: Work, task: Task) -> None:
    """Solve a chain in a worker, by one thread."""
    import numba

    numba.config.NUMBA_NUM_THREADS = 1  # type: ignore[attr-defined]
    with threadpool_limits(limits=1):
        for _ in work(task):
            pass
