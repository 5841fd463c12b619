"""Decay of a correlation function known by samples: a fit whose window is justified."""

import numpy as np

from impo.arrays import Array
from impo.results.estimate import Estimate
from impo.results.modes import Decay, no_decay

STANDS_OUT = 10.0  # errors from which on a distance is known
_WEAK = 3.0  # errors below which it is noise, and from which on a number is not zero
CHANGES_SIGN = "The function changes its sign or phase from cell to cell in no even way."
WEAK = "The function stands out from its errors at less than three distances."
_CURVED = "Shorter windows do not confirm an exponential."
_TURNS = 5.0  # errors from which on the phase turns from cell to cell
_ROUNDING = 1e-9  # of phases
_SLOW = "The decay is not told from none."
_BROKEN = "The function has values that are no finite numbers."


def fitted_decay(samples: Array, ring: int | None = None) -> Decay:
    r"""Fit C(r) = A e^{-r/xi + ikr}, with the image at ring - r on a ring, k near 0 or pi.

    The phase of C and an alternation (-1)^r are removed first. The window ends where |C| falls
    below three of its errors. It begins at the smallest r >= 1 from which leaving out the next one
    or two distances changes xi by less than twice the error of that change; the change is then part
    of the error, and so is what the last distance left out has changed. A window that nothing can
    be left out of is no evidence of an exponential. The wavenumber k is the slope of the phase in
    the same window.

    Parameters
    ----------
    samples
        Jackknife samples of C(r), shape (groups, distances), r = 0, 1, ...: C from all groups but
        one.
    ring
        Circumference, if the image matters.

    Returns
    -------
    Decay
        Length and wavenumber in units of r; none unless at least three distances r >= 1 exceed ten
        times their own error, and the decay three times its error, or if a sample is not finite, if
        every window disagrees with the shorter ones in it, or if the sign or phase changes in
        another way (`CHANGES_SIGN`).
    """
    if not np.all(np.isfinite(samples)):
        return no_decay(_BROKEN)
    mean, error = samples.mean(axis=0), spread(samples)
    known = np.abs(mean) > STANDS_OUT * error
    if np.count_nonzero(known[1:]) < 3:
        return no_decay(WEAK)
    staggered = (mean[2] / mean[1]).real < 0
    even = np.exp(-1j * np.angle(mean[1])) * np.ones(len(mean))
    even[::2] *= -1 if staggered else 1
    series = np.real(samples * even)
    centre = series.mean(axis=0)
    weak = np.flatnonzero(centre[1:] < _WEAK * error[1:])
    last = int(weak[0]) if len(weak) else len(mean) - 1
    if np.any(known[last + 1 :]):
        return no_decay(CHANGES_SIGN)
    if last < 3 or not np.all(series[:, 1 : last + 1] > 0):
        return no_decay(WEAK)
    found = _justified(series[:, : last + 1], centre, error, ring)
    if found is None:
        return no_decay(_CURVED)
    first, slope, uncertainty = found
    if not slope > _WEAK * uncertainty:
        return no_decay(_SLOW)
    turn = _slope(np.angle(samples * even)[:, : last + 1], centre, error, first)
    angle, change = abs(float(turn.mean())), float(spread(turn))
    if angle > _TURNS * change + _ROUNDING:
        return no_decay(CHANGES_SIGN)
    length = Estimate(1 / slope, uncertainty / slope**2)
    wavenumber = Estimate(np.pi - angle if staggered else angle, change)
    return Decay(length, wavenumber, "", fitted=length, window=(1, last))


def _justified(
    series: Array, centre: Array, error: Array, ring: int | None
) -> tuple[int, float, float] | None:
    """Return where the window begins, the decay in it and its error; None if there is no window."""
    last = series.shape[1] - 1
    rates = [_rate(series, centre, error, first, ring) for first in range(1, last)]
    for number, rate in enumerate(rates[:-1]):  # the last, of two distances, only compares
        later = rates[number + 1 : number + 3]
        changes = [(abs((other - rate).mean()), spread(other - rate)) for other in later]
        if all(change <= 2 * noise for change, noise in changes):
            break
    else:
        return None
    before = [abs((rate - other).mean()) for other in rates[max(number - 1, 0) : number]]
    drift = max([*before, *(change for change, _ in changes)])
    return number + 1, float(rate.mean()), float(np.hypot(spread(rate), drift))


def left_out(groups: Array) -> Array:
    """Return the means of all groups but one: jackknife samples."""
    return np.asarray((groups.sum(axis=0) - groups) / (len(groups) - 1))


def spread(samples: Array) -> Array:
    """Return the standard error from jackknife samples."""
    error: Array = np.sqrt(len(samples) - 1) * np.std(samples, axis=0)
    return error


def _rate(series: Array, centre: Array, error: Array, first: int, ring: int | None) -> Array:
    """Return 1/xi of every jackknife sample, by weighted least squares of log C from `first` on."""
    r = np.arange(series.shape[1])
    logarithm = np.log(np.maximum(series, 1e-300))
    rate = np.zeros(len(series))
    image = np.zeros_like(logarithm)
    for _ in range(1 if ring is None else 50):
        rate = -_slope(logarithm - image, centre, error, first)
        if ring is not None:
            image = np.log1p(np.exp(-np.maximum(rate, 0.0)[:, None] * (ring - 2 * r)))
    return rate


def _slope(samples: Array, centre: Array, error: Array, first: int) -> Array:
    """Return the slope of every sample from `first` on; the weights are those of log C."""
    window = slice(first, samples.shape[1])
    r = np.arange(first, samples.shape[1])
    weight = (centre[window] / error[window]) ** 2
    weight = weight / weight.sum()
    lever = weight * (r - weight @ r)
    slope: Array = samples[:, window] @ lever / (lever @ r)
    return slope
