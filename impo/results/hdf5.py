"""HDF5 files as bytes: written atomically, sealed, and read as named arrays and nothing else.

The attribute `checksum` holds the SHA-256 and the length of the file, taken with the 64 digits of
the hash replaced by zeros. It is verified on the bytes of a file before the HDF5 library, which
crashes on some damaged files, sees any of them. Numbers, booleans and text are the only types;
dimensions are those of netCDF-4.
"""

import hashlib
import io
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np

from impo.arguments import ArgumentError, UnsupportedModelError
from impo.arrays import Array
from impo.results.files import StoreError, content_of, malformed, read_regular, write_atomically
from impo.results.variable import Variable

_NOT_A_VARIABLE = "This is a netCDF dimension but not a netCDF variable."
_SEAL = re.compile(rb"impo-sha256:([0-9a-f]{64}):(\d{16})")
_MOST_TEXT = 2**28  # bytes: texts are kept at the length of the longest
_BLOCK = 64  # texts that are read at once: many may be one and the same long text
_T = TypeVar("_T")


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
    content = read_regular(path)
    if problem := _broken_seal(content):
        raise StoreError(f"Cannot read {path}: {problem}.")
    with content_of(path), h5py.File(io.BytesIO(content), "r") as file:
        _check_sizes(file, len(content))
        try:
            return reader(file)
        except (ArgumentError, UnsupportedModelError) as error:  # of a model that nobody gave here
            raise malformed(str(error).removesuffix(".")) from error


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
    lengths = check_dimensions(variables)
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


def check_dimensions(variables: Mapping[str, Variable]) -> dict[str, int]:
    """Return the length of every dimension, or raise `ArgumentError` if variables disagree."""
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
        return _texts(item)
    values = np.asarray(item[()])
    return values.astype(bool) if item.attrs.get("dtype") == "bool" else values


def _texts(item: h5py.Dataset) -> Array:
    """Return an array of texts, all as long as the longest."""
    if not item.shape:
        return np.asarray(item.asstr()[()], dtype=str)
    out: list[str] = []
    longest = 1
    for start in range(0, item.shape[0], _BLOCK):
        part = np.ravel(item.asstr()[start : start + _BLOCK])
        out += part.tolist()
        longest = max(longest, *map(len, part.tolist()), 1)
        if 4 * longest * item.size > _MOST_TEXT:
            raise malformed(f"{item.name} holds more than {_MOST_TEXT} bytes of text")
    return np.array(out, dtype=f"U{longest}").reshape(item.shape)


def _check_sizes(file: h5py.File, length: int) -> None:
    """Refuse arrays that declare more than the bytes of the file can hold, before any is read."""
    left = length
    for name, item in items(file):
        if is_bare_dimension(item):
            continue
        if item.chunks is not None or item.id.get_storage_size() < item.nbytes:
            raise malformed(f"{name} declares {item.nbytes} bytes, which are not there")
        left -= item.nbytes
        if left < 0:
            raise malformed(f"its arrays declare more than its {length} bytes")


def items(group: h5py.Group, prefix: str = "") -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield all arrays below a group by name; refuse links and data outside the file."""
    for name in sorted(group):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise malformed(f"{prefix}{name} is a link")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from items(item, f"{prefix}{name}/")
        elif item.is_virtual or item.external or not _is_plain(item.dtype):
            raise malformed(f"{prefix}{name} does not hold plain numbers or text")
        else:
            yield prefix + name, item


def _is_plain(dtype: np.dtype) -> bool:
    return dtype.kind in "iufc" or h5py.check_string_dtype(dtype) is not None
