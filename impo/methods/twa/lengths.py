"""Correlation lengths by trajectories: a fit, or modes where the function oscillates."""

from dataclasses import replace

import numpy as np

from impo.arrays import Array
from impo.results.decay import CHANGES_SIGN, STANDS_OUT, fitted_decay, left_out, spread
from impo.results.estimate import Estimate
from impo.results.modes import Decay, no_decay
from impo.signals import Modes, decaying_modes

_BLOCKS = 16  # of groups, whose modes are compared
_CERTAIN = 3.0  # errors that tell a decay from none
_SMALL = 0.3  # of the mode that is told: all that are not told
_AHEAD = 4  # distances that are looked ahead: a zero of an oscillation is not its end
_ONE_START = "The two starts disagree, and one of them alone has no length."
_UNTOLD = "The function oscillates, and the errors do not tell its modes."


def decay_of(samples: Array, ring: int | None) -> Decay:
    """Return how a correlation function decays.

    Parameters
    ----------
    samples
        Jackknife samples of C(r), shape (groups, distances): C from all groups but one.
    ring
        Circumference, if distances go around.
    """
    found = fitted_decay(samples, ring)
    return _oscillation(samples) if found.reason == CHANGES_SIGN else found


def of_both(whole: Decay, *halves: Decay) -> Decay:
    """Return a decay whose errors contain the difference of two starts that disagree."""
    if whole.length is None or whole.wavenumber is None:
        return whole
    (first, one), (second, two) = ((half.length, half.wavenumber) for half in halves)
    if first is None or second is None or one is None or two is None:
        return no_decay(_ONE_START)
    length, angle = (
        Estimate(known.value, float(np.hypot(known.error, abs(a.value - b.value))))
        for known, a, b in ((whole.length, first, second), (whole.wavenumber, one, two))
    )
    return replace(whole, length=length, wavenumber=angle, fitted=length)


def _oscillation(samples: Array) -> Decay:
    """Return the decay of the slowest mode of a function that oscillates.

    Modes are those of `impo.signals`. What they change where groups are left out is their error, if
    it is more than they say: errors at different distances are not independent.
    """
    if not np.any(samples.imag):
        samples = samples.real
    mean, error = samples.mean(axis=0), spread(samples)
    seen = 1 + np.flatnonzero((np.abs(mean) > _CERTAIN * error)[1:])
    gaps = np.flatnonzero(np.diff(seen) > _AHEAD)
    window = slice(1, int(seen[gaps[0]] if len(gaps) else seen[-1]) + 1)
    noise = error[window] / (np.sqrt(2) if np.iscomplexobj(samples) else 1.0)
    modes = decaying_modes(mean[window], noise=noise)
    first = _carrier(modes, float(np.max(error[window])))
    if first is None:
        return no_decay(_UNTOLD)
    factor, changes = _factors(modes)[first], []
    for left in _blocks(samples):
        again = decaying_modes(left[window], noise=noise)
        if not len(again):
            return no_decay(_UNTOLD)
        apart = np.log(_factors(again) / factor)
        changes.append(apart[np.argmin(np.abs(apart))])
    rate, angle = modes.rates[first], abs(float(modes.frequencies[first]))
    off = max(float(modes.rate_errors[first]), float(spread(np.real(changes))))
    if not rate > _CERTAIN * off:
        return no_decay(_UNTOLD)
    length = Estimate(float(1 / rate), float(off / rate**2))
    turn = max(float(modes.frequency_errors[first]), float(spread(np.imag(changes))))
    wavenumber = Estimate(angle, turn)
    return Decay(length, wavenumber, "", fitted=length, window=(1, window.stop - 1))


def _factors(modes: Modes) -> Array:
    """Return by what each mode is multiplied from one distance to the next."""
    return np.asarray(np.exp(-modes.rates + 1j * modes.frequencies))


def _carrier(modes: Modes, noise: float) -> int | None:
    """Return the slowest mode that is known, if what is not known is small beside it.

    Errors at neighbouring distances may be alike and look like a mode of their own size. On a ring
    the function comes back from the other side, so that modes that grow are no objection.
    """
    sizes = np.abs(modes.amplitudes)
    known = modes.decaying & (sizes > _CERTAIN * modes.amplitude_errors)
    known &= sizes > STANDS_OUT * noise
    if not known.any():
        return None
    first = int(np.flatnonzero(known)[0])
    there = sizes * np.exp(-modes.rates / modes.rates[first])  # where it has fallen by e
    return first if there[~known].sum() < _SMALL * there[first] else None


def _blocks(samples: Array) -> Array:
    """Return jackknife samples of fewer groups, each of several."""
    count = len(samples)
    groups = samples.sum(axis=0) - (count - 1) * samples
    merged = np.stack([part.mean(axis=0) for part in np.array_split(groups, min(count, _BLOCKS))])
    return left_out(merged)
