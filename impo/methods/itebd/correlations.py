"""Correlation lengths, by a fit to the correlation function and from the transfer matrix.

The spectrum alone misleads: its leading eigenvalue is often one that the operator does not see, or
noise of the truncation. The fit alone is short of distances. Both are made, and must agree.
"""

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from impo.arrays import Array
from impo.refinement.approximation import Approximation

SIGNAL = 10.0  # a distance counts if the correlation is this many times its error
FEWEST = 3
AHEAD = 4  # cells that are looked ahead, so that a zero of the function is none of its size
_NOTHING = 1e-10  # connected correlations, over the operator norms, that are no correlations


@dataclass(frozen=True)
class Decay:
    """Decay length of a connected correlation function, in unit cells.

    Attributes
    ----------
    value, error
        The length; the error covers the difference of the two routes where they disagree.
    fitted, fitted_error
        From the logarithmic slope over the far half of the distances that stand above the noise.
    spectral, spectral_error
        From the eigenvalue of the transfer matrix that carries the correlation at the far end of
        the window; None if none carries more than half of it.
    window
        First and last distance used.
    """

    value: float
    error: float
    fitted: float
    fitted_error: float
    spectral: float | None
    spectral_error: float | None
    window: tuple[int, int]

    @property
    def agree(self) -> bool:
        """Whether the two routes agree within their errors."""
        if self.spectral is None or self.spectral_error is None:
            return False
        return abs(self.spectral - self.fitted) <= self.spectral_error + self.fitted_error


def connected_scales(values: Array, apart: Array, largest: float) -> Array:
    """Return what errors of a connected correlation function are relative to.

    Up to neighbours it is the product of the operator norms. Farther away it falls as the function
    does: an error of the state changes amplitude and length of a decay, and both changes are small
    where the function is.

    Parameters
    ----------
    values
        The function at rising distances; # cell.
    apart
        Distances in sites.
    largest
        Product of the operator norms.
    """
    ahead = np.pad(np.abs(values), (0, AHEAD))
    size = np.lib.stride_tricks.sliding_window_view(ahead, AHEAD + 1).max(axis=-1)
    first = size[int(np.argmax(apart > 0))]
    shares = np.minimum(1.0, size / max(float(first), _NOTHING * largest))
    return np.asarray(largest * np.where(apart <= 1, 1.0, shares))


def signal_window(values: Array, errors: Array) -> int:
    """Return the largest distance up to which all correlations from r = 1 on stand out."""
    visible = np.abs(values[1:]) > SIGNAL * errors[1:]
    return int(np.argmin(visible)) if not visible.all() else len(visible)


def fitted_length(values: Array, errors: Array, last: int) -> tuple[float, float]:
    """Return the decay length from a weighted log-linear fit, and its error.

    The fit runs over the far half of 1 ... last. Its error combines that of the data with the
    change of the slope towards the near part, which is what a curved logarithm leaves undecided.
    """
    first = max(1, min(last - FEWEST + 1, 1 + last // 2))
    slopes = []
    for low, high in ((first, last), (max(1, first - 1), last - 1)):
        r = np.arange(low, high + 1)
        relative = np.maximum(errors[r] / np.abs(values[r]), 1e-12)
        # a systematic bound, not noise: points do not average, so the weights stay moderate
        weights = 1 / np.maximum(relative, relative.max() / 10)
        design = np.stack([r, np.ones(len(r))], axis=1) * weights[:, None]
        solution = np.linalg.lstsq(design, np.log(np.abs(values[r])) * weights, rcond=None)[0]
        slopes.append(-float(solution[0]))
    spread = float(np.max(errors[first : last + 1] / np.abs(values[first : last + 1])))
    slope_error = abs(slopes[0] - slopes[1]) + 2 * spread / max(last - first, 1)
    if slopes[0] <= 0:
        return np.inf, np.inf
    return 1 / slopes[0], slope_error / slopes[0] ** 2


def spectral_length(
    approx: Approximation,
    ends: tuple[tuple[int, Array], tuple[int, Array]],
    charge: int,
    far: int,
    target: complex,
) -> float | None:
    """Return the decay length, in tiles, of the transfer-matrix mode that carries a correlation.

    Parameters
    ----------
    approx
        The state.
    ends
        (site, vector over T_x) of the two operators.
    charge
        Charge sector of the transfer matrix in which the first operator leaves the state.
    far
        Distance in tiles at which the mode must carry the correlation.
    target
        Connected correlation there.
    """
    environment = approx.environment
    states = np.flatnonzero(environment.charges[0] == charge)
    if not len(states):
        return None
    tile, left, right = environment.tile, environment.left[0], environment.right[-1]
    norm = left @ right
    scale = left @ tile @ right / norm
    (i, first), (j, second) = ends
    opening, closing = list(environment.transfer), list(environment.transfer)
    opening[i] = np.tensordot(environment.tensors[i], first, axes=(1, 0))  # vL vR
    closing[j] = np.tensordot(environment.tensors[j], second, axes=(1, 0))  # vL vR
    left = reduce(np.matmul, [left, *opening])
    for matrix in reversed(closing):
        right = matrix @ right
    values, vectors = np.linalg.eig(tile[np.ix_(states, states)] / scale)
    # (first) 1 (E/eta)^(r-1) (second) / eta^2, resolved by eigenvectors
    try:
        resolved = np.linalg.solve(vectors, right[states] / scale)
    except np.linalg.LinAlgError:  # not diagonalisable
        return None
    amplitudes = resolved * (left[states] @ vectors) / (norm * scale)
    moduli = np.abs(values)
    if charge == 0:
        amplitudes = np.where(moduli > 1 - 1e-9, 0, amplitudes)
    shares = np.abs(amplitudes) * moduli ** (far - 1)
    best = int(np.argmax(shares))
    same = np.isclose(moduli, moduli[best], rtol=1e-6)
    carried = abs(np.sum(amplitudes[same] * values[same] ** (far - 1)))
    if not 0.5 < carried / abs(target) < 2 or not 0 < moduli[best] < 1:
        return None
    return float(-1 / np.log(moduli[best]))


def decay(
    values: Array, errors: Array, spectral: float | None, spectral_error: float | None
) -> Decay | None:
    """Join both routes to one decay length, or return None if too few distances stand out."""
    last = signal_window(values, errors)
    if last < FEWEST:
        return None
    fitted, fitted_error = fitted_length(values, errors, last)
    if not np.isfinite(fitted):
        return None
    routes = (fitted, fitted_error, spectral, spectral_error, (1, last))
    if spectral is None or spectral_error is None:
        return Decay(fitted, fitted_error, fitted, fitted_error, None, None, (1, last))
    found = Decay(spectral, spectral_error, *routes)
    apart = max(spectral_error, abs(spectral - fitted))
    return found if found.agree else replace(found, error=apart)
