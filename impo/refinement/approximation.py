"""A matrix product at fixed accuracy settings: how such are made, changed and compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from impo.arrays import Array
from impo.model import Spin
from impo.operators.basis import OperatorBasis
from impo.operators.blocks import joined
from impo.operators.liouvillian import Generator
from impo.operators.local import local_operators
from impo.tensor.environment import TraceEnvironment
from impo.tensor.gates import block_charges, physical_legs, rank_scale
from impo.tensor.matrix_product import MatrixProduct, product_state

UNTRUNCATED = 1e-12  # a discarded weight up to here may be rounding
UNIQUE = 1 - 1e-9  # second over first eigenvalue of the trace transfer matrix of a unique state


@dataclass(frozen=True, eq=False)
class Approximation:
    """A state as a matrix product, its accuracy settings, and how far it still may move.

    Attributes
    ----------
    generator
        The master equation on the sites of a tile, or of a finite chain. The tile is the unit
        cell of the matrix product: a few unit cells of the model, so that its number of blocks is
        even.
    matrix_product
        Coefficients in the basis (2k + 1)^-weight T_kq.
    k_max
        Largest rank of the operators kept.
    weight
        The alpha of the basis.
    chi, dt
        Bond dimension allowed and Trotter step used.
    remaining
        Estimated distance to the fixed point, in the norm of `monitor`.
    time
        Evolution time spent on this approximation and those it was made from.
    discarded
        Largest discarded weight of an update in the last block.
    slowest_rate
        Slowest rate at which the state, or its distance from that of another start, was seen to
        decay; None in files that were written before it was measured.
    """

    generator: Generator
    matrix_product: MatrixProduct = field(repr=False)
    k_max: int
    weight: float
    chi: int = 1
    dt: float = 0.0
    remaining: float = np.inf
    time: float = 0.0
    discarded: float = 0.0
    slowest_rate: float | None = None

    @cached_property
    def bases(self) -> tuple[OperatorBasis, ...]:
        """Operator basis of every site."""
        return self.generator.bases(self.k_max)

    @cached_property
    def environment(self) -> TraceEnvironment:
        """Trace environment of the matrix product."""
        return trace_environment(self.generator, self.matrix_product, self.bases, self.weight)

    @cached_property
    @np.errstate(divide="ignore", invalid="ignore", over="ignore")  # see `diverged`
    def monitor(self) -> Array:
        """Expectation values of T_kq (x) T_k'q', k + k' <= 2, of all neighbours, over their norms.

        Neighbours are as far apart as a term of the model reaches. The values contain <Sz>/S,
        <Sz^2>/S^2 and the neighbour correlations over S^2. Var/S^2 of every site is added, because
        it may move more than they do. Imaginary parts, if there are any, follow after all real
        parts.
        """
        n = len(self.bases)
        known = self.generator.bases(max(self.k_max, 2))  # a rank that is cut off has the value 0
        values = []
        for first, last in neighbours(self.generator):
            one, two = known[first], known[last % n]
            places = np.ix_(_places(self.bases[first], one), _places(self.bases[last % n], two))
            marginal = self.environment.pair(first, last)
            pair = np.zeros((len(one), len(two)), marginal.dtype)
            pair[places] = marginal
            i, j, scale = low_pairs(one, two, 2)
            rank = np.maximum(one.k[i], two.k[j])
            scale = np.where(rank == 2, 1.5 * scale, scale)  # Sz^2/S^2 holds 2/3 of T_20/|T_20|
            values.append(pair[i, j] / scale)
        for site, basis in enumerate(self.bases):
            dipole = basis.matrices[(basis.k == 1) & (basis.q == 0)]
            for z in dipole / np.linalg.norm(dipole, ord=2, axis=(1, 2))[:, None, None]:
                local = self.environment.marginal(site, 1)
                mean, square = local @ basis.measure(z), local @ basis.measure(z @ z)
                values.append(np.array([square - mean**2]))
        found = np.concatenate(values)
        return np.concatenate([found.real, found.imag]) if np.iscomplexobj(found) else found

    @cached_property
    def moments(self) -> Array:
        """Mean and variance of S_z or n on every site; # site moment."""
        found = []
        for position, site in enumerate(self.generator.sites):
            matrix = local_operators(site)["Sz" if isinstance(site, Spin) else "N"]
            one, basis = self.environment.marginal(position, 1), self.bases[position]
            mean = np.real(one @ basis.measure(matrix))
            square = np.real(one @ basis.measure(matrix @ matrix))
            found.append((mean, square - mean**2))
        return np.array(found)

    @cached_property
    def smallest_eigenvalue(self) -> float:
        """Smallest eigenvalue of the density matrices of all neighbours."""
        states = two_site_states(self)
        return min(float(np.linalg.eigvalsh((rho + rho.conj().T) / 2)[0]) for rho in states)

    @property
    def diverged(self) -> bool:
        """Whether the evolution diverged, as one with too low a cut-off may.

        What is monitored is at most one in any state.
        """
        return not (np.all(np.isfinite(self.monitor)) and np.max(np.abs(self.monitor)) < 3)

    @property
    def plausible(self) -> bool:
        """Whether it may be a state: it has one trace, and nothing is far beyond its bound."""
        bounded = not self.diverged and bool(np.max(np.abs(self.monitor)) < 1.2)
        return bounded and self.environment.spectrum_ratio < UNIQUE

    @property
    def ranks_alike(self) -> bool:
        """Whether all ranks are kept, and with equal weight: only bonds are truncated."""
        return self.weight == 0 and self.k_max >= self.generator.full_rank

    @property
    def known_rate(self) -> float | None:
        """The slowest rate; None where none was seen, as of states that the truncation holds."""
        return self.slowest_rate if self.slowest_rate or self.untruncated else None

    @property
    def untruncated(self) -> bool:
        """Whether nothing is truncated: there is room left, and no weight is lost."""
        return self.matrix_product.bond_dimension < self.chi and self.discarded <= UNTRUNCATED


