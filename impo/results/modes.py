"""Modes of a correlation function, and the length that follows from them."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from impo.results.estimate import Estimate
from impo.results.notation import with_error
from impo.results.slow_modes import Charge

UNCORRELATED = "The operators are not correlated from one unit cell to the next."
ENDS = "The function vanishes beyond the next unit cell."


@dataclass(frozen=True)
class Mode:
    """One exponential amplitude * exp((-1/length + i wavenumber) r) over the distance r in cells.

    Attributes
    ----------
    length
        In unit cells.
    wavenumber
        In radians per unit cell, between -pi and pi. Modes of a real function come in pairs of
        opposite wavenumbers.
    charge
        By how much the operator at the left end raises the charge; 0 in models without one, a tuple
        in models with several.
    amplitude
        Complex; None if no operators are looked at.
    """

    length: Estimate
    wavenumber: Estimate
    charge: Charge
    amplitude: Estimate | None = None

    @property
    def stands_out(self) -> bool:
        """Whether length and amplitude are known to be none of the errors."""
        if self.amplitude is None:
            return bool(self.length.error < self.length.value)
        size = float(np.abs(self.amplitude.value))
        return bool(self.length.error < self.length.value and self.amplitude.error < size)

    def __str__(self) -> str:
        told = f"length {self.length}, wavenumber {self.wavenumber}"
        if self.amplitude is None:
            return told
        size = with_error(float(np.abs(self.amplitude.value)), float(self.amplitude.error))
        return f"{told}, amplitude {size}"


@dataclass(frozen=True)
class Decay:
    """How a connected correlation function decays with the distance, in unit cells.

    Attributes
    ----------
    length, wavenumber
        Of the slowest mode that the operators see (of several as slow the largest, then the one
        with the smallest wavenumber), or else of a fit; None if there is none.
    reason
        Why there is no length; empty if there is one.
    modes
        The eight slowest modes with their amplitudes. The function is a sum over all modes, at all
        distances from the next unit cell on; some of those told may be noise of the truncation,
        with errors that say so.
    fitted, spectral
        The length by a fit to the function, and from the modes; None where there is none.
    window
        First and last distance at which the function stands above its error; None if there is none.
    crossover
        Distance in cells from which on a slower mode, whose amplitude may be zero, may be larger
        than the one whose length is told: the length is then that of the visible decay. None if
        there is no such mode.

    Examples
    --------
    >>> from impo import HolsteinPrimakoff, steady_state
    >>> from models.gain_loss import chain
    >>> ordered = chain(S=20, g=1.0, h=0.5, gain=2.0, loss=1.8)
    >>> decay = steady_state(ordered, HolsteinPrimakoff()).decay("S+", "S-")
    >>> round(decay.value, 3), decay.reason, len(decay.modes) > 0
    (0.667, '', True)
    """

    length: Estimate | None
    wavenumber: Estimate | None
    reason: str
    modes: tuple[Mode, ...] = ()
    fitted: Estimate | None = None
    spectral: Estimate | None = None
    window: tuple[int, int] | None = None
    crossover: float | None = None

    @property
    def value(self) -> float:
        """The length; nan if there is none."""
        return math.nan if self.length is None else float(self.length.value)

    @property
    def error(self) -> float:
        """The error of the length; nan if there is none."""
        return math.nan if self.length is None else float(self.length.error)

    @property
    def agree(self) -> bool:
        """Whether there are two routes and their lengths agree within the errors."""
        if self.fitted is None or self.spectral is None:
            return False
        apart = abs(float(self.fitted.value) - float(self.spectral.value))
        return bool(apart <= self.fitted.error + self.spectral.error)

    def __str__(self) -> str:
        if self.length is None:
            return self.reason
        told = f"length {self.length} cells, wavenumber {self.wavenumber}"
        if self.crossover is not None:
            told += (
                f", of the visible decay: a slower mode may follow at {self.crossover:.0f} cells"
            )
        return told


def no_decay(reason: str) -> Decay:
    """Return a decay without a length."""
    return Decay(None, None, reason)


def unknown_length(
    decay_of: Callable[[str, str], Decay], pairs: Iterable[tuple[str, str]], tol: float | None
) -> str | None:
    """Say which length has a relative error above `tol`, or return None.

    What is not correlated has no length, and none that could be known better.

    Parameters
    ----------
    decay_of
        Returns the decay of a pair of operators.
    pairs
        The operators.
    tol
        The setting `length_tol`; None asks for none.
    """
    if tol is None:
        return None
    for pair in pairs:
        decay, name = decay_of(*pair), "".join(pair)
        if decay.length is None and decay.reason not in (UNCORRELATED, ENDS):
            return f"The correlation length of {name} is not known. {decay.reason}"
        if decay.length is not None and not decay.error <= tol * decay.value:
            return (
                f"The correlation length of {name}, {decay.length} cells, has an error above "
                f"`length_tol` = {tol:g}."
            )
    return None
