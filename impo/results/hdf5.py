"""HDF5 files as bytes: written atomically, sealed, and read as named arrays and nothing else.

The attribute `checksum` holds the SHA-256 and the length of the file, taken with the 64 digits of
the hash replaced by zeros. It is verified on the bytes of a file before the HDF5 library, which
crashes on some damaged files, sees any of them. Numbers, booleans and text are the only types;
dimensions are those of netCDF-4.
"""

import hashlib
import io
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.results.variable import Variable

_NOT_A_VARIABLE = "This is a netCDF dimension but not a netCDF variable."
_SEAL = re.compile(rb"impo-sha256:([0-9a-f]{64}):(\d{16})")
_MALFORMED = (OSError, RuntimeError, KeyError, ValueError, TypeError)
_T = TypeVar("_T")


class StoreError(Exception):
    """A file cannot be written or read; the message names it and says why in one line."""


class UnreadableError(Exception):
    """The content of a file is sound but cannot be used; the message says why."""


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


def write(path: str | Path, fill: Callable[[h5py.File], None]) -> None:
    """Write a sealed file that a function fills; it is complete, or what was there before stays."""
    buffer = io.BytesIO()
    blank = f"impo-sha256:{secrets.token_hex(32)}:{0:016d}".encode()
    with h5py.File(buffer, "w") as file:
        file.attrs["checksum"] = np.bytes_(blank)  # first, so that it survives a truncation
        fill(file)
    write_atomically(path, _sealed(buffer.getvalue(), blank))


def read(path: str | Path, reader: Callable[[h5py.File], _T]) -> _T:
    """Return what a function finds in a file whose seal is whole.

    Raises
    ------
    StoreError
        If the file is missing, foreign, truncated or damaged, or the function finds it malformed.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror or error}.") from error
    if problem := _broken_seal(content):
        raise StoreError(f"Cannot read {path}: {problem}.")
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return reader(file)
    except UnreadableError as error:
        raise StoreError(f"Cannot read {path}: {error}.") from error
    except _MALFORMED as error:
        why = " ".join(str(error).split())
        raise StoreError(f"Cannot read {path}: it is malformed ({why}).") from error


def check_writable(path: str | Path) -> None:
    """Raise `StoreError` if a file could not be written: better before a computation than after."""
    path = Path(path)
    if path.is_dir():
        raise StoreError(f"Cannot write {path}: it is a directory.")
    temporary = _temporary(path)
    try:
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error.strerror or error}.") from error


def _temporary(path: Path) -> Path:
    """Return a name in the same directory, so that renaming it is atomic."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def _sealed(content: bytes, blank: bytes) -> bytes:
    """Return a file with its length and its hash in place of the blank seal."""

    def with_seal(digits: str) -> bytes:
        return content.replace(blank, f"impo-sha256:{digits}:{len(content):016d}".encode(), 1)

    return with_seal(hashlib.sha256(with_seal("0" * 64)).hexdigest())


def _broken_seal(content: bytes) -> str:
    """Return what is wrong with the bytes of a file, or an empty text."""
    if not content.startswith(b"\x89HDF\r\n\x1a\n"):
        return "it is not an HDF5 file"
    problem = "it was not written by impo"
    for found in _SEAL.finditer(content):
        zeros = content[: found.start(1)] + b"0" * 64 + content[found.end(1) :]
        if hashlib.sha256(zeros).hexdigest().encode() == found[1]:
            return ""
        short = len(content) < int(found[2])
        problem = "it is truncated" if short else "its content does not match its checksum"
    return problem


def write_variables(group: h5py.Group, variables: Mapping[str, Variable]) -> None:
    """Write variables with netCDF dimensions; coordinates come first and are the scales.

    Raises
    ------
    ArgumentError
        If variables disagree about the length of a dimension, or hold neither numbers nor text.
    """
    lengths = _lengths(variables)
    for dim, length in lengths.items():
        if dim in variables:
            _write(group, dim, variables[dim]).make_scale(dim)
        else:
            scale = group.create_dataset(dim, shape=(length,), dtype=">f4")
            scale.make_scale(f"{_NOT_A_VARIABLE}{length:10d}")
    for name in variables.keys() - lengths.keys():
        item = _write(group, name, variables[name])
        for axis, dim in enumerate(variables[name].dims):
            item.dims[axis].attach_scale(group[dim])


def _lengths(variables: Mapping[str, Variable]) -> dict[str, int]:
    """Return the length of every dimension."""
    lengths: dict[str, int] = {}
    for name, variable in variables.items():
        shape = np.shape(variable.values)
        if len(shape) != len(variable.dims):
            raise ArgumentError(
                f"Variable `{name}` must have the dimensions {variable.dims}, but has shape {shape}"
            )
        for dim, length in zip(variable.dims, shape, strict=True):
            if lengths.setdefault(dim, length) != length:
                raise ArgumentError(
                    f"Dimension `{dim}` must have length {lengths[dim]} in every variable, but has "
                    f"{length} in `{name}`."
                )
        if name in lengths and variable.dims != (name,):
            raise ArgumentError(f"Variable `{name}` must have only the dimension of its name.")
    return lengths


def _write(group: h5py.Group, name: str, variable: Variable) -> h5py.Dataset:
    """Write one array with its units and long name."""
    values = np.asarray(variable.values)
    if values.dtype.kind == "U":
        item = group.create_dataset(name, data=values.astype(object), dtype=h5py.string_dtype())
    elif values.dtype.kind == "b":
        item = group.create_dataset(name, data=values.astype("i1"))
        item.attrs["dtype"] = "bool"  # how xarray marks a boolean
    elif values.dtype.kind in "iufc":
        item = group.create_dataset(name, data=values)
    else:
        raise ArgumentError(
            f"Variable `{name}` must hold numbers, booleans or text, but holds {values.dtype}."
        )
    if variable.long_name:
        item.attrs["long_name"] = variable.long_name
    if variable.long_name or variable.units != "1":
        item.attrs["units"] = variable.units
    return item


def variables(file: h5py.File) -> Iterator[tuple[str, Variable]]:
    """Yield the variables of the root, in the order of their names."""
    for name, item in items(file):
        if is_bare_dimension(item):
            continue
        if item.attrs.get("CLASS") == b"DIMENSION_SCALE":
            dims: tuple[str, ...] = (name,)
        else:
            dims = tuple(dim[0].name.rpartition("/")[2] for dim in item.dims)
        label = item.attrs.get("long_name", "")
        yield name, Variable(dims, _decoded(item), item.attrs.get("units", "1"), label)


def is_bare_dimension(item: h5py.Dataset) -> bool:
    """Return whether an array only stands for a dimension without coordinates."""
    return bool(item.attrs.get("NAME", b"").startswith(_NOT_A_VARIABLE.encode()))


def _decoded(item: h5py.Dataset) -> Array:
    """Return an array in memory."""
    if h5py.check_string_dtype(item.dtype):
        return np.asarray(item.asstr()[()], dtype=str)
    values = np.asarray(item[()])
    return values.astype(bool) if item.attrs.get("dtype") == "bool" else values


def items(group: h5py.Group, prefix: str = "") -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield all arrays below a group by name; refuse links and data outside the file."""
    for name in sorted(group):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{prefix}{name} is a link.")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from items(item, f"{prefix}{name}/")
        elif item.is_virtual or item.external or not _is_plain(item.dtype):
            raise ValueError(f"{prefix}{name} does not hold plain numbers or text.")
        else:
            yield prefix + name, item


def _is_plain(dtype: np.dtype) -> bool:
    return dtype.kind in "iufc" or h5py.check_string_dtype(dtype) is not None
