"""Index plans of a two-site update: computed once per set of charges, used at every step.

The update multiplies two site tensors, applies a gate and decomposes the result. Each of these is a
dense product per charge sector; between them, elements only move. A plan holds where they move to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from impo.tensor.legs import Leg, PhysicalLeg, TensorLayout

Shape = tuple[int, int]


@dataclass(frozen=True)
class Gather:
    """Elements of one flat array as a weighted selection from another."""

    index: NDArray
    weight: NDArray | None

    @classmethod
    def of(cls, index: NDArray, weight: NDArray) -> "Gather":
        """Drop weights that are all one."""
        return cls(index, None if np.all(weight == 1) else weight)

    def __call__(self, flat: NDArray) -> NDArray:
        """Return the selected elements."""
        taken = flat.take(self.index)
        if self.weight is not None:
            taken *= self.weight
        return taken


@dataclass(frozen=True)
class Sector:
    """A charge sector of the cut bond that is decomposed on its own.

    With the mirror symmetry, those of negative charge are copies and charge 0 splits into an even
    (parity +1) and an odd part (-1).

    Attributes
    ----------
    charge, parity
        Charge of the bond; parity is 0 where nothing is split.
    multiplicity
        2 if the sector stands for a pair q, -q.
    pick, pick_mirror
        Where its elements come from; the mirror part is added (only if the charge splits).
    shape
        Rows (vL, p0) and columns (p1, vR) of its matrix.
    row_state
        Index of vL for every row.
    old
        The rows of the second tensor, as they were before the update: a guess for its new ones.
    before
        Number of states that the sector had before the update.
    """

    charge: int
    parity: int
    multiplicity: int
    pick: Gather
    pick_mirror: Gather | None
    shape: Shape
    row_state: NDArray
    old: "OldRows | None"
    before: int


@dataclass(frozen=True)
class OldRows:
    """Rows of one charge (and parity) in the `regroup`ed second tensor."""

    place: slice
    shape: Shape
    rows: slice
    columns: NDArray | None
    scale: NDArray | None

    def __call__(self, second: NDArray) -> NDArray:
        """Return the rows as a matrix # vM (p1 vR)."""
        matrix = second[self.place].reshape(self.shape)[self.rows]
        return matrix if self.columns is None else matrix[:, self.columns] * self.scale


def pair_charges(first: PhysicalLeg, second: PhysicalLeg) -> list[int]:
    """Return all charges that two sites can have together."""
    return sorted({a + b for a, b in product(first.counts, second.counts)})


def pair_index(first: PhysicalLeg, second: PhysicalLeg, charge: int) -> tuple[NDArray, NDArray]:
    """Return the operators (p0, p1) with the given total charge, in the order of the gates."""
    left, right = [], []
    for q, members in first.members.items():
        if charge - q in second.counts:
            others = second.members[charge - q]
            left.append(np.repeat(members, len(others)))
            right.append(np.tile(others, len(members)))
    return np.concatenate(left), np.concatenate(right)


