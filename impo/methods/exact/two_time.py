"""Two-time correlations of a cluster: A moves in the Heisenberg picture, B acts on rho.

    <A_0(t) B_r> = Tr[A_0(t) B_r rho],    dA/dt = L^+ A

One A(t) gives all cells and both orders.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import expm_multiply

from impo.arrays import Array
from impo.methods.exact.assembly import liouvillian
from impo.methods.exact.sector import Sector, charge_sector
from impo.operators.cluster_density import ClusterDensity
from impo.operators.local import charge_parts, local_operators


def two_time(
    rho: ClusterDensity, names: tuple[str, str], sites: tuple[int, int], cells: Sequence[int],
    times: Sequence[float], reverse: bool,
) -> Array:  # fmt: skip
    """Return <A_0(t) B_r>, or <B_r A_0(t)> if `reverse`, for some cells r; # time cell.

    A stands in the first cell; cells are counted around a ring.
    """
    generator, unit = rho.generator, len(rho.generator.model.sites)
    count = len(generator.sites)
    first, seconds = sites[0], [(sites[1] + cell * unit) % count for cell in cells]
    site = generator.sites[first]
    second = local_operators(generator.model.sites[sites[1]])[names[1]]
    out = np.zeros((len(times), len(cells)), dtype=complex)
    for part in charge_parts(site, local_operators(site)[names[0]]).values():
        moving = _functional(rho, first, generator.rotated(first, part))
        if moving is None:
            continue
        sector, functional = moving
        starts = np.array([
            _acted(rho, sector, p, second, reverse) for p in seconds
        ])  # cell product  # fmt: skip
        adjoint, now = liouvillian(sector).T.tocsr(), 0.0
        for n, moment in enumerate(times):
            if moment > now:
                functional = expm_multiply(adjoint * (moment - now), functional)
                now = moment
            out[n] += starts @ functional
    return out


def _functional(rho: ClusterDensity, position: int, matrix: Array) -> tuple[Sector, Array] | None:
    """Return Tr(A T_x) of the products in the one charge sector in which it is not zero."""
    generator, basis = rho.generator, rho.bases[position]
    values = basis.measure(matrix)
    seen = np.flatnonzero(np.abs(values) > 0)
    if not len(seen):
        return None
    charge = tuple((generator.charges[:, position] * basis.q[seen[0]]).tolist())
    sector = charge_sector(generator, rho.bases, charge)
    functional = values[sector.index[:, position]]
    for other, one in enumerate(sector.bases):
        if other != position:
            functional = functional * one.trace[sector.index[:, other]]
    return sector, functional


def _acted(
    rho: ClusterDensity, sector: Sector, position: int, matrix: Array, reverse: bool
) -> Array:
    """Return the coefficients of B rho, or rho B, in a charge sector."""
    basis, generator = rho.bases[position], rho.generator
    rotated = generator.rotated(position, matrix)
    action = sparse.coo_array(basis.right(rotated) if reverse else basis.left(rotated))
    # products with x on the site become those with y, if they lie in the sector
    before, stride = rho.index @ sector.strides, sector.strides[position]
    out = np.zeros(len(sector), dtype=complex)
    for y, x, value in zip(action.row, action.col, action.data, strict=True):
        rows = np.flatnonzero(rho.index[:, position] == x)
        keys = before[rows] + (int(y) - int(x)) * stride
        found = np.minimum(np.searchsorted(sector.keys, keys), len(sector) - 1)
        inside = sector.keys[found] == keys
        np.add.at(out, found[inside], value * rho.coefficients[rows[inside]])
    return out
