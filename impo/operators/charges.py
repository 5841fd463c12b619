"""Several conserved charges as one integer, which the tensors of a matrix product carry.

Any sum of conserved charges is conserved. With places far enough apart, as those of digits, the sum
tells all of them from one another: tensors have the blocks that the charges together allow.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from impo.arguments import fail, integer, one_of
from impo.arrays import Array
from impo.operators.symmetry import integer_null_space

Charged = TypeVar("Charged", bound=Any)  # a dataclass with a charge
_MOST = 5  # charges that a packed number of 64 bits holds
_PLACE = 1 << 12  # value of the next charge in a packed number; charges stay below half of it


def packed(charges: Array) -> Array:
    """Return one integer for several charges, shape (C, ...), of the same order and additive."""
    places = [_PLACE**n for n in reversed(range(len(charges)))]
    return np.asarray(np.tensordot(np.array(places, dtype=int), charges.astype(int), axes=1))


def unpacked(numbers: ArrayLike, count: int) -> Array:
    """Return the charges, shape (count, ...), of packed integers."""
    rest, found = np.array(numbers, dtype=int), []
    for _ in range(count - 1):
        last = (rest + _PLACE // 2) % _PLACE - _PLACE // 2
        found.append(last)
        rest = (rest - last) // _PLACE
    return np.array([rest, *reversed(found)][:count]).reshape(count, *rest.shape)


def packed_charge(charge: int | tuple[int, ...], count: int) -> int:
    """Return the packed number of a charge as a user names it.

    Parameters
    ----------
    charge
        An integer, or with several charges a tuple with one for each; 0 means none of any.
    count
        Number of charges.

    Raises
    ------
    ArgumentError
        If it is none of this.
    """
    if isinstance(charge, tuple):
        if len(charge) != max(count, 1):
            raise fail("charge", _allowed(count), charge)
        return int(packed(np.array([integer("charge", one) for one in charge])))
    if integer("charge", charge) and count > 1:
        raise fail("charge", _allowed(count), charge)
    return int(charge)


def chosen_charge(charge: int | tuple[int, ...], sectors: Iterable[int], count: int) -> int:
    """Return the one of some packed charges that a user names, or raise `ArgumentError`."""
    number, known = packed_charge(charge, count), sorted(sectors)
    if count < 2:
        return int(one_of("charge", number, known))
    if number not in known:
        told = ", ".join(str(told_charge(one, count)) for one in known)
        raise fail("charge", f"one of {told}", charge)
    return number


def _allowed(count: int) -> str:
    if count < 2:
        return "an integer"
    return f"a tuple of {count} integers, one for each charge of the model"


def told_charge(number: int, count: int) -> int | tuple[int, ...]:
    """Return a packed charge as a user names it: a tuple if there are several."""
    return tuple(unpacked(number, count).tolist()) if count > 1 else int(number)


def named(modes: Iterable[Charged], count: int) -> tuple[Charged, ...]:
    """Return modes of packed charges with their charges as a user names them."""
    return tuple(replace(mode, charge=told_charge(mode.charge, count)) for mode in modes)


def charges_to_try(count: int, most: int = 1) -> list[int] | list[tuple[int, ...]]:
    """Return zero and the smallest charges: up to `most` of one, or one of each of several."""
    if count < 2:
        return list(range(most + 1 if count else 1))
    return [(0,) * count, *(tuple(row) for row in np.eye(count, dtype=int).tolist())]


def cell_charges(charges: Array, unit: int) -> Array:
    """Return all combinations of charges, shape (C, n), that count every unit cell alike.

    `unit` is the number of sites of a cell.
    """
    n = charges.shape[1]
    relations = integer_null_space(charges.tolist(), n).reshape(-1, n // unit, unit)
    return np.tile(integer_null_space(relations.sum(axis=1).tolist(), unit), n // unit)


def kept(charges: Array, unit: int) -> Array:
    """Return the charges that tensors carry, shape (C, n); see `kept_charges`."""
    alike = cell_charges(charges, unit) if len(charges) > 1 else charges
    if 2 <= len(alike) <= _MOST and np.any(alike, axis=0).all():
        return alike
    return np.asarray(charges.sum(axis=0, keepdims=True)[: len(charges)])


def raised_m(charges: Array, number: int) -> float:
    """Return by how much operators of a packed charge raise the sum of all m; 0 if it is no charge.

    `charges` has the shape (C, n).
    """
    ones = np.ones(charges.shape[1])
    shares = np.linalg.lstsq(charges.T, ones, rcond=None)[0]
    conserved = np.allclose(shares @ charges, ones)
    return float(shares @ unpacked(number, len(shares))) if conserved else 0.0
