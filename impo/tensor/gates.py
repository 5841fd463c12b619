"""Bond Liouvillians, resolved by charge, and their exponentials."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy.sparse import csr_array, kron
from scipy.sparse.linalg import svds

from impo.arrays import Array
from impo.operators.basis import OperatorBasis
from impo.operators.blocks import block_of, joined
from impo.operators.liouvillian import Generator, check_nearest_neighbour
from impo.tensor.contraction import gate_starts, pair_charges, pair_index
from impo.tensor.exponential import exponential
from impo.tensor.legs import PhysicalLeg

ROUNDING = 1e-14  # elements smaller than this part of the largest are zeros of the algebra
_FEW = 300  # rows of a matrix whose singular values take no time


class Gate:
    """exp(time * L) of a bond; the block of a pair charge is made when it is first needed.

    Until then it is zero: the system gives such memory without writing to it, so a block that is
    never needed costs neither time nor memory.
    """

    def __init__(self, blocks: Mapping[int, csr_array], time: float, single: bool):
        self._blocks, self._time = blocks, time
        sizes = {charge: block.shape[0] for charge, block in blocks.items()}
        self._starts = gate_starts(sizes)
        complex_ = any(np.iscomplexobj(block) for block in blocks.values())
        dtype = np.result_type(np.complex64 if complex_ else np.float32, 0 if single else float)
        self._flat = np.zeros(sum(n * n for n in sizes.values()), dtype)
        self._made: set[int] = set()

    def flat(self, charges: Set[int]) -> Array:
        """Return all blocks one after the other; those of the given charges are made."""
        for charge in charges - self._made:
            block = exponential(self._time * self._blocks[charge])
            start = self._starts[charge]
            self._flat[start : start + block.size] = block.ravel()
            self._made.add(charge)
        return self._flat

    def __getitem__(self, charge: int) -> Array:
        """Return the block of a pair charge; # (p0 p1) (p0' p1')."""
        start, n = self._starts[charge], self._blocks[charge].shape[0]
        return self.flat({charge})[start : start + n * n].reshape(n, n)


@dataclass(frozen=True)
class Bond:
    """The Liouvillian of two neighbours, one matrix per pair charge; # (p0 p1) (p0' p1')."""

    blocks: Mapping[int, csr_array]

    def gate(self, time: float, single: bool = False) -> Gate:
        """Return exp(time * L), to be applied in single or double precision."""
        return Gate(self.blocks, time, single)

    @property
    def fastest(self) -> float:
        """The largest singular value: no coefficient changes at a faster rate."""
        return max(map(_norm, self.blocks.values()))


def _norm(matrix: csr_array) -> float:
    """Return the largest singular value, of a large matrix to three digits."""
    if matrix.shape[0] <= _FEW:
        return float(np.linalg.norm(matrix.toarray(), ord=2))
    start = np.random.default_rng(0).standard_normal(matrix.shape[0])
    return float(svds(matrix, 1, v0=start, tol=1e-4, return_singular_vectors=False)[0])


def rank_scale(rank: Array, weight: float) -> Array:
    """Return (2k + 1)^-weight, by which coefficients of rank k are scaled before a truncation."""
    return (2.0 * rank + 1) ** -weight


def block_charges(generator: Generator, bases: Sequence[OperatorBasis]) -> list[list[Array]]:
    """Return the packed charges of the operators of every site of every block; zeros if none."""
    pairs = zip(generator.weights, bases, strict=True)
    charges = [weight * basis.q for weight, basis in pairs]
    return [[charges[site] for site in span] for span in generator.spans]


def physical_legs(generator: Generator, bases: Sequence[OperatorBasis]) -> list[PhysicalLeg]:
    """Return the operators of every block grouped by their conserved charge."""
    blocks = block_charges(generator, bases)
    return [PhysicalLeg.of(reduce(np.add.outer, charges).ravel()) for charges in blocks]


def block_scales(
    generator: Generator, bases: Sequence[OperatorBasis], weight: float
) -> list[Array]:
    """Return what the coefficients of every block are scaled by: the product over its sites."""
    return joined(generator, [rank_scale(basis.k, weight) for basis in bases])


class _Bonds:
    """Collects a Liouvillian, product by product, as what acts in blocks and on bonds.

    Attributes
    ----------
    generator
        The master equation.
    unit
        The identity of every site.
    local
        What acts in a block, by the number of the block.
    bonds
        Products of two matrices for every bond.
    strength
        Of the couplings on every bond.
    """

    def __init__(self, generator: Generator, bases: Sequence[OperatorBasis]):
        self.generator = generator
        self.unit = [np.eye(len(basis)) for basis in bases]
        self.local: dict[int, Array] = {}
        self.bonds: list[list[tuple[Array, Array]]] = [[] for _ in generator.bonds]
        self.strength = np.zeros(len(self.bonds))

    def home(self, positions: Sequence[int]) -> tuple[int, ...]:
        """Return the block or the two neighbouring blocks on which positions lie."""
        return tuple(sorted({block_of(self.generator, p) for p in positions}))

    def add(self, home: Sequence[int], positions: Sequence[int], matrices: Sequence[Array]) -> None:
        """Add a product to the block or bond where it is at home."""
        sites, count = len(self.unit), len(self.generator.spans)
        here = dict(zip((p % sites for p in positions), matrices, strict=True))
        blocks = [
            reduce(np.kron, [here.get(site, self.unit[site]) for site in span])
            for span in (self.generator.spans[block % count] for block in home)
        ]
        if len(blocks) == 1:
            self.local[home[0]] = self.local.get(home[0], 0) + blocks[0]
        else:
            first, second = blocks
            self.bonds[home[0]].append((first, second))


