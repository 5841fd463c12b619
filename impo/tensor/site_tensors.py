"""From the tensor of a block of sites to those of its sites, without any loss."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from impo.arrays import Array


class SiteTensors(NamedTuple):
    """A block as a matrix product of its sites.

    Attributes
    ----------
    tensors
        Of every site; # vL p vR.
    charges
        Of the states on the bond left of every site.
    """

    tensors: list[Array]
    charges: list[Array]


def site_tensors(
    block: Array, left: Array, right: Array, operators: Sequence[Array]
) -> SiteTensors:
    """Return the tensors of all sites of a block, whose product is that of the block.

    A bond inside of the block counts the operators of all sites up to its nearer end, and the
    states of the bond there: no accuracy is lost, and all elements but those of one tensor are zero
    or one.

    Parameters
    ----------
    block
        The tensor; # vL (p0 p1 ...) vR.
    left, right
        Charges of the states left and right of the block.
    operators
        Charges of the operators of every site.
    """
    sizes = [len(charges) for charges in operators]
    middle = (len(sizes) - 1) // 2
    tensors, bonds = [], [left]
    for charges in operators[:middle]:
        rows, count = len(bonds[-1]), len(charges)
        tensors.append(np.eye(rows * count).reshape(rows, count, -1))
        bonds.append(np.add.outer(bonds[-1], charges).ravel())
    after, behind = [], [right]
    for charges in operators[:middle:-1]:
        columns, count = len(behind[-1]), len(charges)
        after.append(np.eye(columns * count).reshape(-1, count, columns))
        behind.append(np.subtract.outer(-charges, -behind[-1]).ravel())
    core = block.reshape(prod(sizes[:middle]) * len(left), sizes[middle], -1)
    return SiteTensors([*tensors, core, *after[::-1]], [*bonds, *behind[:0:-1]])
