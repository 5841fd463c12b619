r"""From the description to matrices: charges, sublattice gauge, operator bases, superoperators.

A density operator is expanded site by site in Hilbert-Schmidt orthonormal operators T_x,
rho = sum_x c_x T_x1 (x) T_x2 (x) ..., and the Liouvillian becomes a matrix that acts on c.

Two properties of a model are looked for here, because all cost depends on them:

* a weak U(1) symmetry: integer weights w_j such that every Hamiltonian term conserves
  sum_j w_j m_j and every jump operator changes it by a definite amount. T_kq on site j then carries
  the charge w_j q.
* a sublattice gauge: angles phi_j such that in the rotated frame, S+_j = e^{i phi_j} S~+_j, the
  Hamiltonian is purely imaginary; -i[H, .] and the whole Liouvillian are then real matrices.

A model without a charge is treated in a basis of Hermitian operators, in which every Liouvillian is
real. A model with a charge but no gauge keeps its charge and complex matrices.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.model import LindbladModel, Site
from impo.operators.basis import OperatorBasis, operator_basis
from impo.operators.local import charge_parts, local_operators
from impo.operators.symmetry import integer_null_space, solve_modulo_pi

_TINY = 1e-13


@dataclass(frozen=True)
class Component:
    """coefficient * product of one-site matrices; matrix number i raises its site by charges[i]."""

    coefficient: complex
    positions: tuple[int, ...]
    matrices: tuple[Array, ...]
    charges: tuple[int, ...]


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
        (position, rate, matrix) of each dissipator.
    weights
        Integers of shape (charges, n): the weak U(1) symmetries; no rows if there are none.
    phases
        phi_j of each site in radians; zeros without a gauge.
    phase_advance
        What the phases grow by from one tile to the next.
    hermitian_basis
        Whether operators are expanded in Hermitian combinations (no charge).
    real
        Whether the Liouvillian is real.
    """

    model: LindbladModel
    sites: tuple[Site, ...]
    cells: tuple[tuple[int, ...], ...]
    components: tuple[Component, ...]
    jumps: tuple[tuple[int, float, Array], ...]
    weights: Array
    phases: Array
    phase_advance: float
    hermitian_basis: bool
    real: bool

    @property
    def mirror(self) -> bool:
        """Whether coefficients of charge -q are those of q: T_{k,-q} = T_kq^T and L is real.

        A Hermitian state then has real coefficients, equal for q and -q, and L conserves that.
        """
        return self.real and not self.hermitian_basis

    def phase(self, position: int) -> float:
        """Return phi of any position of the chain, also outside the tile."""
        tile, site = divmod(position, len(self.sites))
        return float(self.phases[site] + tile * self.phase_advance)

    def rotated(self, position: int, matrix: Array) -> Array:
        """Return the matrix, in the rotated frame, of a physical one-site operator."""
        site = self.sites[position % len(self.sites)]
        parts = charge_parts(site, matrix)
        phi = self.phase(position)
        if all(q == 0 or phi == 0 for q in parts):
            return matrix
        return sum(np.exp(1j * q * phi) * part for q, part in parts.items())

    def bases(self, k_max: int | Sequence[int] | None = None) -> tuple[OperatorBasis, ...]:
        """Return the operator basis of every site; equal sites share one object."""
        cut = [k_max] * len(self.sites) if k_max is None or isinstance(k_max, int) else k_max
        made: dict = {}
        for key in zip(self.sites, cut, strict=True):
            if key not in made:
                made[key] = operator_basis(*key, hermitian=self.hermitian_basis)
        return tuple(made[key] for key in zip(self.sites, cut, strict=True))

    def superoperators(
        self, columns: Sequence[OperatorBasis], rows: Sequence[OperatorBasis] | None = None
    ) -> Iterator[tuple[tuple[int, ...], tuple[Array, ...]]]:
        """Yield the Liouvillian as products of one-site matrices: (positions, matrices).

        Parameters
        ----------
        columns
            Operator bases in which the state is expanded, one per site of the tile.
        rows
            Bases of the result, if they are others: the Liouvillian is then not projected onto the
            columns. Only sites in the support of a term are mapped from columns to rows.
        """
        n = len(self.sites)
        rows = rows or columns
        for term in self.components:
            where = [p % n for p in term.positions]
            for action, factor in (("left", -1j), ("right", 1j)):
                matrices = [
                    getattr(columns[s], action)(m, rows[s])
                    for s, m in zip(where, term.matrices, strict=True)
                ]
                yield from self._real_products(
                    term.positions, factor * term.coefficient, matrices, action
                )
        for position, rate, matrix in self.jumps:
            if rate > 0:
                yield (
                    (position,),
                    (self._clean(rate * columns[position].dissipator(matrix, rows[position])),),
                )

    def _clean(self, matrix: Array) -> Array:
        """Drop the imaginary part of a matrix that must be real."""
        if not self.real:
            return matrix
        imaginary = np.abs(np.imag(matrix)).max(initial=0.0)
        if not imaginary <= 1e-10 * max(np.abs(matrix).max(initial=0.0), 1.0):
            raise AssertionError(f"A real Liouvillian has an imaginary part of {imaginary:.1e}.")
        return np.ascontiguousarray(np.real(matrix))

    def _real_products(self, positions, coefficient, matrices, action):
        """Yield coefficient * (x) matrices; in the Hermitian basis as real products.

        There, the right action of the conjugate term is the complex conjugate of the left action of
        the term, so the right actions are left out and the left ones give twice their real part.
        """
        if not self.hermitian_basis:
            first = self._clean(coefficient * matrices[0])
            yield positions, (first, *[self._clean(m) for m in matrices[1:]])
            return
        if action == "right":
            return
        for parts in product((0, 1), repeat=len(matrices)):
            factor = (2 * coefficient * 1j ** sum(parts)).real
            chosen = [m.imag if part else m.real for part, m in zip(parts, matrices, strict=True)]
            if abs(factor) > 0 and all(np.abs(m).max() > _TINY for m in chosen):
                yield positions, (factor * chosen[0], *chosen[1:])


