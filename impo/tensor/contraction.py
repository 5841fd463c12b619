"""The contraction of a two-site update: what is multiplied with what, and where elements move.

The update multiplies two site tensors, applies a gate and decomposes the result. Each of these is a
dense product per charge sector; between them, elements only move. A plan holds where they move to:
it is made once per set of charges and used at every step.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import sqrt
from typing import NamedTuple, TypeAlias

import numpy as np

from impo.arrays import Array
from impo.tensor.gathering import gathered
from impo.tensor.kernel import FACTORS
from impo.tensor.legs import Leg, PhysicalLeg, TensorLayout, starts
from impo.tensor.remembered import remembered
from impo.tensor.tables import GATED, NO_MOVES, PRODUCT, SECTOR, Filling, Sector, Tables, moves

Block: TypeAlias = tuple[int, int, int, int, int]
"""Where a two-site block # vL p0 p1 vR lies: its first element, and what a step along vL, p0, p1
and vR adds to the position."""

Blocks: TypeAlias = dict[tuple[int, int, int], Block]


def pair_charges(first: PhysicalLeg, second: PhysicalLeg) -> list[int]:
    """Return all charges that two sites can have together."""
    return sorted({a + b for a, b in product(first.counts, second.counts)})


def pair_index(first: PhysicalLeg, second: PhysicalLeg, charge: int) -> tuple[Array, Array]:
    """Return the operators (p0, p1) with the given total charge, in the order of the gates."""
    left, right = [], []
    for q, members in first.members.items():
        if charge - q in second.counts:
            others = second.members[charge - q]
            left.append(np.repeat(members, len(others)))
            right.append(np.tile(others, len(members)))
    return np.concatenate(left), np.concatenate(right)


def gate_starts(sizes: Mapping[int, int]) -> dict[int, int]:
    """Return where the square block of each pair charge starts in a flat gate."""
    return starts({charge: n * n for charge, n in sizes.items()})


@dataclass(frozen=True)
class TwoSites:
    """The legs of two neighbouring site tensors, # vL p0 vM and vM p1 vR.

    With `mirror`, negative charges of the bond and of the pair p0 p1 are copies.
    """

    left: Leg
    middle: Leg
    right: Leg
    first: PhysicalLeg
    second: PhysicalLeg
    mirror: bool

    def computed(self, charges: Sequence[int]) -> list[int]:
        """Return the charges that are no copies."""
        return [q for q in charges if q >= 0 or not self.mirror]

    def outer(self, charge: int) -> list[tuple[int, int, int]]:
        """Return (charge of vL, of vR, number of their states) beside a pair of given charge."""
        left, right = self.left.counts, self.right.counts
        return [(q, q + charge, left[q] * right[q + charge]) for q in left if q + charge in right]

    def pairs(self, charge: int) -> Iterator[tuple[int, int, int]]:
        """Yield (charge of p0, number of its operators, of those of p1) of a pair charge."""
        for q, count in self.first.counts.items():
            if charge - q in self.second.counts:
                yield q, count, self.second.counts[charge - q]

    def block(self, blocks: Blocks, key: tuple[int, int, int]) -> tuple[Block, bool] | None:
        """Return a block and False, or its mirror image and True; None if it is zero."""
        if key in blocks:
            return blocks[key], False
        image = (-key[0], -key[1], -key[2])
        return (blocks[image], True) if self.mirror and image in blocks else None


@dataclass(frozen=True, eq=False)
class ContractionPlan:
    """From two site tensors to the matrices that are decomposed.

    Attributes
    ----------
    sites
        The legs of the two tensors.
    sectors
        The sectors of the new middle bond.
    gate_charges
        Pair charges whose gate is needed.
    tables
        Everything that the compiled update needs.
    """

    sites: TwoSites
    sectors: tuple[Sector, ...]
    gate_charges: frozenset[int]
    tables: Tables


def plan_size(plan: ContractionPlan, *_: object) -> int:
    """Return the bytes that a plan takes."""
    return sum(part.nbytes for part in plan.tables if isinstance(part, np.ndarray))


@lru_cache(maxsize=32)  # the bonds of a tile; those of a window are many and small
@remembered(plan_size)
def contraction_plan(
    left: Leg, middle: Leg, right: Leg, first: PhysicalLeg, second: PhysicalLeg, mirror: bool
) -> ContractionPlan:
    """Return the (cached) plan of a contraction."""
    sites = TwoSites(left, middle, right, first, second, mirror)
    theta = _theta(sites)
    gates = _gates(sites)
    gated = _gated_blocks(sites, gates)
    parts = [part for q in _new_charges(sites) for part in _sectors(sites, gated, theta.old, q)]
    sectors, fillings = zip(*parts, strict=True)
    regroup = np.concatenate(theta.regroup).astype(np.int32)
    inputs = np.concatenate([_gate_input(sites, theta, charge).ravel() for charge in gates])
    pick, image, row_state, old = (
        np.concatenate([getattr(filling, name) for filling in fillings])
        for name in ("pick", "image", "row_state", "old")
    )
    tables = Tables(
        regroup, np.array(theta.products, PRODUCT), theta.size,
        np.array(list(gates.values()), GATED), inputs, _sector_table(sectors, fillings),
        pick, image, row_state.astype(np.int32), old,
    )  # fmt: skip
    return ContractionPlan(sites, sectors, frozenset(gates), tables)


class _Theta(NamedTuple):
    """The products over the middle bond.

    Attributes
    ----------
    products, regroup
        As in `Tables`, one entry per charge of the bond.
    old
        Positions of the matrix # vM (p1 vR) in the regrouped second tensor, per charge of vM.
    blocks
        Where block (charge of vL, of vM, of vR) lies in the products.
    size
        Number of elements of the products.
    """

    products: list[tuple[int, ...]]
    regroup: list[Array]
    old: dict[int, Array]
    blocks: Blocks
    size: int


def _theta(sites: TwoSites) -> _Theta:
    first = TensorLayout(sites.left, sites.first, sites.middle)
    second = TensorLayout(sites.middle, sites.second, sites.right)
    products: list[tuple[int, ...]] = []
    regroup, old, theta = [], {}, {}
    regrouped = out = 0
    for q in sites.computed(list(sites.middle.counts)):
        blocks = {r: second.blocks[q, r] for r in sites.right.counts if q in second.rows[r]}
        if not blocks or not first.rows[q]:
            continue
        matrix = np.concatenate([b.reshape(b.shape[0], -1) for b in blocks.values()], axis=1)
        place, (height, inner) = first.matrices[q]
        width = matrix.shape[1]
        products.append((place.start, height, inner, regrouped, width))
        old[q] = regrouped + np.arange(matrix.size).reshape(matrix.shape)  # vM (p1 vR)
        regroup.append(matrix.ravel())
        regrouped += matrix.size
        start = out
        for r, block in blocks.items():
            for ql, rows in first.rows[q].items():
                step = sites.first.counts[q - ql] * width
                theta[ql, q, r] = start + rows.start * width, step, width, block.shape[2], 1
            start += block.shape[1] * block.shape[2]
        out += height * width
    return _Theta(products, regroup, old, theta, out)


def _gates(sites: TwoSites) -> dict[int, tuple[int, int, int]]:
    """Return the record `GATED` of every pair charge that is needed."""
    charges = sites.computed(pair_charges(sites.first, sites.second))
    orders = {c: sum(n * m for _, n, m in sites.pairs(c)) for c in charges}
    places = gate_starts(orders)
    widths = {c: sum(width for _, _, width in sites.outer(c)) for c in charges}
    return {c: (places[c], orders[c], widths[c]) for c in charges if widths[c]}


def _gate_input(sites: TwoSites, theta: _Theta, charge: int) -> Array:
    """Return the moves to the matrix # (p0 p1) (vL vR) that a gate acts on."""
    outer = sites.outer(charge)
    rows = [(n, 0, m, 0) for _, n, m in sites.pairs(charge)]
    columns = [
        (*sites.left.count_and_odd(ql), *sites.right.count_and_odd(qr)) for ql, qr, _ in outer
    ]
    nothing = (theta.size, 0, 0, 0, 0), False  # the element after the end is zero
    blocks = []
    for q, _, _ in sites.pairs(charge):
        for ql, qr, _ in outer:
            found = sites.block(theta.blocks, (ql, ql + q, qr)) or nothing
            (first, left, one, two, right), image = found
            blocks.append((first, one, two, left, right, image))
    return gathered(blocks, rows, columns)


