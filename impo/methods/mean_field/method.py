"""Settings of mean-field theory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from impo.arguments import positive
from impo.methods.base import Method, Omission, Progress
from impo.methods.mean_field import check, solve
from impo.methods.mean_field.state import MeanFieldState
from impo.model import LindbladModel
from impo.results.claims import Claim
from impo.results.state import SteadyState
from impo.results.trajectory import Trajectory


@dataclass(frozen=True)
class MeanField(Method):
    """Settings of mean-field theory.

    Parameters
    ----------
    t_max
        Longest time to wait for a fixed point, in units of the inverse of the model's fastest rate;
        what still moves then is reported as a limit cycle.
    """

    name: ClassVar[str] = "mf"
    t_max: float = 1000.0

    def __post_init__(self):
        positive("t_max", self.t_max)

    def steady_state(
        self, model: LindbladModel, start: Any = None, progress: Progress | None = None
    ) -> MeanFieldState:
        """Return a fixed point of the mean-field equations; see `solve.steady_state`."""
        return solve.steady_state(model, self, start)

    def evolve(
        self, model: LindbladModel, start: Any, times: ArrayLike, progress: Progress | None = None
    ) -> Trajectory:
        """Return the states at given times; see `solve.evolve`."""
        return solve.evolve(model, self, start, times)

    def check(self, result: Any) -> Iterator[Claim]:
        """Yield what the equations say of a result by this method."""
        if isinstance(result, MeanFieldState):
            yield from check.claims(result)
        elif isinstance(result, Trajectory):
            yield from check.trajectory_claims(result)

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what is left out: all correlations."""
        return Omission("reference only: leaves out all correlations")