def infinite_chain(model: LindbladModel, charges: bool = True) -> Generator:
    """Return the generator of an infinite chain, on a tile with an even number of sites.

    The tile is one or two unit cells: two if the cell is odd, or if only a staggered charge exists.

    Parameters
    ----------
    model
        A one-dimensional description.
    charges
        Whether to use the U(1) symmetry; False gives the Hermitian basis.
    """
    if model.dimension != 1:
        raise ArgumentError("Argument `model` must be one-dimensional for an infinite chain.")
    smallest = 1 if len(model.sites) % 2 == 0 else 2
    candidates = []
    for repeat in range(smallest, 3):
        cells = tuple((cell,) for cell in range(repeat) for _ in model.sites)

        def locate(site: int, cell: tuple[int, ...]) -> int:
            return cell[0] * len(model.sites) + site

        tile = _charge_resolved(model, cells, [(c,) for c in range(repeat)], locate, infinite=True)
        candidates.append(_in_frame(model, cells, *tile, charges=charges, infinite=True))
    for generator in candidates:
        if not generator.hermitian_basis and generator.real:
            return generator
    for generator in candidates:
        if not generator.hermitian_basis:
            return generator
    return candidates[0]


def finite_cluster(
    model: LindbladModel,
    shape: int | tuple[int, ...],
    periodic: bool = False,
    charges: bool = True,
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

    def locate(site: int, cell: tuple[int, ...]) -> int | None:
        inside = tuple(c % length for c, length in zip(cell, shape, strict=True))
        if inside != cell and not periodic:
            return None
        return origins.index(inside) * len(model.sites) + site

    cluster = _charge_resolved(model, cells, origins, locate, infinite=False)
    return _in_frame(model, cells, *cluster, charges=charges, infinite=False)


def _charge_resolved(
    model: LindbladModel,
    cells: Sequence[tuple[int, ...]],
    origins: Sequence[tuple[int, ...]],
    locate: Callable[[int, tuple[int, ...]], int | None],
    infinite: bool,
) -> tuple[list[Component], list[tuple[int, float, Array]]]:
    """Place the terms on numbered sites and split them into components of definite charge.

    Equal operator products are merged, so that SxSx + SySy has no S+S+ component left.
    """
    n = len(cells)
    operators = [local_operators(site) for site in model.sites]
    merged: dict[tuple, list] = {}
    for origin, term in product(origins, model.hamiltonian):
        matrices: dict[int, Array] = {}
        owner: dict[int, tuple] = {}
        for name, site, offset in term.factors:
            cell = tuple(o + x for o, x in zip(origin, offset, strict=True))
            position = locate(site, cell)
            if position is None:
                break
            if owner.setdefault(position, (site, cell)) != (site, cell):
                raise ArgumentError(
                    f"A periodic cluster must be larger than its terms, but {term} meets itself."
                )
            matrix = operators[site][name]
            matrices[position] = matrices[position] @ matrix if position in matrices else matrix
        else:
            _merge(merged, model, term.coefficient, matrices, n if infinite else 0)
    scale = max((abs(value[0]) for value in merged.values()), default=0.0)
    components = [
        Component(value[0], *value[1:])
        for value in merged.values()
        if abs(value[0]) > _TINY * scale and value[1]  # a constant drops out of the commutator
    ]
    jumps = [
        (position, jump.rate, operators[jump.site][jump.op])
        for position in range(n)
        for jump in model.jumps
        if position % len(model.sites) == jump.site
    ]
    return components, jumps


def _merge(merged, model, coefficient, matrices, tile) -> None:
    """Add coefficient * product of matrices to `merged`, split by charge and normalised.

    Of an infinite chain (`tile` > 0) every component begins inside the tile. It is moved there
    after its identity factors are dropped, because they are no part of its support.
    """
    positions = sorted(matrices)
    parts = [
        charge_parts(model.sites[p % len(model.sites)], matrices[p]).items() for p in positions
    ]
    for choice in product(*parts):
        total, kept = complex(coefficient), []
        for position, (q, matrix) in zip(positions, choice, strict=True):
            pivot = matrix.flat[np.argmax(np.abs(matrix))]
            unit = matrix / pivot
            if np.abs(unit.imag).max() < _TINY:
                unit = np.ascontiguousarray(unit.real)
            if q == 0 and np.allclose(unit, np.eye(len(unit)), atol=_TINY):
                total *= pivot  # an identity factor acts nowhere
                continue
            size = np.linalg.norm(unit, 2)
            total *= pivot * size
            kept.append((position, unit, size, q))
        shift = kept[0][0] // tile * tile if tile and kept else 0
        key = tuple((p - shift, q, np.round(unit, 10).tobytes()) for p, unit, _, q in kept)
        factors = [(p - shift, unit / size, q) for p, unit, size, q in kept]
        columns = tuple(zip(*factors, strict=True)) or ((), (), ())
        merged.setdefault(key, [0j, *columns])[0] += total


def _in_frame(model, cells, components, jumps, *, charges: bool, infinite: bool) -> Generator:
    """Find charges and gauge, and rotate the components."""
    n = len(cells)
    sites = tuple(model.sites[p % len(model.sites)] for p in range(n))
    weights = np.zeros((0, n), dtype=int)
    if charges:
        rows = [_row(n, term.positions, term.charges) for term in components]
        for position, _, matrix in jumps:
            qs = list(charge_parts(sites[position], matrix))
            rows += [_row(n, (position,), (q - qs[0],)) for q in qs[1:]]
        weights = integer_null_space(rows, n)
    hermitian = not charges or not _covers_all(weights)
    phases, advance = np.zeros(n), 0.0
    real = hermitian
    if not hermitian:
        solved = _gauge(n, sites, components, jumps, infinite)
        if solved is not None:
            phases, advance, real = solved[:n], float(solved[n]), True
    generator = Generator(
        model, sites, tuple(cells), (), tuple(jumps),
        weights if not hermitian else weights[:0], phases, advance, hermitian, real,
    )  # fmt: skip
    rotated = []
    for term in components:
        angle = sum(
            q * generator.phase(p) for p, q in zip(term.positions, term.charges, strict=True)
        )
        value = term.coefficient * complex(math.cos(angle), math.sin(angle))
        if real and not hermitian:
            value = 1j * value.imag
        rotated.append(Component(value, term.positions, term.matrices, term.charges))
    object.__setattr__(generator, "components", tuple(rotated))
    return generator


def _row(
    n: int, positions: Sequence[int], entries: Sequence[int], extra: bool = False
) -> list[int]:
    """Return an equation over the n sites of a tile; `extra` adds the advance per tile."""
    row = [0] * (n + extra)
    for position, entry in zip(positions, entries, strict=True):
        row[position % n] += entry
        if extra:
            row[n] += position // n * entry
    return row


def _covers_all(weights: Array) -> bool:
    """Return whether every site takes part in at least one charge."""
    return len(weights) > 0 and bool(np.all(np.any(weights != 0, axis=0)))


def _gauge(n, sites, components, jumps, infinite) -> Array | None:
    """Return the phases (and their advance per tile) that make the Liouvillian real, or None."""
    rows, angles = [], []
    for term in components:
        if any(np.iscomplexobj(matrix) for matrix in term.matrices):
            return None
        row = _row(n, term.positions, term.charges, extra=True)
        rows.append(row)
        angles.append(math.pi / 2 - math.atan2(term.coefficient.imag, term.coefficient.real))
    for position, _, matrix in jumps:
        parts = charge_parts(sites[position], matrix)
        pivots = {q: part.flat[np.argmax(np.abs(part))] for q, part in parts.items()}
        if any(np.abs((part / pivots[q]).imag).max() > _TINY for q, part in parts.items()):
            return None
        first = next(iter(parts))
        for q in list(parts)[1:]:
            rows.append(_row(n, (position,), (q - first,), extra=True))
            angles.append(float(np.angle(pivots[first]) - np.angle(pivots[q])))
    if not infinite:
        rows.append([0] * n + [1])
        angles.append(0.0)
    return solve_modulo_pi(rows, angles, n + 1)