def low_pairs(first: OperatorBasis, second: OperatorBasis, rank: int) -> tuple[Array, Array, Array]:
    """Return the pairs (x, y) with k + k' <= rank, except the identity, and |T_x (x) T_y|.

    The norm is the operator norm of T: the largest absolute value of its expectation. Coefficients
    are those of rho, so <T_x^+ T_y^+>.
    """
    total = first.k[:, None] + second.k[None, :]
    i, j = np.nonzero((total <= rank) & (total > 0))
    return i, j, first.size[i] * second.size[j]


def difference(a: Approximation, b: Approximation) -> float:
    """Return the largest difference of the monitored expectation values.

    If the cut-offs of bosons differ, operators differ too, and `moments` are compared.
    """
    if a.diverged or b.diverged:
        return np.inf
    if a.generator.sites != b.generator.sites:
        return float(np.max(moment_changes(a, b)))
    return float(np.max(np.abs(a.monitor - b.monitor)))


def moment_changes(a: Approximation, b: Approximation) -> Array:
    """Return the changes of <S_z>/S and Var/S^2, or of <n>/c and Var n/c^2; c the smaller cut-off.

    Axes: # site moment.
    """
    sizes = np.array([
        float(one.S) if isinstance(one, Spin) else min(one.dimension, two.dimension) - 1
        for one, two in zip(a.generator.sites, b.generator.sites, strict=True)
    ])  # fmt: skip
    return np.asarray(np.abs(a.moments - b.moments) / np.stack([sizes, sizes**2], axis=1))


def neighbours(generator: Generator) -> list[tuple[int, int]]:
    """Return all pairs of positions that are at most as far apart as a term reaches."""
    n, distances = len(generator.sites), range(1, max(1, generator.reach) + 1)
    return [(p, p + r) for r in distances for p in range(n if generator.infinite else n - r)]


