r"""Correlations of a Gaussian chain as sums of exponentials: the poles of its covariance.

With w = exp(-i k) the Lyapunov equation of `quadratic.py` reads

    X(w) G(w) + G(w) Y(w) + D(w) = 0,    X(w) = sum_r w^{-r} X_r,    Y(w) = sum_r w^r X_r^+,

so G is a rational function of w, and the correlations at distance r in cells are

    <Psi_0 Psi_r^+> = (1/2 pi i) \oint dw w^{r-1} G(w) = sum_p A_p w_p^r,    r >= 1,

with the poles w_p inside the unit circle and the residues A_p of G(w)/w. A stable configuration has
none on the circle. D(w) = sum_r w^{-r} D_r adds none but at w = 0, which is no exponential: where
cells share jumps, correlations up to their reach may differ from the sum. The poles are eigenvalues
of a polynomial matrix, the Kronecker sum of X and Y times a power of w, and the residues are
integrals over small circles. That keeps all digits where a fit to the correlations loses them, as
modes that decay about as fast are hard to tell apart.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_sylvester

from impo.arrays import Array
from impo.methods.holstein_primakoff.quadratic import QuadraticBosons

LARGEST = 1500  # rows of the eigenvalue problem: ten seconds
_MOST = 128  # poles, the slowest
_ONE = 1e-6  # distance up to which rounding may have split one pole, or moved one from zero
_POINTS = 48  # on a circle; what is twice as far away as it is damped by 2^-48
_SHIFT = np.exp(0.7j)  # of the eigenvalue problem: any point of the unit circle
_INFINITE = 1e-10  # of one over a pole
_ROUNDING = 8 * float(np.finfo(float).eps)


class Poles(NamedTuple):
    """Exponentials A w^r over the distance r in cells, the slowest first.

    Attributes
    ----------
    factors, errors
        w, and its rounding error. Axes: # pole.
    amplitudes, rounding
        A for <Psi_0 Psi_r^+>, and the rounding error of its elements. Axes: # pole component
        component, # pole.
    """

    factors: Array
    errors: Array
    amplitudes: Array
    rounding: Array


def rows(bosons: QuadraticBosons) -> int:
    """Return the size of the largest eigenvalue problem that the poles of a chain need."""
    return 2 * bosons.reach * max(len(sector) for sector in bosons.sectors) ** 2


def poles(bosons: QuadraticBosons) -> Poles:
    """Return the poles of the covariance of a chain, with residues.

    Poles closer than rounding can tell apart count as one, with the sum of their residues.
    """
    found: list[_Pole] = []
    for sector in bosons.sectors:
        block = np.ix_(sector, sector)
        hoppings = {r: matrix[block] for (r,), matrix in bosons.hoppings.items()}
        shared = {r: matrix[block] for (r,), matrix in bosons.shared.items()}
        for pole in _of_sector(hoppings, {0: bosons.diffusion[block], **shared}):
            amplitude = np.zeros_like(bosons.diffusion)
            amplitude[block] = pole.residue
            found.append(pole._replace(residue=amplitude))
    found.sort(key=lambda pole: -abs(pole.factor))
    residues = np.array([pole.residue for pole in found], dtype=complex)
    return Poles(
        np.array([pole.factor for pole in found], dtype=complex),
        np.array([pole.error for pole in found], dtype=float),
        residues.reshape(-1, *bosons.diffusion.shape),
        np.array([pole.rounding for pole in found], dtype=float),
    )


class _Pole(NamedTuple):
    """A pole, its error, the residue of G(w)/w there, and the rounding error of its elements."""

    factor: complex
    error: float
    residue: Array
    rounding: float


def _of_sector(hoppings: Mapping[int, Array], diffusion: Mapping[int, Array]) -> list[_Pole]:
    """Return the slowest poles of some components that are coupled to no others."""
    everywhere = _eigenvalues(hoppings)
    inside = everywhere[(np.abs(everywhere) < 1) & (np.abs(everywhere) > _ONE)]
    inside = inside[np.argsort(-np.abs(inside), kind="stable")]
    found: list[_Pole] = []
    while len(inside) and len(found) < _MOST:
        near = np.abs(everywhere - inside[0]) < _ONE
        centre = complex(everywhere[near].mean())
        others = np.append(everywhere[~near], 0.0)
        radius = float(np.abs(others - centre).min()) / 2
        found.append(_residue(hoppings, diffusion, centre, radius))
        inside = inside[np.abs(inside - inside[0]) >= _ONE]
    return found


def _eigenvalues(hoppings: Mapping[int, Array]) -> Array:
    """Return all finite w at which the Lyapunov equation is singular.

    They are those of a companion matrix; a shift makes its pencil an ordinary eigenvalue problem.
    """
    reach, one = max(map(abs, hoppings)), np.eye(len(hoppings[0]))
    size = len(one) ** 2
    if reach == 0:
        return np.zeros(0, dtype=complex)
    powers = np.zeros((2 * reach + 1, size, size), dtype=complex)  # of w^(power - reach)
    for r, matrix in hoppings.items():
        powers[reach - r] += np.kron(matrix, one)
        powers[reach + r] += np.kron(one, matrix.conj())
    left = np.eye(2 * reach * size, k=size, dtype=complex)
    right = np.eye(2 * reach * size, dtype=complex)
    left[-size:], right[-size:, -size:] = -np.hstack(list(powers[:-1])), powers[-1]
    inverse = np.linalg.eigvals(np.linalg.solve(left - _SHIFT * right, right))
    return np.asarray(_SHIFT + 1 / inverse[np.abs(inverse) > _INFINITE])


def _residue(
    hoppings: Mapping[int, Array], diffusion: Mapping[int, Array], centre: complex, radius: float
) -> _Pole:
    """Return the pole in a circle.

    The integral of (w - centre) G(w)/w over the circle tells by how much it is off the centre.
    """
    steps = radius * np.exp(2j * np.pi * np.arange(_POINTS) / _POINTS)
    values = np.array([_covariance(hoppings, diffusion, centre + step) for step in steps])
    residue, moment = (np.tensordot(steps**n, values, 1) / _POINTS for n in (1, 2))
    shift = complex(np.vdot(residue, moment)) / max(float(np.linalg.norm(residue)), 1e-300) ** 2
    shift = shift if abs(shift) < radius else 0j  # of a residue that is none
    rounding = _ROUNDING / min(radius, 1.0)
    largest = radius * float(np.abs(values).max())
    return _Pole(centre + shift, abs(shift) + rounding, residue, rounding * largest)


def _covariance(hoppings: Mapping[int, Array], diffusion: Mapping[int, Array], w: complex) -> Array:
    """Return G(w)/w."""
    drift = sum(w**-r * matrix for r, matrix in hoppings.items())
    mirror = sum(w**r * matrix.conj().T for r, matrix in hoppings.items())
    noise = sum(w**-r * matrix for r, matrix in diffusion.items())
    return np.asarray(solve_sylvester(drift, mirror, -noise) / w)
