"""Products of local operators: how they are asked for, and matrices as sums of such products."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from impo.arguments import ArgumentError, fail
from impo.arrays import Array
from impo.model import LindbladModel, Place
from impo.results.questions import known_operator, known_places, matrix_places

Operator = str | Array
"""The name of a local operator, or its matrix."""
Bond = tuple[Place, Place]
"""Two sites between which a charge moves, from the first to the second."""
_ROUNDING = 1e-14  # relative: smaller singular values are zero
_MOST_PRODUCTS = 4096  # whose sum a matrix may be
_ROWS = (list, tuple, np.ndarray)


class Product(NamedTuple):
    """coefficient * product of local operators; those of one place from left to right."""

    coefficient: complex
    factors: Mapping[Place, tuple[Operator, ...]]


def is_product(op: Any, others: Sequence[Any]) -> bool:
    """Return whether `expect` is asked for a product of factors, not for a name or a matrix."""
    return _is_factor(op) or any(map(_is_factor, others))


def known_product(model: LindbladModel, factors: Sequence[Any]) -> Product:
    """Return the product of factors (operator, site, cell), or raise `ArgumentError`."""
    grouped: dict[Place, tuple[Operator, ...]] = {}
    for factor in factors:
        if not _is_factor(factor):
            raise fail("factor", "a tuple (operator, site, cell)", factor)
        op, site, cell = factor
        if isinstance(op, str):
            model.check_operator(op, site)
        place = known_places(model, [(site, cell)])[0]
        known = op if isinstance(op, str) else _square("op", op, model.sites[place[0]].dimension)
        grouped[place] = (*grouped.get(place, ()), known)
    return Product(1.0, grouped)


def known_matrix(
    model: LindbladModel, op: Any, others: Sequence[Any]
) -> tuple[Array, tuple[Place, ...]]:
    """Return a matrix and the places on which it acts, or raise `ArgumentError`."""
    if len(others) != 1 or isinstance(op, str):
        if not others:
            known_operator(model, op)  # is none, and the message says what there is
        wanted = "a name alone, factors (operator, site, cell), or a matrix with a list of places"
        raise fail("op", wanted, (op, *others))
    places = matrix_places(model, others[0])
    size = math.prod(model.sites[site].dimension for site, _ in places)
    return _square("op", op, size), places


def known_string(model: LindbladModel, string: Any) -> tuple[Operator, ...]:
    """Return an operator for each site of the unit cell, or raise `ArgumentError`."""
    if model.dimension != 1:
        raise fail("string", "None in two dimensions, where no site lies between two", string)
    count = len(model.sites)
    single = isinstance(string, list | tuple) and len(string) == count
    each = list(string) if single and all(map(_is_operator, string)) else [string] * count
    out: list[Operator] = []
    for number, (op, site) in enumerate(zip(each, model.sites, strict=True)):
        if isinstance(op, str):
            model.check_operator(op, number)
            out.append(op)
        else:
            out.append(_square("string", op, site.dimension))
    return tuple(out)


def string_product(
    model: LindbladModel, ends: tuple[str, str], string: Sequence[Operator],
    sites: tuple[int, int], r: int,
) -> Product:  # fmt: skip
    """Return A_{site a, cell 0} B_{site b, cell r} with the string on all sites between them."""
    count = len(model.sites)
    a, b = sites[0], sites[1] + r * count
    if a == b:
        return Product(1.0, {(a, 0): ends})
    factors: dict[Place, tuple[Operator, ...]] = {
        (p % count, p // count): (string[p % count],) for p in range(min(a, b) + 1, max(a, b))
    }
    for p, op in zip((a, b), ends, strict=True):
        factors[p % count, p // count] = (op,)
    return Product(1.0, factors)


def split(matrix: Array, places: Sequence[Place], sizes: Sequence[int]) -> list[Product]:
    """Return products of one-site matrices whose sum is a matrix on some places.

    Every place is separated from the following ones by a singular value decomposition.

    Parameters
    ----------
    matrix
        Shape (D, D); the last place runs fastest.
    places, sizes
        Where it acts, and the dimensions there, whose product is D.

    Raises
    ------
    ArgumentError
        If there are more than 4096 products.
    """
    chains = _split(np.asarray(matrix), list(sizes))
    if len(chains) > _MOST_PRODUCTS:
        raise ArgumentError(
            f"Argument `op` must be a sum of at most {_MOST_PRODUCTS} products, but has "
            f"{len(chains)}; ask for fewer places."
        )
    return [
        Product(1.0, {place: (one,) for place, one in zip(places, chain, strict=True)})
        for chain in chains
    ]


def _split(matrix: Array, sizes: list[int]) -> list[tuple[Array, ...]]:
    d, rest = sizes[0], math.prod(sizes[1:])
    if len(sizes) == 1:
        return [(matrix,)]
    pairs = matrix.reshape(d, rest, d, rest).transpose(0, 2, 1, 3).reshape(d * d, rest * rest)
    u, values, vh = np.linalg.svd(pairs, full_matrices=False)
    found: list[tuple[Array, ...]] = []
    for left, value, right in zip(u.T, values, vh, strict=True):
        if value > _ROUNDING * values[0] and len(found) <= _MOST_PRODUCTS:
            head = value * left.reshape(d, d)
            found += [(head, *tail) for tail in _split(right.reshape(rest, rest), sizes[1:])]
    return found


def _is_factor(value: Any) -> bool:
    """Return whether a value is meant as (operator, site, cell): no row of a matrix, no place."""
    if not isinstance(value, list | tuple) or len(value) != 3:
        return False
    op, site, _ = value
    return isinstance(op, str) or (_is_operator(op) and not isinstance(site, _ROWS))


def _is_operator(value: Any) -> bool:
    """Return whether a value is a name or has the rows of a matrix."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(row, _ROWS) for row in value)
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.ndim == 2)


def _square(name: str, value: Any, size: int) -> Array:
    """Return a matrix of finite numbers of that size, or raise `ArgumentError`."""
    try:
        matrix = np.array(value, dtype=complex)
    except (TypeError, ValueError, OverflowError):
        raise fail(name, "the name of an operator or a matrix of numbers", value) from None
    if matrix.shape != (size, size):
        raise ArgumentError(
            f"Argument `{name}` must be a matrix of shape ({size}, {size}) there, but has the "
            f"shape {matrix.shape}."
        )
    if not np.all(np.isfinite(matrix)):
        raise fail(name, "a matrix of finite numbers", value)
    return matrix if np.any(matrix.imag) else np.ascontiguousarray(matrix.real)