def _gated_blocks(sites: TwoSites, gates: Mapping[int, tuple[int, int, int]]) -> Blocks:
    """Return where block (charge of vL, of p0, of vR) lies after the gates."""
    out, start = {}, 0
    for charge, (_, order, width) in gates.items():
        row = start
        for q, n, m in sites.pairs(charge):
            column = row
            for ql, qr, size in sites.outer(charge):
                out[ql, q, qr] = column, sites.right.counts[qr], m * width, width, 1
                column += size
            row += n * m * width
        start += order * width
    return out


def _new_charges(sites: TwoSites) -> list[int]:
    from_left = {ql + q for ql in sites.left.counts for q in sites.first.counts}
    from_right = {qr - q for qr in sites.right.counts for q in sites.second.counts}
    return sites.computed(sorted(from_left & from_right))


def _sectors(
    sites: TwoSites, gated: Blocks, old: Mapping[int, Array], charge: int
) -> list[tuple[Sector, Filling]]:
    left, right = sites.left, sites.right
    lefts = [q for q in left.counts if charge - q in sites.first.counts]
    rights = [q for q in right.counts if q - charge in sites.second.counts]
    found = _matrix(sites, gated, charge, lefts, rights)
    places = [left.offsets[q] + np.arange(left.counts[q]) for q in lefts]
    operators = [sites.first.counts[charge - q] for q in lefts]
    state = np.concatenate([np.repeat(*pair) for pair in zip(places, operators, strict=True)])
    rows = old.get(charge, np.zeros((0, found.shape[1]), int))
    if not sites.mirror or charge > 0:
        sector = Sector(charge, 0, 2 if sites.mirror else 1, found.shape)
        guess = moves(rows, np.ones(1))
        return [(sector, Filling(found.ravel(), NO_MOVES, state, guess, len(rows)))]
    out = []
    index, sign = found["source"], FACTORS[found["factor"]]
    even = sites.middle.even
    for parity, rows_before in ((1, rows[:even]), (-1, rows[even:])):
        r = orbits(left, sites.first, lefts, parity, operator_first=False)
        c = orbits(right, sites.second, rights, parity, operator_first=True)
        if not len(r.member) or not len(c.member):
            continue
        paired = r.paired[:, None] & c.paired
        lone = ~r.paired[:, None] & ~c.paired
        factor = np.where(paired | lone, 1.0, sqrt(2))
        direct, mirrored = np.ix_(r.member, c.member), np.ix_(r.member, c.partner)
        guess = rows_before[:, c.member]
        scale = np.broadcast_to(np.where(c.paired, sqrt(2), 1.0), guess.shape)
        filling = Filling(
            moves(index[direct], factor * sign[direct]),
            moves(index[mirrored], parity * paired * sign[mirrored]),
            state[r.member], moves(guess, scale), len(guess),
        )  # fmt: skip
        out.append((Sector(0, parity, 1, factor.shape), filling))
    return out


