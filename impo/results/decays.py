"""How perturbations of a steady state decay: what a state tells of its slowest modes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from impo.arguments import finite, integer, positive_integer
from impo.arrays import Array
from impo.results.slow_modes import Charge, Gap, SlowMode, gap_of

_AT_ONCE = 4  # modes at a wave number of which the slowest is taken


def _charge(name: str, value: Any) -> Charge:
    """Return a charge, an integer or a tuple of them, or raise `ArgumentError`."""
    if isinstance(value, tuple):
        return tuple(integer(name, one) for one in value)
    return integer(name, value)


class Decays:
    """A state of which slow modes can be asked; a method overrides those with the underscore."""

    def slow_modes(
        self, charge: Charge = 0, k: float = 0.0, count: int = 4
    ) -> tuple[SlowMode, ...] | None:
        """Return the slowest decays of perturbations with a charge and a wave number.

        Those of an infinite chain (`ITEBD`) are poles of correlations of two times of local
        operators, with errors and with what shifted windows of time tell of each: see `SlowMode`.
        On a cluster (`Exact`) they are eigenvalues of the Liouvillian, of `HolsteinPrimakoff` the
        dispersion of its bosons.

        Parameters
        ----------
        charge
            By how much a mode raises the charge of the model: 1 for S+, 0 for Sz; a tuple if the
            model has several. Modes of -charge and -k are the complex conjugates.
        k
            Wave number in units of one over the length of the unit cell: that of
            sum_r e^{ikr} B_r. On a ring a multiple of 2 pi / cells.
        count
            Largest number of modes.

        Returns
        -------
        tuple or None
            The slowest first; empty if nothing stands above the errors. None if the method has
            no modes.

        Raises
        ------
        ArgumentError
            If no operator on one site has the charge, or a ring has no such wave number.

        Examples
        --------
        >>> slowest = state.slow_modes(charge=1, count=1)[0]
        >>> slowest.kind, round(float(slowest.rate.value), 4)
        ('isolated', 0.6052)
        """
        wave, most = finite("k", k), positive_integer("count", count)
        return self._slow_modes(_charge("charge", charge), wave, most)

    def gap(self, charges: Sequence[Charge] | None = None, points: int = 12) -> Gap | None:
        """Return the slowest decay of all wave numbers: an upper bound on the asymptotic rate.

        Parameters
        ----------
        charges
            The charges looked at; None for 0 and 1 (0 in models without a charge), or with several
            charges for none and one of each.
        points
            Number of wave numbers around the circle, between which the slowest is then refined.

        Returns
        -------
        Gap or None
            None if the method has no modes, or none is known.

        Examples
        --------
        >>> mode = state.gap().mode
        >>> mode.charge, mode.k, round(float(mode.rate.value), 4)
        (1, 0.0, 0.6052)
        """
        asked = self._known_charges() if charges is None else charges
        known = [_charge("charges", charge) for charge in asked]
        waves, spacing = self._waves(positive_integer("points", points))
        return gap_of(lambda q, k: self._slow_modes(q, k, _AT_ONCE), known, waves, spacing)

    def _slow_modes(self, charge: Charge, k: float, count: int) -> tuple[SlowMode, ...] | None:
        return None

    def _known_charges(self) -> Sequence[Charge]:
        return (0,)

    def _waves(self, points: int) -> tuple[Array, float]:
        """Return wave numbers around the circle, and their distance if there are more between."""
        return 2 * np.pi * np.arange(points) / points, 2 * np.pi / points
