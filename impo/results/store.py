"""Results on disk: HDF5 files, written atomically, that anything can read and nothing executes.

Layout (schema 2; in schema 1 matrix products were scaled differently):

* attributes of the root: `format` = "impo", `schema`, `kind` of the result, `attributes` and
  `provenance` as JSON, `created` (UTC), `checksum`, and for a state `summary`, the object that
  `impo solve --json` prints;
* variables of the root: what a person wants to read, with named dimensions, coordinates, `units`
  and `long_name` in netCDF-4 conventions, so `xarray.open_dataset(path, engine="h5netcdf")` shows
  it: all data of a dataset, or the observables of a state or trajectory with their errors, and the
  verdict;
* group `arrays`: for a state or trajectory, the arrays from which it is rebuilt.

Numbers, booleans and text are the only types. The attribute `checksum` holds the SHA-256 and the
length of the file, taken with the 64 digits of the hash replaced by zeros. It is verified on the
bytes of a file before the HDF5 library, which crashes on some damaged files, sees any of them.
"""

import hashlib
import io
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.results.dataset import Dataset, Variable
from impo.results.state import Stored, provenance, stored_kind
from impo.results.summary import readable, summary

SCHEMA = 2
_NOT_A_VARIABLE = "This is a netCDF dimension but not a netCDF variable."
_SEAL = re.compile(rb"impo-sha256:([0-9a-f]{64}):(\d{16})")
_MALFORMED = (OSError, RuntimeError, KeyError, ValueError, TypeError)


class StoreError(Exception):
    """A file cannot be written or read; the message names it and says why in one line."""


def save(result: Stored, path: str | Path) -> None:
    """Write a result to an HDF5 file; the file is complete, or what was there before stays.

    Parameters
    ----------
    result
        A steady state, a trajectory or a `Dataset`.
    path
        File to write; an earlier one is replaced.

    Raises
    ------
    StoreError
        If the directory does not exist or cannot be written to, or the disk is full.
    ArgumentError
        If variables of a dataset disagree about the length of a dimension.
    """
    buffer = io.BytesIO()
    blank = f"impo-sha256:{secrets.token_hex(32)}:{0:016d}".encode()
    with h5py.File(buffer, "w") as file:
        file.attrs["checksum"] = np.bytes_(blank)  # first, so that it survives a truncation
        _fill(file, result)
    write_atomically(path, _sealed(buffer.getvalue(), blank))


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


def load(path: str | Path) -> Any:
    """Read a result that `save` wrote. Nothing in the file is executed.

    Returns
    -------
    SteadyState, Trajectory or Dataset
        What was saved.

    Raises
    ------
    StoreError
        If the file is missing, foreign, truncated or damaged, fails its checksum, was written with
        a newer schema, or holds a kind of result that this version does not know.
    """
    return _read(Path(path), _rebuild)


def claims(path: str | Path) -> tuple[dict[str, Variable], dict[str, Any]]:
    """Return what a person reads in a file: the variables of its root, and the summary of a state.

    Unlike those of the result that `load` rebuilds from the arrays, these are the numbers as they
    were written.

    Raises
    ------
    StoreError
        As `load`.
    """

    def read(file: h5py.File, path: Path) -> tuple[dict[str, Variable], dict[str, Any]]:
        root = {name: item for name, item in _variables(file) if "/" not in name}
        return root, json.loads(file.attrs.get("summary", "{}"))

    return _read(Path(path), read)


def to_xarray(result: Stored) -> Any:
    """Return the `xarray.Dataset` that `Stored.to_xarray` describes."""
    try:
        import h5netcdf  # noqa: F401
        import xarray
    except ImportError as error:
        raise ArgumentError(
            f"`to_xarray` needs the package {error.name}; install the extra: pip install "
            "'impo[analysis]'."
        ) from None
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _describe(file, result)
    with xarray.open_dataset(buffer, engine="h5netcdf") as shown:
        return shown.load()


