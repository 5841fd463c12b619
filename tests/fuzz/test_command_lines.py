"""Every command line ends in a result, or in one line that says why there is none."""

import os
import shutil
import stat

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from tests.fuzz.command_lines import MODELS, STUDIES, command_lines
from tests.fuzz.files import bad_files, make_files
from tests.fuzz.profiles import fuzz
from tests.fuzz.running import complaints, run

MADE = {"out.h5", "out.points", "-.h5", "-.points", "out é.h5", "out é.points", ".h5", ".h5.points"}


def make_place(place):
    """Put models, studies, good and bad files into a directory; return their names."""
    place.mkdir()
    good = make_files(place)
    names = [path.name for path in good] + bad_files(place, good[0])
    (place / "mine.py").write_text(MODELS)
    (place / "exits.py").write_text("import sys\nsys.exit(0)\n")
    (place / "syntax.py").write_text("x = (")
    for name, text in STUDIES.items():
        (place / "runs" / f"{name}.py").write_text(text)
    return names


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("files") / "here"
    return place, make_place(place)


def kept(place):
    """Return what tells whether a file was touched, of all below a directory."""
    found = {}
    for base, _, files in os.walk(place):
        for name in files:
            path = os.path.join(base, name)
            if "__pycache__" not in base:
                known = os.lstat(path)
                found[path] = (known.st_ino, known.st_size, known.st_mtime_ns, known.st_mode)
    return found


def clean(place, before, words):
    """Remove what a command has made; return what it should not have made or changed."""
    wrong = []
    pictures = {word for word in words if word.startswith("out.")} | {"out.png", "out.pdf"}
    for path, known in kept(place).items():
        name = os.path.relpath(path, place)
        if name.split("/")[0] in MADE | pictures | set(words) and before.get(path) != known:
            os.unlink(path)
        elif before.get(path) != known:
            wrong.append(f"{name} was written")
            os.unlink(path)
    wrong += [f"{path} is gone" for path in before if not os.path.lexists(path)]
    for name in MADE:
        if (place / name).is_dir():
            shutil.rmtree(place / name)
    return wrong


def faults(words, place):
    """Run a command; return what is wrong with it."""
    before = kept(place)
    ended = run(words, place)
    wrong = complaints(ended) + clean(place, before, words)
    assert stat.S_ISFIFO(os.stat(place / "pipe.h5").st_mode)
    return wrong, ended


@pytest.mark.slow
@given(data=st.data())
@fuzz(12)
def test_command_lines(place, data):
    directory, names = place
    words = data.draw(command_lines(names))
    wrong, ended = faults(words, directory)
    note(f"{words}: {ended}")
    assert not wrong
