"""Eigenvalues of a Liouvillian as a result."""

from dataclasses import dataclass

import numpy as np

from impo.arrays import Array


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the Liouvillian in one charge sector, closest to zero first.

    Attributes
    ----------
    charge
        Values of the weak U(1) charges; () if the model has none.
    eigenvalues
        Complex array.
    residuals
        |L v - z v| / |v| of each.
    condition_numbers
        |x| |y| / |y^+ x| of the right and left eigenvectors of each, one for a normal matrix: a
        change of L by d moves an eigenvalue by up to d times this. Of several equal eigenvalues
        it depends on the vectors chosen. Infinite at an exceptional point, nan where it is not
        known.
    k
        Wave number in units of one over the length of the unit cell; None if not resolved.

    Examples
    --------
    >>> from impo import Exact, spectrum
    >>> from models.gain_loss import dimer
    >>> found = spectrum(dimer(S=0.5, g=1.0, gain=1.5, loss=1.0), Exact(), charge=0, count=2)
    >>> found.decay_rates.round(3) + 0.0, bool(found.residuals.max() < 1e-10)
    (array([0. , 2.5, 2.5]), True)
    """

    charge: tuple[int, ...]
    eigenvalues: Array
    residuals: Array
    condition_numbers: Array
    k: float | None = None

    @property
    def decay_rates(self) -> Array:
        """-Re of the eigenvalues, ascending."""
        return np.sort(-self.eigenvalues.real)
