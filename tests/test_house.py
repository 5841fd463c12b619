"""The shape of the code: contracts of the rooms, lengths, nothing copied between methods."""

import ast
import hashlib
import importlib
import shutil
import subprocess
import sys
from collections import defaultdict
from itertools import chain
from pathlib import Path
from types import CodeType

import pytest
from numba.core.dispatcher import Dispatcher

from impo.methods import METHODS
from impo.tensor import kernel, linear_algebra

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "impo").rglob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 400, 60
BLOCK = 6  # equal lines that two methods may not share


def contracts(directory):
    """Run import-linter on a copy of the project or on the project."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
    ]
    return subprocess.run(
        [*command, "--no-cache"], cwd=directory, capture_output=True, text=True, check=False
    )


def test_contracts_of_the_rooms_are_kept():
    found = contracts(ROOT)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("results/estimate.py", "import impo.operators.local"),
        ("methods/twa/solve.py", "import impo.methods.exact.state"),
        ("methods/exact/solution.py", "import impo.tensor.legs"),
        ("scans/tasks.py", "import tenpy"),
        ("analysis/check.py", "from impo.methods.itebd import state"),
        ("cli/parse.py", "import models.gain_loss"),
        ("refinement/verdict.py", "import impo.methods.base"),
    ],
)
def test_a_forbidden_import_is_noticed(tmp_path, room, line):
    for part in ("impo", "models", "runs", "pyproject.toml"):
        place = ROOT / part
        if place.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(place, tmp_path / part, ignore=ignore)
        else:
            shutil.copy(place, tmp_path / part)
    path = tmp_path / "impo" / room
    path.write_text(f"{path.read_text()}\n{line}\n")
    found = contracts(tmp_path)
    assert found.returncode == 1
    assert "BROKEN" in found.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_are_short(path):
    source = path.read_text()
    assert source.count("\n") <= LONGEST_MODULE
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            name = f"{path.relative_to(ROOT)} {node.name}"
            length = node.end_lineno - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{name} has {length} lines"


def blocks(path):
    """Return all runs of six lines of code of a module, without imports, blanks and brackets."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    kept = [
        line
        for line in lines
        if any(map(str.isalnum, line)) and not line.startswith(("import ", "from ", "#"))
    ]
    return {tuple(kept[i : i + BLOCK]) for i in range(len(kept) - BLOCK + 1)}


def test_no_block_stands_in_two_methods():
    folders = sorted(path for path in (ROOT / "impo" / "methods").iterdir() if path.is_dir())
    where = defaultdict(set)
    for folder in folders:
        for block in set(chain.from_iterable(map(blocks, folder.glob("*.py")))):
            where[block].add(folder.name)
    shared = {block: rooms for block, rooms in where.items() if len(rooms) > 1}
    assert not shared, "\n\n".join(f"{rooms}:\n" + "\n".join(b) for b, rooms in shared.items())


def test_methods_are_listed_in_one_place():
    """A name of a method stands in its own folder and in the list of all methods only."""
    classes = {made.__name__ for made in METHODS.values()}
    for path in MODULES:
        inside = path.relative_to(ROOT / "impo").parts
        own = inside[0] == "methods" and (len(inside) > 2 or inside[1] == "__init__.py")
        if own or inside == ("__init__.py",):
            continue
        names = {node.id for node in ast.walk(ast.parse(path.read_text()))
                 if isinstance(node, ast.Name)}  # fmt: skip
        assert not names & classes, path


def frozen_names(code):
    """Return the names that a code object looks up, with those of the functions inside it."""
    inner = [frozen_names(part) for part in code.co_consts if isinstance(part, CodeType)]
    return set(code.co_names).union(*inner)


def test_the_kernel_changes_with_its_linear_algebra():
    """Otherwise the compiler would take the kernel of the other version from its cache."""
    changed = hashlib.sha256(Path(linear_algebra.__file__).read_bytes()).hexdigest()[:16]
    assert changed == kernel.LINEAR_ALGEBRA


def test_compiled_code_freezes_nothing_of_another_file():
    """A cached function is compiled again when its own file changes, not when another one does."""
    seen = 0
    for path in MODULES:
        source = path.read_text()
        if "numba" not in source:
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        imported = {
            alias.asname or alias.name
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("impo")
            and node.module != linear_algebra.__name__
            for alias in node.names
        }
        compiled = [item for item in vars(module).values() if isinstance(item, Dispatcher)]
        for function in compiled:
            assert not frozen_names(function.py_func.__code__) & imported, function
            assert function.py_func.__module__ in (module.__name__, linear_algebra.__name__)
        seen += len(compiled)
    assert seen > 20
