"""What a steady state tells of its dynamics: correlations of two times and their spectra."""

from numpy.typing import ArrayLike

from impo.arguments import boolean, rising_times
from impo.arrays import Array
from impo.model import LindbladModel
from impo.results.estimate import Estimate
from impo.results.questions import known_distance, known_pair, real_numbers, wave_numbers


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

    def _two_time(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        reverse: bool,
    ) -> Estimate | None:  # fmt: skip
        return None

    def _spectral_function(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int]
    ) -> Estimate | None:
        return None
