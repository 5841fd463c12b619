"""What a steady state tells of its dynamics: correlations of two times and their spectra."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from impo.arguments import boolean, finite, integer, positive_integer, rising_times
from impo.arrays import Array
from impo.model import LindbladModel
from impo.results.estimate import Estimate
from impo.results.questions import known_distance, known_pair, real_numbers, wave_numbers
from impo.results.slow_modes import Gap, SlowMode, gap_of

_AT_ONCE = 4  # modes at a wave number of which the slowest is taken


class TwoTimeFunctions:
    """A state of which functions of two times can be asked; a method overrides `_two_time`."""

    model: LindbladModel

    def two_time(
        self, op_a: str, op_b: str, times: ArrayLike, sites: tuple[int, int] = (0, 0),
        max_cells: int = 10, reverse: bool = False,
    ) -> Estimate | None:  # fmt: skip
        """Return <A_{site a, cell 0}(t) B_{site b, cell r}(0)> in the steady state, not connected.

        At t = 0 and r >= 0 it is `correlation`.

        Parameters
        ----------
        op_a, op_b, sites
            As in `correlation`.
        times
            Rising times, the first not negative, in inverse rates of the model.
        max_cells
            Largest distance in unit cells to both sides: r = -max_cells ... max_cells.
        reverse
            Return <B_{site b, cell r}(0) A_{site a, cell 0}(t)>, the other order.

        Returns
        -------
        Estimate or None
            Shape (times, 2 max_cells + 1), complex in general; on a ring (`Exact`) r ends at half
            of it. None if the method has none, or the cells of a cluster are not alike.

        Raises
        ------
        ArgumentError
            If a site does not exist or lacks its operator, `max_cells` is negative or too large, or
            the times do not rise.
        """
        pair = known_pair(self.model, op_a, op_b, sites)
        return self._two_time(
            op_a, op_b, rising_times(times), pair, known_distance(max_cells),
            boolean("reverse", reverse),
        )  # fmt: skip

    def spectral_function(
        self, op_a: str, op_b: str, k: ArrayLike, omega: ArrayLike,
        sites: tuple[int, int] = (0, 0),
    ) -> Estimate | None:  # fmt: skip
        """Return S(k, omega), the Fourier transform of the connected `two_time` in space and time.

            S(k, omega) = sum_r e^{ikr} int dt e^{i omega t} (<A_0(t) B_r(0)> - <A><B>)

        The integral over omega / 2 pi is `structure_factor`.

        Parameters
        ----------
        op_a, op_b, sites
            As in `correlation`.
        k
            Wave number(s) in units of one over the length of the unit cell.
        omega
            Angular frequencies.

        Returns
        -------
        Estimate or None
            Of the shape of k followed by that of omega, complex in general; None if the method has
            none. What lies beyond the last time is part of the error.

        Raises
        ------
        ArgumentError
            If a site does not exist or lacks its operator, or a number is not finite.
        """
        pair = known_pair(self.model, op_a, op_b, sites)
        waves, frequencies = wave_numbers(self.model, k), real_numbers("omega", omega)
        if self.model.dimension != 1:
            return None
        found = self._spectral_function(op_a, op_b, waves.ravel(), frequencies.ravel(), pair)
        shape = (*waves.shape, *frequencies.shape)
        if found is None:
            return None
        return Estimate(found.value.reshape(shape)[()], found.error.reshape(shape)[()])

    def slow_modes(
        self, charge: int = 0, k: float = 0.0, count: int = 4
    ) -> tuple[SlowMode, ...] | None:
        """Return the slowest decays of perturbations with a charge and a wave number.

        Those of an infinite chain (`ITEBD`) are poles of correlations of two times of local
        operators, with errors and with what shifted windows of time tell of each: see `SlowMode`.
        On a cluster (`Exact`) they are eigenvalues of the Liouvillian, of `HolsteinPrimakoff` the
        dispersion of its bosons.

        Parameters
        ----------
        charge
            By how much a mode raises the charge of the model: 1 for S+, 0 for Sz. Modes of -charge
            and -k are the complex conjugates.
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
        """
        wave, most = finite("k", k), positive_integer("count", count)
        return self._slow_modes(integer("charge", charge), wave, most)

    def gap(self, charges: Sequence[int] | None = None, points: int = 12) -> Gap | None:
        """Return the slowest decay of all wave numbers: an upper bound on the asymptotic rate.

        Parameters
        ----------
        charges
            The charges looked at; None for 0 and 1 (0 in models without a charge).
        points
            Number of wave numbers around the circle, between which the slowest is then refined.

        Returns
        -------
        Gap or None
            None if the method has no modes, or none is known.
        """
        asked = self._known_charges() if charges is None else charges
        known = [integer("charges", charge) for charge in asked]
        waves, spacing = self._waves(positive_integer("points", points))
        return gap_of(lambda q, k: self._slow_modes(q, k, _AT_ONCE), known, waves, spacing)

    def _two_time(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        reverse: bool,
    ) -> Estimate | None:  # fmt: skip
        return None

    def _slow_modes(self, charge: int, k: float, count: int) -> tuple[SlowMode, ...] | None:
        return None

    def _known_charges(self) -> tuple[int, ...]:
        return (0,)

    def _waves(self, points: int) -> tuple[Array, float]:
        """Return wave numbers around the circle, and their distance if there are more between."""
        return 2 * np.pi * np.arange(points) / points, 2 * np.pi / points

    def _spectral_function(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int]
    ) -> Estimate | None:
        return None