class ContractionPlan:
    """From two site tensors to the matrices that are decomposed.

    Attributes
    ----------
    products
        (place in the first tensor, its shape, place in `regroup`ed second tensor, its shape) of the
        products over the middle bond, one per charge.
    regroup
        The second tensor as matrices # vL (p vR), for the charges in `products`.
    gate_input
        For each pair charge in `gate_charges`: gather to a matrix (p0 p1) (vL vR), and its shape.
    sectors
        The sectors of the new middle bond.
    """

    def __init__(
        self, left: Leg, middle: Leg, right: Leg, first: PhysicalLeg, second: PhysicalLeg, mirror
    ):
        self.legs = (left, right)
        self.physical = (first, second)
        self.mirror = mirror
        self.middle = middle
        layout = TensorLayout(left, first, middle)
        computed = [q for q in middle.counts if q >= 0 or not mirror]
        self.products: list[tuple[slice, Shape, slice, Shape]] = []
        self._old: dict[int, tuple[slice, Shape]] = {}
        self.theta_blocks: dict[tuple[int, int, int], NDArray] = {}
        self._contract(layout, TensorLayout(middle, second, right), computed)
        self.gate_charges = [
            c for c in pair_charges(first, second) if (c >= 0 or not mirror) and self._columns(c)
        ]
        self.gate_input = {c: self._gate_input(c) for c in self.gate_charges}
        self._gated = self._gated_blocks()
        self.sectors = [sector for q in self._new_charges() for sector in self._sectors(q)]

    def _contract(self, first: TensorLayout, second: TensorLayout, computed: list[int]) -> None:
        index, out = [], 0
        regrouped = 0
        for q in computed:
            blocks = {r: b for (m, r), b in second.blocks.items() if m == q}
            if not blocks or not first.rows[q]:
                continue
            matrix = np.concatenate([b.reshape(b.shape[0], -1) for b in blocks.values()], axis=1)
            place, shape = first.matrices[q]
            self.products.append(
                (place, shape, slice(regrouped, regrouped + matrix.size), matrix.shape)
            )
            self._old[q] = (self.products[-1][2], matrix.shape)
            index.append(matrix.ravel())
            regrouped += matrix.size
            positions = np.arange(out, out + shape[0] * matrix.shape[1])
            positions = positions.reshape(shape[0], matrix.shape[1])
            out += positions.size
            start = 0
            for r, block in blocks.items():
                width = block.shape[1] * block.shape[2]
                for ql, rows in first.rows[q].items():
                    self.theta_blocks[ql, q, r] = positions[rows, start : start + width].reshape(
                        self.legs[0].counts[ql], -1, block.shape[1], block.shape[2]
                    )  # vL p0 p1 vR
                start += width
        self.regroup = np.concatenate(index)
        self.zero = out  # one element after the end holds a zero

    def _columns(self, charge: int) -> list[tuple[int, int]]:
        left, right = self.legs
        return [(q, q + charge) for q in left.counts if q + charge in right.counts]

    def _mirror_sign(self, ql: int, qr: int) -> NDArray:
        left, right = self.legs
        return left.parity(ql)[:, None, None, None] * right.parity(qr)

    def _gate_input(self, charge: int) -> tuple[Gather, Shape]:
        left, right = self.legs
        first, second = self.physical
        rows = []
        for q in first.counts:
            if charge - q not in second.counts:
                continue
            pieces = []
            for ql, qr in self._columns(charge):
                shape = (
                    left.counts[ql], first.counts[q], second.counts[charge - q], right.counts[qr],
                )  # fmt: skip
                sign = np.ones(shape)
                block = self.theta_blocks.get((ql, ql + q, qr))
                if block is None and self.mirror:
                    block = self.theta_blocks.get((-ql, -ql - q, -qr))
                    sign = sign * self._mirror_sign(ql, qr)
                if block is None:
                    block = np.full(shape, self.zero)
                pieces.append(
                    [
                        x.transpose(1, 2, 0, 3).reshape(shape[1] * shape[2], -1)
                        for x in (block, sign)
                    ]
                )  # (p0 p1) (vL vR)
            rows.append([np.concatenate(column, axis=1) for column in zip(*pieces, strict=True)])
        index, sign = (np.concatenate(column, axis=0) for column in zip(*rows, strict=True))
        return Gather.of(index.ravel(), sign.ravel()), index.shape

    def _gated_blocks(self) -> dict[tuple[int, int, int], NDArray]:
        """Return the positions of block (charge of vL, of p0, of vR) after the gates."""
        left, right = self.legs
        first, second = self.physical
        out, start = {}, 0
        for charge in self.gate_charges:
            _, shape = self.gate_input[charge]
            positions = np.arange(start, start + shape[0] * shape[1]).reshape(shape)
            start += positions.size
            row = 0
            for q in first.counts:
                if charge - q not in second.counts:
                    continue
                sizes = (first.counts[q], second.counts[charge - q])
                column = 0
                for ql, qr in self._columns(charge):
                    width = left.counts[ql] * right.counts[qr]
                    block = positions[row : row + sizes[0] * sizes[1], column : column + width]
                    out[ql, q, qr] = block.reshape(
                        *sizes, left.counts[ql], right.counts[qr]
                    ).transpose(2, 0, 1, 3)  # vL p0 p1 vR
                    column += width
                row += sizes[0] * sizes[1]
        return out

    def _new_charges(self) -> list[int]:
        left, right = self.legs
        first, second = self.physical
        from_left = {ql + q for ql in left.counts for q in first.counts}
        from_right = {qr - q for qr in right.counts for q in second.counts}
        return sorted(q for q in from_left & from_right if q >= 0 or not self.mirror)

    def _full(self, charge: int) -> tuple[NDArray, NDArray, list[int], list[int]]:
        """Return positions and signs of the matrix (vL p0) (p1 vR), and charges of vL and vR."""
        left, right = self.legs
        first, second = self.physical
        lefts = [ql for ql in left.counts if charge - ql in first.counts]
        rights = [qr for qr in right.counts if qr - charge in second.counts]
        rows = []
        for ql in lefts:
            pieces = []
            for qr in rights:
                block = self._gated.get((ql, charge - ql, qr))
                sign = np.ones((1, 1, 1, 1))
                if block is None:
                    block = self._gated[-ql, ql - charge, -qr]
                    sign = self._mirror_sign(ql, qr)
                sign = np.broadcast_to(sign, block.shape)
                shape = (block.shape[0] * block.shape[1], -1)
                pieces.append([block.reshape(shape), sign.reshape(shape)])
            rows.append([np.concatenate(column, axis=1) for column in zip(*pieces, strict=True)])
        index, sign = (np.concatenate(column, axis=0) for column in zip(*rows, strict=True))
        return index, sign, lefts, rights

    def _sectors(self, charge: int) -> list[Sector]:
        left, right = self.legs
        first, second = self.physical
        index, sign, lefts, rights = self._full(charge)
        state = np.concatenate(
            [
                np.repeat(left.offsets[q] + np.arange(left.counts[q]), first.counts[charge - q])
                for q in lefts
            ]
        )
        if not self.mirror or charge > 0:
            pick = Gather.of(index.ravel(), sign.ravel())
            multiplicity = 2 if self.mirror else 1
            old = self._old_rows(charge, slice(None))
            before = self.middle.counts.get(charge, 0)
            return [Sector(charge, 0, multiplicity, pick, None, index.shape, state, old, before)]
        out = []
        for parity in (1, -1):
            r = _orbits(left, first, lefts, parity, operator_first=False)
            c = _orbits(right, second, rights, parity, operator_first=True)
            if not len(r.member) or not len(c.member):
                continue
            paired = r.paired[:, None] & c.paired[None, :]
            lone = ~r.paired[:, None] & ~c.paired[None, :]
            weight = np.where(paired | lone, 1.0, sqrt(2))
            direct, mirrored = np.ix_(r.member, c.member), np.ix_(r.member, c.partner)
            out.append(
                Sector(
                    0, parity, 1,
                    Gather.of(index[direct].ravel(), (weight * sign[direct]).ravel()),
                    Gather(index[mirrored].ravel(), (parity * paired * sign[mirrored]).ravel()),
                    (len(r.member), len(c.member)),
                    state[r.member],
                    self._old_rows(0, self._parity_rows(parity), c),
                    len(range(self.middle.counts.get(0, 0))[self._parity_rows(parity)]),
                )
            )  # fmt: skip
        return out

    def _parity_rows(self, parity: int) -> slice:
        even = self.middle.even
        return slice(0, even) if parity > 0 else slice(even, None)

    def _old_rows(
        self, charge: int, rows: slice, columns: "Orbits | None" = None
    ) -> OldRows | None:
        if charge not in self._old:
            return None
        place, shape = self._old[charge]
        if columns is None:
            return OldRows(place, shape, rows, None, None)
        scale = np.where(columns.paired, sqrt(2), 1.0)
        return OldRows(place, shape, rows, columns.member, scale)


