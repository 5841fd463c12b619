"""The state of an infinite chain as a result: observables with error bars."""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from impo.arguments import positive_integer
from impo.arrays import Array
from impo.methods.itebd.correlations import AHEAD, connected_scales
from impo.methods.itebd.dynamics import MovingState
from impo.methods.itebd.lengths import Tracker, decay_of, joined, shared_charges
from impo.methods.itebd.products import string_correlation
from impo.methods.measured import MeasuredState
from impo.model import LindbladModel
from impo.operators.blocks import chain_of_blocks
from impo.operators.charges import chosen_charge, named
from impo.operators.local import charge_parts
from impo.refinement.approximation import Approximation
from impo.refinement.error_bars import LEAST_SHARE
from impo.refinement.state import operator_product
from impo.refinement.storage import check_operators, unpack
from impo.results.estimate import Estimate
from impo.results.modes import Decay, Mode, no_decay
from impo.results.questions import known_distance, known_pair
from impo.results.store import Arrays, Told

if TYPE_CHECKING:
    from impo.tensor.liouvillian_variance import MeanAndVariance

FARTHEST = 60  # cells to which a correlation function is looked at for its decay
FARTHEST_SUM = 4096  # and to which it is summed


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ItebdState(MovingState, MeasuredState):
    """State of an infinite chain."""

    kind: ClassVar[str] = "itebd"

    def _expect(self, op: str) -> Estimate:
        """Return <op> on every site of the unit cell that has it."""
        sites = self._sites(op)
        return self._local_estimate(self._local(sites, op), op, sites, 1)

    def _variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 on every site of the unit cell that has it."""
        sites = self._sites(op)
        first, second = self._local(sites, op), self._local(sites, op, op)
        return self._local_estimate(lambda p: second(p) - first(p) ** 2, op, sites, 2)

    def _correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Estimate:
        """Return <A_{site a, cell 0} B_{site b, cell r}> for r = 0 ... max_cells, not connected."""
        return self.estimate(
            lambda p: self._correlation_of(p, op_a, op_b, sites, max_cells),
            self._largest(op_a, op_b, sites),
            1.0 if self._same_modes_cut(op_a, op_b, sites) else LEAST_SHARE,
        )

    _string_correlation = string_correlation

    def _correlation_of(
        self, approx: Approximation, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Array:
        cell, tile = len(self.model.sites), len(approx.bases)
        i, j = sites
        a, b = operator_product(approx, i, op_a), operator_product(approx, j, op_b)
        first = self._vector(approx, i, a)
        out = np.zeros(max_cells + 1, dtype=complex)
        if i == j:
            out[0] = approx.environment.marginal(i, 1) @ self._vector(approx, i, a @ b)
        elif i > j:
            out[0] = approx.environment.chain_of([(j, self._vector(approx, j, b)), (i, first)])
        start = 1 if j <= i else 0
        for offset in range(start, min(start + tile // cell, max_cells + 1)):
            position = j + offset * cell
            count = (max_cells - offset) * cell // tile + 1
            for q, part in charge_parts(approx.generator.model.sites[j], b).items():
                # the frame turns by a constant angle from tile to tile
                turns = np.exp(1j * q * self.generator.phase_advance * np.arange(count))
                second = self._vector(approx, position, part)
                values = approx.environment.sequence(i, first, position, second, count)
                out[offset :: tile // cell] += turns * values
        return out

    def connected(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate:
        """Return <A_0 B_r> - <A><B>; arguments as in `correlation`.

        Its least error falls with the distance as the function does: see `connected_scales`. It
        does not where the states of the error bars all lack the same modes of the function.
        """
        known_pair(self.model, op_a, op_b, sites)
        known_distance(max_cells)
        cut = self._same_modes_cut(op_a, op_b, sites)
        scales: Array | float = self._largest(op_a, op_b, sites)
        if not cut:
            scales = self._connected_scales(op_a, op_b, sites, max_cells)
        return self.estimate(
            partial(self._connected_of, op_a=op_a, op_b=op_b, sites=sites, max_cells=max_cells),
            scales,
            1.0 if cut else LEAST_SHARE,
        )

    def _same_modes_cut(self, op_a: str, op_b: str, sites: tuple[int, int]) -> bool:
        """Return whether the states of the error bars lack the same modes of a function.

        All that is known is then that no correlation is off by more than the error of the state.
        """
        sectors = shared_charges(self.generator, (op_a, op_b), sites, 1.0)
        charges = [charge for charge, _ in sectors]
        return any(pair.unknown_of(charge) for pair in self.refinements for charge in charges)

    def _connected_scales(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Array:
        far = max(max_cells, 1) + AHEAD
        values = self._connected_of(self.approximation, op_a, op_b, sites, far)
        apart = np.abs(sites[1] - sites[0] + len(self.model.sites) * np.arange(far + 1))
        return connected_scales(values, apart, self._largest(op_a, op_b, sites))[: max_cells + 1]

    def _connected_of(
        self, approx: Approximation, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Array:
        # cells of a tile differ by the error of the state: each has a mean of its own, or the
        # function would not vanish far away
        places = range(sites[1], len(approx.bases), len(self.model.sites))
        mean_a = self._local(sites[:1], op_a)(approx)
        mean_b = self._local(places, op_b)(approx)  # cell
        means = mean_a[0] * np.resize(mean_b, max_cells + 1)
        return np.asarray(self._correlation_of(approx, op_a, op_b, sites, max_cells) - means)

    def _decay(self, op_a: str, op_b: str, sites: tuple[int, int]) -> Decay:
        """Return modes and length: see `impo.methods.itebd.lengths`."""
        if self.approximation.diverged:
            return no_decay("The evolution has run away.")
        largest, cut = self._largest(op_a, op_b, sites), self._same_modes_cut(op_a, op_b, sites)
        # a least error would hide the decay: levels differ by the amplitude more than by the length
        connected = self.estimate(
            lambda p: self._connected_of(p, op_a, op_b, sites, FARTHEST),
            largest if cut else 0.0,
            1.0,
        )
        sectors = shared_charges(self.generator, (op_a, op_b), sites, largest)
        resolved = [self._tracker.waves(charge, ends) for charge, ends in sectors]
        known = [one for one in resolved if one is not None]
        waves = joined(known) if known else None
        found = decay_of(waves, connected.value, connected.error, largest, cut)
        return replace(found, modes=named(found.modes, len(self.generator.charges)))

    def transfer_spectrum(
        self, charge: int | tuple[int, ...] | None = None, count: int = 8
    ) -> tuple[Mode, ...]:
        """Return the slowest modes of all correlation functions, with errors.

        They are eigenvalues of the transfer matrix of the trace. Errors are infinite for a mode
        that is not found again in every approximation that the state is compared with.

        Parameters
        ----------
        charge
            By how much the operator at the left end of a correlation function raises the charge of
            the model: 1 for S+, 0 for Sz; None for all charges. A tuple with one for each row of
            `generator.charges` if the model has several.
        count
            Largest number of modes.

        Raises
        ------
        ArgumentError
            If an argument is no integer (or tuple), or the model has no such charge.
        """
        count = positive_integer("count", count)
        sectors = sorted({-int(q) for q in self.approximation.environment.charges[0]})
        charges = len(self.generator.charges)
        if charge is not None:
            sectors = [chosen_charge(charge, sectors, charges)]
        found = [self._tracker.waves(-one, None) for one in sectors]
        known = [one for one in found if one is not None]
        return named(joined(known).estimates(count, amplitudes=False), charges) if known else ()

    @cached_property
    def _tracker(self) -> Tracker:
        """Modes of all approximations, which are computed once."""
        cell = len(self.model.sites)
        return Tracker(self.approximation, self.refinements, cell)

    def _structure_factor(self, op_a: str, op_b: str, k: Array, sites: tuple[int, int]) -> Estimate:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>) over all distances r in unit cells.

        The sum runs to the distance at which the connected correlations fall below rounding.
        """
        a, b = self._matrix(op_a, sites[0]), self._matrix(op_b, sites[1])
        reach = 32
        while reach < FARTHEST_SUM:
            tail = self._connected_of(self.approximation, op_a, op_b, sites, reach)[-2:]
            if np.max(np.abs(tail)) < 1e-13 * np.linalg.norm(a, 2) * np.linalg.norm(b, 2):
                break
            reach *= 2
        r = np.arange(-reach, reach + 1)
        phases = np.exp(1j * np.multiply.outer(k, r))

        def observable(approx: Approximation) -> Array:
            ahead = self._connected_of(approx, op_a, op_b, sites, reach)
            behind = self._connected_of(approx, op_b, op_a, sites[::-1], reach)
            return np.asarray(phases @ np.concatenate([behind[:0:-1], ahead]))

        ahead = self._connected_scales(op_a, op_b, sites, reach)
        behind = self._connected_scales(op_b, op_a, sites[::-1], reach)
        scales = [*ahead, *behind[1:]]
        if self._same_modes_cut(op_a, op_b, sites):
            return self.estimate(observable, np.full(np.shape(k), np.sum(scales)), 1.0)
        most = float(np.linalg.norm(scales))  # the errors have no common phase
        return self.estimate(observable, np.full(np.shape(k), most))

    @property
    def liouvillian_variance(self) -> "MeanAndVariance":
        """Mean <L>/N and variance (<L^+ L> - |<L>|^2)/N per site, as averages <rho| |rho>."""
        from impo.tensor.liouvillian_variance import liouvillian_variance  # with TeNPy
        from impo.tensor.tenpy_bridge import liouvillian_model

        model = liouvillian_model(self.generator, self.approximation.bases)
        return liouvillian_variance(self.mps, model.H_MPO)

    @classmethod
    def _fields(cls, model: LindbladModel, method: Any, arrays: Arrays, told: Told) -> Told:
        check_operators(model, told["pictures"])
        generator = chain_of_blocks(model, method.charges)
        approx, refinements = unpack(generator, arrays, told["pictures"], told["checks"])
        return {"approximation": approx, "refinements": refinements}
