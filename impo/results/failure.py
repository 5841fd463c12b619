"""A result that is none: why a point of a sweep could not be computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from impo.arrays import Array
from impo.model import LindbladModel
from impo.results.estimate import Estimate, Status
from impo.results.state import RecordedMethod, Stored, method_settings


@dataclass(frozen=True, eq=False)
class Failure(Stored):
    """Implements `SteadyState` without a single number; `message` is the reason.

    Attributes
    ----------
    model, method
        What was to be solved. Read from a file, `method` is a `RecordedMethod`.
    message
        The reason in one line.
    seconds
        Computing time that was lost.
    diagnostics
        Whatever helps to find the cause.
    """

    kind: ClassVar[str] = "failure"
    status: ClassVar[Status] = Status.FAILED
    residual: ClassVar[None] = None
    history: ClassVar[Sequence[Mapping[str, Any]]] = ()
    extras: ClassVar[Mapping[str, Any]] = {}
    model: LindbladModel
    method: Any
    message: str
    seconds: float = 0.0
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    def expect(self, op: str) -> Estimate | None:
        """Return None."""

    def variance(self, op: str) -> Estimate | None:
        """Return None."""

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate | None:
        """Return None."""

    def correlation_length(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return None."""

    def density_matrix(self, places: Sequence[tuple[int, int]]) -> Array | None:
        """Return None."""

    def distribution(self, places: Sequence[tuple[int, int]]) -> Array | None:
        """Return None."""

    @property
    def purity_density(self) -> Estimate | None:
        """None."""

    def structure_factor(
        self, op_a: str, op_b: str, k: ArrayLike, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return None."""

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return no arrays, and what is known as JSON types."""
        return {}, {
            "model": self.model.to_json(),
            "method": method_settings(self.method),
            "message": self.message,
            "seconds": self.seconds,
            "diagnostics": dict(self.diagnostics),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], attributes: Mapping[str, Any]) -> "Failure":
        """Rebuild the result from what `to_arrays` returned."""
        settings = dict(attributes["method"])
        return cls(
            LindbladModel.from_json(attributes["model"]),
            RecordedMethod(settings.pop("name"), settings),
            attributes["message"],
            attributes["seconds"],
            attributes["diagnostics"],
        )