def trace_environment(
    generator: Generator, product: MatrixProduct, bases: Sequence[OperatorBasis], weight: float
) -> TraceEnvironment:
    """Return the trace environment of the sites, whether they are evolved in blocks or not."""
    blocks = block_charges(generator, bases) if generator.blocks else ()
    return TraceEnvironment(product, bases, weight, blocks)


def product_approximation(
    generator: Generator, states: Sequence[Array] | None, k_max: int, weight: float
) -> Approximation:
    """Return the product of one-site density matrices (rotated frame), or the mixed state."""
    bases = generator.bases(k_max)
    coefficients = []
    for site, basis in enumerate(bases):
        d = basis.dimension
        rho = np.eye(d) / d if states is None else states[site]
        values = basis.expand(rho) * rank_scale(basis.k, weight)
        coefficients.append(values.real if generator.real else values.astype(complex))
    legs, blocks = physical_legs(generator, bases), joined(generator, coefficients)
    found = product_state(blocks, legs, generator.infinite, generator.mirror)
    return Approximation(generator, found, k_max, weight)


def adapted(
    approx: Approximation, generator: Generator, k_max: int, weight: float
) -> Approximation:
    """Return an approximation in other operator bases: other k_max, weight or spins.

    Coefficients keep their (k, q); those of a rank that is new start at zero. Between spins of
    different size they are scaled such that the trace is kept.
    """
    pairs = list(zip(approx.bases, generator.bases(k_max), strict=True))
    maps = [_same_multipoles(old, new, weight - approx.weight) for old, new in pairs]
    found = mapped(approx, generator, k_max, weight, maps)
    kept = [np.array([old.dimension / new.dimension]) for old, new in pairs]
    for block, (ratio,) in enumerate(joined(generator, kept)):
        found.matrix_product.tensors[block] *= np.sqrt(ratio)
    return found


def mapped(
    approx: Approximation, generator: Generator, k_max: int, weight: float, maps: Sequence[Array]
) -> Approximation:
    """Return an approximation with other coefficients: one matrix per site; # new old."""
    product = approx.matrix_product.copy()
    product.physical = physical_legs(generator, generator.bases(k_max))
    for block, matrix in enumerate(joined(generator, maps)):
        dense = approx.matrix_product.dense(block)  # vL p vR
        out = np.einsum("xy,ayb->axb", matrix, dense, optimize=True)
        product.tensors[block] = product.layout(block).from_dense(out)
    return Approximation(
        generator, product, k_max, weight, chi=approx.chi, dt=approx.dt, time=approx.time,
        slowest_rate=approx.slowest_rate,
    )  # fmt: skip


def _same_multipoles(old: OperatorBasis, new: OperatorBasis, weight: float) -> Array:
    """Return the matrix that keeps (k, q) and scales by (2k + 1)^-weight; # new old."""
    where = {label: y for y, label in enumerate(_labels(old))}
    found = np.zeros((len(new), len(old)))
    for x, label in enumerate(_labels(new)):
        if label in where:
            found[x, where[label]] = rank_scale(new.k[x], weight)
    return found


def _places(small: OperatorBasis, large: OperatorBasis) -> Array:
    """Return where the operators of a basis stand in one of a larger rank."""
    if len(small) == len(large):
        return np.arange(len(small))
    where = {label: x for x, label in enumerate(_labels(large))}
    return np.array([where[label] for label in _labels(small)])


def common_operators(
    one: Sequence[OperatorBasis], two: Sequence[OperatorBasis]
) -> list[tuple[Array, Array]]:
    """Return where the operators that two bases of every site share stand in each of them."""
    found = []
    for first, second in zip(one, two, strict=True):
        if len(first) <= len(second):
            found.append((np.arange(len(first)), _places(first, second)))
        else:
            found.append((_places(second, first), np.arange(len(second))))
    return found


