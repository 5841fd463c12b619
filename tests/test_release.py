"""Wheel and source distribution: complete, accepted by twine, and at work where nothing else is."""

import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = """
import json, sys, impo
from impo import Exact, Jump, LindbladModel, Spin, Term, load, steady_state
model = LindbladModel((Spin(1),), (Term(0.5, ("Sx", 0, 0)),), (Jump(1.0, "S-", 0),))
steady_state(model, Exact()).save("point.h5")
state = load("point.h5")
print(json.dumps([impo.__file__, state.status, state.expect("Sz").value.tolist()]))
"""


def called(*command, where):
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Build both; the repository stays as it is."""
    out = tmp_path_factory.mktemp("dist")
    called(sys.executable, "-m", "build", "--outdir", str(out), str(ROOT), where=out)
    (source,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return source, wheel


@pytest.mark.slow
def test_distributions_are_complete(distributions):
    source, wheel = distributions
    called(sys.executable, "-m", "twine", "check", "--strict", *map(str, distributions), where=ROOT)
    held = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "impo").rglob("*.py")}
    assert modules | {"impo/py.typed", "impo/__init__.pyi", "impo/analysis/impo.mplstyle"} <= held
    assert {name.partition("/")[0] for name in held} == {"impo", f"impo-{version()}.dist-info"}
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for room in ("docs", "models", "runs", "tests"):
        for path in (ROOT / room).rglob("*.py"):
            assert str(path.relative_to(ROOT)) in names, path


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_environment(distributions, tmp_path):
    """With the newest versions of what it requires, and nothing else."""
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-compile"]
    called(*pip, str(distributions[1]), where=tmp_path)
    file, status, values = json.loads(called(str(python), "-I", "-c", SCRIPT, where=tmp_path))
    assert Path(file).is_relative_to(tmp_path)
    assert status == "converged"
    assert -1 < values[0] < 0
    told = called(str(python.with_name("impo")), "--version", where=tmp_path)
    assert told.split() == ["impo", version()]


def version():
    """Return the version that the metadata state."""
    line = next(x for x in (ROOT / "setup.cfg").read_text().splitlines() if x[:9] == "version =")
    return line.partition("= ")[2]


def test_one_version_is_told_everywhere():
    assert f"version: {version()}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {version()}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"{{{version()}}}" in (ROOT / "docs" / "cite.md").read_text()


def test_what_is_typed_says_so():
    assert (ROOT / "impo" / "py.typed").is_file()
    assert "py.typed" in (ROOT / "setup.cfg").read_text()
