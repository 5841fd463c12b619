"""What is asked of a state of an infinite chain at several times."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from impo.arrays import Array
from impo.methods.itebd.slow_modes import Correlations, charges, correlations, slow_modes
from impo.methods.itebd.spectra import spectral_function
from impo.methods.itebd.two_time import Acts, Pair, quenched, sampled
from impo.operators.charges import charges_to_try, chosen_charge, told_charge
from impo.refinement.state import MatrixProductState
from impo.results.estimate import Estimate
from impo.results.progress import Follower
from impo.results.slow_modes import Charge, SlowMode


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MovingState(MatrixProductState):
    """A state of an infinite chain in which operators move."""

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

    def _slow_modes(self, charge: Charge, k: float, count: int) -> tuple[SlowMode, ...]:
        """Return poles of correlations of two times: see `impo.methods.itebd.slow_modes`."""
        several = len(self.generator.charges)
        sector = chosen_charge(charge, charges(self), several)
        if sector not in self._correlations:
            self._correlations[sector] = correlations(self, sector)
        told = told_charge(sector, several)
        return slow_modes(self, self._correlations[sector], told, k, count)

    @cached_property
    def _correlations(self) -> dict[int, Correlations]:
        return {}  # of two times, by packed charge: one serves all wave numbers

    def _known_charges(self) -> Sequence[Charge]:
        return charges_to_try(len(self.generator.charges))
