"""What every method returns: numbers with error bars, a verdict, and where they come from."""

import dataclasses
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from impo.model import LindbladModel


@dataclass(frozen=True)
class Estimate:
    """A number, or an array of numbers, with its error bar.

    Indexing and iterating an array-valued estimate gives estimates; `numpy.asarray`, `float` and
    `complex` give the value alone.

    Attributes
    ----------
    value
        The value(s), in raw units (hbar = 1).
    error
        Bound or standard error of the same shape, never negative; nan where a method has none.
    """

    value: Any
    error: Any

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> "Estimate":
        return Estimate(self.value[index], self.error[index])

    def __iter__(self) -> Iterator["Estimate"]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        return np.array(self.value, dtype=dtype)

    def __float__(self) -> float:
        return float(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def __str__(self) -> str:
        if np.ndim(self.value):
            return "[" + ", ".join(str(item) for item in self) + "]"
        return f"{self.value:.8g} +- {self.error:.1e}"


class Status(StrEnum):
    """The verdict on a result; only `CONVERGED` means that every error is below the tolerance."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not_converged"
    CHI_LIMITED = "chi_limited"
    K_LIMITED = "k_limited"
    UNPHYSICAL = "unphysical"
    FAILED = "failed"


@runtime_checkable
class SteadyState(Protocol):
    """The steady state of a model by any method.

    A quantity that a method cannot give is None. All values are physical (no rotated frame) and
    raw (hbar = 1); sites are those of the unit cell.
    """

    model: LindbladModel
    method: Any
    status: Status
    message: str
    residual: float | None
    seconds: float
    history: Sequence[Mapping[str, Any]]
    diagnostics: Mapping[str, Any]
    extras: Mapping[str, Any]

    def expect(self, op: str) -> Estimate | None:
        """Return <op> on every site of the unit cell that has this operator."""

    def variance(self, op: str) -> Estimate | None:
        """Return <op^2> - <op>^2 on every site of the unit cell that has this operator."""

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate | None:
        """Return <A_{site a, cell 0} B_{site b, cell r}> for r = 0 ... max_cells, not connected.

        In two dimensions r counts cells in the first direction.
        """

    def correlation_length(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return the decay length of the connected correlation function in unit cells."""

    def density_matrix(self, places: Sequence[tuple[int, int]]) -> NDArray | None:
        """Return the reduced density matrix of (site, cell) pairs; states m = S ... -S."""

    def distribution(self, places: Sequence[tuple[int, int]]) -> NDArray | None:
        """Return the probabilities P(m_1, m_2, ...) on (site, cell) pairs."""

    @property
    def purity_density(self) -> Estimate | None:
        """Return -ln Tr rho^2 per unit cell."""

    def structure_factor(
        self, op_a: str, op_b: str, k: ArrayLike, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>) over all distances r in unit cells."""

    def save(self, path: str | Path) -> None:
        """Write the result to a file, atomically."""


class Progress(Protocol):
    """Follows one long computation: hears how far it is, and keeps what it can go on from.

    A method that takes it goes on, after an interruption, to the same numbers bit for bit.
    """

    def report(self, entry: Mapping[str, Any]) -> None:
        """Take notice of a history entry."""

    def load(self) -> tuple[Mapping[str, NDArray], Mapping[str, Any]] | None:
        """Return what was saved last for this very computation, or None."""

    def due(self) -> bool:
        """Return whether it is time to save."""

    def save(self, arrays: Mapping[str, NDArray], attributes: Mapping[str, Any]) -> None:
        """Keep named arrays and JSON attributes from which the computation can go on."""


class Stored:
    """Mixin: results that can be written to and rebuilt from named arrays.

    A subclass sets `kind`, defines `to_arrays` and the class method `from_arrays`, and is found
    again by `stored_kind` when a file is loaded.
    """

    kind: ClassVar[str]
    _kinds: ClassVar[dict[str, type["Stored"]]] = {}
    _writer: ClassVar[Callable[["Stored", Path], None] | None] = None  # set by impo.store, which
    _viewer: ClassVar[Callable[["Stored"], Any] | None] = None  # `import impo` loads

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Stored._kinds[cls.kind] = cls

    def to_arrays(self) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Return (named arrays, attributes made of JSON types)."""
        raise TypeError(f"{type(self).__name__} does not define `to_arrays`.")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray], attributes: Mapping[str, Any]) -> "Stored":
        """Rebuild the result from what `to_arrays` returned."""
        raise TypeError(f"{cls.__name__} does not define `from_arrays`.")

    def save(self, path: str | Path) -> None:
        """Write the result to an HDF5 file, atomically (see `impo.store`)."""
        if Stored._writer is None:
            raise RuntimeError("Import `impo` before saving a result.")
        Stored._writer(self, Path(path))

    def to_xarray(self) -> Any:
        """Return an `xarray.Dataset`: what `xarray.open_dataset` shows of the saved result.

        All data of a dataset, or the observables of a state or trajectory with their errors, with
        named dimensions, coordinates, units and long names; the attributes are those of the file.

        Raises
        ------
        ArgumentError
            If xarray is not installed; it comes with the extra `analysis`.
        """
        if Stored._viewer is None:
            raise RuntimeError("Import `impo` before looking at a result.")
        return Stored._viewer(self)


