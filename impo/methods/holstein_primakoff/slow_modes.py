"""Dispersions of the bosons of an ordered phase: how perturbations of it decay.

A perturbation of one boson with the wave number k, of charge 1 or -1, decays with an eigenvalue of
X_k. One of charge zero or two makes two bosons, whose wave numbers add up to k: their rates add up,
and the modes are a continuum.
"""

import numpy as np

from impo.arrays import Array
from impo.methods.holstein_primakoff.quadratic import QuadraticBosons
from impo.results.slow_modes import EDGE, ISOLATED, SlowMode, slow_mode

_POINTS = 512  # wave numbers of a pair


def one_boson(bosons: QuadraticBosons, charges: Array, charge: int, k: float) -> Array:
    """Return the eigenvalues of perturbations of one boson that raise the charge.

    Parameters
    ----------
    bosons
        Of a chain.
    charges
        By how much c raises the charge on every site; zeros in a model without one.
    charge, k
        Of the perturbation.
    """
    # a perturbation that raises the charge is seen by operators that lower it
    seen = np.flatnonzero(np.concatenate([charges, -charges]) == -charge)
    if not len(seen):
        return np.zeros(0, dtype=complex)
    drift = bosons.drift(np.array([k]))
    return np.asarray(np.linalg.eigvals(drift[np.ix_(seen, seen)]))


def slow_modes(
    bosons: QuadraticBosons, charges: Array, charge: int, k: float, count: int
) -> tuple[SlowMode, ...]:
    """Return the slowest modes with a charge and a wave number; see `one_boson`."""
    found = []
    for pole in one_boson(bosons, charges, charge, k):
        found.append(slow_mode(complex(pole), 0.0, charge, k, ISOLATED))
    for first in sorted(set(np.abs(charges).tolist())):
        for sign in {first, -first}:
            found += _pair(bosons, charges, sign, charge - sign, k)
    found.sort(key=lambda mode: float(mode.rate.value))
    return tuple(found[:count])


def _pair(
    bosons: QuadraticBosons, charges: Array, one: int, other: int, k: float
) -> list[SlowMode]:
    """Return the edge of the continuum of two bosons with these charges; none if there is none."""
    edges = []
    for points in (_POINTS // 2, _POINTS):
        sums = []
        for p in 2 * np.pi * np.arange(points) / points:
            left = one_boson(bosons, charges, one, p)
            right = one_boson(bosons, charges, other, k - p)
            sums += [a + b for a in left for b in right]
        if not sums:
            return []
        edges.append(max(sums, key=lambda z: z.real))
    error = abs(edges[1].real - edges[0].real)
    return [slow_mode(complex(edges[1]), error, one + other, k, EDGE)]
