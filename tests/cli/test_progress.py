"""What commands show on a pseudo-terminal while they compute, and that it is gone at the end."""

import json
import os
import re
import sys
import termios
import threading
from types import ModuleType

import numpy as np
import pytest
from matplotlib.figure import Figure

from impo.cli import main as command
from impo.cli.main import main
from impo.results.dataset import Dataset
from impo.results.store import load
from impo.scans.checkpoint import Checkpoint

CHAIN = ["models.gain_loss:chain", "S=1/2", "gain=1.5", "loss=1"]
ROUGH = ["--method", "itebd", "--set", "tol=2e-2"]


class Terminal:
    """A pseudo-terminal; `written` is all that was written to it."""

    def __init__(self):
        self._master, slave = os.openpty()
        termios.tcsetwinsize(slave, (40, 200))
        self.stream = os.fdopen(slave, "w", buffering=1)
        self._parts = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        while True:
            try:
                part = os.read(self._master, 65536)
            except OSError:  # closed on the other side
                return
            if not part:
                return
            self._parts.append(part)

    def run(self, *words):
        """Run a command with the terminal as its error output; return the exit code."""
        kept, sys.stderr = sys.stderr, self.stream
        try:
            return main(list(words))
        finally:
            sys.stderr = kept

    @property
    def written(self):
        """Close the terminal and return what was written."""
        self.stream.close()
        self._reader.join()
        os.close(self._master)
        return b"".join(self._parts).decode()


@pytest.fixture
def terminal(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return Terminal()


def left_over(written):
    """Return what is left on the last line of a screen."""
    last = written.replace("\r\n", "\n").rpartition("\n")[2]
    return last.rpartition("\r")[2].strip()


def test_solve(terminal, capsys):
    assert terminal.run("solve", *CHAIN, *ROUGH, "--json") == 0
    assert json.loads(capsys.readouterr().out)["status"] == "converged"
    written = terminal.written
    assert written.startswith("\ritebd: loading [00:00]")
    assert "itebd: relaxing, chi 12, k_max 1" in written
    assert left_over(written) == ""


def test_compare_and_evolve(terminal, capsys):
    words = ["models.gain_loss:dimer", "S=1/2"]
    assert terminal.run("compare", *words, "--methods", "exact,mf") in (0, 3)
    more = ["--method", "exact", "--times", "0:1:2", "--start", "up,down"]
    assert terminal.run("evolve", *words, *more) == 0
    written = terminal.written
    assert "exact: solving, dimension 16" in written
    assert "mf: preparing" in written
    assert "exact: loading" in written
    assert left_over(written) == ""


def test_scan(terminal):
    words = ["--over", "loss=0.8:1:3", "--workers", "1", "-o", "scan.h5"]
    assert terminal.run("scan", *CHAIN[:3], *ROUGH, *words) == 0
    written = terminal.written
    assert "0/3 [00:00<?" in written
    assert "3/3" in written
    assert written.endswith("wrote scan.h5: all results are converged\r\n")


def test_run(terminal, monkeypatch):
    module = ModuleType("runs.tiny")
    module.COST = {"quick": "1 s", "full": "1 s"}
    module.compute, module.draw = (lambda quick: Dataset({})), (lambda data: Figure())
    monkeypatch.setattr(command.studies, "study", lambda name: module)
    monkeypatch.setattr(command.studies, "benchmark", lambda name: None)
    assert terminal.run("run", "tiny") == 0
    assert "\rcomputing tiny [00:00]" in terminal.written


def test_check(terminal):
    assert terminal.run("solve", *CHAIN, *ROUGH, "-o", "a.h5") == 0
    assert terminal.run("check", "a.h5") == 0
    assert "checked residual" in terminal.written


def test_no_terminal_no_progress(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["solve", *CHAIN, *ROUGH, "--json", "-o", "a.h5"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err == ""


class Stopped(Checkpoint):
    """Is interrupted after its first checkpoint."""

    saves = 1

    def __init__(self, path, key):
        super().__init__(path, key, interval=0.0)

    def save(self, arrays, attributes):
        super().save(arrays, attributes)
        Stopped.saves -= 1
        if Stopped.saves == 0:
            raise KeyboardInterrupt


def test_an_interrupted_solve_resumes_to_the_same_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["solve", *CHAIN, *ROUGH, "-o"]
    assert main([*words, "whole.h5"]) == 0
    monkeypatch.setattr(command, "Checkpoint", Stopped)
    assert main([*words, "a.h5"]) == 130
    left, whole = sorted(os.listdir())
    assert re.fullmatch(r"a\.[0-9a-f]{8}\.partial", left)
    assert whole == "whole.h5"
    looks, resumed = [], Checkpoint.load
    monkeypatch.setattr(
        Checkpoint, "load", lambda self: ((found := resumed(self)) and looks.append(found)) or found
    )
    assert main([*words, "a.h5"]) == 0
    assert len(looks) == 1
    assert sorted(os.listdir()) == ["a.h5", "whole.h5"]
    whole, again = load("whole.h5"), load("a.h5")
    assert whole.history == again.history
    for name, values in whole.to_arrays()[0].items():
        np.testing.assert_array_equal(again.to_arrays()[0][name], values)