def stored_kind(kind: str) -> type[Stored] | None:
    """Return the result class that calls itself `kind`, or None."""
    return Stored._kinds.get(kind)


@dataclass(frozen=True, eq=False)
class StateTrajectory(Stored):
    """States at given times; observables are those of the states, with one leading time axis."""

    kind: ClassVar[str] = "state_trajectory"
    times: NDArray
    states: tuple[Any, ...]

    @property
    def model(self) -> LindbladModel:
        """The description that was evolved."""
        return self.states[0].model

    @property
    def method(self) -> Any:
        """The settings of the method."""
        return self.states[0].method

    def __len__(self) -> int:
        return len(self.states)

    def _stack(self, quantity: Callable[[Any], Any]) -> Estimate:
        found = [quantity(state) for state in self.states]
        return Estimate(
            np.array([item.value for item in found]), np.array([item.error for item in found])
        )

    def expect(self, op: str) -> Estimate:
        """Return <op>, shape (times, sites that have it)."""
        return self._stack(lambda state: state.expect(op))

    def variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2, shape (times, sites that have it)."""
        return self._stack(lambda state: state.variance(op))

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate:
        """Return <A_{site a, cell 0} B_{site b, cell r}>, shape (times, r)."""
        return self._stack(lambda state: state.correlation(op_a, op_b, sites, max_cells))

    @property
    def purity_density(self) -> Estimate:
        """Return -ln Tr rho^2 per unit cell, shape (times,)."""
        return self._stack(lambda state: state.purity_density)

    def density_matrix(self, places: Sequence[tuple[int, int]]) -> NDArray:
        """Return the reduced density matrices of (site, cell) pairs."""
        return np.array([state.density_matrix(places) for state in self.states])

    def distribution(self, places: Sequence[tuple[int, int]]) -> NDArray:
        """Return P(m_1, m_2, ...) on (site, cell) pairs."""
        return np.array([state.distribution(places) for state in self.states])

    def to_arrays(self) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Return the times and, numbered, what all states return."""
        arrays, told = {"times": self.times}, []
        for number, state in enumerate(self.states):
            found, attributes = state.to_arrays()
            arrays |= {f"{number}.{name}": array for name, array in found.items()}
            told.append(attributes)
        return arrays, {"kind": self.states[0].kind, "states": told}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray], attributes: Mapping[str, Any]
    ) -> "StateTrajectory":
        """Rebuild the trajectory from what `to_arrays` returned."""
        kind = stored_kind(attributes["kind"])
        if kind is None:
            raise ValueError(f"unknown kind of state {attributes['kind']!r}")
        states = []
        for number, told in enumerate(attributes["states"]):
            start = f"{number}."
            mine = {key[len(start) :]: arrays[key] for key in arrays if key.startswith(start)}
            states.append(kind.from_arrays(mine, told))
        return cls(np.asarray(arrays["times"]), tuple(states))


@dataclass(frozen=True)
class Variable:
    """An array with named dimensions; a variable named like its one dimension is a coordinate."""

    dims: tuple[str, ...]
    values: NDArray
    units: str = "1"
    long_name: str = ""


@dataclass(frozen=True)
class Dataset(Stored):
    """Named variables and JSON attributes: the data of a study, from which its figure is drawn."""

    kind: ClassVar[str] = "dataset"
    variables: Mapping[str, Variable]
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __getitem__(self, name: str) -> NDArray:
        return self.variables[name].values

    def __contains__(self, name: str) -> bool:
        return name in self.variables

    @property
    def unconverged(self) -> int:
        """Number of verdicts, in the variables `status` and `*_status`, that are not converged."""
        verdicts = [
            variable.values
            for name, variable in self.variables.items()
            if name == "status" or name.endswith("_status")
        ]
        return sum(int(np.sum(np.asarray(found) != Status.CONVERGED)) for found in verdicts)


_SHARED = ("message", "residual", "seconds", "history", "diagnostics", "extras")


def shared_attributes(state: Any) -> dict[str, Any]:
    """Return what every state is stored with, as JSON types: its model, verdict and history."""
    return {
        "model": state.model.to_json(),
        "status": str(state.status),
        "message": state.message,
        "residual": state.residual,
        "seconds": state.seconds,
        "history": [dict(step) for step in state.history],
        "diagnostics": dict(state.diagnostics),
        "extras": dict(state.extras),
    }


def shared_fields(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a state that `shared_attributes` wrote, by name."""
    return {
        "model": LindbladModel.from_json(attributes["model"]),
        "status": Status(attributes["status"]),
        **{name: attributes[name] for name in _SHARED if name in attributes},
    }


@dataclass(frozen=True)
class RecordedMethod:
    """Name and settings of a method as a file tells them."""

    name: str
    settings: Mapping[str, Any]


def method_settings(method: Any) -> dict[str, Any]:
    """Return {"name": ..., setting: value, ...} of a method (a frozen dataclass with a `name`)."""
    if isinstance(method, RecordedMethod):
        return {"name": method.name, **method.settings}
    return {"name": method.name, **dataclasses.asdict(method)}


def provenance() -> dict[str, str]:
    """Return the versions of what produced a number."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    packages = ("impo", "numpy", "scipy", "physics-tenpy", "numba", "h5py")
    out = {"python": platform.python_version()}
    for package in packages:
        try:
            out[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            out[package] = "not installed"
    return out
