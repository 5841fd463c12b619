"""Bond Liouvillians, resolved by charge, and their exponentials."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from impo.arrays import Array
from impo.operators.basis import OperatorBasis
from impo.operators.liouvillian import Generator, check_nearest_neighbour
from impo.tensor.contraction import gate_starts, pair_charges, pair_index
from impo.tensor.exponential import exponential
from impo.tensor.legs import PhysicalLeg

ROUNDING = 1e-14  # elements smaller than this part of the largest are zeros of the algebra


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


def rank_scale(rank: Array, weight: float) -> Array:
    """Return (2k + 1)^-weight, by which coefficients of rank k are scaled before a truncation."""
    return (2.0 * rank + 1) ** -weight


def physical_legs(generator: Generator, bases: Sequence[OperatorBasis]) -> list[PhysicalLeg]:
    """Return the operators of every site grouped by their conserved charge."""
    if not len(generator.charges):
        return [PhysicalLeg.of(np.zeros(len(basis), dtype=int)) for basis in bases]
    (charges,) = generator.charges
    return [PhysicalLeg.of(charge * basis.q) for charge, basis in zip(charges, bases, strict=True)]


def bond_products(
    generator: Generator, bases: Sequence[OperatorBasis]
) -> list[list[tuple[Array, Array]]]:
    """Return the Liouvillian of every bond as a list of products of two one-site matrices.

    Bond b joins sites b and b + 1. One-site terms are shared among the bonds of a site in
    proportion to the couplings there: decoupled dimers then have no Trotter error. The dissipator
    of a jump on a bond is not divided.
    """
    n, count = len(bases), len(generator.bonds)
    bonds: list[list[tuple[Array, Array]]] = [[] for _ in range(count)]
    unit = [np.eye(len(basis)) for basis in bases]
    strength = np.zeros(count)
    for term in generator.components:
        if len(term.positions) == 2:
            strength[term.positions[0]] += abs(term.coefficient)
    local: dict[int, Array] = {}
    for positions, matrices in generator.one_site_and_coherent(bases, bases):
        if len(positions) == 2:
            bonds[positions[0]].append((matrices[0], matrices[1]))
        else:
            local[positions[0]] = local.get(positions[0], 0) + matrices[0]
    for jump in generator.joint_jumps:
        bond = jump.positions[0]
        strength[bond] += jump.rate * max(abs(part.coefficient) for part in jump.parts) ** 2
        ends = bond, (bond + 1) % n
        for positions, matrices in generator.joint_dissipator(jump, bases, bases):
            here = dict(zip((p % n for p in positions), matrices, strict=True))
            bonds[bond].append((here.get(ends[0], unit[ends[0]]), here.get(ends[1], unit[ends[1]])))
    for site, matrix in local.items():
        around = [b % n for b in (site - 1, site) if generator.infinite or 0 <= b < count]
        total = strength[around].sum()
        for bond in around:
            share = matrix * (strength[bond] / total if total else 1 / len(around))
            pair = (share, unit[(bond + 1) % n]) if bond == site else (unit[bond], share)
            bonds[bond].append(pair)
    return bonds


def bond_liouvillians(
    generator: Generator, bases: Sequence[OperatorBasis], weight: float, mirror: bool = False
) -> list[Bond]:
    """Return the Liouvillians of all bonds in the basis (2k + 1)^-weight T_kq.

    Parameters
    ----------
    generator
        Master equation on the sites of a tile or of an open chain.
    bases
        Operator basis of every site.
    weight
        The alpha of the weighted truncation: a coefficient of rank k is scaled by
        (2k + 1)^-alpha, a similarity transformation.
    mirror
        Leave out negative pair charges, which are copies of the positive ones.
    """
    check_nearest_neighbour(generator)
    legs = physical_legs(generator, bases)
    scales = [rank_scale(basis.k, weight) for basis in bases]
    out = []
    products = bond_products(generator, bases)
    for (i, j), terms in zip(generator.bonds, products, strict=True):
        scaled = [
            (first * scales[i][:, None] / scales[i], second * scales[j][:, None] / scales[j])
            for first, second in terms
        ]
        blocks = {}
        for charge in pair_charges(legs[i], legs[j]):
            if mirror and charge < 0:
                continue
            p, q = pair_index(legs[i], legs[j], charge)
            block = np.zeros((len(p), len(p)), dtype=float if generator.real else complex)
            for first, second in scaled:
                block += first[p[:, None], p] * second[q[:, None], q]
            block[np.abs(block) < ROUNDING * np.abs(block).max()] = 0
            blocks[charge] = csr_array(block)
        out.append(Bond(blocks))
    return out
