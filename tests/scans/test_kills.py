"""Killed at random moments, a scan ends with the same numbers, and computes no point twice.

The environment variable IMPO_KILLS is the number of moments for each kind of kill (2).
"""

import contextlib
import itertools
import os
import random
import signal
import subprocess
import time

import psutil
import pytest

from impo.results.store import load
from tests.processes import cluster, finish, numbers, points, scan, start, workers

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("IMPO_KILLS", "2"))
CHANCE = {kind: random.Random(kind) for kind in ("scan", "worker", "scheduler")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A scan by one process, and the time that it computes."""
    output = tmp_path_factory.mktemp("undisturbed") / "scan.h5"
    process = scan(output, "--workers", 1)
    wait_for_points(output, process)
    begin = time.monotonic()
    assert finish(process)[0] == 0
    return numbers(output), time.monotonic() - begin


def wait_for_points(output, process):
    """Return when the first point is under way."""
    directory = output.with_suffix(".points")
    while process.poll() is None:
        if directory.exists() and any(directory.iterdir()):
            return
        time.sleep(0.01)


def strike(kind, span, process, victim):
    """Kill a victim after a random time; return whether the process still ran then."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(span * CHANCE[kind].random())
        return False
    with contextlib.suppress(psutil.NoSuchProcess, IndexError):
        victim().kill()
        return True
    return False


def check(output, undisturbed, before=()):
    """A finished scan has the right data, and has left alone what was finished before."""
    after = points(output)
    assert dict(before).items() <= after.items()
    assert len(after) == 6
    left = {name for name in os.listdir(output.with_suffix(".points")) if name[-4:] != ".tmp"}
    assert left == after.keys()
    assert numbers(output) == undisturbed[0]


def outputs(directory):
    """Yield files of scans, one after the other."""
    for number in itertools.count():
        yield directory / f"scan{number}.h5"


def test_the_sweep_is_killed(tmp_path, undisturbed):
    kills = 0
    for output in outputs(tmp_path):
        before = {}
        while kills < KILLS:
            process = scan(output, "--workers", 1 + kills % 2)
            wait_for_points(output, process)
            struck = strike("scan", undisturbed[1] / 2, process, lambda p=process: p)
            code, err = finish(process)
            assert code == (-signal.SIGKILL if struck else 0), err
            now = points(output)
            assert before.items() <= now.items()
            before, kills = now, kills + struck
            if not struck:
                break
        else:
            code, err = finish(scan(output, "--workers", 1))
            assert code == 0, err
        check(output, undisturbed, before)
        if kills == KILLS:
            return


def test_a_worker_is_killed(tmp_path, undisturbed):
    kills = 0
    for output in outputs(tmp_path):
        process = scan(output, "--workers", 2)
        wait_for_points(output, process)
        for _ in range(min(2, KILLS - kills)):  # three kills of a point make it a failure
            kills += strike(
                "worker", undisturbed[1] / 2, process,
                lambda p=process: CHANCE["worker"].choice(workers(p)),
            )  # fmt: skip
            before = points(output)
        code, err = finish(process)
        assert code == 0, err
        check(output, undisturbed, before)
        if kills == KILLS:
            return


def test_the_scheduler_is_killed(tmp_path, undisturbed):
    kills = 0
    for output in outputs(tmp_path):
        code, before = None, {}
        while code != 0:
            with cluster(tmp_path) as (file, scheduler):
                process = scan(output, "--scheduler-file", file)
                wait_for_points(output, process)
                if kills < KILLS:
                    span = undisturbed[1] / 3
                    kills += strike("scheduler", span, process, lambda s=scheduler: s)
                code, err = finish(process)
            now = points(output)
            assert before.items() <= now.items()
            before = now
            if code:  # it was not over yet
                assert code == 2, err
                assert err.splitlines()[-1].startswith("impo: The scheduler "), err
                assert "Traceback" not in err
        check(output, undisturbed, before)
        if kills == KILLS:
            return


def test_two_scans_at_once(tmp_path, undisturbed):
    output = tmp_path / "scan.h5"
    both = [scan(output, "--workers", 1) for _ in range(2)]
    for process in both:
        code, err = finish(process)
        assert code == 0, err
    check(output, undisturbed)


FIELDS = [
    "models.boundary:chain", "length=3", "drive=1.3", "field=1.5", "--over", "seed=0:9:10",
    "--method", "tebd", "--set", "tol=1e-2", "chi_max=32", "--checkpoint", "0", "--workers", "1",
]  # fmt: skip


def test_a_scan_over_random_fields_is_killed(tmp_path):
    """Ten realisations of a driven chain, killed in the middle and gone on with."""
    outputs = tmp_path / "whole.h5", tmp_path / "parts.h5"
    assert finish(start("impo.cli", "scan", *FIELDS, "-o", outputs[0]))[0] == 0
    process = start("impo.cli", "scan", *FIELDS, "-o", outputs[1])
    written = outputs[1].with_suffix(".points")
    while process.poll() is None and len(list(written.glob("*.h5"))) < 3:
        time.sleep(0.01)
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL
    before = points(outputs[1])
    assert 3 <= len(before) < 10
    assert finish(start("impo.cli", "scan", *FIELDS, "-o", outputs[1]))[0] == 0
    assert before.items() <= points(outputs[1]).items()
    assert numbers(outputs[1]) == numbers(outputs[0])
    first = load(outputs[0])["Sz"][:, 0]
    assert len(set(first.tolist())) == 10
