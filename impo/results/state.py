"""What every method returns: numbers with error bars, a verdict, and where they come from."""

import dataclasses
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from numpy.typing import ArrayLike

from impo.arrays import Array
from impo.model import LindbladModel
from impo.results.estimate import Estimate, Status


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

    def density_matrix(self, places: Sequence[tuple[int, int]]) -> Array | None:
        """Return the reduced density matrix of (site, cell) pairs; states m = S ... -S."""

    def distribution(self, places: Sequence[tuple[int, int]]) -> Array | None:
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


class Stored:
    """Mixin: results that can be written to and rebuilt from named arrays.

    A subclass sets `kind`, defines `to_arrays` and the class method `from_arrays`, and is found
    again by `stored_kind` when a file is loaded.
    """

    kind: ClassVar[str]
    _kinds: ClassVar[dict[str, type["Stored"]]] = {}
    _writer: ClassVar[Callable[["Stored", Path], None] | None] = (
        None  # set by impo.results.store, which
    )
    _viewer: ClassVar[Callable[["Stored"], Any] | None] = None  # `import impo` loads

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Stored._kinds[cls.kind] = cls

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return (named arrays, attributes made of JSON types)."""
        raise TypeError(f"{type(self).__name__} does not define `to_arrays`.")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], attributes: Mapping[str, Any]) -> "Stored":
        """Rebuild the result from what `to_arrays` returned."""
        raise TypeError(f"{cls.__name__} does not define `from_arrays`.")

    def save(self, path: str | Path) -> None:
        """Write the result to an HDF5 file, atomically (see `impo.results.store`)."""
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
