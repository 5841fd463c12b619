"""What the README says works: its Python runs, its commands parse, its files exist."""

import re
import shlex
from pathlib import Path

import pytest

from impo.cli import main as cli

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"^    (impo .*)$", TEXT, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(PYTHON[number], "README.md", "exec"), {})


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
