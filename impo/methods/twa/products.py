"""Products of spins as averages over trajectories, by groups of them.

One or two operators are known by the moments of the whole run. Of more there are only the last
snapshots: on every trajectory, the classical vectors of different spins are multiplied as they are,
and two operators on one spin as `impo.methods.twa.moments` says.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from impo.arrays import Array
from impo.methods.twa.hybrid import spin_lengths
from impo.methods.twa.moments import Moments, symbol
from impo.model import Cell, LindbladModel, Place
from impo.operators.local_products import Linear

Forms = Mapping[Place, Sequence[Linear]]


def within_half(shape: Sequence[int], forms: Forms) -> bool:
    """Return whether all places lie within half the lattice: there, a ring is like a chain."""
    cells = [_cell(cell) for _, cell in forms]
    spans = [max(column) - min(column) for column in zip(*cells, strict=True)]
    return all(2 * span <= length for span, length in zip(spans, shape, strict=False))


def of_moments(moments: Moments, forms: Forms) -> Array:
    """Return one or two forms c + u.S within half the lattice, by groups, shape (groups,)."""
    ops = [(site, _cell(cell), form) for (site, cell), here in forms.items() for form in here]
    if len(ops) == 1:
        ((site, _, (constant, vector)),) = ops
        return np.asarray(moments.first[:, site] @ vector + constant)
    (a, start, one), (b, end, two) = ops
    step = [y - x for x, y in zip(start, end, strict=True)]
    if step[0] < 0:  # operators of different spins commute
        (a, one), (b, two), step = (b, two), (a, one), [-r for r in step]
    index: Any = (slice(None), *step)
    return np.asarray(moments.pair(one, two, (a, b))[index])


def of_snapshots(
    model: LindbladModel, snapshots: Array, moments: Moments, forms: Forms, periodic: bool,
    scheme: str = "wigner",
) -> Array | None:  # fmt: skip
    """Return the average of a product over cells, by groups; None if it fits nowhere.

    Parameters
    ----------
    model, moments
        Sites, and shape of the lattice and number of groups.
    snapshots
        Unit vectors, shape (snapshots, 3 spins, trajectories).
    forms
        One or two operators c + u.S on every place.
    periodic
        Whether the lattice goes around.
    scheme
        Of the method.
    """
    shape, groups = moments.shape, len(moments.first)
    lengths = spin_lengths(model, scheme)
    spins = snapshots.reshape(len(snapshots), *shape, len(model.sites), 3, snapshots.shape[-1])
    values, inside = np.ones(1, dtype=complex), np.ones(shape, dtype=bool)
    for (site, cell), here in forms.items():
        vectors = np.moveaxis(spins[..., site, :, :], -2, -1) * lengths[site]
        for axis, step in enumerate(_cell(cell)):
            vectors = np.roll(vectors, -step, axis + 1)
            place = np.arange(shape[axis]) + step
            known = (place >= 0) & (place < shape[axis]) | periodic
            inside = inside & known.reshape([-1 if x == axis else 1 for x in range(len(shape))])
        values = values * symbol(here, vectors, half=scheme == "hybrid")
    if not inside.any():
        return None
    mean = values[:, inside].mean(axis=(0, 1))
    return np.asarray(mean.reshape(groups, -1).mean(axis=1))


def _cell(cell: int | Cell) -> Cell:
    return (cell,) if isinstance(cell, int) else cell
