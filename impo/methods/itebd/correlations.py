"""Connected correlation functions: what their errors are relative to, and fits of their decay."""

from typing import NamedTuple

import numpy as np

from impo.arrays import Array

SIGNAL = 10.0  # a distance counts if the correlation is this many times its error
FEWEST = 3
AHEAD = 4  # cells that are looked ahead, so that a zero of the function is none of its size
_FEW = 0.1  # least relative error of a slope that no other confirms
TURNS = 1e-3  # change of phase, from one distance to the next, of what does not oscillate
_NOTHING = 1e-10  # connected correlations, over the operator norms, that are no correlations


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
    largest distance between the fit and the slopes from one distance to the next, in the window and
    just before it: a logarithm that is curved leaves the length open.
    """
    first = max(1, min(last - FEWEST + 1, 1 + last // 2))
    r = np.arange(first, last + 1)
    relative = np.maximum(errors[r] / np.abs(values[r]), 1e-12)
    # a systematic bound, not noise: points do not average, so the weights stay moderate
    weights = 1 / np.maximum(relative, relative.max() / 10)
    design = np.stack([r, np.ones(len(r))], axis=1) * weights[:, None]
    slope = -float(np.linalg.lstsq(design, np.log(np.abs(values[r])) * weights, rcond=None)[0][0])
    if slope <= 0:
        return np.inf, np.inf
    steps = -np.diff(np.log(np.abs(values[max(1, first - 1) : last + 1])))
    curved = float(np.max(np.abs(steps - slope)))
    error = curved + 2 * float(np.max(relative)) / max(last - first, 1)
    return 1 / slope, error / slope**2


class Slope(NamedTuple):
    """How a function falls between two neighbouring distances.

    Attributes
    ----------
    first
        The shorter of the two distances.
    rate, error
        -ln |C(first + 1) / C(first)| and its error.
    staggered
        Whether the sign changes.
    """

    first: int
    rate: float
    error: float
    staggered: bool


def visible_slope(values: Array, errors: Array) -> Slope | None:
    """Return the slope between the farthest two distances at which it is known well, or None.

    That is to half of it, and with at most twice the smallest relative error. The error is that of
    the two logarithms, and what the slope differs from the next one, or from that before it where
    the next is not known. A function that oscillates has no slope. Without a third distance beyond
    the next unit cell the error is at least a tenth of the slope.
    """
    known = (errors < np.abs(values)) & (values != 0)
    count = len(values) if known[1:].all() else 1 + int(np.argmin(known[1:]))  # from r = 0 on
    if count < FEWEST:
        return None
    logs = np.log(values[:count].astype(complex))
    with np.errstate(divide="ignore"):  # C(0) may be none
        apart = -np.log1p(-np.minimum(errors[:count] / np.abs(values[:count]), 1.0))
    steps = logs[:-1] - logs[1:]
    rates, turns = steps.real, np.abs((steps.imag + np.pi) % (2 * np.pi) - np.pi)
    straight = np.minimum(turns, np.pi - turns) < TURNS
    found = []
    for r in range(1, count - 1):
        others = [n for n in (r - 1, r + 1) if 1 <= n < count - 1] or [0]
        alike = others == [0] or np.all(np.abs(turns[others] - turns[r]) < TURNS)
        if not (straight[r] and alike):
            continue
        drift = float(np.max(np.abs(rates[others] - rates[r])))
        least = _FEW * rates[r] if others == [0] else 0.0
        error = float(apart[r] + apart[r + 1]) + max(drift, least)
        if 2 * error < rates[r]:  # the error of the length is smaller than it
            found.append(Slope(r, float(rates[r]), error, bool(turns[r] > TURNS)))
    best = min((one.error / one.rate for one in found), default=0.0)
    return next((one for one in found[::-1] if one.error <= 2 * best * one.rate), None)