def bond_products(
    generator: Generator, bases: Sequence[OperatorBasis]
) -> list[list[tuple[Array, Array]]]:
    """Return the Liouvillian of every bond as a list of products of two matrices of a block each.

    Bond b joins blocks b and b + 1. What acts in one block is shared among its bonds in proportion
    to the couplings there: decoupled dimers then have no Trotter error. The dissipator of a jump on
    a bond is not divided.
    """
    found = _Bonds(generator, bases)
    for term in generator.components:
        if len(home := found.home(term.positions)) == 2:
            found.strength[home[0]] += abs(term.coefficient)
    for positions, matrices in generator.one_site_and_coherent(bases, bases):
        found.add(found.home(positions), positions, matrices)
    for jump in generator.joint_jumps:
        if len(home := found.home(jump.positions)) == 2:
            size = max(abs(part.coefficient) for part in jump.parts)
            found.strength[home[0]] += jump.rate * size**2
        for positions, matrices in generator.joint_dissipator(jump, bases, bases):
            found.add(home, positions, matrices)
    n, count, strength = len(generator.spans), len(found.bonds), found.strength
    unit = joined(generator, found.unit)
    for block, matrix in found.local.items():
        around = [b % n for b in (block - 1, block) if generator.infinite or 0 <= b < count]
        total = strength[around].sum()
        for bond in around:
            share = matrix * (strength[bond] / total if total else 1 / len(around))
            pair = (share, unit[(bond + 1) % n]) if bond == block else (unit[bond], share)
            found.bonds[bond].append(pair)
    return found.bonds


def bond_liouvillians(
    generator: Generator, bases: Sequence[OperatorBasis], weight: float, mirror: bool = False
) -> list[Bond]:
    """Return the Liouvillians of all bonds in the basis (2k + 1)^-weight T_kq.

    Parameters
    ----------
    generator
        Master equation on the sites of a tile or of an open chain, in blocks that no term leaves
        farther than to the next one.
    bases
        Operator basis of every site.
    weight
        The alpha of the weighted truncation: a coefficient of rank k is scaled by
        (2k + 1)^-alpha, a similarity transformation.
    mirror
        Leave out negative pair charges, which are copies of the positive ones.
    """
    if not generator.blocks:
        check_nearest_neighbour(generator)
    legs = physical_legs(generator, bases)
    scales = block_scales(generator, bases, weight)
    make = _sparse_blocks if generator.blocks else _dense_blocks
    out = []
    products = bond_products(generator, bases)
    for (i, j), terms in zip(generator.bonds, products, strict=True):
        scaled = [
            (first * scales[i][:, None] / scales[i], second * scales[j][:, None] / scales[j])
            for first, second in terms
        ]
        places = {
            charge: pair_index(legs[i], legs[j], charge)
            for charge in pair_charges(legs[i], legs[j])
            if charge >= 0 or not mirror
        }
        found = make(scaled, places, float if generator.real else complex)
        for block in found.values():
            block.data[np.abs(block.data) < ROUNDING * np.abs(block.data).max(initial=0.0)] = 0
            block.eliminate_zeros()
        out.append(Bond(found))
    return out


_Places = Mapping[int, tuple[Array, Array]]
"""The operators (p0, p1) of every pair charge."""


def _dense_blocks(
    terms: Sequence[tuple[Array, Array]], places: _Places, dtype: type
) -> dict[int, csr_array]:
    """Return a sum of products as one matrix per pair charge; # (p0 p1) (p0' p1')."""
    blocks = {}
    for charge, (p, q) in places.items():
        block: Array = np.zeros((len(p), len(p)), dtype)
        for first, second in terms:
            block += first[p[:, None], p] * second[q[:, None], q]
        blocks[charge] = csr_array(block)
    return blocks


def _sparse_blocks(
    terms: Sequence[tuple[Array, Array]], places: _Places, dtype: type
) -> dict[int, csr_array]:
    """Return what `_dense_blocks` does, of many operators with few elements in a row."""
    one, two = (len(matrix) for matrix in terms[0])
    total = csr_array((one * two, one * two), dtype=dtype)
    for first, second in terms:
        total = total + kron(csr_array(first), csr_array(second), format="csr")
    rows = {charge: p * two + q for charge, (p, q) in places.items()}
    return {charge: csr_array(total[index][:, index]) for charge, index in rows.items()}
