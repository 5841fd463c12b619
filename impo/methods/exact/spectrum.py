"""Eigenvalues of the Liouvillian of a finite cluster, charge sector by charge sector."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from impo.arguments import ArgumentError, fail
from impo.arrays import Array
from impo.memory import memory_limit
from impo.methods.exact.assembly import liouvillian
from impo.methods.exact.gap import Decay, slowest_decay, slowest_of
from impo.methods.exact.modes import SlowModes
from impo.methods.exact.momentum import (
    momentum_block,
    momentum_isometry,
    one_frame,
    refuse_alternating,
    ring_number,
)
from impo.methods.exact.sector import (
    Charge,
    cluster,
    sector_sizes,
    zero_charge,
)
from impo.methods.exact.solution import bounded_sector, hermitian_blocks, slow_modes
from impo.model import LindbladModel
from impo.operators.lattice import lattice_shape
from impo.operators.liouvillian import Generator
from impo.results.spectrum import Spectrum

if TYPE_CHECKING:
    from impo.methods.exact.method import Exact


_CHEAP_OPERATIONS = 2e9
_MOST_CHARGED_ROWS = 20000  # null vectors with a charge are counted up to here
_GAP_OPERATIONS = 3e11  # the gap is part of a steady state only while it costs seconds


def modes_of(generator: Generator, k_max: int | None, charge: Charge) -> list[SlowModes]:
    """Return the slow modes of every uncoupled block of a charge sector."""
    sector = bounded_sector(generator, k_max, charge)
    matrix = liouvillian(sector)
    if any(charge):
        return [SlowModes(matrix, memory=memory_limit())]
    return [slow_modes(sector, *pair) for pair in hermitian_blocks(sector, matrix)]


def _eigenvalues(modes: list[SlowModes], count: int) -> tuple[Array, Array, Array]:
    """Return eigenvalues closest to zero, residuals and condition numbers of several blocks."""
    found = [mode.eigenvalues(count) for mode in modes if mode.matrix.shape[0]]
    if not found:
        return np.zeros(0, dtype=complex), np.zeros(0), np.zeros(0)
    values, residuals, conditions = map(np.concatenate, zip(*found, strict=True))
    order = np.argsort(np.abs(values), kind="stable")
    return values[order], residuals[order], conditions[order]


def spectrum_of(
    method: "Exact", model: LindbladModel, charge: Charge | int | None, k: float | None, count: int
) -> Spectrum:
    """Return the eigenvalues of the Liouvillian closest to zero: see `impo.spectrum`."""
    if k is None:
        generator = cluster(model, method)
        charge = _as_charge(generator, charge)
        modes = modes_of(generator, _rank(method), charge)
    else:
        charge, modes = ring_modes(model, method, charge, k)
    values, residuals, conditions = _eigenvalues(modes, count)
    keep = min(count, len(values))
    while keep < len(values) and np.isclose(
        values[keep], values[keep - 1].conj(), rtol=1e-9, atol=0
    ):
        keep += 1
    return Spectrum(charge, values[:keep], residuals[:keep], conditions[:keep], k)


def _rank(method: "Exact") -> int | None:
    if isinstance(method.k_max, str):
        raise fail("k_max", "an integer or None for a spectrum", method.k_max)
    return method.k_max


def _as_charge(generator: Generator, charge: Charge | int | None) -> Charge:
    if charge is None:
        return zero_charge(generator)
    return (int(charge),) if isinstance(charge, int | np.integer) else tuple(charge)


def ring_modes(
    model: LindbladModel, method: "Exact", charge: Charge | int | None, k: float
) -> tuple[Charge, list[SlowModes]]:
    """Return a charge and the slow modes of a ring that have it and a wave number.

    No modes if there is no operator with that wave number.

    Raises
    ------
    ArgumentError
        If the cluster is no ring of a chain, or has no such wave number.
    """
    if model.dimension != 1 or not method.periodic:
        raise ArgumentError(
            "Argument `k` must be None unless the cluster is a ring: "
            "use `Exact(cells=..., periodic=True)` with a one-dimensional model."
        )
    (cells,) = lattice_shape(model, method.cells)
    number = ring_number(k, cells)
    generator = one_frame(cluster(model, method))
    known = _as_charge(generator, charge)
    refuse_alternating(generator, known)
    sector = bounded_sector(generator, _rank(method), known)
    block = momentum_block(liouvillian(sector), momentum_isometry(sector, number))
    return known, [SlowModes(block, memory=memory_limit())] if block.shape[0] else []


def charged_decay(generator: Generator, k_max: int | None, charge: Charge) -> Decay | None:
    """Return the slowest decay in a charged sector, or None if it would take long."""
    modes = modes_of(generator, k_max, charge)
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
        for mode in modes_of(generator, k_max, charge):
            null = mode.null_space()
            complete &= null is not None and null.complete
            count += 0 if null is None else 2 * null.dimension  # those with -q are the conjugates
    return count, complete
