"""Spectral functions of a cluster: resolvents of the Liouvillian.

    int_0^inf dt e^{i omega t} Tr[(A - <A>)(t) B rho] = -Tr[((L^+ + i omega)^-1 (A - <A>)) B rho]

A - <A> has no part that stands still. All frequencies share one Krylov space of L^+, in which each
resolvent is the vector whose residual is orthogonal to it (the full orthogonalisation method with
shifts: Simoncini, BIT 43, 459 (2003)). Times before zero are those of the adjoint operators, see
`impo.methods.spectra`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.linalg import schur

from impo.arrays import Array
from impo.methods.exact.assembly import liouvillian
from impo.methods.exact.two_time import Acts, acted, around, functional_of
from impo.operators.cluster_density import ClusterDensity
from impo.operators.local import charge_parts, local_operators
from impo.results.progress import Follower, tell

_RESIDUAL = 1e-11  # of a resolvent, over the norm of the operator
_LARGEST = 2000  # vectors of a Krylov space
_EVERY = 20  # vectors after which residuals are computed
_NEW = 1e-13  # length of a new direction, over that of the vector


class Spectrum(NamedTuple):
    """A function of wave numbers and frequencies.

    Attributes
    ----------
    value
        Axes: # k omega.
    error
        What the residuals of the resolvents leave open.
    slope
        Largest change with rho, over the norms of the operators.
    """

    value: Array
    error: Array
    slope: float


def _matrices(
    rho: ClusterDensity, names: tuple[str, str], sites: tuple[int, int]
) -> tuple[Array, Array]:
    """Return the operators of both sites."""
    a, b = (local_operators(rho.generator.sites[s])[n] for s, n in zip(sites, names, strict=True))
    return a, b


def spectral_function(
    rho: ClusterDensity, names: tuple[str, str], sites: tuple[int, int], k: Array, omega: Array,
    follower: Follower | None,
) -> Spectrum:  # fmt: skip
    """Return sum_r e^{ikr} int dt e^{i omega t} of the connected <A_0(t) B_r> on a ring."""
    a, b = _matrices(rho, names, sites)
    ahead = _half(rho, (a, b), sites, (Acts.LEFT,), k, omega, follower)
    adjoint = (b.conj().T, a.conj().T)
    back = _half(rho, adjoint, sites[::-1], (Acts.LEFT,), k, omega, follower)
    slope = ahead.slope + back.slope
    return Spectrum(ahead.value + back.value.conj(), ahead.error + back.error, slope)


def susceptibility(
    rho: ClusterDensity, names: tuple[str, str], sites: tuple[int, int], k: Array, omega: Array,
    follower: Follower | None,
) -> Spectrum:  # fmt: skip
    """Return -i sum_r e^{ikr} int_0^inf dt e^{i omega t} <[A_0(t), B_r]> on a ring."""
    a, b = _matrices(rho, names, sites)
    found = _half(rho, (a, b), sites, (Acts.LEFT, Acts.RIGHT), k, omega, follower)
    return found._replace(value=-1j * found.value)


def _half(
    rho: ClusterDensity, matrices: tuple[Array, Array], sites: tuple[int, int],
    orders: Sequence[Acts], k: Array, omega: Array, follower: Follower | None,
) -> Spectrum:  # fmt: skip
    """Return the integral over times after zero: of one order, or of the first less the second."""
    most = rho.cells // 2
    cells = np.arange(-most, most + 1)
    share = np.where(2 * np.abs(cells) == rho.cells, 0.5, 1.0)  # the farthest is on both sides
    waves = share * np.exp(1j * np.outer(k, cells))  # k cell
    starts = [
        around(rho, sites[1], cells.tolist(), matrices[1], order) for order in orders
    ]  # order cell
    total = np.zeros((len(k), len(omega)), dtype=complex)
    error, slope = np.zeros((1, len(omega))), 0.0
    for part in charge_parts(rho.generator.sites[sites[0]], matrices[0]).values():
        sector, functional = functional_of(rho, sites[0], part)
        still = None if any(sector.charge) else (sector.trace, rho.coefficients)
        tell(follower, "resolvents", size=len(sector))
        moved, residual = _resolvents(liouvillian(sector).T.tocsr(), functional, omega, still)
        vectors = [
            np.array([acted(rho, sector, *start) for start in many]) for many in starts
        ]  # cell product
        begin = vectors[0] if len(vectors) == 1 else vectors[0] - vectors[1]
        total -= waves @ begin @ moved
        sizes = np.linalg.norm(moved, axis=0)
        # a residual changes a resolvent by itself over the slowest rate, about as the operator
        grown = sizes / max(float(np.linalg.norm(functional)), 1e-300)
        error = error + residual * grown * np.linalg.norm(begin, axis=1).sum()
        slope = max(slope, len(orders) * len(cells) * float(sizes.max()))
    return Spectrum(total, np.broadcast_to(error, total.shape), slope)


def _resolvents(
    matrix: sparse.csr_array, vector: Array, omega: Array, still: tuple[Array, Array] | None
) -> tuple[Array, Array]:
    """Return (matrix + i omega)^-1 vector for all omega, and the norms of what they leave.

    Parameters
    ----------
    matrix, vector, omega
        L^+, an operator, and frequencies.
    still
        The identity and rho: the part of the vector that does not move is left out; or None.

    Returns
    -------
    resolvents
        Axes: # row omega.
    residuals
        Axes: # omega.
    """
    vector = _moving(vector, still)
    size, length = len(vector), float(np.linalg.norm(vector))
    if length == 0:
        return np.zeros((size, len(omega)), dtype=complex), np.zeros(len(omega))
    kept = [vector.astype(complex) / length]
    most = min(size if still is None else size - 1, _LARGEST)
    upper: Array = np.zeros((most + 1, most), dtype=complex)
    for n in range(most):
        new = _moving(matrix @ kept[-1], still)
        before, basis = float(np.linalg.norm(new)), np.array(kept)  # vector row
        for _ in range(2):  # the second sweep removes what rounding left
            parts = basis.conj() @ new
            upper[: n + 1, n] += parts
            new = _moving(new - parts @ basis, still)
        upper[n + 1, n] = norm = float(np.linalg.norm(new))
        closed = norm <= _NEW * before or n + 1 == most
        if closed or (n + 1) % _EVERY == 0:
            found, residual = _shifted(upper[: n + 2, : n + 1], omega)
            if closed or np.all(residual <= _RESIDUAL):
                break
        kept.append(new / norm)
    moved = [_moving(one, still) for one in found @ np.array(kept[: n + 1])]
    return length * np.array(moved).T, length * residual


def _moving(vector: Array, still: tuple[Array, Array] | None) -> Array:
    """Return A - <A>."""
    if still is None:
        return vector
    identity, rho = still
    return np.asarray(vector - (rho @ vector) / (rho @ identity) * identity)


def _shifted(upper: Array, omega: Array) -> tuple[Array, Array]:
    """Return the coefficients of all resolvents, # omega vector, and residuals over the start."""
    triangle, turn = schur(upper[:-1], output="complex")
    size, least = len(triangle), np.finfo(float).eps * np.linalg.norm(triangle)
    begin, found = turn[0].conj(), np.zeros((size, len(omega)), dtype=complex)
    for n in reversed(range(size)):
        pole = triangle[n, n] + 1j * omega
        pole = np.where(np.abs(pole) > least, pole, least)  # its residual shows that it is none
        found[n] = (begin[n] - triangle[n, n + 1 :] @ found[n + 1 :]) / pole
    coefficients = (turn @ found).T
    return coefficients, np.abs(upper[-1, -1] * coefficients[:, -1])
