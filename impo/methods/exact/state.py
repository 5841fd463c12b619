"""The steady state of a finite cluster as a result."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from impo.arguments import (
    non_negative_integer,
)
from impo.arrays import Array
from impo.methods.exact.sector import charge_sector, cluster, site_bases
from impo.model import Boson, LindbladModel
from impo.operators.cluster_density import ClusterDensity, Place
from impo.operators.liouvillian import Generator
from impo.operators.local import local_operators
from impo.results.estimate import Estimate
from impo.results.state import SteadyState


@dataclass(frozen=True, eq=False)
class OtherCutoff:
    """A state with another cut-off of a boson, and how many times its distance is an error."""

    density: ClusterDensity
    weight: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ExactState(SteadyState):
    """State of a finite cluster.

    Values on a site of the unit cell are averages over the cells. The error of a value is its
    change from the next smaller multipole cut-off, plus what the cut-offs of bosons change, plus
    what the uncertainty of rho allows (nan where the cut-off of a boson could not be tested). All
    quantities are None if the steady state is not unique.

    Attributes
    ----------
    density
        The density operator, or None.
    coarser
        The same with a smaller multipole cut-off; None if nothing was cut.
    uncertainty
        Bound on the rounding error of rho in Hilbert-Schmidt norm.
    others
        The same with other cut-offs of bosons; None if these could not be tested.
    rounded
        The same with its rounding error added; None if that is not known in detail.
    share
        Part of the uncertainty that lies in other directions.
    """

    kind: ClassVar[str] = "exact"
    density: ClusterDensity | None
    coarser: ClusterDensity | None = None
    uncertainty: float = 0.0
    others: tuple[OtherCutoff, ...] | None = ()
    rounded: ClusterDensity | None = None
    share: float = 1.0

    def _estimate(self, quantity: Callable[[ClusterDensity], Any], size: float) -> Estimate | None:
        """Return a quantity with its error; `size` is its derivative with respect to rho."""
        if self.density is None:
            return None
        value = quantity(self.density)
        error = np.full(np.shape(value), size * self.uncertainty * self.share)
        if self.rounded is not None:
            error = error + np.abs(value - quantity(self.rounded))
        if self.coarser is not None:
            error = error + np.abs(value - quantity(self.coarser))
        for other in self.others or ():
            error = error + other.weight * np.abs(value - quantity(other.density))
        if self.others is None:
            error = np.full(np.shape(value), np.nan)
        return Estimate(value, error if np.ndim(value) else float(error))

    def _size(self, *ops: str) -> float:
        """Return the largest trace-norm response of a product of operators, ||O|| sqrt(dim)."""
        if self.density is None:
            return 0.0
        total = math.sqrt(self.density.dimension)
        for op in ops:
            total *= max(
                (
                    float(np.linalg.norm(local_operators(site)[op], 2))
                    for site in self.model.sites
                    if op in site.operators
                ),
                default=0.0,
            )
        return total

    def expect(self, op: str) -> Estimate | None:
        """Return <op> on every site of the unit cell that has this operator."""
        return self._estimate(lambda rho: rho.expect(op), self._size(op))

    def variance(self, op: str) -> Estimate | None:
        """Return <op^2> - <op>^2 on every site of the unit cell that has this operator."""
        return self._estimate(lambda rho: rho.variance(op), 3 * self._size(op, op))

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate | None:
        """Return <A_{site a, cell 0} B_{site b, cell r}> up to the last cell of the cluster."""
        non_negative_integer("max_cells", max_cells)
        return self._estimate(
            lambda rho: rho.correlation(op_a, op_b, sites, max_cells), self._size(op_a, op_b)
        )

    def density_matrix(self, places: Sequence[Place]) -> Array | None:
        """Return the reduced density matrix of (site, cell) pairs; states m = S ... -S."""
        return None if self.density is None else self.density.density_matrix(places)

    def distribution(self, places: Sequence[Place]) -> Array | None:
        """Return the probabilities P(m_1, m_2, ...) on (site, cell) pairs."""
        return None if self.density is None else self.density.distribution(places)

    @property
    def purity_density(self) -> Estimate | None:
        """Return -ln Tr rho^2 per unit cell."""
        if self.density is None:
            return None
        slope = 2 / math.sqrt(self.density.purity) / self.density.cells
        return self._estimate(lambda rho: -math.log(rho.purity) / rho.cells, slope)

    def _arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the coefficients of rho, and everything else as JSON types."""
        arrays = {}
        ranks: dict[str, int | None] = {}
        for label, rho in (
            ("density", self.density),
            ("coarser", self.coarser),
            ("rounded", self.rounded),
        ):
            if rho is not None:
                arrays[label] = rho.coefficients
                ranks[label] = max(int(basis.k.max()) for basis in rho.bases)
        others: list[dict[str, Any]] | None = None if self.others is None else []
        for number, other in enumerate(self.others or ()):
            arrays[f"cutoff{number}"] = other.density.coefficients
            cutoffs = [
                site.cutoff if isinstance(site, Boson) else None
                for site in other.density.generator.model.sites
            ]
            rank = max(int(basis.k.max()) for basis in other.density.bases)
            assert others is not None
            others.append({"cutoffs": cutoffs, "weight": other.weight, "rank": rank})
        attributes = {
            "uncertainty": self.uncertainty if math.isfinite(self.uncertainty) else None,
            "share": self.share,
            "others": others,
            "charges": self.density is not None and len(self.density.generator.weights) > 0,
            "ranks": ranks,
        }
        return arrays, attributes

    @classmethod
    def _fields(
        cls,
        model: LindbladModel,
        method: Any,
        arrays: Mapping[str, Array],
        attributes: Mapping[str, Any],
    ) -> dict[str, Any]:
        charges = attributes["charges"]
        generator = cluster(model, method, charges=charges)
        densities = {
            label: _rebuilt(generator, k_max, arrays[label])
            for label, k_max in attributes["ranks"].items()
        }
        told = attributes.get("others", ())  # files before it hold none
        others = []
        for number, other in enumerate(told or ()):
            sites = [
                site if cutoff is None else Boson(cutoff)
                for site, cutoff in zip(model.sites, other["cutoffs"], strict=True)
            ]
            larger = cluster(replace(model, sites=tuple(sites)), method, charges=charges)
            density = _rebuilt(larger, other["rank"], arrays[f"cutoff{number}"])
            others.append(OtherCutoff(density, other["weight"]))
        uncertainty = attributes["uncertainty"]
        return {
            "density": densities.get("density"),
            "coarser": densities.get("coarser"),
            "uncertainty": math.inf if uncertainty is None else uncertainty,
            "others": None if told is None else tuple(others),
            "rounded": densities.get("rounded"),
            "share": attributes.get("share", 1.0),
        }


def _rebuilt(generator: Generator, k_max: int, coefficients: ArrayLike) -> ClusterDensity:
    sector = charge_sector(generator, site_bases(generator, k_max or None))
    return ClusterDensity(generator, sector.bases, sector.index, np.asarray(coefficients))
