"""Samples of a signal and their noise, checked and scaled."""

from typing import Any, NamedTuple

import numpy as np

from impo.arguments import fail, positive
from impo.arrays import Array

ROUNDING = 16 * float(np.finfo(float).eps)  # least noise, over the largest sample of a channel


class Signal(NamedTuple):
    """Samples, each channel in units of its noise.

    Attributes
    ----------
    values
        Axes: # time channel.
    times
        Numbers of the samples.
    weight
        One over the noise of each time.
    spread
        Noise of each sample, times `weight`. Axes: # time channel.
    known
        Whether the noise was given.
    spacing, scale
        Units of time, and of each channel.
    shape
        Of one sample.
    """

    values: Array
    times: Array
    weight: Array
    spread: Array
    known: bool
    spacing: float
    scale: Array
    shape: tuple[int, ...]

    @property
    def parts(self) -> int:
        """Real numbers in a value."""
        return 2 if np.iscomplexobj(self.values) else 1

    def cut(self, start: int, end: int) -> "Signal":
        """Return the samples of a window."""
        values, times, weight, spread = (part[start:end] for part in self[:4])
        return self._replace(values=values, times=times, weight=weight, spread=spread)

    def freedom(self, poles: int, fixed: int) -> int:
        """Return by how many the samples, as real numbers, are more than the parameters."""
        count, channels = self.values.shape
        return int(self.parts * ((count - poles - fixed) * channels - poles))


def checked(samples: Any, spacing: float, noise: Any) -> Signal:
    """Check samples and noise, and scale both."""
    allowed = "finite numbers with axes # time or # time channel"
    values = _numbers("samples", allowed, samples)
    if values.ndim not in (1, 2) or values.size == 0:
        raise fail("samples", allowed, samples)
    shape, values = values.shape[1:], values.reshape(len(values), -1)
    largest = float(max(np.abs(values.real).max(), np.abs(values.imag).max())) or 1.0
    values = values / largest
    sigma = np.ones(values.shape)
    if noise is not None:
        allowed = "numbers >= 0, one for all, for each time or for each sample"
        given = _numbers("noise", allowed, noise)
        given = given.reshape(*given.shape, *(1 for _ in range(2 - given.ndim)))
        if np.iscomplexobj(given) or np.any(given < 0):
            raise fail("noise", allowed, noise)
        if given.shape not in ((1, 1), (len(values), 1), values.shape):
            raise fail("noise", allowed, noise)
        with np.errstate(over="ignore"):
            sigma = np.minimum(given / largest, 1e100)
        least = ROUNDING * np.maximum(np.abs(values).max(axis=0), 1e-100)
        sigma = np.broadcast_to(np.maximum(sigma, least), values.shape)
    logs = np.log(sigma)
    channel = logs.mean(axis=0) - logs.mean(axis=0).max()
    weight, channel = np.exp(-(logs - channel).mean(axis=1)), np.exp(channel)
    return Signal(
        values / channel, np.arange(len(values)), weight, sigma / channel * weight[:, None],
        noise is not None, positive("spacing", spacing), largest * channel, shape,
    )  # fmt: skip


def _numbers(name: str, allowed: str, value: Any) -> Array:
    """Return an array of finite real or complex numbers, or raise `ArgumentError`."""
    try:
        found = np.asarray(value)
    except ValueError:  # lists of different lengths
        raise fail(name, allowed, value) from None
    if found.dtype.kind not in "iufc":
        raise fail(name, allowed, value)
    found = found.astype(complex if found.dtype.kind == "c" else float)
    if not np.all(np.isfinite(found)):
        raise fail(name, allowed, value)
    return found
