import os
import re

import numpy as np
import pytest

from impo.analysis.check import check
from impo.arguments import ArgumentError
from impo.results.files import (
    StoreError,
    check_writable,
    content_of,
    malformed,
    read_regular,
    write_atomically,
)
from impo.results.store import load

LONG = "x" * 300


def test_a_regular_file_is_read(tmp_path):
    write_atomically(tmp_path / "a", b"123")
    (tmp_path / "b").symlink_to("a")
    assert read_regular(tmp_path / "a") == read_regular(tmp_path / "b") == b"123"
    assert read_regular(tmp_path / "a", 3) == b"123"
    with pytest.raises(StoreError, match=r"a: it has more than 2 bytes\.$"):
        read_regular(tmp_path / "a", 2)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pipe", "it is no regular file"),
        ("endless", "it is no regular file"),
        ("folder", "Is a directory"),
        ("missing", "No such file or directory"),
        ("nowhere", "No such file or directory"),
        ("circle", "Too many levels of symbolic links"),
        (LONG, "File name too long"),
        ("a\0b", "embedded null"),
    ],
)
def test_nothing_else_is_opened(tmp_path, name, why):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / "circle").symlink_to("circle")
    for read in (read_regular, load, check):
        with pytest.raises(StoreError, match=f"^Cannot read .*{re.escape(why)}"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", [LONG, "a\0b", "folder"])
def test_what_cannot_be_written(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match=r"^Cannot write"):
        check_writable(tmp_path / name)


def test_errors_of_a_content_name_the_file():
    for error, why in (
        (
            IndexError("list index\nout of range"),
            r"malformed \(IndexError: list index out of range\)",
        ),
        (AssertionError(), r"malformed \(AssertionError\)"),
        (MemoryError(), r"malformed \(MemoryError\)"),
        (np.linalg.LinAlgError("singular"), r"malformed \(LinAlgError: singular\)"),
        (malformed("no array"), r"malformed \(no array\)"),
    ):
        with (
            pytest.raises(StoreError, match=rf"^Cannot read x\.h5: it is {why}\.$"),
            content_of("x.h5"),
        ):
            raise error
    for error in (
        ArgumentError("There is nothing to draw."),
        StoreError("full"),
        KeyboardInterrupt(),
    ):
        with pytest.raises(type(error)) as caught, content_of("x.h5"):
            raise error
        assert caught.value is error