@dataclass(frozen=True)
class Orbits:
    """Rows (or columns) of a charge-0 matrix, joined with their mirror images."""

    member: NDArray
    partner: NDArray
    paired: NDArray


def _orbits(
    leg: Leg, physical: PhysicalLeg, charges: Sequence[int], parity: int, operator_first: bool
) -> Orbits:
    """Return the combinations of parity +1 or -1: lone states of charge 0 and mirror pairs.

    The charge of the operator is opposite to that of the leg, up to a sign, so its count is that of
    either sign.
    """
    starts, start = {}, 0
    for q in charges:
        starts[q] = start
        start += leg.counts[q] * physical.counts[-q]
    member, partner, paired = [], [], []
    for q in charges:
        if q < 0:
            continue
        operators = physical.counts[-q]
        inside = np.arange(leg.counts[q] * operators)
        if q == 0:
            state = inside % leg.counts[0] if operator_first else inside // operators
            inside = inside[leg.parity(0)[state] == parity]
        member.append(starts[q] + inside)
        partner.append(starts[-q] + inside)
        paired.append(np.full(len(inside), q > 0))
    empty = np.zeros(0, dtype=int)
    return Orbits(
        np.concatenate([empty, *member]),
        np.concatenate([empty, *partner]),
        np.concatenate([empty.astype(bool), *paired]),
    )


