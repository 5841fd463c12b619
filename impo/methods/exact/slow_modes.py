"""Slow modes of a ring, or of one cell, with a charge and a wave number."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from impo.arrays import Array
from impo.methods.exact.modes import SlowModes
from impo.methods.exact.sector import cluster
from impo.methods.exact.slowest import slowest_eigenvalues
from impo.methods.exact.spectrum import modes_of, ring_modes
from impo.model import LindbladModel
from impo.operators.charges import packed_charge, told_charge, unpacked
from impo.operators.liouvillian import Generator, kept_charges
from impo.results.slow_modes import ISOLATED, Charge, SlowMode, slow_mode

if TYPE_CHECKING:
    from impo.methods.exact.method import Exact

_STATIONARY = 1e-9  # an eigenvalue below, over the norm, is that of the steady state


def charge_count(model: LindbladModel, method: "Exact") -> int:
    """Return how many charges of a cluster tell its modes apart."""
    return len(kept_charges(cluster(model, method)).charges)


def slow_modes(
    model: LindbladModel, method: "Exact", rank: int | None, charge: Charge, k: float, count: int
) -> tuple[SlowMode, ...]:
    """Return the slowest decays of a ring or of one cell, without the steady state.

    Parameters
    ----------
    model, method
        Description and cluster.
    rank
        Largest multipole rank kept; None keeps all. The error then has the change of a quarter
        less.
    charge, k, count
        As in `SteadyState.slow_modes`; one open cell has the same modes at every k.
    """
    generator = kept_charges(cluster(model, method))
    several = len(generator.charges)
    number = packed_charge(charge, several)
    charge = told_charge(number, several)
    values, errors = _found(generator, method, rank, number, k, count + 1)
    if rank is not None and rank > 1:
        fewer, _ = _found(generator, method, 3 * rank // 4, number, k, 2 * count + 2)
        errors = errors + np.abs(values[:, None] - fewer).min(axis=1, initial=np.inf)
    found = [
        slow_mode(complex(value), float(error), charge, k, ISOLATED)
        for value, error in zip(values, errors, strict=True)
    ]
    return tuple(found[:count])


def _found(
    generator: Generator, method: "Exact", rank: int | None, number: int, k: float, count: int
) -> tuple[Array, Array]:
    """Return eigenvalues of the slowest decay and their errors; `number` is a packed charge."""
    several = len(generator.charges)
    charges = tuple(unpacked(number, several).tolist()) if several or number else ()
    if method.periodic:
        _, blocks = ring_modes(generator.model, replace(method, k_max=rank), charges, k)
    else:
        blocks = modes_of(generator, rank, charges)
    pairs = [_of_block(one, count, not number) for one in blocks if one.matrix.shape[0]]
    if not pairs:
        return np.zeros(0, dtype=complex), np.zeros(0)
    values, errors = map(np.concatenate, zip(*pairs, strict=True))
    order = np.argsort(-values.real, kind="stable")
    return values[order], errors[order]


def _of_block(modes: SlowModes, count: int, neutral: bool) -> tuple[Array, Array]:
    """Return the slowest eigenvalues of a block; without the steady state, if it may be there."""
    values, errors = slowest_eigenvalues(modes, count)
    if neutral and len(values):
        nearest = int(np.argmin(np.abs(values)))
        if abs(values[nearest]) <= _STATIONARY * modes.norm * modes.unit:
            values, errors = np.delete(values, nearest), np.delete(errors, nearest)
    return values, errors
