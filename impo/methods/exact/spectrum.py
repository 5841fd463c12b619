"""Eigenvalues of the Liouvillian of a finite cluster, charge sector by charge sector."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from impo.arguments import fail, positive_integer
from impo.arrays import Array
from impo.memory import memory_limit
from impo.methods.exact.assembly import liouvillian
from impo.methods.exact.gap import Decay, slowest_decay, slowest_of
from impo.methods.exact.modes import SlowModes
from impo.methods.exact.sector import (
    Charge,
    cluster,
    sector_sizes,
    zero_charge,
)
from impo.methods.exact.solution import bounded_sector, hermitian_blocks, slow_modes
from impo.model import LindbladModel
from impo.operators.liouvillian import Generator

if TYPE_CHECKING:
    from impo.methods.exact.method import Exact


_CHEAP_OPERATIONS = 2e9
_MOST_CHARGED_ROWS = 20000  # null vectors with a charge are counted up to here
_GAP_OPERATIONS = 3e11  # the gap is part of a steady state only while it costs seconds


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the Liouvillian in one charge sector, closest to zero first.

    Attributes
    ----------
    charge
        Values of the weak U(1) charges; () if the model has none.
    eigenvalues
        Complex array.
    residuals
        |L v - z v| / |v| of each.
    """

    charge: Charge
    eigenvalues: Array
    residuals: Array

    @property
    def decay_rates(self) -> Array:
        """-Re of the eigenvalues, ascending."""
        return np.sort(-self.eigenvalues.real)


def _modes(generator: Generator, k_max: int | None, charge: Charge) -> list[SlowModes]:
    """Return the slow modes of every uncoupled block of a charge sector."""
    sector = bounded_sector(generator, k_max, charge)
    matrix = liouvillian(sector)
    if any(charge):
        return [SlowModes(matrix, memory=memory_limit())]
    return [slow_modes(sector, *pair) for pair in hermitian_blocks(sector, matrix)]


def _eigenvalues(modes: list[SlowModes], count: int) -> tuple[Array, Array]:
    found = [mode.eigenvalues(count) for mode in modes if mode.matrix.shape[0]]
    values = np.concatenate([value for value, _ in found])
    residuals = np.concatenate([residual for _, residual in found])
    order = np.argsort(np.abs(values), kind="stable")
    return values[order], residuals[order]


def spectrum(
    model: LindbladModel, method: "Exact", charge: Charge | int | None = None, count: int = 8
) -> Spectrum:
    """Return the eigenvalues of the Liouvillian closest to zero in one charge sector.

    Those with charges -q are the complex conjugates of those with q.

    Parameters
    ----------
    model, method
        Description and cluster; `method.k_max` must be an integer or None.
    charge
        Values of the weak U(1) charges (an int if there is one); None: all zero.
    count
        Number of eigenvalues; a conjugate pair at the end is kept whole.

    Raises
    ------
    ArgumentError
        If no operator of the cluster carries the charge.
    UnsupportedModelError
        If the cluster is too large for the memory.
    """
    positive_integer("count", count)
    if isinstance(method.k_max, str):
        raise fail("k_max", "an integer or None for a spectrum", method.k_max)
    generator = cluster(model, method)
    if charge is None:
        charge = zero_charge(generator)
    charge = (int(charge),) if isinstance(charge, int | np.integer) else tuple(charge)
    modes = _modes(generator, method.k_max, charge)
    values, residuals = _eigenvalues(modes, count)
    keep = min(count, len(values))
    while keep < len(values) and np.isclose(
        values[keep], values[keep - 1].conj(), rtol=1e-9, atol=0
    ):
        keep += 1
    return Spectrum(charge, values[:keep], residuals[:keep])


def charged_decay(generator: Generator, k_max: int | None, charge: Charge) -> Decay | None:
    """Return the slowest decay in a charged sector, or None if it would take long."""
    modes = _modes(generator, k_max, charge)
    if sum(mode.cost[0] for mode in modes) > _GAP_OPERATIONS:
        return None
    return slowest_of([slowest_decay(mode, None) for mode in modes])


def charges_of(generator: Generator, k_max: int | None) -> dict[Charge, int]:
    """Return all charges but zero, one of every pair q and -q, and the sizes of their sectors."""
    zero = zero_charge(generator)
    sizes = sector_sizes(generator, k_max)
    return {charge: sizes[charge] for charge in sorted(sizes) if charge > zero and sizes[charge]}


def cheap(sizes: Iterable[int]) -> bool:
    """Return whether all eigenvalues of sectors of these sizes take a second or two."""
    return 25 * sum(float(size) ** 3 for size in sizes) < _CHEAP_OPERATIONS


def charged_null_space(generator: Generator, k_max: int | None) -> tuple[int, bool]:
    """Return the number of null vectors with a charge, and whether there are no more."""
    charges = charges_of(generator, k_max)
    count, complete = 0, True
    if sum(charges.values()) > _MOST_CHARGED_ROWS:
        return 0, False
    for charge in charges:
        for mode in _modes(generator, k_max, charge):
            null = mode.null_space()
            complete &= null is not None and null.complete
            count += 0 if null is None else 2 * null.dimension  # those with -q are the conjugates
    return count, complete
