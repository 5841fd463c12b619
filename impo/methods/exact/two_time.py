"""Two-time correlations of a cluster: A moves in the Heisenberg picture, B acts on rho.

    <A_0(t) B_r> = Tr[A_0(t) B_r rho],    dA/dt = L^+ A

One A(t) gives all cells and both orders.
"""

from collections.abc import Sequence
from enum import Enum

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import expm_multiply

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.methods.exact.assembly import liouvillian
from impo.methods.exact.sector import Sector, charge_sector
from impo.operators.cluster_density import ClusterDensity
from impo.operators.local import charge_parts, local_operators
from impo.operators.sparse_basis import SparseBasis
from impo.results.progress import Follower, tell

_NOTHING = 1e-12  # weight that an operator leaves of a state that it takes to zero


class Acts(Enum):
    """How an operator B acts on the state: B rho, rho B, or B rho B^+."""

    LEFT = 0
    RIGHT = 1
    BOTH = 2

    def on(self, basis: SparseBasis, matrix: Array) -> sparse.csc_array:
        """Return the matrix of this map on a site."""
        if self is Acts.BOTH:
            return basis.sandwich(matrix, matrix.conj().T)
        return basis.left(matrix) if self is Acts.LEFT else basis.right(matrix)


Starts = Sequence[tuple[int, sparse.csc_array]]
"""Positions of B with the matrices of what it makes of the state there."""


def two_time(
    rho: ClusterDensity, names: tuple[str, str], sites: tuple[int, int], cells: Sequence[int],
    times: Sequence[float], reverse: bool, follower: Follower | None = None,
) -> Array:  # fmt: skip
    """Return <A_0(t) B_r>, or <B_r A_0(t)> if `reverse`, for some cells r; # time cell.

    A stands in the first cell; cells are counted around a ring.
    """
    generator = rho.generator
    first = local_operators(generator.sites[sites[0]])[names[0]]
    second = local_operators(generator.model.sites[sites[1]])[names[1]]
    starts = around(rho, sites[1], cells, second, Acts.RIGHT if reverse else Acts.LEFT)
    return _moved(rho, sites[0], first, starts, times, follower)


def quenched(
    rho: ClusterDensity, kick: str | Array, site: int, op: str, own: int, cells: Sequence[int],
    times: Sequence[float], follower: Follower | None = None,
) -> Array:  # fmt: skip
    """Return Tr[O_r(t) K rho K^+] / Tr[K rho K^+] for some cells r; # time cell.

    Raises
    ------
    ArgumentError
        If K takes the state to zero.
    """
    generator = rho.generator
    matrix = local_operators(generator.sites[site])[kick] if isinstance(kick, str) else kick
    weight = rho.measure({site: matrix.conj().T @ matrix}).real
    if not weight > _NOTHING * np.linalg.norm(matrix, 2) ** 2:
        raise ArgumentError("Argument `operator` must not take the steady state to zero.")
    # O stays in the first cell, and K stands in the others
    starts = around(rho, site, [-cell for cell in cells], matrix, Acts.BOTH)
    first = local_operators(generator.sites[own])[op]
    return _moved(rho, own, first, starts, times, follower) / weight


def around(
    rho: ClusterDensity, site: int, cells: Sequence[int], matrix: Array, acts: Acts
) -> Starts:
    """Return where B stands in some cells, counted around a ring, and what it does there."""
    generator, unit = rho.generator, len(rho.generator.model.sites)
    positions = [(site + cell * unit) % len(generator.sites) for cell in cells]
    return [(p, acts.on(rho.bases[p], generator.rotated(p, matrix))) for p in positions]


def _moved(
    rho: ClusterDensity, first: int, matrix: Array, starts: Starts, times: Sequence[float],
    follower: Follower | None,
) -> Array:  # fmt: skip
    """Return Tr[A(t) B(rho)] for A at a position and all B; # time start."""
    out = np.zeros((len(times), len(starts)), dtype=complex)
    for part in charge_parts(rho.generator.sites[first], matrix).values():
        sector, functional = functional_of(rho, first, part)
        vectors = np.array([acted(rho, sector, *start) for start in starts])  # start product
        adjoint, now = liouvillian(sector).T.tocsr(), 0.0
        for n, moment in enumerate(times):
            if moment > now:
                functional = expm_multiply(adjoint * (moment - now), functional)
                now = moment
            out[n] += vectors @ functional
            tell(follower, "evolving", time=moment, time_limit=times[-1], size=len(sector))
    return out


def functional_of(rho: ClusterDensity, position: int, matrix: Array) -> tuple[Sector, Array]:
    """Return Tr(A T_x) of an A of one charge, in the sector in which it is not zero."""
    generator, basis = rho.generator, rho.bases[position]
    values = basis.measure(generator.rotated(position, matrix))
    largest = int(np.argmax(np.abs(values)))
    charge = tuple((generator.charges[:, position] * basis.q[largest]).tolist())
    sector = charge_sector(generator, rho.bases, charge)
    functional = values[sector.index[:, position]]
    for other, one in enumerate(sector.bases):
        if other != position:
            functional = functional * one.trace[sector.index[:, other]]
    return sector, functional


def acted(rho: ClusterDensity, sector: Sector, position: int, action: sparse.csc_array) -> Array:
    """Return the coefficients, in a sector, of what a map of one site makes of the state."""
    entries = sparse.coo_array(action)
    # products with x on the site become those with y, if they lie in the sector
    before, stride = rho.index @ sector.strides, sector.strides[position]
    out = np.zeros(len(sector), dtype=complex)
    for y, x, value in zip(entries.row, entries.col, entries.data, strict=True):
        rows = np.flatnonzero(rho.index[:, position] == x)
        keys = before[rows] + (int(y) - int(x)) * stride
        found = np.minimum(np.searchsorted(sector.keys, keys), len(sector) - 1)
        inside = sector.keys[found] == keys
        np.add.at(out, found[inside], value * rho.coefficients[rows[inside]])
    return out
