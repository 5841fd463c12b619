r"""From the description to matrices: charges, sublattice gauge, operator bases, superoperators.

A density operator is expanded site by site in Hilbert-Schmidt orthonormal operators T_x,
rho = sum_x c_x T_x1 (x) T_x2 (x) ..., and the Liouvillian becomes a matrix that acts on c.

Two properties of a model are looked for here, because all cost depends on them:

* a weak U(1) symmetry: integers c_j such that every Hamiltonian term conserves
  sum_j c_j m_j and every jump operator changes it by a definite amount. T_kq on site j then carries
  the charge c_j q.
* a sublattice gauge: angles phi_j such that in the rotated frame, S+_j = e^{i phi_j} S~+_j, the
  Hamiltonian is purely imaginary; -i[H, .] and the whole Liouvillian are then real matrices.

A model without a charge is treated in a basis of Hermitian operators, in which every Liouvillian is
real. A model with a charge but no gauge keeps its charge and complex matrices.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import accumulate, product
from typing import TypeAlias

import numpy as np

from impo.arguments import ArgumentError, UnsupportedModelError
from impo.arrays import Array
from impo.model import Cell, Level, LindbladModel, Site
from impo.operators.basis import OperatorBasis, operator_basis
from impo.operators.charges import kept, packed
from impo.operators.components import Component, JointJump, Placed, PlacedJump, charge_resolved
from impo.operators.lattice import place_in_cluster
from impo.operators.local import charge_parts, equally_charged, frame
from impo.operators.symmetry import conserved_charges, gauge

_TINY = 1e-13

Products: TypeAlias = Iterator[tuple[tuple[int, ...], tuple[Array, ...]]]
"""(positions, matrices): a sum of products of one-site superoperators."""


@dataclass(frozen=True)
class Generator:
    """A master equation on numbered sites, in the rotated frame.

    For a finite cluster the positions are 0 ... n-1. For an infinite chain they are those of one
    tile (one or more unit cells) and, where a term leaves it, n ... of the following tiles.

    Attributes
    ----------
    model
        The description.
    sites
        The sites of the cluster or tile.
    cells
        Unit cell of each site (an offset), in the order of `sites`.
    components
        Hamiltonian in the rotated frame, charge-resolved, one copy per tile.
    jumps
        (position, rate, matrix) of each dissipator on one site.
    joint_jumps
        All other dissipators in the rotated frame, one copy per tile.
    charges
        Integers of shape (charges, n): the weak U(1) symmetries; no rows if there are none.
    phases
        phi_j of each site in radians; zeros without a gauge.
    phase_advance
        What the phases grow by from one tile to the next.
    hermitian_basis
        Whether operators are expanded in Hermitian combinations (no charge).
    real
        Whether the Liouvillian is real.
    infinite
        Whether the sites are those of a tile of an infinite chain, or all.
    blocks
        Sizes of the blocks of neighbouring sites that an evolution treats as one; empty if every
        site is a block of its own.
    """

    model: LindbladModel
    sites: tuple[Site, ...]
    cells: tuple[Cell, ...]
    components: tuple[Component, ...]
    jumps: tuple[PlacedJump, ...]
    joint_jumps: tuple[JointJump, ...]
    charges: Array
    phases: Array
    phase_advance: float
    hermitian_basis: bool
    real: bool
    infinite: bool
    blocks: tuple[int, ...] = ()

    @cached_property
    def mirror(self) -> bool:
        """Whether coefficients of charge -q are those of q: T_{k,-q} = T_kq^T and L is real.

        A Hermitian state then has real coefficients, equal for q and -q, and L conserves that. In
        a block, charges q and -q of two sites add up to zero and exchange their places: the tensors
        of blocks do not keep the symmetry. Of states with equal charges, there are operators of
        charge zero that are odd.
        """
        odd = any(equally_charged(site) for site in self.sites)
        return self.real and not self.hermitian_basis and not self.blocks and not odd

    @property
    def full_rank(self) -> int:
        """Largest multipole rank that any site has."""
        return max(site.dimension for site in self.sites) - 1

    @property
    def bonds(self) -> list[tuple[int, int]]:
        """All blocks that follow each other; the last one of a tile has the first as its next."""
        n = len(self.spans)
        return [(block, (block + 1) % n) for block in range(n if self.infinite else n - 1)]

    @property
    def supports(self) -> list[tuple[int, ...]]:
        """The positions of every term and jump on more than one site, in rising order."""
        supports = [term.positions for term in self.components if len(term.positions) > 1]
        return supports + [jump.positions for jump in self.joint_jumps]

    @cached_property
    def weights(self) -> Array:
        """By how much T_kq raises the charges per q, packed, # site; zeros if there are none."""
        return packed(self.charges)

    @cached_property
    def reach(self) -> int:
        """The largest distance between two sites of a term or jump."""
        return max((where[-1] - where[0] for where in self.supports), default=0)

    @cached_property
    def spans(self) -> tuple[range, ...]:
        """The positions of every block in the tile or cluster."""
        ends = list(accumulate(self.blocks or (1,) * len(self.sites)))
        return tuple(map(range, [0, *ends], ends))

    def phase(self, position: int) -> float:
        """Return phi of any position of the chain, also outside the tile."""
        tile, site = divmod(position, len(self.sites))
        return float(self.phases[site] + tile * self.phase_advance)

    def angle(self, term: Component) -> float:
        """Return the phase that the frame gives a term: the sum of charge times phi."""
        pairs = zip(term.positions, term.charges, strict=True)
        return sum(q * self.phase(position) for position, q in pairs)

    def frame(self, positions: Sequence[int]) -> Array:
        """Return the diagonal u, shape (d,), with rho_physical = u rho u^+ on these sites.

        d is the dimension of all positions, the last of which runs fastest.
        """
        sites = [self.sites[position % len(self.sites)] for position in positions]
        return frame(sites, [self.phase(position) for position in positions])

    def physical(self) -> "Generator":
        """Return the same Liouvillian without the sublattice gauge: in general complex."""
        if self.hermitian_basis:
            return self
        return replace(
            self, components=tuple(self._turned(term, -1) for term in self.components),
            joint_jumps=tuple(
                replace(jump, parts=tuple(self._turned(part, -1) for part in jump.parts))
                for jump in self.joint_jumps
            ),
            phases=np.zeros_like(self.phases), phase_advance=0.0, real=False,
        )  # fmt: skip

    def _turned(self, term: Component, sign: int) -> Component:
        """Return a term in the rotated frame (sign 1) or back in the physical one (-1)."""
        angle = self.angle(term)
        turn = complex(math.cos(angle), sign * math.sin(angle))
        return replace(term, coefficient=term.coefficient * turn)

    def _in_frame(self, components: Sequence[Component]) -> tuple[Component, ...]:
        """Return the terms of the physical frame in that of the generator."""
        turned = [self._turned(term, 1) for term in components]
        if self.mirror:
            turned = [replace(t, coefficient=1j * t.coefficient.imag) for t in turned]
        return tuple(turned)

    def _jump_in_frame(self, jump: JointJump) -> JointJump:
        """Return a jump of the physical frame in that of the generator, the first product real."""
        parts = [self._turned(part, 1) for part in jump.parts]
        if self.mirror:
            free = parts[0].coefficient.conjugate() / abs(parts[0].coefficient)
            parts = [replace(p, coefficient=complex((p.coefficient * free).real)) for p in parts]
        return replace(jump, parts=tuple(parts))

    def rotated(self, position: int, matrix: Array) -> Array:
        """Return the matrix, in the rotated frame, of a physical one-site operator."""
        parts = charge_parts(self.sites[position % len(self.sites)], matrix)
        phi = self.phase(position)
        if all(q == 0 or phi == 0 for q in parts):
            return matrix
        return np.asarray(sum(np.exp(1j * q * phi) * part for q, part in parts.items()))

    def bases(self, k_max: int | None = None) -> tuple[OperatorBasis, ...]:
        """Return the operator basis of every site; equal sites share one object."""
        made = {site: operator_basis(site, k_max, self.hermitian_basis) for site in set(self.sites)}
        return tuple(made[site] for site in self.sites)

    def superoperators(
        self, columns: Sequence[OperatorBasis], rows: Sequence[OperatorBasis] | None = None
    ) -> Products:
        """Yield the Liouvillian as products of one-site matrices: (positions, matrices).

        Parameters
        ----------
        columns
            Operator bases in which the state is expanded, one per site of the tile.
        rows
            Bases of the result, if they are others: the Liouvillian is then not projected onto the
            columns. Only sites in the support of a term are mapped from columns to rows.
        """
        rows = rows or columns
        yield from self.one_site_and_coherent(columns, rows)
        for jump in self.joint_jumps:
            yield from self.joint_dissipator(jump, columns, rows)

    def one_site_and_coherent(
        self, columns: Sequence[OperatorBasis], rows: Sequence[OperatorBasis]
    ) -> Products:
        """Yield -i[H, .] and the dissipators on one site; see `superoperators`."""
        n = len(self.sites)
        for term in self.components:
            where = [p % n for p in term.positions]
            for action, factor in (("left", -1j), ("right", 1j)):
                if self.hermitian_basis and action == "right":
                    continue  # the conjugate of the left action of the conjugate term
                matrices = [
                    getattr(columns[s], action)(m, rows[s])
                    for s, m in zip(where, term.matrices, strict=True)
                ]
                yield from self._real_products(term.positions, factor * term.coefficient, matrices)
        for position, rate, matrix in self.jumps:
            if rate > 0:
                loss = rate * columns[position].dissipator(matrix, rows[position])
                yield (position,), (self._clean(loss),)

    def joint_dissipator(
        self, jump: JointJump, columns: Sequence[OperatorBasis], rows: Sequence[OperatorBasis]
    ) -> Products:
        """Yield the dissipator of a jump operator on several sites; see `superoperators`.

        Every pair of products L_i, L_j of its sum gives L_i rho L_j^+ and -{L_j^+ L_i, rho} / 2 on
        all sites of the two, even where L_j^+ L_i is the identity: the trace over any of these
        sites vanishes for the pair, but not for its two parts alone.
        """
        n = len(self.sites)
        for pair in jump.pairs():
            if not pair.factors or (self.hermitian_basis and pair.second < pair.first):
                continue  # a constant, or the conjugate of the pair in the other order
            pieces: list[list[Array]] = [[], [], []]
            for p, (a, b) in pair.factors.items():
                basis, to = columns[p % n], rows[p % n]
                pieces[0].append(basis.sandwich(a, b, to))
                pieces[1].append(basis.left(b @ a, to))
                pieces[2].append(basis.right(b @ a, to))
            home = min(pair.factors) // n * n  # the same place in the tile
            inside = tuple(p - home for p in pair.factors)
            half = 0.5 if self.hermitian_basis and pair.first == pair.second else 1.0
            for size, matrices in zip((1.0, -0.5, -0.5), pieces, strict=True):
                yield from self._real_products(inside, half * size * pair.coefficient, matrices)

    def _clean(self, matrix: Array) -> Array:
        """Drop the imaginary part of a matrix that must be real."""
        if not self.real:
            return matrix
        imaginary = np.abs(np.imag(matrix)).max(initial=0.0)
        if not imaginary <= 1e-10 * max(np.abs(matrix).max(initial=0.0), 1.0):
            raise AssertionError(f"A real Liouvillian has an imaginary part of {imaginary:.1e}.")
        return np.ascontiguousarray(np.real(matrix))

    def _real_products(
        self, positions: tuple[int, ...], coefficient: complex, matrices: list[Array]
    ) -> Products:
        """Yield coefficient * (x) matrices; in the Hermitian basis as real products.

        There, what is left out is the complex conjugate of this product, so twice the real part is
        the sum of both.
        """
        if not self.hermitian_basis:
            first = self._clean(coefficient * matrices[0])
            yield positions, (first, *[self._clean(m) for m in matrices[1:]])
            return
        for parts in product((0, 1), repeat=len(matrices)):
            factor = (2 * coefficient * 1j ** sum(parts)).real
            chosen = [m.imag if part else m.real for part, m in zip(parts, matrices, strict=True)]
            if abs(factor) > 0 and all(np.abs(m).max() > _TINY for m in chosen):
                yield positions, (factor * chosen[0], *chosen[1:])


