"""Decay length of a correlation function, by a fit whose window is justified."""

import numpy as np

from impo.arrays import Array
from impo.results.estimate import Estimate


def decay_length(samples: Array, ring: int | None = None) -> Estimate | None:
    r"""Fit C(r) = A e^{-r/xi}, with the image at ring - r on a ring, and return xi.

    The phase of C and an alternation (-1)^r are removed first. The window ends where |C| falls
    below three of its errors. It begins at the smallest r >= 1 from which leaving out the next one
    or two distances changes xi by less than twice the error of that change; the change is then part
    of the error, and so is what the last distance left out has changed. A window that nothing can
    be left out of is no evidence of an exponential.

    Parameters
    ----------
    samples
        Jackknife samples of C(r), shape (groups, distances), r = 0, 1, ...: C from all groups but
        one.
    ring
        Circumference, if the image matters.

    Returns
    -------
    Estimate or None
        xi and its error in units of r; None unless at least three distances r >= 1 exceed ten times
        their own error, and the decay three times its error, or if a sample is not finite, or if
        every window disagrees with the shorter ones in it.
    """
    if not np.all(np.isfinite(samples)):
        return None
    distances = samples.shape[1]
    mean = samples.mean(axis=0)
    error = _spread(samples)
    if np.count_nonzero(np.abs(mean[1:]) > 10 * error[1:]) < 3:
        return None
    ratio = mean[2] / mean[1]
    signs = np.where(np.arange(distances) % 2, 1.0, np.sign(ratio.real))
    series = np.real(samples * np.exp(-1j * np.angle(mean[1]))) * signs
    centre = series.mean(axis=0)
    weak = np.flatnonzero(centre[1:] < 3 * error[1:])
    last = weak[0] if len(weak) else distances - 1
    series = series[:, : last + 1]
    if last < 3 or not np.all(series[:, 1:] > 0):
        return None
    rates = [_rate(series, centre, error, first, ring) for first in range(1, last)]
    for number, rate in enumerate(rates[:-1]):  # the last, of two distances, only compares
        later = rates[number + 1 : number + 3]
        changes = [(abs((other - rate).mean()), _spread(other - rate)) for other in later]
        if all(change <= 2 * noise for change, noise in changes):
            break
    else:
        return None
    before = [abs((rate - other).mean()) for other in rates[max(number - 1, 0) : number]]
    drift = max([*before, *(change for change, _ in changes)])
    uncertainty = float(np.hypot(_spread(rate), drift))
    slope = float(rate.mean())
    if not slope > 3 * uncertainty:
        return None
    return Estimate(1 / slope, uncertainty / slope**2)


def _spread(samples: Array) -> Array:
    """Return the standard error from jackknife samples."""
    error: Array = np.sqrt(len(samples) - 1) * np.std(samples, axis=0)
    return error


def _rate(series: Array, centre: Array, error: Array, first: int, ring: int | None) -> Array:
    """Return 1/xi of every jackknife sample, by weighted least squares of log C from `first` on."""
    r = np.arange(first, series.shape[1])
    window = slice(first, series.shape[1])
    weight = (centre[window] / error[window]) ** 2
    weight = weight / weight.sum()
    lever = weight * (r - weight @ r)
    logarithm = np.log(series[:, window])
    rate = np.zeros(len(series))
    image = np.zeros_like(logarithm)
    for _ in range(1 if ring is None else 50):
        rate = -(logarithm - image) @ lever / (lever @ r)
        if ring is not None:
            image = np.log1p(np.exp(-np.maximum(rate, 0.0)[:, None] * (ring - 2 * r)))
    return rate
