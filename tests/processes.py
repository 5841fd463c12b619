"""Scans and schedulers in processes of their own, and how to compare what they leave."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from impo.results.store import load

ROOT = Path(__file__).parents[1]
GRID = [
    "models.gain_loss:chain", "S=1/2", "h=0.5", "loss=1", "--over", "gain=0.4:1.6:2",
    "--over", "chi_max=6:10:3", "--method", "itebd", "--set", "tol=2e-2",
]  # fmt: skip


def environment():
    one = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}
    return {**os.environ, **one, "PYTHONPATH": str(ROOT)}


def start(*words, **options):
    """Start a module in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, words)], cwd=ROOT, env=environment(),
        stdout=subprocess.DEVNULL, stderr=options.pop("stderr", subprocess.PIPE), text=True,
        start_new_session=True, **options,
    )  # fmt: skip


def scan(output, *words, grid=GRID, **options):
    """Start `impo scan` of the small grid; checkpoints are written at every block."""
    return start("impo.cli", "scan", *grid, "--checkpoint", 0, "-o", output, *words, **options)


def finish(process):
    """Return exit code and error output of a process that ends by itself."""
    _, err = process.communicate(timeout=900)
    return process.returncode, err


def workers(process):
    """Return the worker processes below a scan."""
    with contextlib.suppress(psutil.NoSuchProcess):
        below = psutil.Process(process.pid).children(recursive=True)
        return [child for child in below if "spawn_main" in " ".join(child.cmdline())]
    return []


def stop_all(processes):
    """End processes and all that they have started."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid)
            for child in [*family.children(recursive=True), family]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        process.communicate()


@contextlib.contextmanager
def cluster(directory, count=2):
    """A scheduler on loopback with worker processes; yields its file and its process."""
    file = Path(directory) / "scheduler.json"
    file.unlink(missing_ok=True)
    quiet = {"stderr": subprocess.DEVNULL}
    at = ["--host", "127.0.0.1", "--no-dashboard"]
    started = [
        start(
            "distributed.cli.dask_scheduler", "--scheduler-file", file, "--port", 0,
            "--dashboard-address", "127.0.0.1:0", *at, **quiet,
        )
    ]  # fmt: skip
    try:
        until = time.monotonic() + 300
        while not file.exists():
            assert started[0].poll() is None, "the scheduler has ended"
            assert time.monotonic() < until, "the scheduler does not start"
            time.sleep(0.05)
        for _ in range(count):
            started.append(
                start(
                    "distributed.cli.dask_worker", "--scheduler-file", file, "--nthreads", 1,
                    "--local-directory", directory, *at, **quiet,
                )
            )  # fmt: skip
        yield file, started[0]
    finally:
        stop_all(started)


def points(output):
    """Return the finished points of a scan with what tells whether they were written again."""
    directory = output.with_suffix(".points")
    found = {}
    for path in directory.glob("*.h5"):
        load(path)  # no file is ever unreadable
        found[path.name] = (path.stat().st_ino, path.stat().st_mtime_ns)
    return found


def numbers(path):
    """Return all data of a scan but the times, and where its points lie."""
    data = load(path)
    told = {key: value for key, value in data.attributes.items() if key != "points"}
    return told, {
        name: (item.dims, item.values.dtype.kind, item.values.tolist())
        if item.values.dtype.kind == "U"
        else (item.dims, item.values.dtype, item.values.tobytes())
        for name, item in data.variables.items()
        if name != "seconds"
    }
