"""Killed at random moments, a sweep ends with the same numbers, and computes no point twice.

The environment variable IMPO_KILLS is the number of moments for each kind of kill (3).
"""

import contextlib
import os
import random
import time

import psutil
import pytest

from tests.processes import cluster, finish, kill, numbers, points, scan, workers

pytestmark = pytest.mark.slow
KILLS = range(int(os.environ.get("IMPO_KILLS", "3")))


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


def moment(kind, number, span):
    """Sleep for a random part of a time span."""
    time.sleep(span * random.Random(f"{kind} {number}").random())


def check_resumes(output, undisturbed, *words):
    """Run a scan to its end: same data, and no point that was finished is computed again."""
    before = points(output)
    code, err = finish(scan(output, *words))
    assert code == 0, err
    check(output, undisturbed, before)


def check(output, undisturbed, before):
    after = points(output)
    assert before.items() <= after.items()
    assert len(after) == 6
    assert sorted(os.listdir(output.with_suffix(".points"))) == sorted(after)
    assert numbers(output) == undisturbed[0]


@pytest.mark.parametrize("number", KILLS)
def test_the_sweep_is_killed(tmp_path, undisturbed, number):
    output = tmp_path / "scan.h5"
    count = (1, 2, 2)[number % 3]
    process = scan(output, "--workers", count)
    try:
        wait_for_points(output, process)
        moment("sweep", number, undisturbed[1])
    finally:
        kill(process)
    check_resumes(output, undisturbed, "--workers", 1)


@pytest.mark.parametrize("number", KILLS)
def test_a_worker_is_killed(tmp_path, undisturbed, number):
    output = tmp_path / "scan.h5"
    process = scan(output, "--workers", 2)
    wait_for_points(output, process)
    moment("worker", number, undisturbed[1] / 2)
    before = points(output)
    alive = workers(process)
    if alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            random.Random(number).choice(alive).kill()
    code, err = finish(process)
    assert code == 0, err
    check(output, undisturbed, before)


@pytest.mark.parametrize("number", KILLS)
def test_the_scheduler_is_killed(tmp_path, undisturbed, number):
    output = tmp_path / "scan.h5"
    with cluster(tmp_path) as (file, scheduler):
        process = scan(output, "--scheduler-file", file)
        wait_for_points(output, process)
        moment("scheduler", number, undisturbed[1] / 2)
        kill(scheduler)
        code, err = finish(process)
    if code:  # it was not over yet
        assert code == 2, err
        assert err.splitlines()[-1].startswith("impo: The scheduler is lost"), err
        assert "Traceback" not in err
    with cluster(tmp_path) as (file, _):
        check_resumes(output, undisturbed, "--scheduler-file", file)


def test_two_scans_at_once(tmp_path, undisturbed):
    output = tmp_path / "scan.h5"
    both = [scan(output, "--workers", 1) for _ in range(2)]
    for process in both:
        code, err = finish(process)
        assert code == 0, err
    check(output, undisturbed, points(output))
