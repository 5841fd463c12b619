"""Observables of a density operator on a finite cluster."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral

import numpy as np

from impo.arguments import ArgumentError, fail, one_of, shown
from impo.arrays import Array, read_only
from impo.model import Boson, Place, Spin
from impo.operators.liouvillian import Generator
from impo.operators.local import local_operators
from impo.operators.sparse_basis import SparseBasis, sparse_basis

_LARGEST_MATRIX = 2**28  # elements: 4 GiB


@dataclass(frozen=True, eq=False)
class ClusterDensity:
    """A density operator as coefficients over products of one-site operators.

    rho = sum_x c_x T_x1 (x) T_x2 (x) ... in the rotated frame of the generator. All quantities
    returned are physical: the phases of the frame are undone.

    `expect` and `variance` average over all cells of the cluster, but `correlation` begins in its
    first cell. On a ring all cells are alike. On an open cluster they are not: <A_0 B_r> is that of
    the cells next to the left end, and must not be connected with averages over the cells.

    Attributes
    ----------
    generator
        The master equation of the cluster; only its sites, cells and phases are used here.
    bases
        Operator basis of every site.
    index
        Shape (n, sites): the operators of every product.
    coefficients
        Shape (n,), real or complex.
    """

    generator: Generator
    bases: tuple[SparseBasis, ...]
    index: Array
    coefficients: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficients", read_only(self.coefficients))

    @classmethod
    def from_matrix(cls, generator: Generator, rho: Array) -> "ClusterDensity":
        """Return the expansion of a density matrix of the whole cluster (rotated frame).

        Its states are the products of the site states, the last site running fastest.
        """
        bases = tuple(sparse_basis(site) for site in generator.sites)
        dims, n = [basis.dimension for basis in bases], len(bases)
        tensor = rho.reshape(dims + dims).transpose([x for s in range(n) for x in (s, n + s)])
        for basis in bases:  # move the first site's (row, column) pair to the end, as its operators
            tensor = tensor.reshape(basis.dimension**2, -1)
            tensor = (basis.vectors.T @ tensor).T
        index = np.indices([len(basis) for basis in bases]).reshape(n, -1).T
        return cls(generator, bases, index, tensor.reshape(-1))

    @property
    def cells(self) -> int:
        """Number of unit cells."""
        return len(set(self.generator.cells))

    def position(self, place: Place) -> int:
        """Return the number of a (site, cell) pair, or raise `ArgumentError` if there is none."""
        unit = len(self.generator.model.sites)
        try:
            site, offset = place
            cell = (offset,) if isinstance(offset, int | np.integer) else tuple(offset)
            first = self.generator.cells.index(cell)
        except (TypeError, ValueError):
            raise fail("places", f"(site, cell) pairs of {self.cells} cells", place) from None
        if not isinstance(site, Integral) or not 0 <= site < unit:
            raise fail("places", f"pairs with a site below {unit}", place)
        return first + int(site)

    def measure(self, operators: Mapping[int, Array]) -> complex:
        """Return the expectation of a product of physical one-site matrices, by position."""
        value = np.array(self.coefficients, dtype=complex)
        for site, basis in enumerate(self.bases):
            factor = basis.trace
            if site in operators:
                factor = basis.measure(self.generator.rotated(site, operators[site]))
            value *= factor[self.index[:, site]]
        return complex(value.sum())

    def _cell_average(self, op: str, power: int) -> Array:
        """Return <op^power> of every site of the unit cell that has `op`, averaged over cells."""
        unit = self.generator.model.sites
        op = one_of("op", op, sorted({name for site in unit for name in site.operators}))
        out = []
        for number, site in enumerate(unit):
            if op in site.operators:
                matrix = np.linalg.matrix_power(local_operators(site)[op], power)
                where = range(number, len(self.bases), len(unit))
                out.append(np.mean([self.measure({p: matrix}) for p in where]))
        return np.array(out)

    def _real_if_hermitian(self, op: str, value: Array) -> Array:
        owner = next(site for site in self.generator.sites if op in site.operators)
        return value.real if owner.is_hermitian(op) else value

    def expect(self, op: str) -> Array:
        """Return <op> on every site of the unit cell that has it, averaged over the cells.

        Of one cell alone, `density_matrix([(site, cell)])` and `distribution` tell.
        """
        return self._real_if_hermitian(op, self._cell_average(op, 1))

    def variance(self, op: str) -> Array:
        """Return <op^2> - <op>^2 on every site of the unit cell that has `op`.

        Both moments are averaged over the cells first.
        """
        value = self._cell_average(op, 2) - self._cell_average(op, 1) ** 2
        return self._real_if_hermitian(op, value)

    @cached_property
    def scaled_moments(self) -> Array:
        """<S_z>/S and Var/S^2 of all spins, <n> and Var n of all others."""
        found: list[Array] = []
        for op in ("Sz", "N"):
            sites = [site for site in self.generator.model.sites if op in site.operators]
            if sites:
                scale = np.array([float(s.S) if isinstance(s, Spin) else 1.0 for s in sites])
                found += [self.expect(op) / scale, self.variance(op) / scale**2]
        return np.concatenate(found)

    def correlation(self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int) -> Array:
        """Return <A_{site a, cell 0} B_{site b, cell r}>, r = 0 ... the last cell or `max_cells`.

        Cell 0 is the first of the cluster, at its left end if it is open: there is no average over
        the cells. In two dimensions r runs over the cells (r, 0).
        """
        origin = self.generator.cells[0]
        line = sorted({cell[0] for cell in self.generator.cells if cell[1:] == origin[1:]})
        first = self.position((sites[0], origin))
        out = []
        for r in line[: max_cells + 1]:
            second = self.position((sites[1], (r, *origin[1:])))
            a, b = self._matrix(first, op_a), self._matrix(second, op_b)
            out.append(self.measure({first: a @ b} if first == second else {first: a, second: b}))
        return np.array(out)

    @property
    def cutoff_occupation(self) -> float:
        """Largest probability that a boson holds as many quanta as it can."""
        unit = self.generator.model.sites
        highest = [
            float(self.distribution([(p % len(unit), cell)])[-1])
            for p, cell in enumerate(self.generator.cells)
            if isinstance(unit[p % len(unit)], Boson)
        ]
        return float(np.max(highest, initial=0.0))  # nan if one of them is

    def _matrix(self, position: int, op: str) -> Array:
        site = self.generator.sites[position]
        return local_operators(site)[one_of("op", op, site.operators)]

    def _positions(self, places: Sequence[Place]) -> list[int]:
        if not isinstance(places, Iterable):
            raise fail("places", "a list of (site, cell) pairs", places)
        positions = [self.position(place) for place in places]
        if not positions or len(set(positions)) < len(positions):
            raise fail("places", "different (site, cell) pairs, at least one", places)
        return positions

    def _marginal(self, positions: Sequence[int], kept: Array) -> tuple[Array, Array]:
        """Return (index, coefficients) after tracing out all other sites; `kept` selects rows."""
        value = np.array(self.coefficients[kept])
        for site, basis in enumerate(self.bases):
            if site not in positions:
                value = value * basis.trace[self.index[kept, site]]
        nonzero = value != 0
        return self.index[kept][nonzero][:, list(positions)], value[nonzero]

    def _neutral(self, positions: Sequence[int]) -> Array:
        """Return which products are diagonal on all of these sites."""
        neutral = [self.bases[p].diagonal[self.index[:, p]] for p in positions]
        return np.asarray(np.all(neutral, axis=0))

    def density_matrix(self, places: Sequence[Place]) -> Array:
        """Return the reduced density matrix of (site, cell) pairs; the last pair runs fastest.

        States are m = S ... -S for spins and n = 0 ... cutoff for bosons.

        Raises
        ------
        ArgumentError
            If a pair is not in the cluster, or the matrix would not fit in 4 GiB.
        """
        positions = self._positions(places)
        bases = [self.bases[p] for p in positions]
        total = np.prod([float(basis.dimension) ** 2 for basis in bases])
        if total > _LARGEST_MATRIX:
            raise ArgumentError(
                f"Argument `places` must have a density matrix of at most {_LARGEST_MATRIX} "
                f"elements, but {shown(list(places))} has {total:.3g}; ask for `distribution`."
            )
        index, value = self._marginal(positions, np.ones(len(self.index), dtype=bool))
        tensor = np.zeros([len(basis) for basis in bases], dtype=complex)
        np.add.at(tensor, tuple(index.T), value)
        for basis in bases:
            tensor = (basis.vectors @ tensor.reshape(len(basis), -1)).T
        dims = [basis.dimension for basis in bases]
        tensor = tensor.reshape([d for d in dims for _ in range(2)])
        n = len(dims)
        order = [*range(0, 2 * n, 2), *range(1, 2 * n, 2)]
        matrix = tensor.transpose(order).reshape(int(np.prod(dims)), -1)
        u = self.generator.frame(positions)
        return np.asarray(u[:, None] * matrix * u.conj())

    def distribution(self, places: Sequence[Place]) -> Array:
        """Return the joint probabilities of m (or n) on (site, cell) pairs, one axis per pair."""
        positions = self._positions(places)
        bases = [self.bases[p] for p in positions]
        index, value = self._marginal(positions, self._neutral(positions))
        neutral = [np.flatnonzero(basis.diagonal) for basis in bases]
        tensor = np.zeros([len(which) for which in neutral])
        place = [np.searchsorted(which, x) for which, x in zip(neutral, index.T, strict=True)]
        np.add.at(tensor, tuple(place), value.real)
        for basis, which in zip(bases, neutral, strict=True):
            d = basis.dimension
            probabilities = basis.vectors[np.arange(d) * (d + 1)][:, which]
            tensor = (probabilities @ tensor.reshape(len(which), -1)).T
        return tensor.reshape([basis.dimension for basis in bases])

    @property
    def dimension(self) -> int:
        """Dimension of the Hilbert space of the cluster."""
        return int(np.prod([basis.dimension for basis in self.bases], dtype=object))

    @property
    def purity(self) -> float:
        """Tr rho^2."""
        return float(np.sum(np.abs(self.coefficients) ** 2))

    @property
    def impurity_per_dimension(self) -> float:
        """1 / (Tr rho^2 * dimension): one for the fully mixed state."""
        return 1.0 / (self.purity * self.dimension)

    @property
    def diagonal_participation(self) -> float:
        """1 / (sum P^2 * dimension), P the probabilities of the product states."""
        diagonal = self.coefficients[self._neutral(range(len(self.bases)))]
        return 1.0 / (float(np.sum(np.abs(diagonal) ** 2)) * self.dimension)
