"""How much memory there is, and one-line refusals of what needs more.

Sizes are estimated from a description and settings alone, before anything large is allocated, as
floats: a size that no computer has is infinite, and no error.
"""

import math
import os
import resource
import sys
from functools import cache
from pathlib import Path

from impo.arguments import UnsupportedModelError

_SHARE = 0.75  # of the memory that a computation may take


@cache
def memory_limit() -> float:
    """Return three quarters of the memory in bytes that the machine or the job has.

    Neither changes while a process runs.
    """
    physical = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return _SHARE * min(physical, _group_limit(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")))


def peak_memory() -> float:
    """Return the most memory in bytes that this process had, or any that it started and ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * max(resource.getrusage(one).ru_maxrss for one in who))


def _group_limit(listing: Path, root: Path) -> float:
    """Return the memory that the control groups of a container or a SLURM job allow; else inf.

    A line of the listing is "number:controllers:path"; version 2 names no controller. A limit holds
    for all groups below.
    """
    try:
        lines = [line.split(":", 2) for line in listing.read_text().splitlines()]
    except OSError:
        return math.inf
    limit = math.inf
    for _, controllers, path in lines:
        if controllers not in ("", "memory"):
            continue
        top, name = root / controllers, "memory.limit_in_bytes" if controllers else "memory.max"
        group = top / path.strip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(top):
                limit = min(limit, _number_in(folder / name))
    return limit


def _number_in(path: Path) -> float:
    """Return the number in a file; infinite if there is none ("max")."""
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return math.inf


def product(numbers: list[int] | list[float], repeat: int = 1) -> float:
    """Return the product of numbers >= 1, to the power `repeat`; infinite where it overflows."""
    once = math.prod(map(float, numbers))
    return once**repeat if repeat * math.log(once) < 700 else math.inf


def amount(number: float) -> str:
    """Return a number as text, to three digits if it is large; an infinite one in words."""
    if not math.isfinite(number):
        return "over 1e+300"
    return f"{number:.0f}" if number == round(number) and number < 1e6 else f"{number:.3g}"


def shortage(size: float) -> str | None:
    """Say that so many bytes are more than `memory_limit`, or return None; nan is too many."""
    limit = memory_limit()
    if size <= limit:
        return None
    return (
        f"it needs {amount(size / 2**30)} GiB of memory, but {amount(limit / 2**30)} GiB are "
        "allowed"
    )


def refuse_larger(what: str, size: float, remedy: str) -> None:
    """Raise an `UnsupportedModelError` if something needs more than `memory_limit`.

    Parameters
    ----------
    what
        What cannot be done, as the beginning of a sentence: "ITEBD cannot treat spins S = 100".
    size
        Bytes that it takes at the very least.
    remedy
        What to do instead, as the end of the sentence.
    """
    if (short := shortage(size)) is not None:
        raise UnsupportedModelError(f"{what}: {short}; {remedy}.")
