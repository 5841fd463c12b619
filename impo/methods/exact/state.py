"""The steady state of a finite cluster as a result."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from impo.arrays import Array
from impo.memory import memory_limit
from impo.methods.exact.sector import (
    charge_sector,
    cluster,
    largest_rank,
    least_bytes,
    site_bases,
    top_rank,
    zero_charge,
)
from impo.methods.exact.slow_modes import charge_count, slow_modes
from impo.methods.exact.spectra import Spectrum, spectral_function, susceptibility
from impo.methods.exact.two_time import quenched, two_time
from impo.methods.measured import MeasuredState
from impo.model import Boson, LindbladModel, Place, Site
from impo.operators.charges import charges_to_try
from impo.operators.cluster_density import ClusterDensity
from impo.operators.lattice import lattice_shape
from impo.operators.local import changed_cutoffs, operator_norm
from impo.operators.local_products import bound, fitted, is_hermitian, matrices_of
from impo.results.estimate import Estimate, real_if
from impo.results.fields import stored, stored_array, stored_number
from impo.results.files import malformed
from impo.results.products import Product
from impo.results.progress import Follower
from impo.results.slow_modes import Charge, SlowMode
from impo.results.store import Arrays, Told

PURITIES = ("purity", "impurity_per_dimension", "diagonal_participation")
"""Further numbers of a state, properties of `ClusterDensity`."""

_DENSITIES = ("density", "coarser", "rounded")


@dataclass(frozen=True, eq=False)
class OtherCutoff:
    """A state with another cut-off of a boson, and how many times its distance is an error."""

    density: ClusterDensity
    weight: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExactState(MeasuredState):
    """State of a finite cluster.

    Values on a site of the unit cell are averages over the cells, but `correlation` begins in the
    first cell (of an open cluster that at its left end, which is not like the others) and has as
    many distances as there are cells in the first direction. The error of a value is its
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
    no_length: ClassVar[str] = "A finite cluster has no correlation length."
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
            total *= operator_norm(self.model.sites, op)
        return total

    def _expect(self, op: str) -> Estimate | None:
        """Return <op> on every site of the unit cell that has this operator."""
        return self._estimate(lambda rho: rho.expect(op), self._size(op))

    def _variance(self, op: str) -> Estimate | None:
        """Return <op^2> - <op>^2 on every site of the unit cell that has this operator."""
        return self._estimate(lambda rho: rho.variance(op), 3 * self._size(op, op))

    def _correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Estimate | None:
        """Return <A_{site a, cell 0} B_{site b, cell r}>, r = 0 ... the last cell or `max_cells`.

        There is no average over cells: on an open cluster, cell 0 is the one at the left end.
        """
        return self._estimate(
            lambda rho: rho.correlation(op_a, op_b, sites, max_cells), self._size(op_a, op_b)
        )

    def _total(self, products: Sequence[Product]) -> Estimate | None:
        """Return the expectation of a sum of products on places of the cluster."""

        def quantity(rho: ClusterDensity) -> complex:
            total = 0j
            for coefficient, factors in products:
                matrices = matrices_of(rho.generator.model.sites, factors)
                at = {rho.position(place): matrix for place, matrix in matrices.items()}
                total += coefficient * rho.measure(at)
            return total

        sites = self.model.sites
        most = sum(abs(product.coefficient) * bound(sites, product.factors) for product in products)
        return self._estimate(quantity, self._size() * most)

    def _expect_matrix(self, matrix: Array, places: Sequence[Place]) -> Estimate | None:
        """Return Tr(rho M) of a matrix on places of the cluster."""
        sizes = [self.model.sites[site].dimension for site, _ in places]

        def quantity(rho: ClusterDensity) -> complex:
            here = [rho.generator.model.sites[site].dimension for site, _ in places]
            known = fitted(matrix, sizes, here)
            return complex(np.sum(known.T * rho.density_matrix(places)))

        found = self._estimate(quantity, self._size() * float(np.linalg.norm(matrix, 2)))
        return real_if(is_hermitian(matrix), found)

    def holds(self, place: Place) -> bool:
        """Return whether the cluster has this place."""
        cells = () if self.density is None else self.density.generator.cells
        return (place[1] if isinstance(place[1], tuple) else (place[1],)) in cells

    def _origins(self) -> Sequence[Sequence[int]] | None:
        """Return the cells of an open cluster."""
        if self.density is None or self.method.periodic:
            return None
        return sorted(set(self.density.generator.cells))

    def _alike(self) -> ClusterDensity | None:
        """Return rho if all cells are alike: those of a ring, or a single one."""
        closed = self.method.periodic or (self.density is not None and self.density.cells == 1)
        return self.density if closed and self.model.dimension == 1 else None

    def _two_time(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        reverse: bool, follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        """Return <A_0(t) B_r> on a ring, up to half of it; None where cells are not alike."""
        if (rho := self._alike()) is None:
            return None
        names, moments = (op_a, op_b), times.tolist()
        most = min(max_cells, rho.cells // 2)
        cells = range(-most, most + 1)
        return self._estimate(
            lambda rho: two_time(rho, names, sites, cells, moments, reverse, follower),
            self._size(op_a, op_b),
        )

    def _spectral_function(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int],
        follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        """Return its Fourier transform on a ring: see `impo.methods.exact.spectra`."""
        names = (op_a, op_b)
        return self._transformed(
            lambda rho: spectral_function(rho, names, sites, k, omega, follower), names
        )

    def _susceptibility(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int],
        follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        """Return the Fourier transform of `response` on a ring."""
        names = (op_a, op_b)
        return self._transformed(
            lambda rho: susceptibility(rho, names, sites, k, omega, follower), names
        )

    def _transformed(
        self, spectrum: Callable[[ClusterDensity], Spectrum], names: tuple[str, str]
    ) -> Estimate | None:
        if (rho := self._alike()) is None:
            return None
        best = spectrum(rho)  # computed once, with what its error follows from
        found = self._estimate(
            lambda one: best.value if one is rho else spectrum(one).value,
            best.slope * self._size(*names),
        )
        return None if found is None else Estimate(found.value, found.error + best.error)

    def _local_quench(
        self, kick: str | Array, site: int, times: Array, op: str, max_cells: int,
        follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        """Return <O_r> after K acted on a site of cell 0 of a ring; # time cell site."""
        if (rho := self._alike()) is None:
            return None
        where = [n for n, one in enumerate(self.model.sites) if op in one.operators]
        most, moments = min(max_cells, rho.cells // 2), times.tolist()
        cells = range(-most, most + 1)

        def values(rho: ClusterDensity) -> Array:
            found = [quenched(rho, kick, site, op, own, cells, moments, follower) for own in where]
            value = np.stack(found, axis=-1)
            return value.real if self.model.sites[where[0]].is_hermitian(op) else value

        return self._estimate(values, self._size(op))

    def _slow_modes(self, charge: Charge, k: float, count: int) -> tuple[SlowMode, ...] | None:
        """Return eigenvalues of a ring or of one cell; None where cells are not alike."""
        ring = self.method.periodic or self.method.cells == 1
        if self.density is None or not ring or self.model.dimension != 1:
            return None
        rank = self.method.k_max if self.method.k_max is None else top_rank(self.density.bases)
        return slow_modes(self.model, self.method, rank, charge, k, count)

    def _known_charges(self) -> Sequence[Charge]:
        return charges_to_try(charge_count(self.model, self.method))

    def _waves(self, points: int) -> tuple[Array, float]:
        cells = self.density.cells if self.density is not None and self.method.periodic else 1
        return 2 * np.pi * np.arange(cells) / cells, 0.0

    def _density_matrix(self, places: Sequence[Place]) -> Array | None:
        """Return the reduced density matrix of (site, cell) pairs; states m = S ... -S."""
        return None if self.density is None else self.density.density_matrix(places)

    def _distribution(self, places: Sequence[Place]) -> Array | None:
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
        kept = {label: getattr(self, label) for label in _DENSITIES}
        kept = {label: rho for label, rho in kept.items() if rho is not None}
        arrays = {label: rho.coefficients for label, rho in kept.items()}
        ranks = {label: top_rank(rho.bases) for label, rho in kept.items()}
        others = []
        for number, other in enumerate(self.others or ()):
            arrays[f"cutoff{number}"] = other.density.coefficients
            sites = other.density.generator.model.sites
            cutoffs = [site.cutoff if isinstance(site, Boson) else None for site in sites]
            rank = top_rank(other.density.bases)
            others.append({"cutoffs": cutoffs, "weight": other.weight, "rank": rank})
        attributes = {
            "uncertainty": self.uncertainty if math.isfinite(self.uncertainty) else None,
            "share": self.share,
            "others": None if self.others is None else others,
            "charges": self.density is not None and len(self.density.generator.charges) > 0,
            "ranks": ranks,
        }
        return arrays, attributes

    @classmethod
    def _fields(cls, model: LindbladModel, method: Any, arrays: Arrays, told: Told) -> Told:
        def rebuilt(sites: Sequence[Site], rank: Any, label: str) -> ClusterDensity:
            chosen = replace(model, sites=tuple(sites))
            rank = stored({"rank": rank}, "rank", int, "an integer")
            coefficients = stored_array(arrays, label, (None,), "fc")
            # every site has at least as many operators without charge as it has ranks
            cells = lattice_shape(model, method.cells)
            fewest = [largest_rank(site, rank) + 1 for site in chosen.sites]
            most = math.log(len(coefficients)) + 1e-9
            if math.prod(cells) * sum(map(math.log, fewest)) > most:
                raise malformed(f"`{label}` has {len(coefficients)} elements, too few")
            generator = cluster(chosen, method, charges=told["charges"])
            rows, size = least_bytes(generator, rank, zero_charge(generator))
            if rows != len(coefficients) or size > memory_limit():
                raise malformed(f"`{label}` has {len(coefficients)} elements in place of {rows}")
            sector = charge_sector(generator, site_bases(generator, rank))
            return ClusterDensity(generator, sector.bases, sector.index, coefficients)

        others = []
        for number, other in enumerate(told.get("others") or ()):
            sites = changed_cutoffs(model.sites, other["cutoffs"])
            density = rebuilt(sites, other["rank"], f"cutoff{number}")
            weight = stored(other, "weight", int | float, "a number")
            others.append(OtherCutoff(density, weight))
        uncertainty = stored_number(told, "uncertainty")
        return {
            "density": None,
            **{label: rebuilt(model.sites, rank, label) for label, rank in told["ranks"].items()},
            "uncertainty": math.inf if uncertainty is None else uncertainty,
            # files of the first schema do not mention other cut-offs, and hold none
            "others": None if told.get("others", ()) is None else tuple(others),
            "share": stored({"share": 1.0, **told}, "share", int | float, "a number"),
        }
