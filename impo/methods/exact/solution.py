"""The null space of the Liouvillian of a finite cluster at one multipole cut-off."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from impo.arrays import Array
from impo.memory import memory_limit
from impo.methods.exact.assembly import assembly_bytes, liouvillian
from impo.methods.exact.factorization import EPS
from impo.methods.exact.gap import Decay, slowest_decay, slowest_of
from impo.methods.exact.krylov import is_regular, krylov_null_vector, sweeps_worth
from impo.methods.exact.modes import SlowModes
from impo.methods.exact.sector import (
    Charge,
    Sector,
    charge_sector,
    hermitian_parts,
    least_bytes,
    operator_positions,
    refuse_large_sector,
    site_bases,
    top_rank,
    zero_charge,
)
from impo.operators.cluster_density import ClusterDensity
from impo.operators.liouvillian import Generator

_FEW_OPERATIONS = 3e11  # up to here a direct solution takes seconds: Krylov is not tried first
_MOST_OPERATIONS = 2e13  # beyond it a direct solution takes too long
# Operations from which more threads are used, about a minute of one: where other processes want the
# cores, threads of the linear algebra library wait for each other and take several times as long.
_THREADED = 1e12


def slow_modes(sector: Sector, isometry: sparse.csr_array, block: sparse.csr_array) -> SlowModes:
    """Return the slow modes of a Hermitian block, with its trace if it has one."""
    trace = np.real(isometry.conj().T @ sector.trace)
    return SlowModes(block, trace if trace.any() else None, memory_limit())


@dataclass(frozen=True)
class Solution:
    """What one solve at a given cut-off yields."""

    density: ClusterDensity | None  # None if the null space has more than one dimension
    null_dimension: int
    complete: bool  # whether there are certainly no more null vectors
    converged: bool
    residual: float
    leakage: float
    uncertainty: float  # bound on the rounding error of rho, Hilbert-Schmidt norm
    decay: Decay | None  # the slowest in the zero-charge sector; negative for a growing mode
    solver: str
    error: Array | None = None  # the rounding error, up to a share in other directions
    share: float = 1.0


def bounded_sector(generator: Generator, k_max: int | None, charge: Charge | None = None) -> Sector:
    """List a sector, or refuse before anything large is allocated."""
    charge = zero_charge(generator) if charge is None else charge
    rows, size = least_bytes(generator, k_max, charge)
    refuse_large_sector(generator, rows, size)
    bases = site_bases(generator, k_max)
    refuse_large_sector(generator, rows, assembly_bytes(generator, bases, rows))
    return charge_sector(generator, bases, charge)


def hermitian_blocks(
    sector: Sector, matrix: sparse.csr_array
) -> list[tuple[sparse.csr_array, sparse.csr_array]]:
    """Return (isometry, real Liouvillian) of the uncoupled sets of Hermitian operators.

    Two sets, symmetric and antisymmetric, if the Liouvillian is real, else one.
    """
    symmetric, antisymmetric = hermitian_parts(sector)
    if np.iscomplexobj(matrix):
        parts = [sparse.csr_array(sparse.hstack([symmetric, 1j * antisymmetric]))]
    else:
        parts = [symmetric, antisymmetric]
    blocks = []
    for part in parts:
        folded = sparse.csr_array((part.conj().T @ matrix @ part).real)
        folded.eliminate_zeros()
        blocks.append((part, folded))
    return blocks


def solve(
    generator: Generator,
    k_max: int | None,
    start: ClusterDensity | None,
    decays: bool = True,
    oscillating: bool = True,
) -> Solution:
    """Find the null space of the Liouvillian in the zero-charge sector.

    The slowest decay is part of it unless `decays` is False; one that oscillates fast may be missed
    unless `oscillating` is True, and its error says so.
    """
    sector = bounded_sector(generator, k_max)
    matrix = liouvillian(sector)
    blocks = [b for b in hermitian_blocks(sector, matrix) if b[1].shape[0]]
    modes = [slow_modes(sector, *pair) for pair in blocks]
    operations = sum(mode.cost[0] for mode in modes)
    with threadpool_limits(limits=1 if operations < _THREADED else None, user_api="blas"):
        return _solved(sector, matrix, blocks, modes, start, decays, oscillating)


def _solved(
    sector: Sector, matrix: sparse.csr_array,
    blocks: list[tuple[sparse.csr_array, sparse.csr_array]], modes: list[SlowModes],
    start: ClusterDensity | None, decays: bool, oscillating: bool,
) -> Solution:  # fmt: skip
    """Find the null space of the Liouvillian from its blocks and what their solution costs."""
    operations = sum(mode.cost[0] for mode in modes)
    feasible = operations < _MOST_OPERATIONS and max(m.cost[1] for m in modes) < memory_limit()
    spare = 0.1 * operations if feasible else _MOST_OPERATIONS
    sweeps = sweeps_worth(spare, blocks[0][1].shape[0])
    if (operations > _FEW_OPERATIONS and sweeps > 0) or not feasible:
        found = _iterate(sector, blocks, start, max(sweeps, 1))
        if (found.converged and found.complete) or not feasible:
            return found
    modes.reverse()  # the factorization of one is freed before the next one is built
    first = modes.pop()
    null = first.null_space()
    if null is None:
        return _iterate(
            sector, blocks, start, max(sweeps, sweeps_worth(_MOST_OPERATIONS, len(sector)))
        )
    dimension, complete = null.dimension, null.complete
    x = blocks[0][0] @ null.vectors[:, 0]
    error, share = first.rounding_error(null)
    error = blocks[0][0] @ error
    slow: list[Decay | None] = []
    if dimension == 1 and complete and decays:
        slow.append(slowest_decay(first, null, oscillating))
    del first, null
    while modes:
        mode = modes.pop()
        other = mode.null_space()
        complete &= other is not None and other.complete
        dimension += 0 if other is None else other.dimension
        if dimension == 1 and complete and decays:
            slow.append(slowest_decay(mode, other, oscillating))
    if dimension > 1:
        return Solution(None, dimension, complete, True, 0.0, 0.0, 0.0, None, "elimination")
    density = _normalised(sector, x)
    return Solution(
        density, 1, complete, True, residual(sector, matrix @ density.coefficients),
        leakage(sector, density.coefficients), float(np.linalg.norm(error)), slowest_of(slow),
        "elimination", error, share,
    )  # fmt: skip


def _iterate(
    sector: Sector,
    blocks: list[tuple[sparse.csr_array, sparse.csr_array]],
    start: ClusterDensity | None,
    sweeps: int,
) -> Solution:
    """Find the null vector without a factorization."""
    isometry, matrix = blocks[0]
    trace = np.real(isometry.conj().T @ sector.trace)
    guess = None
    if start is not None and start.generator.sites == sector.generator.sites:
        guess = np.real(isometry.conj().T @ projected(start, sector))
    x, converged, amplification = krylov_null_vector(matrix, trace, guess, sweeps)
    unique = amplification is not None
    unique = unique and all(is_regular(other, sweeps) for _, other in blocks[1:])
    density = _normalised(sector, isometry @ x)
    change = matrix @ (isometry.conj().T @ density.coefficients)
    uncertainty = np.inf
    if amplification is not None:  # of the residual, and of what rounding makes of it
        rounding = np.linalg.norm(abs(matrix) @ np.abs(isometry.conj().T @ density.coefficients))
        uncertainty = amplification * float(np.linalg.norm(change) + 2 * EPS * rounding)
    return Solution(
        density, 1, unique, converged, residual(sector, isometry @ change),
        leakage(sector, density.coefficients), uncertainty, None, "gmres",
    )  # fmt: skip


def _normalised(sector: Sector, vector: Array) -> ClusterDensity:
    vector = vector / (sector.trace @ vector)
    return ClusterDensity(sector.generator, sector.bases, sector.index, vector)


def residual(sector: Sector, change: Array) -> float:
    """Return max |d<T>/dt| / |T| over products T of two multipoles with k + k' <= 4.

    Matrix units of bosons count as rank zero. Such products are not reached by what a cut-off of
    five or more drops, so this is the residual of the full Liouvillian.
    """
    low, sizes = sector.low_moments
    return float(np.max(np.abs(change[low]) / sizes))


def projected_residual(density: ClusterDensity) -> tuple[float, float]:
    """Return `residual` of a density operator in the basis that it is expanded in.

    Also in units of the norm of the Liouvillian, about the fastest rate of the cluster.
    """
    sector = charge_sector(density.generator, density.bases)
    matrix = liouvillian(sector)
    found = residual(sector, matrix @ density.coefficients)
    norm = float(abs(matrix).sum(axis=0).max())
    return found, found / norm if norm > 0 else 0.0


def leakage(sector: Sector, coefficients: Array) -> float:
    """Return |L rho| / |rho| in the products that the cut-off drops, Hilbert-Schmidt norm."""
    bases = site_bases(sector.generator, top_rank(sector.bases) + 1)
    if all(len(old) == len(new) for old, new in zip(sector.bases, bases, strict=True)):
        return 0.0
    larger = charge_sector(sector.generator, bases, sector.charge)
    change = liouvillian(sector, larger) @ coefficients
    change[sector.embedding(larger)] = 0
    return float(np.linalg.norm(change) / np.linalg.norm(coefficients))


def projected(density: ClusterDensity, sector: Sector) -> Array:
    """Return the coefficients of a state in a sector with other cut-offs of the same sites."""
    keys = np.zeros(len(density.index), dtype=np.int64)
    inside = np.ones(len(density.index), dtype=bool)
    for site, (old, new) in enumerate(zip(density.bases, sector.bases, strict=True)):
        place = operator_positions(old, new)[density.index[:, site]]
        inside &= place >= 0
        keys += place * sector.strides[site]
    out = np.zeros(len(sector), dtype=density.coefficients.dtype)
    out[sector.locate(keys[inside])] = density.coefficients[inside]
    return out
