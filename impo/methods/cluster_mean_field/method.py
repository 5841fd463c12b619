"""Settings of cluster mean field."""

from dataclasses import dataclass
from typing import ClassVar

from impo.arguments import positive, positive_integer


@dataclass(frozen=True)
class ClusterMeanField:
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