def _read(path: Path, reader: Callable[[h5py.File, Path], Any]) -> Any:
    """Return what a function finds in a file, of which the seal and the schema are checked."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror or error}.") from error
    problem = _broken_seal(content)
    if problem:
        raise StoreError(f"Cannot read {path}: {problem}.")
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            _check_schema(file, path)
            return reader(file, path)
    except _MALFORMED as error:
        why = " ".join(str(error).split())
        raise StoreError(f"Cannot read {path}: it is malformed ({why}).") from error


def _sealed(content: bytes, blank: bytes) -> bytes:
    """Return a file with its length and its hash in place of the blank seal."""
    start = content.index(blank)
    head, tail = content[:start], content[start + len(blank) :]

    def seal(digits: str) -> bytes:
        return head + f"impo-sha256:{digits}:{len(content):016d}".encode() + tail

    return seal(hashlib.sha256(seal("0" * 64)).hexdigest())


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


def _check_schema(file: h5py.File, path: Path) -> None:
    """Refuse a file that is not ours or of a later version."""
    if file.attrs.get("format") != "impo":
        raise StoreError(f"Cannot read {path}: it was not written by impo.")
    schema = int(file.attrs["schema"])
    if schema > SCHEMA:
        raise StoreError(
            f"Cannot read {path}: it has schema {schema}, but this version of impo reads schemas "
            f"up to {SCHEMA}; install a newer one."
        )


def _rebuild(file: h5py.File, path: Path) -> Any:
    """Return the result in an open file."""
    kind = file.attrs["kind"]
    attributes = json.loads(file.attrs["attributes"])
    if kind == Dataset.kind:
        return Dataset(dict(_variables(file)), attributes)
    known = stored_kind(kind)
    if known is None:
        raise StoreError(f"Cannot read {path}: this version of impo has no result `{kind}`.")
    arrays = {
        name.removeprefix("arrays/"): _decode(item)
        for name, item in _items(file)
        if name.startswith("arrays/") and not _is_bare_dimension(item)
    }
    return known.from_arrays(arrays, attributes)


def _fill(file: h5py.File, result: Stored) -> None:
    """Write a result into an open, empty file."""
    _describe(file, result)
    if isinstance(result, Dataset):
        return
    for name, values in result.to_arrays()[0].items():
        values = np.asarray(values)
        dims = tuple(f"{name}_{axis}" for axis in range(values.ndim))
        _write_variables(file.require_group("arrays"), {name: Variable(dims, values)})


def _describe(file: h5py.File, result: Stored) -> None:
    """Write all but the arrays from which a state or trajectory is rebuilt."""
    file.attrs["format"] = "impo"
    file.attrs["schema"] = SCHEMA
    file.attrs["kind"] = result.kind
    file.attrs["provenance"] = json.dumps(provenance())
    file.attrs["created"] = datetime.now(UTC).isoformat(timespec="seconds")
    if isinstance(result, Dataset):
        _write_variables(file, result.variables)
        file.attrs["attributes"] = _json(result.attributes)
        return
    file.attrs["attributes"] = _json(result.to_arrays()[1])
    if not hasattr(result, "model"):  # nothing for a person to read
        return
    if getattr(result, "times", None) is None:
        file.attrs["summary"] = _json(summary(result))  # type: ignore[arg-type]
    _write_variables(file, readable(result))


def _write_variables(group: h5py.Group, variables: Mapping[str, Variable]) -> None:
    """Write variables with netCDF dimensions; coordinates come first and are the scales."""
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
    for dim, length in lengths.items():
        if dim in variables:
            scale = _write(group, dim, variables[dim])
            scale.make_scale(dim)
        else:
            scale = group.create_dataset(dim, shape=(length,), dtype=">f4")
            scale.make_scale(f"{_NOT_A_VARIABLE}{length:10d}")
    for name, variable in variables.items():
        item = group[name] if name in lengths else _write(group, name, variable)
        if name not in lengths:
            for axis, dim in enumerate(variable.dims):
                item.dims[axis].attach_scale(group[dim])


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
        item.attrs["units"] = variable.units
    return item


def _variables(file: h5py.File) -> Iterator[tuple[str, Variable]]:
    """Yield the variables of the root, in the order of their names."""
    for name, item in _items(file):
        if _is_bare_dimension(item):
            continue
        if item.attrs.get("CLASS") == b"DIMENSION_SCALE":
            dims: tuple[str, ...] = (name,)
        else:
            dims = tuple(dim[0].name.rpartition("/")[2] for dim in item.dims)
        label = item.attrs.get("long_name", "")
        yield name, Variable(dims, _decode(item), item.attrs.get("units", "1"), label)


def _is_bare_dimension(item: h5py.Dataset) -> bool:
    return item.attrs.get("NAME", b"").startswith(_NOT_A_VARIABLE.encode())


def _decode(item: h5py.Dataset) -> Array:
    """Return an array in memory."""
    if h5py.check_string_dtype(item.dtype):
        return np.asarray(item.asstr()[()], dtype=str)
    values = np.asarray(item[()])
    return values.astype(bool) if item.attrs.get("dtype") == "bool" else values


def _items(group: h5py.Group, prefix: str = "") -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield all arrays below a group by name; refuse links and data outside the file."""
    for name in sorted(group):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{prefix}{name} is a link.")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _items(item, f"{prefix}{name}/")
        elif item.is_virtual or item.external or not _is_plain(item.dtype):
            raise ValueError(f"{prefix}{name} does not hold plain numbers or text.")
        else:
            yield prefix + name, item


def _is_plain(dtype: np.dtype) -> bool:
    return dtype.kind in "iufc" or h5py.check_string_dtype(dtype) is not None


def _json(value: Any) -> str:
    def plain(item: Any) -> Any:
        if isinstance(item, np.generic | np.ndarray):
            return item.tolist()
        raise ArgumentError(f"Attributes must be JSON types, but {item!r} is not.")

    return json.dumps(value, default=plain)


Stored._writer = save
Stored._viewer = to_xarray
