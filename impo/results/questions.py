"""What can be asked of a result: the checks that all observables of all methods share."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from impo.arguments import ArgumentError, fail, non_negative_integer, one_of
from impo.arrays import Array
from impo.model import LindbladModel, Place


def known_operator(model: LindbladModel, op: Any) -> str:
    """Return the name of an operator, or raise `ArgumentError` if no site has it."""
    return str(one_of("op", op, sorted({name for site in model.sites for name in site.operators})))


def known_pair(model: LindbladModel, op_a: Any, op_b: Any, sites: Any) -> tuple[int, int]:
    """Return the sites of two operators, or raise `ArgumentError` unless they have them."""
    if not isinstance(sites, Sequence | np.ndarray) or isinstance(sites, str) or len(sites) != 2:
        raise fail("sites", "a pair (site of A, site of B)", sites)
    first, second = sites
    model.check_operator(op_a, first)
    model.check_operator(op_b, second)
    return int(first), int(second)


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
    try:
        found = tuple(_place(model, place) for place in asked)
    except ArgumentError:
        raise fail("places", wanted, asked) from None
    if not found or len(set(found)) != len(found):
        raise fail("places", wanted, asked)
    return found


def _place(model: LindbladModel, place: Any) -> Place:
    """Return a (site, cell) pair of plain integers, or raise `ArgumentError`."""
    if not isinstance(place, Sequence | np.ndarray) or isinstance(place, str) or len(place) != 2:
        raise fail("place", "a (site, cell) pair", place)
    site, cell = place
    numbers = (cell,) if isinstance(cell, Integral) else cell
    if not isinstance(numbers, Sequence | np.ndarray) or len(numbers) != model.dimension:
        raise fail("cell", f"of length {model.dimension}", cell)
    if not all(isinstance(number, Integral) for number in numbers):
        raise fail("cell", "made of integers", cell)
    if non_negative_integer("site", site) >= len(model.sites):
        raise fail("site", f"below {len(model.sites)}", site)
    whole = tuple(int(number) for number in numbers)
    return int(site), whole[0] if model.dimension == 1 else whole


def wave_numbers(model: LindbladModel, k: ArrayLike) -> Array:
    """Return real wave numbers, shape (..., 2) in two dimensions, or raise `ArgumentError`."""
    allowed = "real numbers" if model.dimension == 1 else "real, of shape (..., 2)"
    try:
        waves = np.asarray(k)
        real = waves.dtype.kind in "iuf" and bool(np.all(np.isfinite(waves)))
    except ValueError:
        raise fail("k", allowed, k) from None
    if not real or (model.dimension == 2 and waves.shape[-1:] != (2,)):
        raise fail("k", allowed, k)
    return waves.astype(float)
