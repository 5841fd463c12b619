"""Settings of cluster mean field."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from impo.arguments import positive, positive_integer
from impo.methods.base import Method, Omission, Progress
from impo.methods.cluster_mean_field import check, solve
from impo.methods.cluster_mean_field.state import ClusterMeanFieldState
from impo.model import LindbladModel
from impo.results.claims import Claim
from impo.results.state import SteadyState
from impo.results.trajectory import Trajectory


@dataclass(frozen=True)
class ClusterMeanField(Method):
    """Settings of cluster mean field.

    Parameters
    ----------
    sites
        Number of sites of the cluster: a whole number of unit cells.
    tol
        Accuracy asked for in expectation values / S; with bosons, also what <N> and Var N may
        change by if the cut-off is raised by a third.
    """

    name: ClassVar[str] = "cmf"
    sites: int
    tol: float = 1e-8

    def __post_init__(self):
        positive_integer("sites", self.sites)
        positive("tol", self.tol)

    def steady_state(
        self, model: LindbladModel, start: Any = None, progress: Progress | None = None
    ) -> ClusterMeanFieldState:
        """Return the self-consistent steady state of a cluster; see `solve.steady_state`."""
        return solve.steady_state(model, self, start)

    def evolve(
        self, model: LindbladModel, start: Any, times: ArrayLike, progress: Progress | None = None
    ) -> Trajectory:
        """Return the states at given times; see `solve.evolve`."""
        return solve.evolve(model, self, start, times)

    def check(self, result: Any) -> Iterator[Claim]:
        """Yield what the equations say of a result by this method."""
        if isinstance(result, ClusterMeanFieldState):
            yield from check.claims(result)
        elif isinstance(result, Trajectory):
            yield from check.trajectory_claims(result)

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what the size of the cluster leaves out, which is not known."""
        return Omission(f"{self.sites} sites in their own field: its size is not in the errors")
