"""What is asked of a state of an infinite chain at several times."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from impo.arrays import Array
from impo.methods.itebd.spectra import spectral_function
from impo.methods.itebd.two_time import Acts, Pair, quenched, sampled
from impo.operators.local import local_operators
from impo.refinement.approximation import Approximation, Refinement
from impo.refinement.error_bars import LEAST_SHARE, estimate
from impo.results.estimate import Estimate
from impo.results.progress import Follower
from impo.results.state import SteadyState


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MovingState(SteadyState):
    """A state of an infinite chain in which operators move.

    Attributes
    ----------
    approximation
        The matrix product at the finest settings.
    refinements
        Pairs of approximations that differ in one setting; their differences are the error bars.
    """

    approximation: Approximation = field(repr=False)
    refinements: tuple[Refinement, ...] = field(repr=False)

    def estimate(
        self,
        observable: Callable[[Approximation], Array],
        scale: ArrayLike = 0.0,
        least: float = LEAST_SHARE,
    ) -> Estimate:
        """Return an observable with its error bar: `impo.refinement.error_bars.estimate`."""
        return estimate(self.approximation, self.refinements, observable, scale, least)

    def _matrix(self, op: str, site: int) -> Array:
        return local_operators(self.model.sites[site])[op]

    def _largest(self, op_a: str, op_b: str, sites: tuple[int, int]) -> float:
        """Return the product of the operator norms, which no correlation exceeds."""
        both = ((op_a, sites[0]), (op_b, sites[1]))
        return float(np.prod([np.linalg.norm(self._matrix(*one), 2) for one in both]))

    def _two_time(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        reverse: bool, follower: Follower | None = None,
    ) -> Estimate:  # fmt: skip
        """Return <A_0(t) B_r>: see `impo.methods.itebd.two_time`."""
        cells, acts = range(-max_cells, max_cells + 1), Acts.RIGHT if reverse else Acts.LEFT
        pair = Pair((op_a, op_b), sites, cells, acts)
        return sampled(self, pair, times.tolist(), self._largest(op_a, op_b, sites), follower)

    def _response(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        follower: Follower | None = None,
    ) -> Estimate:  # fmt: skip
        """Return -i <[A_0(t), B_r]>."""
        pair = Pair((op_a, op_b), sites, range(-max_cells, max_cells + 1), Acts.COMMUTATOR)
        largest = 2 * self._largest(op_a, op_b, sites)
        found = sampled(self, pair, times.tolist(), largest, follower)
        return Estimate(-1j * found.value, found.error)

    def _spectral_function(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int],
        follower: Follower | None = None,
    ) -> Estimate:  # fmt: skip
        """Return the Fourier transform of `two_time`: see `impo.methods.itebd.spectra`."""
        return spectral_function(self, (op_a, op_b), k, omega, sites, Acts.LEFT, follower)

    def _susceptibility(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int],
        follower: Follower | None = None,
    ) -> Estimate:  # fmt: skip
        """Return the Fourier transform of `response`."""
        names = (op_a, op_b)
        found = spectral_function(self, names, k, omega, sites, Acts.COMMUTATOR, follower)
        return Estimate(-1j * found.value, found.error)

    def _local_quench(
        self, kick: str | Array, site: int, times: Array, op: str, max_cells: int,
        follower: Follower | None = None,
    ) -> Estimate:  # fmt: skip
        """Return <O_r> after K acted on a site of cell 0; # time cell site."""
        where = [n for n, one in enumerate(self.model.sites) if op in one.operators]
        cells, found = range(-max_cells, max_cells + 1), []
        for own in where:
            pair = Pair((op, kick), (own, site), cells, Acts.BOTH)
            norm = float(np.linalg.norm(self._matrix(op, own), 2))
            found.append(quenched(self, pair, times.tolist(), norm, follower))
        value = np.stack([one.value for one in found], axis=-1)
        hermitian = self.model.sites[where[0]].is_hermitian(op)
        error = np.stack([one.error for one in found], axis=-1)
        return Estimate(value.real if hermitian else value, error)
