"""Correlation lengths of an infinite chain: modes of the transfer matrix that are really there.

The spectrum alone misleads: its leading eigenvalue is often one that the operators do not see, or
noise of the truncation. A mode counts if it is found again, by what it gives to all low operators,
in every approximation that the state is compared with, and if its amplitude for the operators
exceeds its error. The length is that of the slowest such mode. Its error is what the length changes
between approximations, with the factors of every other error bar.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from impo.arrays import Array
from impo.methods.itebd.tracking import Ends, Spectrum, per_cell
from impo.refinement.approximation import Approximation, Refinement

SAME = 0.5  # relative distance up to which two modes are one
_ROOT = 0.3  # share of the largest amplitude from which on another root of lambda is a mode too


class Waves(NamedTuple):
    """Exponentials A mu^r over unit cells with their errors, the slowest first; axes # mode.

    Attributes
    ----------
    rates, rate_errors
        -ln |mu|, and what it changes between approximations.
    angles, angle_errors
        arg mu, likewise.
    amplitudes, amplitude_errors
        A, likewise.
    sizes
        Norm of the mode over all low operators.
    apart
        Largest relative distance between a mode and what is nearest to it elsewhere.
    """

    rates: Array
    rate_errors: Array
    angles: Array
    angle_errors: Array
    amplitudes: Array
    amplitude_errors: Array
    sizes: Array
    apart: Array

    @property
    def found(self) -> Array:
        """Whether a mode is found again everywhere, and its decay told from none."""
        return (self.apart < SAME) & (self.rate_errors < self.rates)

    @property
    def seen(self) -> Array:
        """Whether the operators see it: its amplitude exceeds its error."""
        return self.amplitude_errors < np.abs(self.amplitudes)

    def sorted(self) -> "Waves":
        """Return them by rising rate; of equal rates the larger amplitude first."""
        order = np.lexsort((-np.abs(self.amplitudes), np.round(self.rates, 9)))
        return Waves(*(part[order] for part in self))


def joined(parts: Sequence[Waves]) -> Waves:
    """Return the modes of several sectors together."""
    return Waves(*(np.concatenate(columns) for columns in zip(*parts, strict=True))).sorted()


@dataclass(frozen=True)
class Tracker:
    """Follows the modes of a state through the approximations that it is compared with.

    Attributes
    ----------
    approx, refinements
        As of the state.
    cell
        Number of sites of the unit cell.
    spectrum
        Returns the modes of an approximation in a charge sector; None if there are none.
    """

    approx: Approximation
    refinements: Sequence[Refinement]
    cell: int
    spectrum: Callable[[Approximation, int], Spectrum | None]

    def waves(self, charge: int, ends: Ends | None) -> Waves | None:
        """Return the modes of a sector, with their amplitudes for two operators if given.

        Without operators the amplitude is the norm over all low ones.
        """
        best = self.spectrum(self.approx, charge)
        if best is None:
            return None
        factors, amplitudes = self._resolved(best, ends)
        kept = np.abs(amplitudes) >= _ROOT * np.abs(amplitudes).max(axis=1, keepdims=True)
        errors = np.zeros((3, *factors.shape))
        apart = np.zeros(len(factors))
        for pair in self.refinements:
            one, two = (
                self._again(best, factors, self.spectrum(side, charge), ends)
                for side in (pair.finer, pair.coarser)
            )
            factor = np.inf if pair.unknown else pair.factor
            ratio = np.log(one[0] / two[0])
            changes = np.abs([ratio.real, ratio.imag, one[1] - two[1]])
            errors += np.where(changes > 0, factor * changes, 0.0)
            apart = np.maximum(apart, np.maximum(one[2], two[2]))
        rates, angles = -np.log(np.abs(factors)), np.angle(factors)
        sizes, apart = (np.repeat(part, factors.shape[1]).reshape(factors.shape)
                        for part in (best.sizes, apart))  # fmt: skip
        columns = (rates, errors[0], angles, errors[1], amplitudes, errors[2], sizes, apart)
        return Waves(*(column[kept] for column in columns)).sorted()

    def _resolved(self, found: Spectrum, ends: Ends | None) -> tuple[Array, Array]:
        """Return factors per unit cell and amplitudes; # mode root."""
        advance = found.approx.generator.phase_advance
        if ends is not None:
            levels = found.amplitudes(ends, self.cell)
            return per_cell(levels, found.values, ends.turn * advance)
        right = found.right.reshape(-1, self.cell, *found.right.shape[1:])  # cell site operator mode
        factors, vectors = per_cell(right.transpose(3, 0, 1, 2), found.values, 0.0)
        left = np.linalg.norm(found.left, axis=(0, 1))
        return factors, left[:, None] * np.linalg.norm(vectors, axis=(2, 3))

    def _again(
        self, best: Spectrum, factors: Array, other: Spectrum | None, ends: Ends | None
    ) -> tuple[Array, Array, Array]:
        """Return factors and amplitudes of the same modes elsewhere, and how far apart they are."""
        if other is best:
            return (*self._resolved(best, ends), np.zeros(len(factors)))
        if other is None:
            return factors, np.zeros(factors.shape), np.full(len(factors), np.inf)
        nearest, apart = best.followed(other)
        theirs, amplitudes = (part[nearest] for part in self._resolved(other, ends))
        # the branch of a root may be another where lambda crosses the negative axis
        root = np.argmin(np.abs(factors[:, :, None] - theirs[:, None, :]), axis=2)
        return (
            np.take_along_axis(theirs, root, axis=1),
            np.take_along_axis(amplitudes, root, axis=1),
            apart,
        )
