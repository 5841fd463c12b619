"""The Fourier integral of a decaying signal that is known at equal times."""

from typing import NamedTuple

import numpy as np

from impo.arrays import Array
from impo.signals.modes import decaying_modes

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_DEGREE = 5  # of the spline
_TAIL = 3  # the last third of the samples tells how the signal goes on
_MODES = 3  # that continue it; all that they add is counted as an error


class HalfLine(NamedTuple):
    """Integrals over all times from zero on; # frequency channel.

    Attributes
    ----------
    value
        The integral.
    beyond
        What of it lies beyond the last sample.
    interpolation
        What it changes if every second sample is left out.
    """

    value: Array
    beyond: Array
    interpolation: Array


def half_line(samples: Array, spacing: float, omega: Array) -> HalfLine:
    """Return int_0^inf exp(i omega t) f(t) dt of a signal that decays.

    Up to the last sample f is a spline of degree five. Beyond it f is continued by its slowest
    decaying modes, which the last third of the samples tells; if they tell none, nothing is added.

    Parameters
    ----------
    samples
        Complex values at the times 0, spacing, 2 spacing ...; # time channel. Spacing times omega
        must be smaller than three.
    spacing
        Distance of two times.
    omega
        Angular frequencies.
    """
    inner = _splined(samples, spacing, omega)
    even = samples[: len(samples) - (len(samples) - 1) % 2]
    coarse = _splined(even[::2], 2 * spacing, omega)
    fine = inner if len(even) == len(samples) else _splined(even, spacing, omega)
    difference = np.abs(fine - coarse)
    beyond = _beyond(samples, spacing, omega)
    return HalfLine(inner + beyond, beyond, difference)


def _splined(samples: Array, spacing: float, omega: Array) -> Array:
    """Return the integral up to the last sample."""
    from scipy.interpolate import make_interp_spline  # which takes long to import, for spectra only

    starts = spacing * np.arange(len(samples) - 1)
    times = (starts[:, None] + spacing * (_NODES + 1) / 2).ravel()
    weights = np.tile(_WEIGHTS * spacing / 2, len(starts))
    degree = min(_DEGREE, len(samples) - 1)
    degree -= 1 - degree % 2  # odd ones need no conditions at the ends
    values = make_interp_spline(spacing * np.arange(len(samples)), samples, degree)(times)
    waves = np.exp(1j * np.outer(omega, times)) * weights  # frequency time
    return np.asarray(waves @ values)


def _beyond(samples: Array, spacing: float, omega: Array) -> Array:
    """Return the integral from the last sample on."""
    out = np.zeros((len(omega), samples.shape[1]), dtype=complex)
    last = samples[len(samples) - max(4, len(samples) // _TAIL) :]
    age = spacing * (len(last) - 1)
    end = np.exp(1j * omega * spacing * (len(samples) - 1))
    for channel in range(samples.shape[1]):
        if not np.any(last[:, channel]):
            continue
        modes = decaying_modes(last[:, channel], spacing, most=_MODES)
        for n in np.flatnonzero(modes.decaying):
            pole = -modes.rates[n] + 1j * modes.frequencies[n]
            size = np.ravel(modes.amplitudes[n])[0] * np.exp(pole * age)
            out[:, channel] -= end * size / (pole + 1j * omega)
    return out
