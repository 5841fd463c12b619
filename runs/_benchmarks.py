"""Benchmarks, measured on this machine and written into a page with its name.

`python -m runs._benchmarks PAGE`
"""

import contextlib
import io
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from impo.results.settings import provenance
from runs._pages import written_into
from runs.benchmarks import bench_engine, bench_scan, bench_twa

_BUSY = (
    " **The machine did other work at the same time (load {:.1f}): times are too long, and ratios "
    "are those of engines that were disturbed by different amounts.**"
)


def machine() -> str:
    """Return the processor, the cores that may be used, and the versions that were measured."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    warning = _BUSY.format(busy) if cores and busy > 0.5 * cores else ""
    versions = ", ".join(f"{name} {version}" for name, version in provenance().items())
    today = datetime.now(UTC).date()
    return f"{processor}, {cores} cores, {platform.system()}; {versions}; {today}.{warning}"


def printed(main: Callable[[], None]) -> str:
    """Return what a benchmark prints."""
    with contextlib.redirect_stdout(io.StringIO()) as text:
        main()
    return text.getvalue().strip()


def measured() -> str:
    """Return the machine and the results of all benchmarks as a part of a page."""
    where = machine()
    parts = {
        "`ITEBD` and TeNPy": bench_engine.report(bench_engine.compute(quick=True)),
        "`TWA`": printed(bench_twa.main),
        "Scans": printed(bench_scan.main),
    }
    blocks = [f"### {name}\n\n```text\n{text.rstrip()}\n```" for name, text in parts.items()]
    return "\n\n".join([f"Machine: {where}", *blocks])


def main(page: str) -> None:
    """Write the measurements into a page."""
    path = Path(page)
    path.write_text(written_into(path, "benchmarks", measured()), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
