"""Ctrl-C at any moment of a command: one line, exit code 130, nothing left behind, nothing lost.

The environment variable IMPO_INTERRUPTS is the number of moments of each command (1).
"""

import os
import signal
import subprocess
import time

import psutil
import pytest

from impo.results.state import SteadyState
from impo.results.store import load
from tests.processes import finish, start

pytestmark = pytest.mark.slow
MOMENTS = int(os.environ.get("IMPO_INTERRUPTS", "1"))
LINE = "impo: interrupted; what is finished is kept."

CHAIN = ["models.gain_loss:chain", "S=1", "h=0.5", "gain=1.5"]
SCAN = [
    "scan", *CHAIN, "--over", "g=0.8:1:2", "--over", "loss=0.8:1.4:4", "--method", "itebd",
    "--set", "tol=3e-3",
]  # fmt: skip
COMMANDS = {
    "solve": ["solve", *CHAIN, "g=1", "loss=1", "--method", "itebd", "--set", "tol=1e-5"],
    "scan, one worker": [*SCAN, "--workers", "1"],
    "scan, two workers": [*SCAN, "--workers", "2"],
    "compare": [
        "compare", *CHAIN, "g=1", "loss=1", "--methods", "itebd,exact,twa,mf,cmf", "--set",
        "exact.cells=2", "twa.cells=4", "itebd.tol=1e-2", "cmf.sites=2",
    ],
    "run": ["run", "fig8", "--quick"],
}  # fmt: skip


def listen():
    """Undo what a shell does to processes in the background: they ignore the signal."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def left_behind(group):
    """Return the processes of a group that still run."""
    left = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            pass
    return left


def interrupted(words, output, seconds):
    """Send SIGINT to all processes of a command, as a terminal does; None if it was faster."""
    process = start("impo.cli", *words, "-o", output, preexec_fn=listen)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
        return *finish(process), process.pid
    finish(process)
    return None


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_ends_a_command_by_one_line(tmp_path, name):
    words = COMMANDS[name]
    begin = time.monotonic()
    assert finish(start("impo.cli", *words, "-o", tmp_path / "whole.h5"))[0] == 0
    span = time.monotonic() - begin
    first = 0.2 + 0.5 * list(COMMANDS).index(name) / len(COMMANDS)  # another moment for each
    struck = 0
    for moment in range(MOMENTS):
        output = tmp_path / f"{moment}.h5"
        found = interrupted(words, output, span * (first + moment) / MOMENTS)
        if found is None or found[0] == 0:  # this time it was faster
            assert output.exists()
            continue
        code, err, group = found
        struck += 1
        lines = err.splitlines()
        assert code == 130, err
        assert lines[-1] == LINE, err
        assert err.count(LINE) == 1, err
        assert "Traceback" not in err
        assert "Error" not in err
        until = time.monotonic() + 20
        while left_behind(group):
            assert time.monotonic() < until, left_behind(group)
            time.sleep(0.1)
        told = sum(" converged " in line for line in lines)
        kept = output.with_suffix(".points").glob("[!.]*.h5")
        assert len([path for path in kept if isinstance(load(path), SteadyState)]) >= told
    assert struck
