"""The command while it loads, and as it ends."""

import signal
import subprocess
import sys

from tests.processes import environment

INTERRUPTED_IN_TEXT = """
import sys
import impo.cli.main
from impo.cli import __main__ as start

def interrupted():
    try:
        exec("raise KeyboardInterrupt")  # a source text: Python remembers it until it ends
    except KeyboardInterrupt:
        print("impo: interrupted; what is finished is kept.", file=sys.stderr)
        return 130

impo.cli.main.main = interrupted
sys.exit(start.main())
"""


def run(directory, program):
    """Run a program as `python -m`, with the signal on, whoever has started this process."""
    (directory / "program.py").write_text(program)
    return subprocess.run(
        [sys.executable, "-m", "program"], cwd=directory, env=environment(), capture_output=True,
        text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def test_the_exit_code_of_an_interrupted_command_is_its_own(tmp_path):
    found = run(tmp_path, INTERRUPTED_IN_TEXT)
    assert (found.returncode, found.stderr.count("\n")) == (130, 1), found.stderr


def test_ctrl_c_while_it_loads_is_one_line(tmp_path):
    program = """
import os, signal, sys
from impo.cli import __main__ as start

class Interrupts:
    def find_spec(self, name, *rest):
        if name == "impo.cli.main":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
start.main()
"""
    found = run(tmp_path, program)
    assert found.returncode == 130, found.stderr
    assert found.stderr == "impo: interrupted; what is finished is kept.\n"