def _labels(basis: OperatorBasis) -> list[tuple[int, int, int]]:
    """Return (k, q, number among equals): Hermitian combinations share q = 0."""
    seen: dict[tuple[int, int], int] = {}
    out = []
    for k, q in zip(basis.k.tolist(), basis.q.tolist(), strict=True):
        seen[k, q] = seen.get((k, q), -1) + 1
        out.append((k, q, seen[k, q]))
    return out


def compatible(a: Generator, b: Generator) -> bool:
    """Return whether states of one generator can start an evolution by the other."""
    return (
        (len(a.sites), a.infinite, a.blocks) == (len(b.sites), b.infinite, b.blocks)
        and a.hermitian_basis == b.hermitian_basis
        and a.real == b.real
        and np.array_equal(a.charges, b.charges)
        and bool(np.allclose([*a.phases, a.phase_advance], [*b.phases, b.phase_advance]))
    )


@dataclass(frozen=True, eq=False)
class Refinement:
    """Two approximations that differ in one setting.

    Its error is bounded by factor times their difference.
    """

    kind: str
    finer: Approximation
    coarser: Approximation
    factor: float

    @property
    def equally_truncated(self) -> bool:
        """Whether a truncated state is compared with one that is truncated as much."""
        finer, coarser = (p.matrix_product.bond_dimension for p in (self.finer, self.coarser))
        return self.kind == "chi" and finer == coarser and self.finer.discarded > UNTRUNCATED

    @property
    def unknown(self) -> bool:
        """Whether the comparison bounds nothing."""
        return self.equally_truncated or not np.isfinite(self.factor)

    def unknown_of(self, charge: int) -> bool:
        """Return whether the comparison bounds nothing of correlations that carry a charge.

        A larger bond dimension may go to other charges alone. Both states then lack the same modes
        of this one, and agree on what is wrong.
        """
        if self.kind != "chi" or self.finer.untruncated:
            return self.unknown
        legs = zip(self.finer.matrix_product.legs, self.coarser.matrix_product.legs, strict=True)
        grown = any(one.counts.get(charge, 0) != two.counts.get(charge, 0) for one, two in legs)
        return self.unknown or not grown

    @property
    def error(self) -> float:
        """Bound in the norm of the monitored expectation values."""
        return np.inf if self.unknown else self.factor * difference(self.finer, self.coarser)

    def error_of(self, observable: Callable[[Approximation], Array]) -> Array:
        """Return the bound on the error of any observable."""
        change = np.abs(observable(self.finer) - observable(self.coarser))
        return np.full_like(change, np.inf) if self.unknown else self.factor * change


def two_site_states(approx: Approximation) -> list[Array]:
    """Return the density matrices of all neighbours, (d d') x (d d'), in the rotated frame."""
    bases, marginal = approx.bases, approx.environment.marginal
    return [
        density_matrix(marginal(first, 2), (bases[first], bases[second]))
        for first, second in approx.generator.bonds
    ]


def density_matrix(coefficients: Array, bases: Sequence[OperatorBasis]) -> Array:
    """Return the matrix sum_x c_x T_x1 (x) T_x2 ..., shape (d1 d2 ..., d1 d2 ...)."""
    block = coefficients
    for basis in bases:  # the leading operator index is replaced by trailing bra and ket indices
        block = np.tensordot(block, basis.matrices, axes=(0, 0))
    order = [*range(0, 2 * len(bases), 2), *range(1, 2 * len(bases), 2)]
    size = int(np.prod([basis.dimension for basis in bases]))
    return np.asarray(block.transpose(order).reshape(size, size))


def all_of(approx: Approximation, refinements: Sequence[Refinement]) -> list[Approximation]:
    """Return a state and all that it is compared with, each once."""
    sides = (side for pair in refinements for side in (pair.finer, pair.coarser))
    return list(dict.fromkeys((approx, *sides)))
