"""What `impo models` and `impo methods` tell is what the code says."""

import dataclasses
import sys

import pytest

from impo.cli import listing
from impo.cli.main import main
from impo.methods import METHODS


def test_models_of_the_repository():
    lines = listing.models().splitlines()
    assert lines[lines.index("models.gain_loss:chain S g=1.0 h=0.5 gain=1.0 loss=1.0") + 1] == (
        "    Return the chain of Eq. (2): site 0 (A) gains, site 1 (B) loses."
    )
    named = [line.split()[0] for line in lines if line[0] != " "]
    assert "models.kerr:oscillator" in named
    assert "models.cavity_array:couplings" not in named  # it returns no model


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Work in a directory from which the models of the repository are not found."""
    monkeypatch.chdir(tmp_path)
    beside = [path for path in sys.path if not (listing.parse.os.path.exists(f"{path}/models"))]
    monkeypatch.setattr(sys, "path", [path for path in beside if path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "models"]:
        monkeypatch.delitem(sys.modules, name)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "models"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "words", [["models"], ["solve", "models.gain_loss:chain", "S=1", "--method", "exact"]]
)
def test_where_models_come_from_is_said(elsewhere, capsys, words):
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "the models of the repository lie in its folder `models`, so run impo in the rep" in err


def test_models_of_ones_own(elsewhere, capsys):
    """A broken module hides no other, and functions that return something else are left out."""
    (elsewhere / "models").mkdir()
    (elsewhere / "models" / "mine.py").write_text(
        "from __future__ import annotations\n"
        "from impo import Jump, LindbladModel, Spin\n"
        "def decay(rate=1.0, *, S) -> LindbladModel:\n    '''One spin.\n\n    More.\n    '''\n"
        "def bare(**anything): return decay()\n"
        "def number() -> float: return 3.0\n"
        "def _hidden(): return decay()\n"
    )
    (elsewhere / "models" / "broken.py").write_text("import no_such_module")
    assert main(["models"]) == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "models.broken",
        "    Importing `models.broken` raised ModuleNotFoundError: No module named "
        "'no_such_module'",
        "models.mine:decay rate=1.0 S", "    One spin.",
        "models.mine:bare name=value ...", "",
    ]  # fmt: skip
    assert main(["solve", "models.nothing:f", "--method", "exact"]) == 2
    assert "no module `models.nothing` here or installed; `impo models` lists those at hand." in (
        capsys.readouterr().err
    )


def test_methods(capsys):
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(METHODS)
    assert all(len(line.split()) > 4 for line in lines)


@pytest.mark.parametrize("name", METHODS)
def test_all_settings_of_a_method_have_a_default_and_a_meaning(capsys, name):
    assert main(["methods", name]) == 0
    lines = capsys.readouterr().out.splitlines()
    for item in dataclasses.fields(METHODS[name]):
        given = item.default is not dataclasses.MISSING
        head = f"{item.name} = {item.default}" if given else f"{item.name} (must be given)"
        meaning = lines[lines.index(head) + 1]
        assert meaning.startswith("    ")
        assert len(meaning.split()) > 3, item.name
    assert max(map(len, lines)) <= 100


def test_attributes_of_a_docstring():
    text = """First.

Attributes
----------
a
    One,
    and more.
b, c : int
    Two.

Raises
------
ArgumentError
    Never.
"""
    assert list(listing._attributes(text)) == [
        ("a", "One, and more."),
        ("b", "Two."),
        ("c", "Two."),
    ]
    assert list(listing._attributes("First.")) == []


def test_an_unknown_method(capsys):
    assert main(["methods", "fancy"]) == 2
    assert "must be one of itebd, tebd, exact, twa, hpa, mf, cmf" in capsys.readouterr().err
