"""Scans spread over processes: same numbers, failures recorded, errors in one line."""

import contextlib
import json
import os
import resource
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from impo import TWA
from impo.arguments import ArgumentError
from impo.cli.main import main
from impo.results.estimate import Status
from impo.scans import executors
from impo.scans.executors import ClusterError, embedded, external, usable_cores
from impo.scans.scan import scan
from models import gain_loss
from tests.dense import Dense
from tests.faulty import Faulty, computed
from tests.processes import GRID, cluster, finish, numbers, workers
from tests.processes import scan as started_scan

LOSSES = (0.2, 0.4, 0.6, 0.8)


def chains(gains=(1.0, 1.1)):
    return [[gain_loss.dimer(0.5, gain=gain, loss=loss) for loss in LOSSES] for gain in gains]


@pytest.mark.slow
def test_failures_in_workers_are_recorded(tmp_path):
    """Two points kill their process three times (more than dask allows a task), one raises."""
    log = str(tmp_path / "log")
    method = Faulty(log, kills=0.4, raises=0.6)
    lines = [chains((1.0,))[0], [gain_loss.dimer(0.5, gain=2.0, loss=0.2)]]
    lines[0].insert(2, gain_loss.dimer(0.5, gain=1.5, loss=0.4))
    found = dict(scan(lines, method, tmp_path / "points", embedded(2)))
    good, bad = Status.CONVERGED, Status.FAILED
    assert [found[n].status for n in range(6)] == [good, bad, bad, bad, good, good]
    assert "killed 3 times" in found[1].message
    assert "killed 3 times" in found[2].message
    assert found[3].message == "ValueError: no way"
    way = [(loss, begun) for gain, loss, begun in computed(log) if gain != "2.0"]
    assert way == [("0.2", "cold"), *[("0.4", "0.2")] * 6, ("0.6", "0.2"), ("0.8", "0.2")]
    again = dict(scan(lines, method, tmp_path / "points", embedded(2)))
    assert len(computed(log)) == 10
    assert [again[n].status for n in range(6)] == [found[n].status for n in range(6)]
    assert len(os.listdir(tmp_path / "points")) == 6


@pytest.mark.slow
def test_processes_that_are_killed_while_they_start(tmp_path):
    """dask gives such a process up; when all are lost, others take their place."""
    process = started_scan(tmp_path / "scan.h5", "--workers", 2)
    killed = set()
    while len(killed) < 5 and process.poll() is None:
        for worker in workers(process):
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
                killed.add(worker.pid)
        time.sleep(0.02)
    code, err = finish(process)
    assert code == 0, err
    assert "all worker processes are lost" in err


@pytest.mark.slow
def test_seeds_do_not_depend_on_the_order(tmp_path):
    """The seed of TWA is a setting: every point has the noise that it has alone."""
    models = [gain_loss.chain(2, gain=1.5, loss=loss) for loss in LOSSES[:2]]
    settings = {"cells": 4, "trajectories": 64, "max_time": 5}
    pairs = [[(model, TWA(seed=seed, **settings)) for model in models] for seed in (0, 1)]
    alone = dict(scan(pairs, None, tmp_path / "alone"))
    spread = dict(scan(pairs, None, tmp_path / "spread", embedded(2)))
    for n in range(4):
        np.testing.assert_array_equal(alone[n].expect("Sz").value, spread[n].expect("Sz").value)
    assert not np.array_equal(alone[0].expect("Sz").value, alone[2].expect("Sz").value)


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_data(tmp_path):
    found = []
    grid = [word.replace("6:10:3", "6:8:2") for word in GRID]
    both = ["--direction", "both", "--checkpoint", "0"]

    def here(output, *words):
        assert main(["scan", *grid, *both, "--workers", "1", "-o", str(output), *words]) == 0

    here(tmp_path / "1.h5")
    code, err = finish(started_scan(tmp_path / "2.h5", *both[:2], "--workers", 2, grid=grid))
    assert code == 0, err
    found += [numbers(tmp_path / f"{count}.h5") for count in (1, 2)]
    with cluster(tmp_path) as (file, _):
        code, err = finish(
            started_scan(tmp_path / "x.h5", *both[:2], "--scheduler-file", file, grid=grid)
        )
        assert code == 0, err
        found.append(numbers(tmp_path / "x.h5"))
    for n in (0, 1):  # shares of an array of jobs
        here(tmp_path / "array.h5", "--task-id", str(n), "--tasks", "2")
        assert (tmp_path / "array.h5").exists() == (n == 1)
    found.append(numbers(tmp_path / "array.h5"))
    assert all(other == found[0] for other in found)


@pytest.mark.slow
def test_a_full_disk_under_workers_is_one_line(tmp_path):
    """A limit on the size of files stands in for the end of the disk."""
    output = tmp_path / "scan.h5"
    output.write_bytes(b"earlier")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    code, err = finish(started_scan(output, "--workers", 2, preexec_fn=limit))
    assert code == 2
    (line,) = [line for line in err.splitlines() if line.startswith("impo: ")]
    assert line.startswith("impo: Cannot write ")
    assert line.endswith(": File too large.")
    assert "Traceback" not in err
    assert output.read_bytes() == b"earlier"


def test_schedulers_that_are_not_there(tmp_path, monkeypatch):
    with pytest.raises(ArgumentError, match="`scheduler_file` must be a file that `dask"):
        external(tmp_path / "no.json")
    os.mkfifo(tmp_path / "pipe.json")
    for name, text in {
        "garbage": "garbage", "deep": "[" * 10**5, "list": "[]", "none": "{}",
        "odd": '{"address": 5}',
        "name": '{"address": "foo"}', "port": '{"address": "tcp://127.0.0.1:99999"}',
        "host": '{"address": "tcp://:80"}', "protocol": '{"address": "file://a:80"}',
    }.items():  # fmt: skip
        (tmp_path / f"{name}.json").write_text(text)
    for path in (*tmp_path.glob("*.json"), tmp_path, Path("/dev/zero")):
        with pytest.raises(ArgumentError, match="`scheduler_file` must be a file that `dask"):
            external(path)
    stale = tmp_path / "stale.json"
    stale.write_text(json.dumps({"address": "tcp://127.0.0.1:9"}))
    monkeypatch.setattr(executors, "CONNECT", 0.5)
    with pytest.raises(ClusterError, match="does not answer"):
        list(scan(chains(), Dense(), tmp_path / "points", external(stale)))


def test_what_processes_need(tmp_path):
    with pytest.raises(ArgumentError, match="`workers` must be a positive integer"):
        embedded(0)
    with pytest.raises(
        ArgumentError, match=r"`workers` must be at most .*, 16 for every usable core"
    ):
        embedded(10**6)
    with pytest.raises(ArgumentError, match="`directory` must be given"):
        list(scan(chains(), Dense(), None, embedded(2)))
    assert usable_cores() >= 1


def test_one_process_or_nothing_to_do_starts_no_others(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("started")

    monkeypatch.setattr(executors, "_locally", refuse)
    list(scan(chains(), Dense(), tmp_path / "points", embedded(1)))
    assert len(list(scan(chains(), Dense(), tmp_path / "points", embedded(4)))) == 8