class SplitPlan:
    """From decomposed sectors back to two site tensors.

    Built for the numbers of states that were kept. `first` and `second` gather the tensors left and
    right of the bond from the concatenated factors B = C V^+ # (vL p0) vM and V # vM (p1 vR).
    """

    def __init__(self, plan: ContractionPlan, kept: Sequence[int]):
        left, right = plan.legs
        counts: dict[int, int] = {}
        even = 0
        for sector, number in zip(plan.sectors, kept, strict=True):
            if number:
                counts[sector.charge] = counts.get(sector.charge, 0) + number
                even += number if sector.charge == 0 and sector.parity >= 0 else 0
        if plan.mirror:
            counts |= {-q: number for q, number in counts.items()}
        self.middle = Leg(tuple(sorted(counts.items())), even)
        first = TensorLayout(left, plan.physical[0], self.middle)
        second = TensorLayout(self.middle, plan.physical[1], right)
        self.first = self._gather(plan, kept, first, on_left=True)
        self.second = self._gather(plan, kept, second, on_left=False)

    def _gather(self, plan, kept, layout: TensorLayout, on_left: bool) -> Gather:
        """Place the factors of all sectors, and their mirror images, in a site tensor."""
        index = np.zeros(layout.size, dtype=int)
        weight = np.zeros(layout.size)
        outer = layout.left if on_left else layout.right
        start = 0
        done: dict[int, int] = {}
        for sector, number in zip(plan.sectors, kept, strict=True):
            q = sector.charge
            length = sector.shape[0 if on_left else 1]
            shape = (length, number) if on_left else (number, length)
            source = np.arange(start, start + length * number).reshape(shape)
            start += source.size
            if not number:
                continue
            if not on_left:
                source = source.T  # (outer p) vM
            states = slice(done.get(q, 0), done.get(q, 0) + number)
            done[q] = states.stop
            charges = [
                x for x in outer.counts
                if (q - x if on_left else x - q) in layout.physical.counts
            ]  # fmt: skip
            blocks = {}
            for x in charges:
                block = layout.blocks[(x, q) if on_left else (q, x)]
                blocks[x] = block[:, :, states] if on_left else block[states]
            target = np.concatenate([_matrix(blocks[x], on_left) for x in charges])
            if sector.parity == 0:
                index[target], weight[target] = source, 1
            else:
                orbits = _orbits(
                    outer, layout.physical, charges, sector.parity, operator_first=not on_left
                )
                scale = np.where(orbits.paired, sqrt(0.5), 1.0)[:, None]
                index[target[orbits.partner]] = source
                weight[target[orbits.partner]] = sector.parity * scale
                index[target[orbits.member]], weight[target[orbits.member]] = source, scale
            if plan.mirror and q > 0:
                for x, block in blocks.items():
                    image = layout.blocks[(-x, -q) if on_left else (-q, -x)]
                    parity = outer.parity(x)
                    sign = parity[:, None, None] if on_left else parity
                    index[image], weight[image] = index[block], sign * weight[block]
        return Gather.of(index, weight)


def _matrix(block: NDArray, on_left: bool) -> NDArray:
    """Return # vL p vM as (vL p) vM, or # vM p vR as (p vR) vM."""
    if on_left:
        return block.reshape(-1, block.shape[2])
    return block.reshape(block.shape[0], -1).T


@lru_cache(maxsize=64)
def contraction_plan(
    left: Leg, middle: Leg, right: Leg, first: PhysicalLeg, second: PhysicalLeg, mirror: bool
) -> ContractionPlan:
    """Return the (cached) plan of a contraction."""
    return ContractionPlan(left, middle, right, first, second, mirror)


@lru_cache(maxsize=64)
def split_plan(plan: ContractionPlan, kept: tuple[int, ...]) -> SplitPlan:
    """Return the (cached) plan of a split."""
    return SplitPlan(plan, kept)