def infinite_chain(
    model: LindbladModel, charges: bool = True, even: bool = True,
    repeats: Sequence[int] | None = None,
) -> Generator:  # fmt: skip
    """Return the generator of an infinite chain.

    The tile is one or two unit cells: two if the cell is odd, or if only a staggered charge exists.

    Parameters
    ----------
    model
        A one-dimensional description.
    charges
        Whether to use the U(1) symmetry; False gives the Hermitian basis.
    even
        Whether the tile must have an even number of sites.
    repeats
        Numbers of unit cells that the tile may have instead, in rising order.
    """
    if model.dimension != 1:
        raise ArgumentError("Argument `model` must be one-dimensional for an infinite chain.")
    smallest = 2 if even and len(model.sites) % 2 else 1
    candidates = []
    for repeat in repeats or range(smallest, 3):
        cells = tuple((cell,) for cell in range(repeat) for _ in model.sites)

        def locate(site: int, cell: Cell) -> int:
            return cell[0] * len(model.sites) + site

        tile = charge_resolved(model, cells, [(c,) for c in range(repeat)], locate, infinite=True)
        candidates.append(_in_frame(model, cells, tile, charges=charges, infinite=True))
    charged = [generator for generator in candidates if not generator.hermitian_basis]
    real = [generator for generator in charged if generator.real]
    return (real or charged or candidates)[0]


