"""The pages of docs/: their Python runs, their commands parse, their links and names exist.

The blocks of a page run in order in one namespace. Blocks marked `python slow` are left out unless
slow tests run.
"""

import re
import shlex
import sys
from pathlib import Path

import pytest

from impo.cli import main as cli

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
TASKS = ROOT / "docs" / "first_hour.md"  # its commands run too
SEVERAL_SECONDS = ("tenpy.md", "verdicts.md", "lengths.md", "models.md")
BLOCK = re.compile(r"^```python( slow)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
WITH_PYTHON = [page for page in PAGES if page != TASKS and BLOCK.search(page.read_text())]
COMMANDS = [
    command
    for page in PAGES
    for command in re.findall(r"^    (impo .*)$", page.read_text(), re.MULTILINE)
]


def headings(page: Path) -> set[str]:
    """Return the names by which links refer to the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def run(page: Path, slow: bool) -> None:
    text, namespace = page.read_text(), {}
    for block in BLOCK.finditer(text):
        if block[1] and not slow:
            continue
        line = text.count("\n", 0, block.start(2))
        exec(compile("\n" * line + block[2], str(page), "exec"), namespace)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow] * (page.name in SEVERAL_SECONDS))
        for page in WITH_PYTHON
    ],
    ids=lambda page: page.name,
)
def test_python(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in WITH_PYTHON if "```python slow" in page.read_text()],
    ids=lambda page: page.name,
)
def test_slow_python(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page, slow=True)


@pytest.mark.slow
def test_the_first_hour(tmp_path, monkeypatch):
    """Its files are written, its commands and its Python run, in the order of the page."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "mine", None)  # another test may have one
    del sys.modules["mine"]
    namespace: dict[str, object] = {}
    steps = re.compile(rf"{BLOCK.pattern}|^    (impo [^\n]*)$", re.DOTALL | re.MULTILINE)
    for _, block, command in steps.findall(TASKS.read_text()):
        file = re.match(r"# (\w+\.py)\n", block)
        if command:
            assert cli.main(shlex.split(command)[1:]) == 0, command
        elif file:
            Path(file[1]).write_text(block)
        else:
            exec(block, namespace)
    assert {path.stem for path in tmp_path.glob("*.png")} == {
        "field",
        "length",
        "methods",
        "quench",
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command):
    assert callable(cli._read(shlex.split(command)[1:]).command)


def test_no_block_is_missed():
    for page in PAGES:
        assert page.read_text().count("```python") == len(BLOCK.findall(page.read_text()))
    assert WITH_PYTHON
    assert COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page):
    text = page.read_text()
    for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        source = (ROOT / path).read_text()
        assert re.search(rf"^def {name}\(", source, re.MULTILINE), (path, name)
    for name in re.findall(r"`impo run (\w+)", text):
        assert list((ROOT / "runs").rglob(f"{name}.py")), name
    for path in re.findall(r"`((?:models|runs|impo|tests)/[\w/]+\.py)`", text):
        assert (ROOT / path).is_file(), path
    for target, heading in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
        linked = page.parent / target if target else page
        assert linked.is_file(), target
        assert not heading or heading in headings(linked), (target, heading)
