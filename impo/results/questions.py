"""What can be asked of a result: the checks that all observables of all methods share."""

from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from impo.arguments import ArgumentError, fail, non_negative_integer, one_of, shown
from impo.arrays import Array
from impo.memory import amount, product
from impo.model import LindbladModel, Place

FARTHEST = 10**6  # cells to which a correlation function may be asked for
_FARTHEST_PLACE = 10**5  # cells that a place may be away
_MOST_WAVES = 10**6  # wave numbers of a structure factor
_MOST_NUMBERS = 2**28  # elements of a density matrix (4 GiB), or probabilities


def known_operator(model: LindbladModel, op: Any) -> str:
    """Return the name of an operator, or raise `ArgumentError` if no site has it."""
    return str(one_of("op", op, sorted({name for site in model.sites for name in site.operators})))


def known_pair(model: LindbladModel, op_a: Any, op_b: Any, sites: Any) -> tuple[int, int]:
    """Return the sites of two operators, or raise `ArgumentError` unless they have them."""
    if not _is_row(sites, 2):
        raise fail("sites", "a pair (site of A, site of B)", sites)
    first, second = sites
    model.check_operator(op_a, first)
    model.check_operator(op_b, second)
    return int(first), int(second)


def known_pairs(model: LindbladModel, pairs: Iterable[tuple[str, str]]) -> None:
    """Raise an `ArgumentError` unless the first site has the operators of all pairs."""
    for pair in pairs:
        known_pair(model, *pair, (0, 0))


def known_distance(cells: Any) -> int:
    """Return a largest distance in cells, or raise `ArgumentError` if it is none or too far."""
    found = non_negative_integer("max_cells", cells)
    if found > FARTHEST:
        raise fail("max_cells", f"at most {FARTHEST}", cells)
    return found


def matrix_places(model: LindbladModel, places: Any) -> tuple[Place, ...]:
    """Return what `known_places` does, if a density matrix on so many sites fits in memory."""
    wanted = f"a density matrix of at most {_MOST_NUMBERS} elements"
    return _limited_places(model, places, 2, wanted)


def distribution_places(model: LindbladModel, places: Any) -> tuple[Place, ...]:
    """Return what `known_places` does, if a distribution on so many sites fits in memory."""
    return _limited_places(model, places, 1, f"at most {_MOST_NUMBERS} probabilities")


def _limited_places(
    model: LindbladModel, places: Any, power: int, wanted: str
) -> tuple[Place, ...]:
    """Refuse places if a power of the number of their states is too large."""
    known = known_places(model, places)
    size = product([model.sites[site].dimension for site, _ in known], power)
    if size > _MOST_NUMBERS:
        raise ArgumentError(
            f"Argument `places` must have {wanted}, but {shown(list(places))} has {amount(size)}; "
            "ask for fewer sites."
        )
    return known


def known_places(model: LindbladModel, places: Any) -> tuple[Place, ...]:
    """Return different (site, cell) pairs, or raise `ArgumentError` if they are none.

    The cell is an integer in one dimension, and a pair of integers in two.
    """
    count = len(model.sites)
    cells = "an integer" if model.dimension == 1 else "a pair of integers"
    wanted = f"different (site, cell) pairs with a site of 0 ... {count - 1} and {cells} as cell"
    if not isinstance(places, Iterable) or isinstance(places, str):
        raise fail("places", wanted, places)
    asked = list(places)
    found = [_place(model, place) for place in asked]
    known = tuple(place for place in found if place is not None)
    if not known or len(set(known)) != len(found):
        raise fail("places", wanted, asked)
    return known


def _place(model: LindbladModel, place: Any) -> Place | None:
    """Return a (site, cell) pair of plain integers, or None if it is none of the lattice."""
    if not _is_row(place, 2):
        return None
    site, cell = place
    cells = cell if _is_row(cell, model.dimension) else (cell,)
    whole = all(isinstance(number, Integral) for number in (site, *cells))
    if len(cells) != model.dimension or not whole or isinstance(site, bool):
        return None
    if not 0 <= site < len(model.sites):
        return None
    found = tuple(map(int, cells))
    if any(abs(number) > _FARTHEST_PLACE for number in found):
        raise fail("places", f"at most {_FARTHEST_PLACE} cells away", place)
    return int(site), found[0] if model.dimension == 1 else found


def _is_row(value: Any, length: int) -> bool:
    """Return whether a value is a list, tuple or array of a length."""
    row = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)
    return row and len(value) == length


def wave_numbers(model: LindbladModel, k: ArrayLike) -> Array:
    """Return real wave numbers, shape (..., 2) in two dimensions, or raise `ArgumentError`."""
    allowed = "real numbers" if model.dimension == 1 else "real, of shape (..., 2)"
    waves = real_numbers("k", k, allowed)
    if waves.size > _MOST_WAVES * model.dimension:
        raise ArgumentError(
            f"Argument `k` must be at most {_MOST_WAVES} wave numbers, but has the shape "
            f"{waves.shape}."
        )
    if model.dimension == 2 and waves.shape[-1:] != (2,):
        raise fail("k", allowed, k)
    return waves


def real_numbers(name: str, value: ArrayLike, allowed: str = "real numbers") -> Array:
    """Return finite real numbers as an array of any shape, or raise `ArgumentError`."""
    try:
        found = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise fail(name, allowed, value) from None
    if found.dtype.kind not in "iuf" or not np.all(np.isfinite(found)):
        raise fail(name, allowed, value)
    return found.astype(float)
