"""How a command ends: an exit code, an answer, or one line that says why there is none."""

import contextlib
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

import impo
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.cli.exit_codes import AFTER_CTRL_C, BAD_INPUT, INTERNAL, INTERRUPTED, UNREAD
from impo.results.store import StoreError
from impo.scans.executors import ClusterError

Outcome = tuple[int, str]
"""Exit code, and what goes to the standard output."""
DEBUG = "IMPO_DEBUG"
"""Environment variable: if it is set, the traceback of an error is shown before its line."""

_TOLD = (ArgumentError, UnsupportedModelError, StoreError, ClusterError)
logger = logging.getLogger("impo")


def ended(command: Callable[[], Outcome]) -> int:
    """Run a command, print its answer or one line about what went wrong; return the exit code."""
    try:
        with _remarks():
            with contextlib.redirect_stdout(sys.stderr):  # what a library prints is no answer
                code, answer = command()
            if answer:
                _print(answer)
        return code
    except KeyboardInterrupt:
        print(AFTER_CTRL_C, file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the answer has seen enough, as of `impo ... | head`
        _silence()
        return UNREAD
    except Exception as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        code, line = _line(error)
        print(f"impo: {' '.join(line.split())}", file=sys.stderr)
        return code


def _line(error: Exception) -> Outcome:
    """Return the exit code of an error, and what is said about it."""
    if isinstance(error, _TOLD):
        return BAD_INPUT, str(error)
    if isinstance(error, MemoryError):
        return BAD_INPUT, "The memory of this machine does not suffice."
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{error.filename}: "
        return BAD_INPUT, f"{where}{error.strerror or error}."
    told = f"internal error: {type(error).__name__}: {error} ({_place(error)})"
    return INTERNAL, f"{told}; set {DEBUG}=1 for the traceback."


def _place(error: Exception) -> str:
    """Return the last line of this package on the way to an error."""
    home = Path(impo.__file__).parent
    steps = [
        f"{Path(step.filename).relative_to(home.parent)}, line {step.lineno}"
        for step in traceback.extract_tb(error.__traceback__)
        if home in Path(step.filename).parents
    ]
    return steps[-1]


def _print(answer: str) -> None:
    """Print the answer to the last byte; what the terminal cannot show is written as an escape."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(answer)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _silence()
        raise StoreError(f"Cannot write the answer: {error.strerror or error}.") from error


def _silence() -> None:
    """Let nothing be written at the end of the process to what takes nothing any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError, ValueError):
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


class _Lines(logging.StreamHandler[Any]):
    """Lines on the error output, above what shows progress there."""

    def emit(self, record: logging.LogRecord) -> None:
        with tqdm.external_write_mode(file=self.stream):
            super().emit(record)


@contextlib.contextmanager
def _remarks() -> Iterator[None]:
    """Show what the package logs, and its warnings, as lines on the error output.

    Warnings of the package are remarks on the input: they are no errors, even where the interpreter
    was told to make errors of warnings (`python -W error`).
    """
    handler = _Lines()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    with warnings.catch_warnings():
        warnings.filterwarnings("default", category=UserWarning, module="impo")
        plain = warnings.showwarning

        def show(message: Any, category: Any, *rest: Any, **more: Any) -> None:
            if issubclass(category, UserWarning):
                logger.warning("%s", " ".join(str(message).split()))
            else:
                plain(message, category, *rest, **more)

        warnings.showwarning = show
        try:
            yield
        finally:
            logger.removeHandler(handler)
