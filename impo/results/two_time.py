"""What a steady state tells of its dynamics: correlations of two times, spectra, local quenches."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from impo.arguments import boolean, fail, non_negative_integer, one_of, rising_times
from impo.arrays import Array
from impo.model import Boson, LindbladModel
from impo.results.estimate import Estimate
from impo.results.progress import Follower, following
from impo.results.questions import (
    known_distance,
    known_operator,
    known_pair,
    real_numbers,
    wave_numbers,
)
from impo.results.sampled import SampledFunction


class TwoTimeFunctions:
    """A state of which functions of two times can be asked.

    Arguments are checked here; a method overrides the verbs with the underscore. `progress` of a
    verb is None, "tqdm" or a function of a `Progress`, as of `impo.steady_state`. A verb returns
    None if the method does not have the function, or the cells of a cluster are not alike.
    """

    model: LindbladModel
    method: Any

    def two_time(
        self, op_a: str, op_b: str, times: ArrayLike, sites: tuple[int, int] = (0, 0),
        max_cells: int = 10, reverse: bool = False, progress: Any = None,
    ) -> SampledFunction | None:  # fmt: skip
        """Return <A_{site a, cell 0}(t) B_{site b, cell r}(0)> in the steady state, not connected.

        At t = 0 and r >= 0 it is `correlation`. `TWA` gives the mean of both orders instead.

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
        progress
            As of the class.

        Returns
        -------
        SampledFunction or None
            An `Estimate` of shape (times, 2 max_cells + 1), complex in general; on a ring (`Exact`,
            `TWA`) r ends at half of it.

        Raises
        ------
        ArgumentError
            If a site does not exist or lacks its operator, `max_cells` is negative or too large, or
            the times do not rise.

        Examples
        --------
        >>> state.two_time("S-", "S+", [0, 1], max_cells=1).value.real.round(3)  # r = -1, 0, 1
        array([[0.095, 0.188, 0.095],
               [0.069, 0.103, 0.069]])
        """
        pair = known_pair(self.model, op_a, op_b, sites)
        moments, most = rising_times(times), known_distance(max_cells)
        order = boolean("reverse", reverse)
        with self._following(progress) as follower:
            found = self._two_time(op_a, op_b, moments, pair, most, order, follower)
        places = _places(op_a, op_b, pair, order)
        return self._over_cells(found, "two_time", moments, f"⟨{places}⟩")

    def response(
        self, op_a: str, op_b: str, times: ArrayLike, sites: tuple[int, int] = (0, 0),
        max_cells: int = 10, progress: Any = None,
    ) -> SampledFunction | None:  # fmt: skip
        """Return -i <[A_{site a, cell 0}(t), B_{site b, cell r}(0)]> in the steady state.

        It is the change of <A_0(t)> by a kick exp(-i epsilon B_r) at time zero, over epsilon.
        Parameters, shape and errors are those of `two_time`.

        Examples
        --------
        >>> kick = state.response("Sx", "Sy", [0, 1], max_cells=1)  # <Sz> at t = 0, r = 0
        >>> kick.value[0].real.round(3)
        array([0.   , 0.312, 0.   ])
        """
        pair = known_pair(self.model, op_a, op_b, sites)
        moments, most = rising_times(times), known_distance(max_cells)
        with self._following(progress) as follower:
            found = self._response(op_a, op_b, moments, pair, most, follower)
        places = _places(op_a, op_b, pair, False).replace(") ", "), ")
        return self._over_cells(found, "response", moments, f"-i⟨[{places}]⟩")

    def spectral_function(
        self, op_a: str, op_b: str, k: ArrayLike, omega: ArrayLike,
        sites: tuple[int, int] = (0, 0), progress: Any = None,
    ) -> SampledFunction | None:  # fmt: skip
        """Return S(k, omega), the Fourier transform of the connected `two_time` in space and time.

            S(k, omega) = sum_r e^{ikr} int dt e^{i omega t} (<A_0(t) B_r(0)> - <A><B>)

        The integral over omega / 2 pi is `structure_factor`. On a ring (`Exact`), k may be any
        number, but the ring knows multiples of 2 pi over its length only.

        Parameters
        ----------
        op_a, op_b, sites
            As in `correlation`.
        k
            Wave number(s) in units of one over the length of the unit cell.
        omega
            Angular frequencies.
        progress
            As of the class.

        Returns
        -------
        SampledFunction or None
            An `Estimate` of the shape of k followed by that of omega, complex in general. What lies
            beyond the last time is part of the error.

        Raises
        ------
        ArgumentError
            If a site does not exist or lacks its operator, or a number is not finite.

        Examples
        --------
        >>> spectrum = state.spectral_function("S-", "S+", 0.0, [-1, 0, 1])
        >>> spectrum.value.real.round(3)
        array([0.279, 1.02 , 0.279])
        """
        return self._spectrum("spectral_function", "S", (op_a, op_b), k, omega, sites, progress)

    def susceptibility(
        self, op_a: str, op_b: str, k: ArrayLike, omega: ArrayLike,
        sites: tuple[int, int] = (0, 0), progress: Any = None,
    ) -> SampledFunction | None:  # fmt: skip
        """Return chi(k, omega), the Fourier transform of `response` in space and time.

            chi(k, omega) = -i sum_r e^{ikr} int_0^inf dt e^{i omega t} <[A_0(t), B_r(0)]>

        Parameters, shape and errors are those of `spectral_function`.

        Examples
        --------
        >>> state.susceptibility("S-", "S+", 0.0, [0, 1]).value.round(3)
        array([ 0.   +0.48j, -0.187+0.19j])
        """
        return self._spectrum("susceptibility", "χ", (op_a, op_b), k, omega, sites, progress)

    def local_quench(
        self, operator: str | Array, times: ArrayLike, observable: str, site: int = 0,
        max_cells: int = 10, progress: Any = None,
    ) -> SampledFunction | None:  # fmt: skip
        """Return <O> around a site on which an operator acted at time zero.

            rho(0) = K rho K^+ / Tr(K rho K^+)

        K is a quantum jump such as "S-", or a matrix, such as a rotation exp(-i epsilon Sx). The
        steady state is restored far away and at late times: `steady` of what is returned.

        Parameters
        ----------
        operator
            Name of the local operator K, or its matrix (states m = S ... -S) on a spin or level.
        times
            As in `two_time`.
        observable
            Name of O.
        site
            The site of cell 0 on which K acts.
        max_cells, progress
            As in `two_time`.

        Returns
        -------
        SampledFunction or None
            An `Estimate` of shape (times, 2 max_cells + 1, sites that have O); the second axis are
            the cells r = -max_cells ... max_cells.

        Raises
        ------
        ArgumentError
            If an argument is none of these, or K takes the state to zero.

        Examples
        --------
        >>> found = state.local_quench("S-", [0, 1], "Sz", max_cells=1)
        >>> (found.value - found.steady)[:, 1].round(3)  # the change on both sites of cell 0
        array([[-0.812, -0.058],
               [ 0.015, -0.074]])
        """
        count = len(self.model.sites)
        if non_negative_integer("site", site) >= count:
            raise fail("site", f"below {count} (sites of the unit cell)", site)
        kick = _known_kick(self.model, operator, site)
        op = known_operator(self.model, observable)
        moments, most = rising_times(times), known_distance(max_cells)
        with self._following(progress) as follower:
            found = self._local_quench(kick, int(site), moments, op, most, follower)
        name = operator if isinstance(operator, str) else "a kick"
        where = np.array([n for n, s in enumerate(self.model.sites) if op in s.operators])
        label = f"⟨{op}⟩ after {name} on site {site}"
        return self._over_cells(found, "local_quench", moments, label, {"site": where}, op)

    def _spectrum(
        self, quantity: str, symbol: str, names: tuple[str, str], k: ArrayLike, omega: ArrayLike,
        sites: tuple[int, int], progress: Any,
    ) -> SampledFunction | None:  # fmt: skip
        pair = known_pair(self.model, *names, sites)
        waves, frequencies = wave_numbers(self.model, k), real_numbers("omega", omega)
        if self.model.dimension != 1:
            return None
        ask = getattr(self, f"_{quantity}")
        with self._following(progress) as follower:
            found = ask(*names, waves.ravel(), frequencies.ravel(), pair, follower)
        if found is None:
            return None
        shape = (*waves.shape, *frequencies.shape)
        label = f"{symbol}(k, ω) of {names[0]} {names[1]} on sites {pair[0]}, {pair[1]}"
        return SampledFunction(
            found.value.reshape(shape)[()], found.error.reshape(shape)[()], quantity,
            {"k": waves, "omega": frequencies}, label, None, self._origin,
        )  # fmt: skip

    def _over_cells(
        self, found: Estimate | None, quantity: str, times: Array, label: str,
        more: Mapping[str, Array] | None = None, op: str = "",
    ) -> SampledFunction | None:  # fmt: skip
        if found is None:
            return None
        most = found.value.shape[1] // 2
        axes = {"time": times, "cell": np.arange(-most, most + 1), **(more or {})}
        mean = self.expect(op) if op else None  # type: ignore[attr-defined]
        steady = None if mean is None else np.asarray(mean.value)
        return SampledFunction(
            found.value, found.error, quantity, axes, label, steady, self._origin
        )

    @property
    def _origin(self) -> dict[str, str]:
        """What a stored function tells of the state."""
        told: Any = self
        return {
            "model": self.model.label, "method": self.method.name,
            "status": str(told.status), "message": told.message,
        }  # fmt: skip

    @contextmanager
    def _following(self, progress: Any) -> Iterator[Follower | None]:
        """Give what the method reports to, with the threads that it may use."""
        with (
            following(progress, self.method.name) as follower,
            threadpool_limits(limits=self.method.blas_threads, user_api="blas"),
        ):
            yield follower

    def _two_time(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        reverse: bool, follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        return None

    def _response(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        """Return the difference of both orders."""
        asked = (op_a, op_b, times, sites, max_cells)
        ahead = self._two_time(*asked, False, follower)
        back = self._two_time(*asked, True, follower)
        if ahead is None or back is None:
            return None
        return Estimate(-1j * (ahead.value - back.value), ahead.error + back.error)

    def _spectral_function(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int],
        follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        return None

    def _susceptibility(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int],
        follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        return None

    def _local_quench(
        self, kick: str | Array, site: int, times: Array, op: str, max_cells: int,
        follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        return None


def _places(op_a: str, op_b: str, sites: tuple[int, int], reverse: bool) -> str:
    """Return a product of operators at their sites and times as text."""
    first, second = f"{op_a}[{sites[0]}, 0](t)", f"{op_b}[{sites[1]}, r](0)"
    return f"{second} {first}" if reverse else f"{first} {second}"


def _known_kick(model: LindbladModel, operator: Any, site: int) -> str | Array:
    """Return the name of an operator of a site, or a matrix on it; else raise `ArgumentError`."""
    owner = model.sites[site]
    if isinstance(operator, str):
        return str(one_of("operator", operator, owner.operators))
    allowed = f"the name of an operator of site {site}"
    if isinstance(owner, Boson):  # error bars need it with other cut-offs
        raise fail("operator", allowed, operator)
    size = owner.dimension
    allowed += f", or a matrix of finite numbers with {size} rows and columns"
    try:
        found = np.asarray(operator)
    except ValueError:
        raise fail("operator", allowed, operator) from None
    if found.shape != (size, size) or found.dtype.kind not in "iufc":
        raise fail("operator", allowed, operator)
    if not np.all(np.isfinite(found)):
        raise fail("operator", allowed, operator)
    return found.astype(complex)
