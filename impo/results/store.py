"""Results on disk: files that anything can read and nothing executes.

Layout of a file:

* attributes of the root: `format` = "impo", `schema`, `kind` of the result, `attributes` and
  `provenance` as JSON (`impo.results.strict_json`), `created` (UTC), `checksum`
  (`impo.results.hdf5`), and for a state `summary`, the object that `impo solve --json` prints;
* variables of the root: what a person wants to read, with named dimensions, coordinates, `units`
  and `long_name` in netCDF-4 conventions, so `xarray.open_dataset(path, engine="h5netcdf")` shows
  it: all data of a dataset, or the observables of a state or trajectory with their errors, and the
  verdict;
* group `arrays`: for a state or trajectory, the arrays from which it is rebuilt.

Schema 1 scaled matrix products in another way. Up to schema 2, trajectories had a kind for every
method. Up to schema 3, trajectories did not hold their start, and JSON held NaN and Infinity.
Up to schema 4, jumps named one operator on one site, and sites had no operators of their own.
"""

import io
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.results import hdf5, strict_json
from impo.results.equality import equal
from impo.results.fields import optional
from impo.results.files import (
    StoreError,
    UnreadableError,
    check_writable,
    content_of,
    read_regular,
    write_atomically,
)
from impo.results.settings import provenance
from impo.results.table import Table
from impo.results.variable import Variable

__all__ = [
    "SCHEMA", "Arrays", "StoreError", "Stored", "Told", "Variables", "check_writable", "content_of",
    "load", "read_regular", "reads_kind", "rebuilt", "results_in", "save", "saved", "stated",
    "write_atomically",
]  # fmt: skip

SCHEMA = 5
_LONGEST_TABLE = 1e7

Variables = dict[str, Variable]
Arrays = dict[str, Array]
Told = dict[str, Any]
"""Attributes made of JSON types."""
Reader = Callable[[Variables, Arrays, Told], "Stored"]
_READERS: dict[str, Reader] = {}
_HOMES = [f"impo.results.{name}" for name in ("dataset", "trajectory", "failure", "sampled")]


class Stored:
    """Base of all results that can be written to a file and rebuilt from it.

    A subclass sets `kind` and defines `to_arrays` and the class method `from_arrays`. It is found
    by its kind when a file is loaded. Two results are equal if they are of one class and all that a
    file would hold of them is the same; their computing times do not count.

    Attributes
    ----------
    file
        The file from which the result was loaded, or to which a scan wrote it; None of any other.
    """

    kind: ClassVar[str]
    file: Path | None = None

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or equal(self._value(), other._value())

    def __hash__(self) -> int:
        return hash(self.kind)

    def _value(self) -> Any:
        """Return what `==` compares."""
        return self.to_arrays()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            _READERS[cls.kind] = cls._from_file

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return (named arrays, attributes made of JSON types)."""
        raise TypeError(f"{type(self).__name__} does not define `to_arrays`.")

    @classmethod
    def from_arrays(cls, arrays: Arrays, attributes: Told) -> "Stored":
        """Rebuild the result from what `to_arrays` returned."""
        raise TypeError(f"{cls.__name__} does not define `from_arrays`.")

    def readable(self) -> Mapping[str, Variable]:
        """Return what a person wants to read, as variables with dimensions, units and names."""
        return {}

    def summary(self) -> dict[str, Any] | None:
        """Return the object that `impo solve --json` prints; None of what is no state."""
        return None

    def _told_in(self, file: Path, told: Told) -> Told:
        """Return attributes as a file at this place tells them."""
        return told

    @classmethod
    def _from_file(cls, variables: Variables, arrays: Arrays, told: Told) -> "Stored":
        """Rebuild the result from the parts of a file."""
        return cls.from_arrays(arrays, told)

    def _table(self) -> Table:
        """Return what a person is shown of the result."""
        return Table(self.kind, [])

    def __str__(self) -> str:
        return self._table().text()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._table().title.splitlines()[0]}>"

    def _repr_html_(self) -> str:
        return self._table().html()

    def save(self, path: str | Path) -> None:
        """Write the result to an HDF5 file, atomically (see `save`)."""
        save(self, path)

    def to_xarray(self) -> Any:
        """Return an `xarray.Dataset`: what `xarray.open_dataset` shows of the saved result.

        All data of a dataset, or the observables of a state or trajectory with their errors, with
        named dimensions, coordinates, units and long names; the attributes are those of the file.

        Raises
        ------
        ArgumentError
            If xarray is not installed; it comes with the extra `analysis`.
        """
        optional("h5netcdf", "to_xarray")
        xarray = optional("xarray", "to_xarray")
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            _describe(file, self, self.to_arrays()[1])
        with xarray.open_dataset(buffer, engine="h5netcdf") as shown:
            return shown.load()

    def to_dataframe(self) -> Any:
        """Return a `pandas.DataFrame` with a column for every variable of `to_xarray`.

        Its index runs over all combinations of the dimensions; what depends on some of them alone
        is repeated.

        Raises
        ------
        ArgumentError
            If xarray is not installed, or the table has more than ten million rows.
        """
        data = self.to_xarray()
        if (rows := math.prod(map(float, data.sizes.values()))) > _LONGEST_TABLE:
            raise ArgumentError(
                f"The table has {rows:.3g} rows, at most {_LONGEST_TABLE:.0e} are allowed; choose "
                "variables of `to_xarray()` with fewer dimensions."
            )
        return data.to_dataframe()


def reads_kind(kind: str) -> Callable[[Reader], Reader]:
    """Register a function that rebuilds a kind of result which is not written any more."""

    def register(reader: Reader) -> Reader:
        _READERS[kind] = reader
        return reader

    return register


def results_in(modules: Iterable[str]) -> None:
    """Name modules that are imported when a file holds a result of an unknown kind."""
    _HOMES.extend(modules)


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

    def fill(file: h5py.File) -> None:
        arrays, attributes = result.to_arrays()
        _describe(file, result, result._told_in(Path(path), attributes))
        for name, values in arrays.items():
            values = np.asarray(values)
            dims = tuple(f"{name}_{axis}" for axis in range(values.ndim))
            hdf5.write_variables(file.require_group("arrays"), {name: Variable(dims, values)})

    hdf5.write(path, fill)


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

    Examples
    --------
    >>> from impo import Exact, load, steady_state
    >>> from models.gain_loss import dimer
    >>> steady_state(dimer(S=0.5), Exact()).save("point.h5")
    >>> print(load("point.h5").status)
    converged
    """

    def rebuild(file: h5py.File) -> Any:
        _check_schema(file)
        root, arrays = {}, {}
        for name, item in hdf5.variables(file):
            if name.startswith("arrays/"):
                arrays[name.removeprefix("arrays/")] = item.values
            else:
                root[name] = item
        return rebuilt(
            file.attrs["kind"], arrays, strict_json.loads(file.attrs["attributes"]), root
        )

    return _located(hdf5.read(path, rebuild), path)


