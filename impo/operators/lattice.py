"""The number of unit cells of a finite lattice, as settings give it."""

from typing import Any

from impo.arguments import fail, positive_integer
from impo.model import LindbladModel


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
