"""The contraction of a two-site update: what is multiplied with what, and where elements move.

The update multiplies two site tensors, applies a gate and decomposes the result. Each of these is a
dense product per charge sector; between them, elements only move. A plan holds where they move to:
it is made once per set of charges and used at every step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import sqrt

import numpy as np

from impo.arrays import Array
from impo.tensor.legs import Leg, PhysicalLeg, TensorLayout
from impo.tensor.tables import Gather, Moves, Sector, Tables


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
    ends = np.cumsum([0, *(n * n for n in sizes.values())])
    return dict(zip(sizes, ends.tolist(), strict=False))


class ContractionPlan:
    """From two site tensors to the matrices that are decomposed.

    Attributes
    ----------
    sectors
        The sectors of the new middle bond.
    gate_charges
        Pair charges whose gate is needed.
    tables
        Everything that the compiled update needs.
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
        self._products: list[tuple[int, int, int, int, int]] = []
        self._old: dict[int, Array] = {}
        self._theta_blocks: dict[tuple[int, int, int], Array] = {}
        self._contract(layout, TensorLayout(middle, second, right), computed)
        possible = [c for c in pair_charges(first, second) if c >= 0 or not mirror]
        sizes = {c: len(pair_index(first, second, c)[0]) for c in possible}
        starts = gate_starts(sizes)
        charges = [c for c in possible if self._columns(c)]
        self.gate_charges = frozenset(charges)
        self._gates = {c: (starts[c], sizes[c], self._width(c)) for c in charges}
        self._gated = self._gated_blocks()
        found = [pair for q in self._new_charges() for pair in self._sectors(q)]
        self.sectors = [sector for sector, _ in found]
        self.tables = self._tables([moves for _, moves in found])
        del self._theta_blocks, self._gated, self._old  # as large as the tables, of no use any more

    def _tables(self, moves: Sequence[Moves]) -> Tables:
        rows = [
            (*sector.shape, sector.multiplicity, move.before, move.image is not None)
            for sector, move in zip(self.sectors, moves, strict=True)
        ]
        return Tables(
            self._regroup, np.array(self._products), self._zero,
            np.array(list(self._gates.values())),
            *Gather.joined([self._gate_input(c) for c in self._gates]),
            np.array(rows), *Gather.joined([move.pick for move in moves]),
            *Gather.joined([move.image for move in moves if move.image is not None]),
            np.concatenate([move.row_state for move in moves]).astype(np.int32),
            *Gather.joined([move.old for move in moves]),
        )  # fmt: skip

    def _contract(self, first: TensorLayout, second: TensorLayout, computed: list[int]) -> None:
        index, out = [], 0
        regrouped = 0
        for q in computed:
            blocks = {r: b for (m, r), b in second.blocks.items() if m == q}
            if not blocks or not first.rows[q]:
                continue
            matrix = np.concatenate([b.reshape(b.shape[0], -1) for b in blocks.values()], axis=1)
            place, shape = first.matrices[q]
            self._products.append((place.start, *shape, regrouped, matrix.shape[1]))
            self._old[q] = regrouped + np.arange(matrix.size).reshape(matrix.shape)
            index.append(matrix.ravel())
            regrouped += matrix.size
            positions = np.arange(out, out + shape[0] * matrix.shape[1])
            positions = positions.reshape(shape[0], matrix.shape[1])
            out += positions.size
            start = 0
            for r, block in blocks.items():
                width = block.shape[1] * block.shape[2]
                for ql, rows in first.rows[q].items():
                    self._theta_blocks[ql, q, r] = positions[rows, start : start + width].reshape(
                        self.legs[0].counts[ql], -1, block.shape[1], block.shape[2]
                    )  # vL p0 p1 vR
                start += width
        self._regroup = np.concatenate(index).astype(np.int32)
        self._zero = out  # one element after the end holds a zero

    def _columns(self, charge: int) -> list[tuple[int, int]]:
        left, right = self.legs
        return [(q, q + charge) for q in left.counts if q + charge in right.counts]

    def _width(self, charge: int) -> int:
        left, right = self.legs
        return sum(left.counts[ql] * right.counts[qr] for ql, qr in self._columns(charge))

    def _mirror_sign(self, ql: int, qr: int) -> Array:
        left, right = self.legs
        return left.parity(ql)[:, None, None, None] * right.parity(qr)

    def _gate_input(self, charge: int) -> Gather:
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
                block = self._theta_blocks.get((ql, ql + q, qr))
                if block is None and self.mirror:
                    block = self._theta_blocks.get((-ql, -ql - q, -qr))
                    sign = sign * self._mirror_sign(ql, qr)
                if block is None:
                    block = np.full(shape, self._zero)
                pieces.append(
                    [
                        x.transpose(1, 2, 0, 3).reshape(shape[1] * shape[2], -1)
                        for x in (block, sign)
                    ]
                )  # (p0 p1) (vL vR)
            rows.append([np.concatenate(column, axis=1) for column in zip(*pieces, strict=True)])
        index, sign = (np.concatenate(column, axis=0) for column in zip(*rows, strict=True))
        return Gather.of(index, sign)

    def _gated_blocks(self) -> dict[tuple[int, int, int], Array]:
        """Return the positions of block (charge of vL, of p0, of vR) after the gates."""
        left, right = self.legs
        first, second = self.physical
        out, start = {}, 0
        for charge, (_, order, width) in self._gates.items():
            positions = np.arange(start, start + order * width).reshape(order, width)
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

    def _full(self, charge: int) -> tuple[Array, Array, list[int], list[int]]:
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

    def _sectors(self, charge: int) -> list[tuple[Sector, Moves]]:
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
            pick = Gather.of(index, sign)
            multiplicity = 2 if self.mirror else 1
            old, before = self._old_rows(charge, slice(None))
            sector = Sector(charge, 0, multiplicity, index.shape)
            return [(sector, Moves(pick, None, state, old, before))]
        out = []
        for parity in (1, -1):
            r = orbits(left, first, lefts, parity, operator_first=False)
            c = orbits(right, second, rights, parity, operator_first=True)
            if not len(r.member) or not len(c.member):
                continue
            paired = r.paired[:, None] & c.paired[None, :]
            lone = ~r.paired[:, None] & ~c.paired[None, :]
            weight = np.where(paired | lone, 1.0, sqrt(2))
            direct, mirrored = np.ix_(r.member, c.member), np.ix_(r.member, c.partner)
            moves = Moves(
                Gather.of(index[direct], weight * sign[direct]),
                Gather.of(index[mirrored], parity * paired * sign[mirrored]),
                state[r.member],
                *self._old_rows(0, self._parity_rows(parity), c),
            )
            out.append((Sector(0, parity, 1, (len(r.member), len(c.member))), moves))
        return out

    def _parity_rows(self, parity: int) -> slice:
        even = self.middle.even
        return slice(0, even) if parity > 0 else slice(even, None)

    def _old_rows(
        self, charge: int, rows: slice, columns: "Orbits | None" = None
    ) -> tuple[Gather, int]:
        """Return the old rows of a charge (and parity), and their number."""
        old = self._old.get(charge, np.zeros((0, 0), int))[rows]
        weight = np.ones(old.shape)
        if columns is not None and old.size:
            old = old[:, columns.member]
            weight = np.broadcast_to(np.where(columns.paired, sqrt(2), 1.0), old.shape)
        return Gather.of(old, weight), len(old)


@dataclass(frozen=True)
class Orbits:
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


@lru_cache(maxsize=32)
def contraction_plan(
    left: Leg, middle: Leg, right: Leg, first: PhysicalLeg, second: PhysicalLeg, mirror: bool
) -> ContractionPlan:
    """Return the (cached) plan of a contraction."""
    return ContractionPlan(left, middle, right, first, second, mirror)
