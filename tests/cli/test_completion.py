"""Options that print and end: help, version, completion. They load nothing that computes."""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from impo.cli.main import main

ROOT = Path(__file__).parents[2]
HEAVY = ("tenpy", "matplotlib", "scipy.stats", "numba", "distributed", "shtab")


def python(*words):
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=ROOT, check=False
    )  # fmt: skip


@pytest.mark.parametrize("module", ["impo", "impo.cli"])
def test_the_command_as_a_module(module):
    done = python("-m", module, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"impo {metadata.version('impo')}\n"


@pytest.mark.parametrize("words", [["--help"], ["solve", "--help"], ["methods"], ["--version"]])
def test_help_loads_nothing_that_computes(words):
    script = (
        "import sys\nfrom impo.cli.__main__ import main\n"
        f"code = main()\nloaded = [name for name in {HEAVY} if name in sys.modules]\n"
        "print(loaded, file=sys.stderr)\nsys.exit(code)"
    )
    done = python("-c", script, *words)
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert done.stdout


def test_help_is_an_answer(capsys):
    assert main(["--help"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("usage: impo")
    assert err == ""
    for command in ("solve", "scan", "evolve", "compare", "run", "plot", "check"):
        assert main([command, "--help"]) == 0
        assert capsys.readouterr().out.startswith(f"usage: impo {command} ")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_a_script_for_the_shell(capsys, tmp_path, shell):
    assert main(["--print-completion", shell]) == 0
    text, err = capsys.readouterr()
    assert err == ""
    for word in ("evolve", "--over", "--times", "--print-completion", "itebd"):
        assert word in text
    if shutil.which(shell):
        (tmp_path / "script").write_text(text)
        done = subprocess.run([shell, "-n", str(tmp_path / "script")], capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")


def test_bash_completes_commands_options_and_methods(capsys):
    """The function that bash would call is called, with the words before the cursor."""
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")
    assert main(["--print-completion", "bash"]) == 0
    script = capsys.readouterr().out
    ask = '\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_impo; echo "${COMPREPLY[@]}"'

    def completed(*words):
        given = ["bash", "-c", script + ask, "bash", *words]
        return subprocess.run(given, capture_output=True, text=True).stdout.split()

    assert completed("impo", "ev") == ["evolve"]
    assert completed("impo", "evolve", "mine:chain", "--ti") == ["--times"]
    assert completed("impo", "solve", "mine:chain", "--method", "it") == ["itebd"]


def test_an_unknown_shell(capsys):
    assert main(["--print-completion", "fish"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "invalid choice: 'fish'" in err