def finite_cluster(
    model: LindbladModel, shape: int | tuple[int, ...], periodic: bool = False, charges: bool = True
) -> Generator:
    """Return the generator of a finite cluster of unit cells.

    Parameters
    ----------
    model
        The description, in one or two dimensions.
    shape
        Number of cells in each direction.
    periodic
        Whether terms that leave the cluster re-enter on the other side, or are dropped.
    charges
        Whether to use the U(1) symmetry; False gives the Hermitian basis.
    """
    shape = (shape,) if isinstance(shape, int) else shape
    if len(shape) != model.dimension or min(shape) < 1:
        raise ArgumentError(
            f"Argument `shape` must be {model.dimension} positive integers, but is {shape}."
        )
    origins = list(product(*[range(length) for length in shape]))
    cells = tuple(cell for cell in origins for _ in model.sites)

    locate = partial(place_in_cluster, shape, periodic, len(model.sites))
    cluster = charge_resolved(model, cells, origins, locate, infinite=False)
    return _in_frame(model, cells, cluster, charges=charges, infinite=False)


def _in_frame(
    model: LindbladModel, cells: Sequence[Cell], placed: Placed, *, charges: bool, infinite: bool
) -> Generator:
    """Find charges and gauge, and rotate components and jumps."""
    n = len(cells)
    sites = tuple(model.sites[p % len(model.sites)] for p in range(n))
    charges = charges and not any(isinstance(s, Level) and s.charges is None for s in sites)
    found = conserved_charges(sites, placed) if charges else np.zeros((0, n), dtype=int)
    if hermitian := not np.any(found, axis=0).all():  # a site without any charge
        found = found[:0]
    solved = None if hermitian else gauge(sites, placed, infinite)
    phases, advance = (np.zeros(n), 0.0) if solved is None else (solved[:n], float(solved[n]))
    generator = Generator(
        model, sites, tuple(cells), (), placed.jumps, (), found, phases, advance,
        hermitian, hermitian or solved is not None, infinite,
    )  # fmt: skip
    return replace(
        generator, components=generator._in_frame(placed.components),
        joint_jumps=tuple(map(generator._jump_in_frame, placed.joint_jumps)),
    )  # fmt: skip


def kept_charges(generator: Generator) -> Generator:
    """Return the generator with the charges that the tensors of a matrix product carry.

    These are all that count every unit cell alike, if there are several. Otherwise it is one, the
    sum of all: decoupled cells conserve one each.
    """
    return replace(generator, charges=kept(generator.charges, len(generator.model.sites)))


def check_nearest_neighbour(generator: Generator, remedy: str = "use a finite cluster") -> None:
    """Raise `UnsupportedModelError` if a term or jump reaches beyond the next site of a chain."""
    supports = [("term", term.positions) for term in generator.components]
    for kind, where in [*supports, *(("jump", jump.positions) for jump in generator.joint_jumps)]:
        if where[-1] - where[0] > 1:
            raise UnsupportedModelError(
                f"ITEBD treats {kind}s on one site or on neighbours, but {generator.model.label} "
                f"has one on sites {where}; {remedy}."
            )
