"""Finite lattices: the number of unit cells, as settings give it, and places in a cluster."""

from typing import Any

import numpy as np

from impo.arguments import fail, positive_integer
from impo.model import Cell, LindbladModel


def cell_counts(cells: Any) -> int | tuple[int, ...]:
    """Return the setting `cells`: a positive integer, or a tuple of them, one per direction.

    Raises
    ------
    ArgumentError
        If it is neither.
    """
    if isinstance(cells, tuple | list):
        return tuple(positive_integer("cells", count) for count in cells)
    return positive_integer("cells", cells)


def lattice_shape(model: LindbladModel, cells: int | tuple[int, ...]) -> tuple[int, ...]:
    """Return the number of cells in each direction of a model; an integer n means n in each.

    Raises
    ------
    ArgumentError
        If their number is not the dimension of the model.
    """
    shape = (cells,) * model.dimension if isinstance(cells, int) else cells
    if len(shape) != model.dimension:
        raise fail("cells", f"one integer or {model.dimension} of them", cells)
    return shape


def place_in_cluster(
    shape: tuple[int, ...], periodic: bool, unit: int, site: int, cell: Cell
) -> int | None:
    """Return the number of a site in a cluster of cells, in C order; None outside of an open one.

    Parameters
    ----------
    shape
        Number of cells in each direction.
    periodic
        Whether what leaves the cluster re-enters on the other side.
    unit
        Number of sites of a cell.
    site, cell
        Site of the cell, and which cell.
    """
    inside = tuple(c % length for c, length in zip(cell, shape, strict=True))
    if inside != cell and not periodic:
        return None
    return int(np.ravel_multi_index(inside, shape)) * unit + site
