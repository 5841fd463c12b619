"""The tutorials of docs/ run as they stand, and their links exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.py"))
each = pytest.mark.parametrize("script", TUTORIALS, ids=lambda script: script.stem)


def test_there_are_five():
    assert len(TUTORIALS) == 5


@pytest.mark.slow
@each
def test_it_runs(script, tmp_path):
    """Every tutorial asserts what it says; warnings are errors as in all tests."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") >= 4


@each
def test_its_text_is_plain_and_its_links_exist(script):
    text = script.read_text()
    assert text.startswith('"""# ')
    assert "assert " in text
    for target, heading in re.findall(r"\]\(([^)#:]+\.md)(?:#([^)]*))?\)", text):
        page = script.parent / target
        if not page.is_file():  # another tutorial
            page = page.with_suffix(".py")
        assert page.is_file(), target
        titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
        names = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in titles}
        assert not heading or heading in names, (target, heading)
