"""Decaying modes of sampled signals, and the limit a signal heads for."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from impo.arguments import non_negative_integer, positive
from impo.arrays import Array
from impo.signals.errors import CERTAIN, certain, errors
from impo.signals.fit import selected, variance
from impo.signals.samples import Signal, checked

MOST = 12  # modes at most


@dataclass(frozen=True)
class Modes:
    """Modes sum_j a_j exp((-rate_j + i frequency_j) t) of a signal, the slowest first.

    Attributes
    ----------
    rates, frequencies
        In units of 1/spacing; a negative rate grows. Modes of real signals that oscillate come in
        pairs. Axes: # mode.
    rate_errors, frequency_errors
        Standard errors; infinite for a mode that is not resolved.
    amplitudes, amplitude_errors
        At the first sample, and the root of the mean of |change|^2. Axes: # mode channel, or # mode
        if the samples have no channels.
    constant, constant_error
        Steady value of each channel, zero unless asked for.
    resolved
        Whether a mode is known to decay or known to grow: |lambda| differs from one by more than
        `CERTAIN` standard errors. Axes: # mode.
    noise
        Standard error of a sample as found from the misfit; over the noise given, if one was.
    too_short
        Whether the samples are too few to tell modes and noise apart.
    reason
        Why errors are infinite; empty if none is.
    """

    rates: Array
    rate_errors: Array
    frequencies: Array
    frequency_errors: Array
    amplitudes: Array
    amplitude_errors: Array
    constant: Array
    constant_error: Array
    resolved: Array
    noise: float
    too_short: bool
    reason: str

    def __len__(self) -> int:
        return len(self.rates)

    @property
    def growing(self) -> Array:
        """Which modes are known to grow."""
        return np.asarray(self.resolved & (self.rates < 0))

    @property
    def decaying(self) -> Array:
        """Which modes are known to decay."""
        return np.asarray(self.resolved & (self.rates > 0))


class Remaining(NamedTuple):
    """How far a signal is from its limit.

    Attributes
    ----------
    change, error
        Limit minus last sample of each channel; nan and inf if the limit is not known.
    resolved
        Whether the limit is known.
    slowest_rate
        Of the modes that are known to decay; nan if there are none.
    too_short
        Whether it is not known because the samples are too few, not because a mode is too slow.
    reason
        Why the limit is not known; empty if it is.
    """

    change: Array
    error: Array
    resolved: bool
    slowest_rate: float
    too_short: bool
    reason: str


def decaying_modes(
    samples: Any, spacing: float = 1.0, noise: Any = None, constant: bool = False, most: int = MOST
) -> Modes:
    """Return the modes of which a signal consists.

    Parameters
    ----------
    samples
        Real or complex values at equal distances. Axes: # time, or # time channel.
    spacing
        Distance of two samples in time or space.
    noise
        Standard error of the samples (of real and imaginary parts each): a number, one for each
        time, or one for each sample; rounding is the least that is assumed. None: it is the same
        for all, and is told by what the modes leave unexplained.
    constant
        Whether there is a steady value.
    most
        Largest number of modes.

    Raises
    ------
    ArgumentError
        If a sample is not finite, or another argument not what it must be.
    """
    signal = checked(samples, spacing, noise)
    steady = np.ones(1 if constant else 0)
    return _judged(signal, steady, steady, non_negative_integer("most", most))


def remaining_change(
    samples: Any, spacing: float = 1.0, noise: Any = None, least_rate: float | None = None
) -> Remaining:
    """Return how far a relaxing signal is from its limit, the constant of `decaying_modes`.

    The limit is not known while a mode is seen that grows, or that decays too slowly for the window
    to tell its rate. A mode hidden below the noise is part of the error if it decays at least at
    `least_rate`. One that is slower cannot be told from a constant.

    Parameters
    ----------
    samples, spacing, noise
        As in `decaying_modes`.
    least_rate
        Slowest rate of a hidden mode. None: one over the length of the window.
    """
    signal = checked(samples, spacing, noise)
    rate = 1 / (max(len(signal.values) - 1, 1) * signal.spacing)
    if least_rate is not None:
        rate = min(rate, positive("least_rate", least_rate))
    hidden = np.array([1.0, np.exp(-rate * signal.spacing)])
    modes = _judged(signal, hidden[:1], hidden, MOST)
    rates, last = modes.rates[modes.decaying], np.asarray(samples)[-1]
    slowest = float(rates.min()) if len(rates) else np.nan
    if np.all(np.isfinite(modes.constant_error)):
        return Remaining(modes.constant - last, modes.constant_error, True, slowest, False, "")
    unknown = np.full(np.shape(last), np.nan)
    error = np.full(np.shape(last), np.inf)
    return Remaining(unknown, error, False, slowest, modes.too_short, modes.reason)


def _judged(signal: Signal, fixed: Array, hidden: Array, most: int) -> Modes:
    """Choose the number of modes, fit them, and judge what is resolved.

    Poles that are `fixed` are in the fit; the errors are those of a fit with the poles `hidden`.
    """
    count, steady = len(signal.values), len(fixed) > 0
    fit, complete = selected(signal, fixed, most)
    poles, size, free = fit.poles, np.abs(fit.poles), len(fit.poles)
    levels = fit.levels * fit.unit[:, None]
    radius, arc, error = errors(signal, fit, fixed, hidden)
    resolved = np.abs(1 - size) > CERTAIN * radius
    resolved &= np.array([certain(signal, fit, fixed, j) for j in range(free)], dtype=bool)
    length, slow = (count - 1) * signal.spacing, size[~resolved]
    reason = ""
    too_short = not (complete and np.all(np.isfinite(error)))
    if too_short:
        reason = f"The signal is too short to tell modes and noise: number of samples {count}."
        resolved[:] = False
    elif not np.all(resolved):
        rate = np.log(1 / slow.max()) / signal.spacing
        reason = (
            f"A window of length {length:.3g} does not resolve a mode with a rate of {rate:.2g}."
        )
    elif steady and np.any(size > 1):
        reason = "A mode grows, so that there is no steady value."
    radius[~resolved] = arc[~resolved] = error[:free][~resolved] = np.inf
    if reason:
        error[free:] = np.inf
    with np.errstate(divide="ignore"):
        rates = -np.log(size) / signal.spacing
    at_once = np.full(free, np.inf)  # errors of modes that are over within a step
    spreads = [
        np.divide(part, size, out=at_once.copy(), where=size > 0) / signal.spacing
        for part in (radius, arc)
    ]
    levels, error = levels * signal.scale, error * signal.scale
    if not len(fixed):
        levels, error = (np.vstack([found, 0 * signal.scale]) for found in (levels, error))
    levels, error = (found.reshape(free + 1, *signal.shape) for found in (levels, error))
    constant = levels[free] if signal.parts == 2 else levels[free].real
    noise = np.sqrt(variance(signal, fit)) * (1.0 if signal.known else signal.scale[0])
    return Modes(
        rates, spreads[0], np.angle(poles) / signal.spacing, spreads[1],
        levels[:free], error[:free], np.asarray(constant), np.asarray(error[free]),
        resolved, float(noise), bool(too_short), reason,
    )  # fmt: skip
