"""Files as bytes: only regular ones are read, and writing one is all or nothing."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impo.arguments import ArgumentError, UnsupportedModelError


class StoreError(Exception):
    """A file cannot be written or read; the message names it and says why in one line.

    Examples
    --------
    >>> from impo import StoreError, load
    >>> try:
    ...     load("missing.h5")
    ... except StoreError as error:
    ...     print(error)
    Cannot read missing.h5: No such file or directory.
    """


class UnreadableError(Exception):
    """The content of a file is sound but cannot be used; the message says why."""


def malformed(why: str) -> UnreadableError:
    """Return the error for a content that no version of impo has written; the caller raises it."""
    return UnreadableError(f"it is malformed ({why})")


@contextmanager
def content_of(path: str | Path) -> Iterator[None]:
    """Turn whatever the content of a file leads to into one `StoreError` that names the file.

    A checksum only says that a file is as it was written, not that it was written well. What cannot
    be rebuilt, checked or drawn is therefore an error of the file, wherever it shows.

    Raises
    ------
    StoreError
        In place of any exception but an `ArgumentError` or an `UnsupportedModelError`, which say
        themselves what is wrong.
    """
    try:
        yield
    except (ArgumentError, UnsupportedModelError, StoreError):
        raise
    except UnreadableError as error:
        raise StoreError(f"Cannot read {path}: {error}.") from error
    except Exception as error:
        why = ": ".join(filter(None, (type(error).__name__, " ".join(str(error).split()))))
        raise StoreError(f"Cannot read {path}: {malformed(why)}.") from error


def read_regular(path: str | Path, most: int | None = None) -> bytes:
    """Return the content of a regular file.

    A pipe waits for somebody to write, and a device may never end: neither is opened.

    Parameters
    ----------
    path
        The file.
    most
        Largest number of bytes that it may have; None for any.

    Raises
    ------
    StoreError
        If there is no such file, it is no regular file or too large, or may not be read.
    """
    try:
        found = os.stat(path)
        if most is not None and found.st_size > most:
            raise StoreError(f"Cannot read {path}: it has more than {most} bytes.")
        if stat.S_ISREG(found.st_mode):
            with open(path, "rb") as file:
                return file.read(found.st_size)
        if stat.S_ISDIR(found.st_mode):
            raise StoreError(f"Cannot read {path}: Is a directory.")
        raise StoreError(f"Cannot read {path}: it is no regular file.")
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror or error}.") from error
    except ValueError as error:  # a zero byte in the name
        raise StoreError(f"Cannot read {str(path)!r}: {error}.") from error


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a file by renaming a complete temporary one over it; raise `StoreError` if it fails."""
    path = Path(path)
    temporary = _temporary(path)
    try:
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error.strerror or error}.") from error


def check_writable(path: str | Path) -> None:
    """Raise `StoreError` if a file could not be written: better before a computation than after."""
    path = Path(path)
    try:
        if path.is_dir():
            raise StoreError(f"Cannot write {path}: it is a directory.")
        temporary = _temporary(path)
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error.strerror or error}.") from error
    except ValueError as error:  # a zero byte in the name
        raise StoreError(f"Cannot write {str(path)!r}: {error}.") from error


def _temporary(path: Path) -> Path:
    """Return a name in the same directory, so that renaming it is atomic."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
