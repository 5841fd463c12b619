"""What the plans of an update hold: selections of elements, charge sectors, plain arrays."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from impo.arrays import Array

Shape = tuple[int, int]

# Elements move with one of these factors; plans hold its number, a byte.
FACTORS = np.array([-sqrt(2), -1.0, -sqrt(0.5), 0.0, sqrt(0.5), 1.0, sqrt(2)])


class Gather(NamedTuple):
    """Elements of one flat array as a selection from another, times `FACTORS[factor]`."""

    source: Array
    factor: Array

    @classmethod
    def of(cls, source: Array, weight: Array) -> "Gather":
        """Return the selection with weights that are among the factors."""
        number = np.rint(2 * weight.ravel()) + 3  # twice the factors round to -3 ... 3
        return cls(source.ravel().astype(np.int32), number.astype(np.int8))

    @classmethod
    def joined(cls, parts: "Sequence[Gather]") -> "Gather":
        """Return one selection after the other."""
        empty = cls(np.zeros(0, np.int32), np.zeros(0, np.int8))
        return cls(*(np.concatenate(column) for column in zip(empty, *parts, strict=True)))


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
    shape: Shape


class Moves(NamedTuple):
    """What is moved into the matrix of a sector.

    Attributes
    ----------
    pick, image
        Where its elements come from; the mirror image is added (only if the charge splits).
    row_state
        Index of vL for every row.
    old
        The rows of the second tensor, as they were before the update: a guess for its new ones.
    before
        Number of states that the sector had before the update.
    """

    pick: Gather
    image: Gather | None
    row_state: Array
    old: Gather
    before: int


class Tables(NamedTuple):
    """A contraction plan as plain arrays.

    Attributes
    ----------
    regroup
        The second tensor as matrices # vL (p vR), for the charges in `products`.
    products
        Rows (start in the first tensor, its rows, its columns, start in the regrouped second
        tensor, its columns): the products over the middle bond, one after the other.
    theta_size
        Number of elements of these products; one after the end is zero.
    gates
        Rows (start in the flat gate, its order, columns): one product per pair charge.
    gate_source, gate_factor
        From theta to the matrices (p0 p1) (vL vR) that the gates act on.
    sectors
        Rows (rows, columns, multiplicity, before, whether a mirror image is added).
    pick_source, pick_factor, mirror_source, mirror_factor
        From the gated matrices to those of the sectors, # (vL p0) (p1 vR), and what is added.
    row_state
        Index of vL of all rows of all sectors.
    old_source, old_factor
        From the regrouped second tensor to the guesses, `before` rows per sector.
    """

    regroup: Array
    products: Array
    theta_size: int
    gates: Array
    gate_source: Array
    gate_factor: Array
    sectors: Array
    pick_source: Array
    pick_factor: Array
    mirror_source: Array
    mirror_factor: Array
    row_state: Array
    old_source: Array
    old_factor: Array
