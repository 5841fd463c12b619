"""Hamiltonian terms on numbered sites, split into components of definite charge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.model import Cell, LindbladModel
from impo.operators.local import charge_parts, local_operators

_TINY = 1e-13

PlacedJump: TypeAlias = tuple[int, float, Array]
"""(position, rate, matrix) of a dissipator."""

_Key: TypeAlias = tuple[tuple[int, int, bytes], ...]
_Entry: TypeAlias = list[Any]  # the fields of a `Component`


@dataclass(frozen=True)
class Component:
    """coefficient * product of one-site matrices; matrix number i raises its site by charges[i]."""

    coefficient: complex
    positions: tuple[int, ...]
    matrices: tuple[Array, ...]
    charges: tuple[int, ...]


def charge_resolved(
    model: LindbladModel, cells: Sequence[Cell], origins: Sequence[Cell],
    locate: Callable[[int, Cell], int | None], infinite: bool,
) -> tuple[list[Component], list[PlacedJump]]:  # fmt: skip
    """Place the terms on numbered sites and split them into components of definite charge.

    Equal operator products are merged, so that SxSx + SySy has no S+S+ component left.

    Parameters
    ----------
    cells
        Unit cell of every numbered site.
    origins
        The cells that hold a copy of every term.
    locate
        Number of a (site of the unit cell, cell), None if it is outside the cluster.
    infinite
        Whether the sites are a tile of an infinite chain.

    Raises
    ------
    ArgumentError
        If a term is longer than a periodic cluster.
    """
    n = len(cells)
    operators = [local_operators(site) for site in model.sites]
    merged: dict[_Key, _Entry] = {}
    for origin, term in product(origins, model.hamiltonian):
        matrices: dict[int, Array] = {}
        owner: dict[int, tuple[int, Cell]] = {}
        for name, site, offset in term.factors:
            cell = tuple(o + x for o, x in zip(origin, offset, strict=True))
            position = locate(site, cell)
            if position is None:
                break
            if owner.setdefault(position, (site, cell)) != (site, cell):
                raise ArgumentError(
                    f"A periodic cluster must be larger than its terms, but {term} meets itself."
                )
            matrix = operators[site][name]
            matrices[position] = matrices[position] @ matrix if position in matrices else matrix
        else:
            _merge(merged, model, term.coefficient, matrices, n if infinite else 0)
    scale = max((abs(value[0]) for value in merged.values()), default=0.0)
    components = [
        Component(*value)
        for value in merged.values()
        if abs(value[0]) > _TINY * scale and value[1]  # a constant drops out of the commutator
    ]
    jumps = [
        (position, jump.rate, operators[jump.site][jump.op])
        for position in range(n)
        for jump in model.jumps
        if position % len(model.sites) == jump.site
    ]
    return components, jumps


def _merge(
    merged: dict[_Key, _Entry], model: LindbladModel, coefficient: complex,
    matrices: Mapping[int, Array], tile: int,
) -> None:  # fmt: skip
    """Add coefficient * product of matrices to `merged`, split by charge and normalised.

    Of an infinite chain (`tile` > 0) every component begins inside the tile. It is moved there
    after its identity factors are dropped, because they are no part of its support.
    """
    positions = sorted(matrices)
    parts = [
        charge_parts(model.sites[p % len(model.sites)], matrices[p]).items() for p in positions
    ]
    for choice in product(*parts):
        total, kept = complex(coefficient), []
        for position, (q, matrix) in zip(positions, choice, strict=True):
            pivot = matrix.flat[np.argmax(np.abs(matrix))]
            unit = matrix / pivot
            if np.abs(unit.imag).max() < _TINY:
                unit = np.ascontiguousarray(unit.real)
            if q == 0 and np.allclose(unit, np.eye(len(unit)), atol=_TINY):
                total *= pivot  # an identity factor acts nowhere
                continue
            size = np.abs(unit).max()  # the norm of a matrix with one diagonal
            total *= pivot * size
            kept.append((position, unit, size, q))
        shift = kept[0][0] // tile * tile if tile and kept else 0
        key = tuple((p - shift, q, np.round(unit, 10).tobytes()) for p, unit, _, q in kept)
        factors = [(p - shift, unit / size, q) for p, unit, size, q in kept]
        columns = tuple(zip(*factors, strict=True)) or ((), (), ())
        merged.setdefault(key, [0j, *columns])[0] += total
