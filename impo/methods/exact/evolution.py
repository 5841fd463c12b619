"""Time evolution of a finite cluster."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import expm_multiply

from impo.arguments import ArgumentError, fail
from impo.arrays import Array
from impo.memory import refuse_larger
from impo.methods.base import refuse_long
from impo.methods.exact.assembly import liouvillian
from impo.methods.exact.sector import Sector, charge_sector, cluster
from impo.methods.exact.solution import bounded_sector, projected, residual
from impo.methods.exact.state import ExactState
from impo.model import LindbladModel
from impo.operators.cluster_density import ClusterDensity
from impo.operators.local import charge_parts
from impo.operators.product_state import density_matrices
from impo.operators.sparse_basis import SparseBasis
from impo.results.estimate import Status
from impo.results.progress import Follower, tell
from impo.results.trajectory import Trajectory, trajectory_of

if TYPE_CHECKING:
    from impo.methods.exact.method import Exact

_MOST_OPERATIONS = 2e13  # of an evolution
_PRODUCTS = 6  # with the Liouvillian, about, in the inverse of its norm


def evolve(
    method: "Exact",
    model: LindbladModel,
    start: Any,
    times: Array,
    progress: Follower | None = None,
) -> Trajectory:
    """Return the exact evolution exp(L t) rho of a finite cluster.

    Parameters
    ----------
    method, model
        Cluster and description; `method.k_max` must be an integer or None.
    start
        An `ExactState` of the same cluster, or one local state per site of the unit cell: a vector
        of amplitudes or a density matrix (see `product_state.density_matrices`).
    times
        Ascending times, the first not negative, in inverse rates; `start` belongs to time zero.
    progress
        Hears the time that is reached.

    Raises
    ------
    ArgumentError
        If the start does not fit.
    UnsupportedModelError
        If the cluster is too large for the memory.
    """
    sector, rho = _begin(method, model, start)
    matrix = liouvillian(sector)
    status, message = Status.CONVERGED, "The Liouvillian of the cluster is applied to rounding."
    if _cut(sector.bases):
        status = Status.NOT_CONVERGED
        message = "What the cut-off k_max changes is not part of the errors; use k_max=None."
    norm = float(abs(matrix).sum(axis=0).max())
    fields: list[dict[str, Any]] = []
    products = _MOST_OPERATIONS / max(2 * matrix.nnz, 1)
    refuse_long(times, products / (_PRODUCTS * norm) if norm > 0 else math.inf)
    refuse_larger(
        f"Exact cannot keep {len(times)} states of {len(rho)} rows",
        float(len(times)) * rho.nbytes, "ask for fewer times",
    )  # fmt: skip
    for moment, found in _motion(matrix, rho, [0.0, *times.tolist()]):
        tell(progress, "evolving", time=moment, time_limit=float(times[-1]))
        rounding = np.finfo(float).eps * (1 + moment * norm)
        fields.append({
            "residual": residual(sector, matrix @ found),
            "density": ClusterDensity(sector.generator, sector.bases, sector.index, found),
            "uncertainty": rounding * float(np.linalg.norm(found)),
        })  # fmt: skip
    state = partial(ExactState, model=model, method=method)
    return trajectory_of(state, times, fields[1:], fields[0], status, message)


def _cut(bases: Sequence[SparseBasis]) -> bool:
    return any(len(basis) < basis.dimension**2 for basis in bases)


def is_cut(density: ClusterDensity) -> bool:
    """Return whether a density operator is expanded in some of the operators only."""
    return _cut(density.bases)


def _motion(
    matrix: sparse.csr_array, rho: Array, times: Sequence[float]
) -> Iterator[tuple[float, Array]]:
    """Yield (time, coefficients) at rising times; `rho` belongs to the first of them."""
    now = times[0]
    for moment in times:
        if moment > now:
            rho = expm_multiply(matrix * (moment - now), rho)
            now = moment
        yield now, rho


def followed(trajectory: Trajectory) -> Iterator[tuple[float, float]]:
    """Follow a trajectory again from its start; yield (distance, allowed distance) at its times."""
    path: list[tuple[float, Any]] = trajectory.path
    first = path[0][1].density
    sector = charge_sector(first.generator, first.bases)
    moved = _motion(liouvillian(sector), first.coefficients, [time for time, _ in path])
    next(moved)
    for (_, rho), (_, state) in zip(moved, path[1:], strict=True):
        off = float(np.linalg.norm(rho - state.density.coefficients))
        yield off, 10 * state.uncertainty  # the bound is an estimate of rounding


def _begin(method: "Exact", model: LindbladModel, start: Any) -> tuple[Sector, Array]:
    """Return the sector in which the motion takes place, and the coefficients of the start."""
    k_max = method.k_max
    if isinstance(k_max, str):
        raise fail("k_max", "an integer or None for an evolution", k_max)
    if isinstance(start, ExactState):
        if start.density is None or start.density.generator.sites != cluster(model, method).sites:
            raise ArgumentError("Argument `start` must be a state of the same cluster.")
        generator = cluster(model, method, charges=len(start.density.generator.charges) > 0)
        sector = bounded_sector(generator, k_max)
        return sector, projected(start.density, sector)
    local = density_matrices(model, start)
    pairs = zip(model.sites, local, strict=True)
    neutral = all(set(charge_parts(site, rho)) <= {0} for site, rho in pairs)
    sector = bounded_sector(cluster(model, method, charges=neutral), k_max)
    return sector, _product(sector, local)


def _product(sector: Sector, local: Sequence[Array]) -> Array:
    """Return the coefficients of a product state, equal in all cells."""
    generator = sector.generator
    out = np.ones(len(sector), dtype=complex)
    for position, basis in enumerate(sector.bases):
        rho = generator.rotated(position, local[position % len(local)])
        out *= basis.expand(rho)[sector.index[:, position]]
    return out if np.any(out.imag) or not generator.real else out.real
