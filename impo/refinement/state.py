"""A state as a matrix product, infinite or finite, as a result: observables with error bars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from impo.arguments import ArgumentError, fail
from impo.arrays import Array
from impo.memory import product, shortage
from impo.model import Place
from impo.operators.liouvillian import Generator
from impo.operators.local import local_operators
from impo.refinement import entropies
from impo.refinement.approximation import Approximation, Refinement, density_matrix
from impo.refinement.error_bars import LEAST_SHARE, estimate
from impo.refinement.products import expect_matrix, total
from impo.refinement.storage import pack
from impo.results.estimate import Estimate
from impo.results.questions import matrix_places
from impo.results.state import SteadyState

if TYPE_CHECKING:
    from impo.tensor.tenpy_bridge import MPS

_COPIES = 3  # arrays of all coefficients on some sites that are in memory at the same time


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MatrixProductState(SteadyState):
    """State of a chain.

    Attributes
    ----------
    approximation
        The matrix product at the finest settings.
    refinements
        Pairs of approximations that differ in one setting; their differences are the error bars.
    """

    approximation: Approximation = field(repr=False)
    refinements: tuple[Refinement, ...] = field(repr=False)

    @property
    def generator(self) -> Generator:
        """The master equation on a tile or on a finite chain, in the rotated frame."""
        return self.approximation.generator

    def estimate(
        self,
        observable: Callable[[Approximation], Array],
        scale: ArrayLike = 0.0,
        least: float = LEAST_SHARE,
    ) -> Estimate:
        """Return an observable with its error bar: `impo.refinement.error_bars.estimate`."""
        return estimate(self.approximation, self.refinements, observable, scale, least)

    def _local_estimate(
        self, observable: Callable[[Approximation], Array], op: str, sites: list[int], power: int
    ) -> Estimate:
        """Return a one-site observable; real if its operator is Hermitian."""
        matrices = [self._matrix(op, site) for site in sites]
        scale = max(float(np.linalg.norm(matrix, 2)) ** power for matrix in matrices)
        found = self.estimate(observable, scale, least=1.0)
        hermitian = self.model.sites[sites[0]].is_hermitian(op)
        return Estimate(np.real(found.value) if hermitian else found.value, found.error)

    def _sites(self, op: str) -> list[int]:
        return [s for s, site in enumerate(self.model.sites) if op in site.operators]

    def _matrix(self, op: str, site: int) -> Array:
        return local_operators(self.model.sites[site])[op]

    def _largest(self, op_a: str, op_b: str, sites: tuple[int, int]) -> float:
        """Return the product of the operator norms, which no correlation exceeds."""
        both = ((op_a, sites[0]), (op_b, sites[1]))
        return float(np.prod([np.linalg.norm(self._matrix(*one), 2) for one in both]))

    def _positions(self, places: Sequence[Place]) -> list[int]:
        """Return the positions on the chain of (site, cell) pairs."""
        cells = [cell if isinstance(cell, int) else cell[0] for _, cell in places]
        unit = len(self.model.sites)
        return [site + cell * unit for (site, _), cell in zip(places, cells, strict=True)]

    def _vector(self, approx: Approximation, position: int, matrix: Array) -> Array:
        """Return the vector over T_x that measures a physical operator at a position."""
        basis = approx.bases[position % len(approx.bases)]
        return basis.measure(approx.generator.rotated(position, matrix))

    def _local(self, positions: Sequence[int], *ops: str) -> Callable[[Approximation], Array]:
        """Return the observable <product of the operators> at every one of some positions."""
        unit = len(self.model.sites)

        def observable(approx: Approximation) -> Array:
            matrices = [operator_product(approx, p % unit, *ops) for p in positions]
            vectors = [
                self._vector(approx, *pair) for pair in zip(positions, matrices, strict=True)
            ]
            marginals = [approx.environment.marginal(p, 1) for p in positions]
            return np.array([m @ v for m, v in zip(marginals, vectors, strict=True)])

        return observable

    _total, _expect_matrix = total, expect_matrix

    def _density_matrix(self, places: Sequence[Place]) -> Array:
        """Return the reduced density matrix of (site, cell) pairs; states m = S ... -S."""
        return self._density_matrix_of(self.approximation, self._positions(places))

    def _density_matrix_of(self, approx: Approximation, positions: list[int]) -> Array:
        order = np.argsort(positions)
        rising = [positions[i] for i in order]
        bases = [approx.bases[p % len(approx.bases)] for p in rising]
        rows = product([len(basis) for basis in bases])
        bond = max(map(len, approx.environment.charges))
        if (short := shortage(_COPIES * 8 * rows * bond)) is not None:
            raise ArgumentError(
                f"Argument `places` must have fewer than {len(rising)} sites: {short}."
            )
        coefficients = approx.environment.chain_of([(p, None) for p in rising])
        turn = approx.generator.frame(rising)
        rho = turn[:, None] * density_matrix(coefficients, bases) * turn.conj()
        dims = [basis.dimension for basis in bases]
        back = [*np.argsort(order), *(len(dims) + np.argsort(order))]
        return rho.reshape(dims + dims).transpose(back).reshape(rho.shape)

    def _distribution(self, places: Sequence[Place]) -> Array:
        """Return the probabilities P(m_1, m_2, ...) on (site, cell) pairs."""
        rho = self._density_matrix(matrix_places(self.model, places))
        return np.diag(rho).real.reshape([self.model.sites[site].dimension for site, _ in places])

    @property
    def purity_density(self) -> Estimate:
        """Return -ln Tr rho^2 per unit cell."""
        cells = len(self.generator.sites) // len(self.model.sites)
        most = np.sum([np.log(site.dimension) for site in self.model.sites])
        return self.estimate(lambda p: np.asarray(entropies.purity_density(p) / cells), most)

    @property
    def operator_entropy(self) -> Estimate:
        """Return -sum s^2 ln s^2 of the operator-Schmidt values of every bond.

        Of an infinite chain these are the bonds left of each site, of a finite one those between
        its sites, from left to right.
        """
        bonds = self.approximation.environment.charges  # left of every site
        inner = bonds if self.generator.infinite else bonds[1:]
        return self.estimate(entropies.operator_entropy, np.log(list(map(len, inner))))

    def negativity(self, places: Sequence[Place] | None = None) -> Estimate:
        """Return the entanglement negativity of two (site, cell) places; None: the first two."""
        return self._of_pair(entropies.negativity, lambda d: (d - 1) / 2, places)

    def mutual_information(self, places: Sequence[Place] | None = None) -> Estimate:
        """Return the mutual information of two (site, cell) places in nats; None: the first two."""
        return self._of_pair(entropies.mutual_information, lambda d: 2 * np.log(d), places)

    def _of_pair(
        self, measure: Callable[..., float], largest: Callable[[int], float],
        places: Sequence[Place] | None,
    ) -> Estimate:  # fmt: skip
        """Return a measure of two places; `largest` is its bound for the smaller dimension."""
        if places is None:
            places = [(0, 0), (1, 0)] if len(self.model.sites) > 1 else [(0, 0), (0, 1)]
        places = matrix_places(self.model, places)
        if len(places) != 2:
            raise fail("places", "two different (site, cell) pairs", places)
        positions = self._positions(places)

        def observable(approx: Approximation) -> Array:
            sites = approx.generator.model.sites
            dims = tuple(sites[site].dimension for site, _ in places)
            return np.asarray(measure(self._density_matrix_of(approx, positions), dims))

        smaller = min(self.model.sites[site].dimension for site, _ in places)
        return self.estimate(observable, largest(smaller))

    @cached_property
    def mps(self) -> "MPS":
        """The state as a canonical TeNPy MPS of the unweighted coefficients, in the rotated frame.

        Its charges are those of `generator.charges`; the frame is turned by `generator.phases` and
        `generator.phase_advance`. Expectation values by TeNPy are those of <rho|rho>, not traces.
        """
        return entropies.normalised_mps(self.approximation)

    def _arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the tensors of all approximations, and everything else as JSON types."""
        arrays, pictures, checks = pack(self.approximation, self.refinements)
        return arrays, {
            "phases": self.generator.phases.tolist(),
            "phase_advance": self.generator.phase_advance,
            "pictures": pictures, "checks": checks,
        }  # fmt: skip


def operator_product(approx: Approximation, site: int, *ops: str) -> Array:
    """Return a product of operators of a site of the unit cell, with its cut-off there."""
    known = local_operators(approx.generator.model.sites[site])
    return reduce(np.matmul, [known[op] for op in ops])
