"""What the plans of an update hold: moves of elements, charge sectors, tables of records.

The compiled update reads records by name; they stand in arrays.
"""

from typing import NamedTuple

import numpy as np

from impo.arrays import Array
from impo.tensor.kernel import Found, Plan

MOVE = np.dtype([("source", np.int32), ("factor", np.int8)])
"""Where an element comes from, and the number of its factor in `FACTORS`."""

NO_MOVES = np.empty(0, MOVE)


def _integers(*names: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in names])


PRODUCT = _integers("first", "rows", "inner", "second", "columns")
"""A product over the middle bond: `first` and `second` are where its factors start in the first
and in the regrouped second tensor; their shapes are (rows, inner) and (inner, columns)."""

GATED = _integers("start", "order", "columns")
"""A product with a gate, whose block of shape (order, order) starts there in the flat gate."""

SECTOR = _integers(
    "rows", "columns", "multiplicity", "before", "mirrored",
    "first_element", "first_row", "first_old", "first_image",
)  # fmt: skip
"""A matrix to decompose: its shape, the bond states that stand for one of its singular values, how
many of these it had before the update, whether a mirror image is added, and where its own part of
the matrices, of `row_state`, of `old` and of `image` in `Tables` starts."""


def moves(source: Array, factor: Array) -> Array:
    """Return the records `MOVE` of elements times factors that are among `FACTORS`."""
    out = np.empty(source.size, MOVE)
    out["source"] = source.ravel()
    out["factor"] = np.rint(2 * factor.ravel()) + 3  # twice the factors round to -3 ... 3
    return out


class Sector(NamedTuple):
    """A charge sector of the cut bond that is decomposed on its own.

    With the mirror symmetry, those of negative charge are copies and charge 0 splits into an even
    (parity +1) and an odd part (-1).

    Attributes
    ----------
    charge, parity
        Charge of the bond; parity is 0 where nothing is split.
    multiplicity
        2 if the sector stands for a pair q, -q.
    shape
        Rows (vL, p0) and columns (p1, vR) of its matrix.
    """

    charge: int
    parity: int
    multiplicity: int
    shape: tuple[int, int]


class Filling(NamedTuple):
    """What the matrix of a sector is filled with.

    Attributes
    ----------
    pick, image
        Moves of its elements, and of the mirror image that is added to them; none of the latter
        unless charge 0 splits.
    row_state
        Index of vL for every row.
    old
        Moves of the rows of the second tensor, as they were before the update: a guess for its new
        ones.
    before
        Number of states that the sector had before the update.
    """

    pick: Array
    image: Array
    row_state: Array
    old: Array
    before: int


class Tables(Plan):
    """A contraction plan as the compiled update reads it.

    Attributes
    ----------
    regroup
        The second tensor as matrices # vM (p1 vR), for the charges in `products`.
    products
        Records `PRODUCT`. The results, theta, stand one after the other # (vL p0) (p1 vR).
    theta_size
        Number of elements of theta; one after the end is zero.
    gates
        Records `GATED`, one per pair charge.
    gate_input
        Moves from theta to the matrices # (p0 p1) (vL vR) that the gates act on.
    sectors
        Records `SECTOR`.
    pick, image
        Moves from the gated matrices to those of the sectors # (vL p0) (p1 vR), and what is added.
    row_state
        Index of vL of all rows of all sectors.
    old
        Moves from the regrouped second tensor to the guesses, `before` rows per sector.
    """

    __slots__ = ()


class Decomposed(Found):
    """Two sites with a gate, decomposed and truncated.

    Attributes
    ----------
    matrices
        C = gate B B of all sectors, one after the other # (vL p0) (p1 vR).
    vectors
        Right singular vectors V of S C that are kept, as rows # vM (p1 vR), sector after sector.
    values
        Their singular values.
    kept
        Number of states kept per sector.
    discarded, norm
        Relative discarded weight, and norm of what is kept.
    """

    __slots__ = ()
