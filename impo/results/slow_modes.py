"""Slow modes of a lattice, and the gap, as results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from impo.arrays import Array
from impo.results.estimate import Estimate

Charge: TypeAlias = int | tuple[int, ...]
"""An integer, or a tuple with one for each charge of a model that has several."""

ISOLATED, EDGE, UNSETTLED = "isolated", "edge of a continuum", "unsettled"
_PLACE = 0.1  # up to which the place of a gap is looked for, in radians per cell


@dataclass(frozen=True)
class SlowMode:
    """A decay exp((-rate + i frequency) t) with a charge and a wave number.

    Attributes
    ----------
    rate, frequency
        In units of the rates of the model.
    charge
        By how much the mode raises the charge; 0 in models without one, a tuple in models with
        several.
    k
        Wave number in units of one over the length of the unit cell.
    kind
        "isolated": an eigenvalue, as far as can be told. "edge of a continuum": the rate falls like
        1/t with the time at which it is looked at, by no more than its error. "unsettled": it
        depends on that time in another way, or is not known well; such a mode may be a transient.
    """

    rate: Estimate
    frequency: Estimate
    charge: Charge
    k: float
    kind: str

    @property
    def settled(self) -> bool:
        """Whether rate and error say where the mode lies."""
        return self.kind != UNSETTLED

    def __str__(self) -> str:
        return f"rate {self.rate}, frequency {self.frequency} ({self.kind})"


@dataclass(frozen=True)
class Gap:
    """The slowest decay that some operators see: an upper bound on the asymptotic rate.

    A mode that no operator sees, or that is hidden below the errors, may be slower.

    Attributes
    ----------
    mode
        The slowest of all modes, with its charge and wave number.
    modes
        The slowest at every charge and wave number that was looked at.
    spacing
        Distance of neighbouring wave numbers around `mode`, up to which its place is known; zero
        on a ring.
    unknown
        (charge, k) at which no mode is known.
    """

    mode: SlowMode
    modes: tuple[SlowMode, ...]
    spacing: float
    unknown: tuple[tuple[Charge, float], ...] = ()

    @property
    def rate(self) -> Estimate:
        """Its rate, with its error."""
        return self.mode.rate

    @property
    def settled(self) -> bool:
        """Whether the rate is known: of the slowest mode, and of some mode everywhere else."""
        return self.mode.settled and not self.unknown

    def __str__(self) -> str:
        mode = self.mode
        told = (
            f"gap at most {mode.rate} at charge {mode.charge}, k = {mode.k:.3f}, {mode.kind}: "
            "an upper bound on the asymptotic rate"
        )
        if self.unknown:
            told += f"; no mode is known at {len(self.unknown)} pairs of charge and wave number"
        return told


def slow_mode(pole: complex, error: float, charge: Charge, k: float, kind: str) -> SlowMode:
    """Return the mode of an eigenvalue with its error."""
    rate, frequency = Estimate(-pole.real, error), Estimate(pole.imag, error)
    return SlowMode(rate, frequency, charge, k, str(kind))


def slowest(modes: Sequence[SlowMode]) -> SlowMode:
    """Return the mode with the smallest rate, of settled ones if there are any.

    An unsettled mode that is certainly slower than all settled ones counts as well.
    """
    known = [mode for mode in modes if mode.settled] or list(modes)
    best = min(known, key=lambda mode: float(mode.rate.value))
    reach = float(best.rate.value) - float(best.rate.error)
    below = [
        mode for mode in modes if float(mode.rate.value) + np.nan_to_num(mode.rate.error) < reach
    ]
    return min(below, key=lambda mode: float(mode.rate.value)) if below else best


def gap_of(
    modes_at: Callable[[Charge, float], Sequence[SlowMode] | None], charges: Sequence[Charge],
    waves: Array, spacing: float,
) -> Gap | None:  # fmt: skip
    """Return the slowest mode of all charges and wave numbers; None if there are none.

    Parameters
    ----------
    modes_at
        The slowest modes with a charge and a wave number; none if they are not known, None if
        there is no way to know them.
    charges
        Charges to look at.
    waves
        Wave numbers to look at.
    spacing
        Their distance: the slowest is looked for between its neighbours as well. Zero if there are
        no wave numbers between them.
    """
    found: list[SlowMode] = []
    unknown: list[tuple[Charge, float]] = []

    def look(charge: Charge, k: float) -> None:
        if modes := modes_at(charge, k):
            found.append(slowest(modes))
        else:
            unknown.append((charge, k))

    for charge in charges:
        # at charge zero the modes of -k are the conjugates of those of k
        for k in waves if np.any(charge) else waves[waves <= np.pi + 1e-9]:
            look(charge, float(k))
    if not found:
        return None
    while spacing > _PLACE:
        best, spacing = slowest(found), spacing / 3
        for step in (-2, -1, 1, 2):
            look(best.charge, best.k + step * spacing)
    return Gap(slowest(found), tuple(found), spacing, tuple(unknown))