def saved(result: Stored, path: str | Path) -> Any:
    """Write a state as `save` does, and return it as `load` would, but from memory.

    It is rebuilt all the same: the last digits of a number may depend on the layout of arrays.
    """
    save(result, path)
    arrays, attributes = result.to_arrays()
    told = strict_json.loads(strict_json.dumps(result._told_in(Path(path), attributes)))
    copies = {name: np.array(arrays[name], order="C") for name in sorted(arrays)}
    return _located(rebuilt(result.kind, copies, told), path)


def _located(result: Any, path: str | Path) -> Any:
    """Return a result, which from now on tells the file that it is in."""
    object.__setattr__(result, "file", Path(path).resolve())  # results are frozen
    return result


def rebuilt(kind: str, arrays: Arrays, told: Told, variables: Variables | None = None) -> Any:
    """Return the result of a kind from the parts of a file."""
    if kind not in _READERS:
        for module in _HOMES:
            import_module(module)
    if kind not in _READERS:
        raise UnreadableError(f"this version of impo has no result `{kind}`")
    return _READERS[kind](variables or {}, arrays, told)


def stated(path: str | Path) -> tuple[dict[str, Variable], dict[str, Any]]:
    """Return what a person reads in a file: the variables of its root, and the summary of a state.

    Unlike those of the result that `load` rebuilds from the arrays, these are the numbers as they
    were written.

    Raises
    ------
    StoreError
        As `load`.
    """

    def read(file: h5py.File) -> tuple[dict[str, Variable], dict[str, Any]]:
        _check_schema(file)
        root = {name: item for name, item in hdf5.variables(file) if "/" not in name}
        return root, strict_json.loads(file.attrs.get("summary", "{}"))

    return hdf5.read(path, read)


def _check_schema(file: h5py.File) -> None:
    """Refuse a file that is not ours or of a later version."""
    if file.attrs.get("format") != "impo":
        raise UnreadableError("it was not written by impo")
    schema = int(file.attrs["schema"])
    if schema > SCHEMA:
        raise UnreadableError(
            f"it has schema {schema}, but this version of impo reads schemas up to {SCHEMA}; "
            "install a newer one"
        )


def _describe(file: h5py.File, result: Stored, attributes: dict[str, Any]) -> None:
    """Write all but the arrays from which a state or trajectory is rebuilt."""
    file.attrs.update(
        format="impo",
        schema=SCHEMA,
        kind=result.kind,
        provenance=strict_json.dumps(provenance()),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        attributes=strict_json.dumps(attributes),
    )
    if (summary := result.summary()) is not None:
        file.attrs["summary"] = strict_json.dumps(summary)
    hdf5.write_variables(file, result.readable())
