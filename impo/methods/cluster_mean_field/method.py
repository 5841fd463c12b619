"""Settings of cluster mean field."""

from dataclasses import dataclass
from typing import ClassVar

from impo.arguments import positive, positive_integer
from impo.methods.base import Method, Omission, on_call
from impo.model import LindbladModel
from impo.results.state import SteadyState


@dataclass(frozen=True)
class ClusterMeanField(Method):
    """Cluster mean field: exact clusters of neighbouring sites, a product between them.

    Attributes
    ----------
    sites
        Number of sites of the cluster: a whole number of unit cells.
    tol
        Accuracy asked for in expectation values / S; with bosons, also what <N> and Var N may
        change by if the cut-off is raised by a third.

    Raises
    ------
    ArgumentError
        If a setting is not of its kind.

    Notes
    -----
    J. Jin et al., Phys. Rev. X 6, 031011 (2016).

    Examples
    --------
    >>> from impo import ClusterMeanField, steady_state
    >>> from models.gain_loss import chain
    >>> point = chain(S=0.5, g=1.0, h=0.5, gain=1.5, loss=1.0)
    >>> state = steady_state(point, ClusterMeanField(2))
    >>> print(state.status, state.expect("Sz").value.round(3))
    converged [ 0.34 -0.26]
    """

    name: ClassVar[str] = "cmf"
    sites: int
    tol: float = 1e-8

    def __post_init__(self) -> None:
        self.keep(sites=positive_integer("sites", self.sites), tol=positive("tol", self.tol))

    steady_state = on_call("impo.methods.cluster_mean_field.solve", "steady_state")
    evolve = on_call("impo.methods.cluster_mean_field.evolution", "evolve")
    check = on_call("impo.methods.cluster_mean_field.check", "claims")

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what the size of the cluster leaves out, which is not known."""
        return Omission(f"{self.sites} sites in their own field: its size is not in the errors")
