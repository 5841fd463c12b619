"""One command in a process of its own, with little time and memory: how does it end?"""

import os
import resource
import signal
import sys
import warnings
from dataclasses import dataclass
from functools import cache

import psutil

from impo import ITEBD, TWA, steady_state
from impo.cli.main import main
from impo.scans import executors
from models import gain_loss

SECONDS = 20  # of computing
WAITING = 120  # seconds, on a busy machine, for what computes nothing
MEMORY = 4 * 2**30


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, minus a signal, and what it wrote."""

    code: int
    out: str
    err: str


@cache
def warm():
    """Compile what methods compile, once for all processes."""
    for method in (ITEBD(chi_max=4, tol=0.1, t_max=5), TWA(1, trajectories=64, max_time=1)):
        steady_state(gain_loss.chain(2, gain=1.5), method)


def run(words, directory):
    """Run `impo` with some words in a directory."""
    warm()
    files = [directory.parent / name for name in ("out.txt", "err.txt")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the process has threads
        child = os.fork()
    if child == 0:
        _run(words, directory, files)
    _, status = os.waitpid(child, 0)
    out, err = (path.read_text(errors="backslashreplace") for path in files)
    return Ended(os.waitstatus_to_exitcode(status), out, err)


def _run(words, directory, files):
    """Run the command and end this process."""
    code = 99
    try:
        os.chdir(directory)
        for number, path in enumerate(files, start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (
            os.fdopen(n, "w", encoding="utf-8", errors=errors, closefd=False)
            for n, errors in ((1, "strict"), (2, "backslashreplace"))
        )
        signal.alarm(WAITING)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        limit = int(used) + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        size = psutil.Process().memory_info().vms
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY,) * 2)
        warnings.simplefilter("default")
        executors.usable_cores = lambda: 1  # no processes but this one
        code = main(words)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def complaints(ended):
    """Return what is wrong with the way in which a command ended."""
    lines = [line for line in ended.err.splitlines() if line.startswith("impo:")]
    wrong = []
    if ended.code not in (0, 2, 3):
        wrong.append(f"exit code {ended.code}")
    if "Traceback" in ended.err:
        wrong.append("a traceback")
    if len(lines) != (ended.code == 2):
        wrong.append(f"{len(lines)} lines of the command")
    if ended.code == 2 and ended.out:
        wrong.append("an answer and an error")
    return wrong
