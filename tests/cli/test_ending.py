"""Whatever a command raises is one line, and an exit code that says of what kind it is."""

import errno
import os
import sys
import warnings

import pytest

from impo.arguments import ArgumentError
from impo.cli.ending import ended
from impo.results.store import StoreError


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ArgumentError("Argument `a` must be\n1."), 2, "Argument `a` must be 1."),
        (StoreError("Cannot write a.h5: No space left."), 2, "Cannot write a.h5: No space left."),
        (MemoryError("7 TiB"), 2, "The memory of this machine does not suffice."),
        (OSError(errno.ENOSPC, "No space left", "a.png"), 2, "a.png: No space left."),
        (OSError("some\nreason"), 2, "some reason."),
        (
            TypeError("no\nway"), 1,
            "internal error: TypeError: no way (impo/cli/ending.py, line ",
        ),
        (RecursionError("too deep"), 1, "internal error: RecursionError: too deep (impo/cli/"),
        (UserWarning("odd"), 1, "internal error: UserWarning: odd (impo/cli/ending.py, line "),
    ],
)  # fmt: skip
def test_an_error_is_one_line(capsys, error, code, line):
    assert ended(raising(error)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"impo: {line}")
    assert err.count("\n") == 1
    assert (code == 1) == err.endswith("set IMPO_DEBUG=1 for the traceback.\n")


def test_the_traceback_is_shown_on_demand(capsys, monkeypatch):
    monkeypatch.setenv("IMPO_DEBUG", "1")
    assert ended(raising(TypeError("no way"))) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):")
    assert "in command" in err
    assert err.splitlines()[-1].startswith("impo: internal error: TypeError: no way (")


def test_an_answer_is_printed(capsys):
    assert ended(lambda: (3, "\udce9 é")) == 3
    assert capsys.readouterr().out == "\\udce9 é\n"


def test_remarks_are_no_errors(capsys):
    def command():
        warnings.warn_explicit("TWA is\nmeant", UserWarning, "a.py", 1, module="impo.cli.main")
        return 0, "answer"

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ended(command) == 0
        with pytest.raises(UserWarning):
            warnings.warn("of somebody else", stacklevel=1)
    out, err = capsys.readouterr()
    assert (out, err) == ("answer\n", "TWA is meant\n")


@pytest.mark.parametrize(
    ("output", "code", "err"),
    [
        ("/dev/full", 2, "impo: Cannot write the answer: No space left on device.\n"),
        (None, 141, ""),
    ],
)
def test_an_answer_that_nobody_takes(capsys, monkeypatch, output, code, err):
    """The disk is full; the end of a pipe is closed, as by `head`."""
    if output and not os.path.exists(output):
        pytest.skip(f"this system has no {output}")
    reader, writer = os.pipe()
    os.close(reader)
    target = writer if output is None else os.open(output, os.O_WRONLY)
    with os.fdopen(target, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        assert ended(lambda: (0, "x")) == code
    assert capsys.readouterr().err == err
