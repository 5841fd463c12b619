"""What the README says works: its Python runs, its commands parse, its files exist."""

import re
import shlex
from pathlib import Path

import pytest

from impo.cli import main as cli

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
NUMBER = re.compile(r"(-?\d+\.\d+)\((\d+)\)")
COMMANDS = re.findall(r"^    (impo .*)$", TEXT, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, len(PYTHON)))
def test_python(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(PYTHON[number], "README.md", "exec"), {})


@pytest.mark.slow
def test_what_the_readme_says_is_printed(tmp_path, monkeypatch, capsys):
    """Numbers agree within their errors: the last digits depend on the processor."""
    monkeypatch.chdir(tmp_path)
    exec(compile(PYTHON[0], "README.md", "exec"), {})
    printed = capsys.readouterr().out
    (told,) = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    assert printed.split("\n")[0] == told.split("\n")[0] == "converged"
    now, before = (NUMBER.findall(text) for text in (printed, told))
    assert len(now) == len(before) == 3
    for (value, digits), (kept, _) in zip(now, before, strict=True):
        error = int(digits) * 10.0 ** -len(value.partition(".")[2])
        assert abs(float(value) - float(kept)) <= 2 * error


def test_it_is_short():
    assert TEXT.count("\n") <= 120


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command):
    arguments = cli._read(shlex.split(command)[1:])
    assert callable(arguments.command)


def test_files_are_there():
    assert len(PYTHON) == 2
    assert len(COMMANDS) >= 5
    for name in re.findall(r"\]\((docs/[^)]+)\)", TEXT):
        assert (ROOT / name).is_file()
    for target in re.findall(r"^    make (\w+)", TEXT, re.MULTILINE):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
