"""Whatever happens to a file, `check` and `plot` give a result or one line that says why not."""

import shutil

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from tests.fuzz.files import make_files, raw_damage, sealed_damage
from tests.fuzz.profiles import fuzz, long_run
from tests.fuzz.running import complaints, run


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    place = tmp_path_factory.mktemp("files") / "here"
    place.mkdir()
    return make_files(place)


def used(good, number, damage, command):
    """Damage one of the files and give it to a command."""
    place = good[0].parent
    name = good[number % len(good)].name
    path = place / "damaged.h5"
    shutil.copy(place / name, path)
    damage(path)
    words = [command, "damaged.h5", *(["-o", "damaged.png"] if command == "plot" else [])]
    ended = run(words, place)
    note(f"{name}: {ended}")
    assert not complaints(ended)
    assert not (place / "executed").exists()


def test_good_files_are_checked_and_drawn(good):
    for path in good[:: 1 if long_run() else 9]:
        for words in (["check", path.name], ["plot", path.name, "-o", "x.png"]):
            ended = run(words, path.parent)
            assert not complaints(ended), (words, ended)


@given(
    number=st.integers(0, 99), damage=sealed_damage(), command=st.sampled_from(["check", "plot"])
)
@fuzz(8)
def test_sealed_again(good, number, damage, command):
    used(good, number, damage, command)


@given(number=st.integers(0, 99), damage=raw_damage(), command=st.sampled_from(["check", "plot"]))
@fuzz(6)
def test_damaged(good, number, damage, command):
    used(good, number, damage, command)
