"""Charge bookkeeping: which index of a tensor lies in which charge sector, and what mirrors what.

Charges add up along the chain: a block of a site tensor has charge(vR) = charge(vL) + charge(p).

In the real gauge, rho = rho^T exchanges the charges q and -q. Bond states of charge q and -q are
kept in pairs, so that the mirrored block is a copy; bond states of charge 0 are even or odd under
the exchange, and a block picks up a sign for every odd state on its bonds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from impo.arrays import Array


def starts(sizes: Mapping[int, int]) -> dict[int, int]:
    """Return where each part starts if parts of these sizes stand one after the other."""
    ends = np.cumsum([0, *sizes.values()])
    return dict(zip(sizes, ends.tolist(), strict=False))


@dataclass(frozen=True)
class Leg:
    """A virtual index: states sorted by charge; those of charge 0 are sorted even, then odd.

    Attributes
    ----------
    sectors
        (charge, number of states), by rising charge.
    even
        Number of even states of charge 0.
    """

    sectors: tuple[tuple[int, int], ...]
    even: int

    @cached_property
    def counts(self) -> dict[int, int]:
        """Number of states per charge."""
        return dict(self.sectors)

    @cached_property
    def offsets(self) -> dict[int, int]:
        """Index of the first state of each charge."""
        return starts(self.counts)

    @cached_property
    def size(self) -> int:
        """Number of all states, the bond dimension."""
        return sum(self.counts.values())

    @cached_property
    def charges(self) -> Array:
        """Charge of every state."""
        return np.repeat(list(self.counts), list(self.counts.values()))

    def count_and_odd(self, charge: int) -> tuple[int, int]:
        """Return the number of states of one charge, and how many of them, the last, are odd."""
        count = self.counts[charge]
        return count, count - self.even if charge == 0 else 0

    def parity(self, charge: int) -> Array:
        """Return the sign of the states of one charge under the exchange of q and -q."""
        signs = np.ones(self.counts[charge])
        if charge == 0:
            signs[self.even :] = -1
        return signs


TRIVIAL = Leg(((0, 1),), 1)


@dataclass(frozen=True)
class PhysicalLeg:
    """The operators T_x of a site, grouped by charge.

    Attributes
    ----------
    index
        Charge to the positions of its operators in the basis, by rising k.
    """

    index: tuple[tuple[int, tuple[int, ...]], ...]

    @classmethod
    def of(cls, charges: ArrayLike) -> "PhysicalLeg":
        """Group basis operators by their charge, in the order of the basis."""
        values = np.asarray(charges)
        return cls(
            tuple((int(c), tuple(np.flatnonzero(values == c).tolist())) for c in np.unique(values))
        )

    @cached_property
    def counts(self) -> dict[int, int]:
        """Number of operators per charge."""
        return {charge: len(members) for charge, members in self.index}

    @cached_property
    def members(self) -> dict[int, Array]:
        """Positions in the basis per charge."""
        return {charge: np.array(members) for charge, members in self.index}

    @cached_property
    def size(self) -> int:
        """Number of all operators."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class TensorLayout:
    """Order of the elements of a charge-conserving site tensor in a flat array.

    For every charge of vR, by rising charge, a row-major matrix whose rows are (vL, p), sorted by
    the charge of vL, and whose columns are vR. Elements of one block are thus (vL, p, vR).
    """

    left: Leg
    physical: PhysicalLeg
    right: Leg

    @cached_property
    def rows(self) -> dict[int, dict[int, slice]]:
        """Rows of the block (charge of vR, charge of vL) in the matrix of its charge of vR."""
        out: dict[int, dict[int, slice]] = {}
        for right in self.right.counts:
            start, out[right] = 0, {}
            for left, count in self.left.counts.items():
                length = count * self.physical.counts.get(right - left, 0)
                if length:
                    out[right][left] = slice(start, start + length)
                    start += length
        return out

    @cached_property
    def matrices(self) -> dict[int, tuple[slice, tuple[int, int]]]:
        """Place in the flat array and shape of the matrix of each charge of vR."""
        out, start = {}, 0
        for right, columns in self.right.counts.items():
            rows = max((s.stop for s in self.rows[right].values()), default=0)
            out[right] = (slice(start, start + rows * columns), (rows, columns))
            start += rows * columns
        return out

    @cached_property
    def size(self) -> int:
        """Number of elements."""
        return max((place.stop for place, _ in self.matrices.values()), default=0)

    @cached_property
    def blocks(self) -> dict[tuple[int, int], Array]:
        """Flat positions of the elements of block (charge of vL, charge of vR); # vL p vR."""
        out = {}
        for right, (place, shape) in self.matrices.items():
            positions = np.arange(place.start, place.stop).reshape(shape)
            for left, rows in self.rows[right].items():
                out[left, right] = positions[rows].reshape(self.left.counts[left], -1, shape[1])
        return out

    def to_dense(self, flat: Array) -> Array:
        """Return the full tensor, operators in the order of the basis; # vL p vR."""
        dense = np.zeros((self.left.size, self.physical.size, self.right.size), flat.dtype)
        for place, positions in self._places():
            dense[place] = flat[positions]
        return dense

    def from_dense(self, dense: Array) -> Array:
        """Return the flat array of a full tensor; what breaks the charge rule is dropped."""
        flat = np.zeros(self.size, dense.dtype)
        for place, positions in self._places():
            flat[positions] = dense[place]
        return flat

    def _places(self) -> Iterator[tuple[tuple[slice, Array, slice], Array]]:
        for (left, right), positions in self.blocks.items():
            first, second = self.left.offsets[left], self.right.offsets[right]
            rows = slice(first, first + self.left.counts[left])
            columns = slice(second, second + self.right.counts[right])
            yield (rows, self.physical.members[right - left], columns), positions