def _matrix(
    sites: TwoSites, gated: Blocks, charge: int, lefts: Sequence[int], rights: Sequence[int]
) -> Array:
    """Return the moves to the matrix # (vL p0) (p1 vR) of a charge of the bond."""
    first, second = sites.first.counts, sites.second.counts
    rows = [(*sites.left.count_and_odd(q), first[charge - q], 0) for q in lefts]
    columns = [(second[q - charge], 0, *sites.right.count_and_odd(q)) for q in rights]
    blocks = []
    for ql in lefts:
        for qr in rights:
            found = sites.block(gated, (ql, charge - ql, qr))
            assert found is not None  # every pair charge beside two states has a gate
            blocks.append((*found[0], found[1]))
    return gathered(blocks, rows, columns)


def _sector_table(sectors: Sequence[Sector], fillings: Sequence[Filling]) -> Array:
    """Return the records `SECTOR`."""
    parts = zip(sectors, fillings, strict=True)
    records = [(*s.shape, s.multiplicity, f.before, len(f.image) > 0) for s, f in parts]
    table = np.array([(*record, 0, 0, 0, 0) for record in records], SECTOR)
    size = table["rows"] * table["columns"]
    for name, length in (
        ("first_element", size), ("first_image", size * table["mirrored"]),
        ("first_row", table["rows"]), ("first_old", table["before"] * table["columns"]),
    ):  # fmt: skip
        table[name] = np.cumsum(length) - length
    return table


class Orbits(NamedTuple):
    """Rows (or columns) of a charge-0 matrix, joined with their mirror images."""

    member: Array
    partner: Array
    paired: Array


def orbits(
    leg: Leg, physical: PhysicalLeg, charges: Sequence[int], parity: int, operator_first: bool
) -> Orbits:
    """Return the combinations of parity +1 or -1: lone states of charge 0 and mirror pairs.

    The charge of the operator is opposite to that of the leg, up to a sign, so its count is that of
    either sign.
    """
    first = starts({q: leg.counts[q] * physical.counts[-q] for q in charges})
    empty = np.zeros(0, dtype=int)
    member, partner, paired = [empty], [empty], [empty.astype(bool)]
    for q in charges:
        if q < 0:
            continue
        operators = physical.counts[-q]
        inside = np.arange(leg.counts[q] * operators)
        if q == 0:
            state = inside % leg.counts[0] if operator_first else inside // operators
            inside = inside[leg.parity(0)[state] == parity]
        member.append(first[q] + inside)
        partner.append(first[-q] + inside)
        paired.append(np.full(len(inside), q > 0))
    return Orbits(*(np.concatenate(parts) for parts in (member, partner, paired)))
