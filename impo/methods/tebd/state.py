"""The state of a finite chain as a result: observables with error bars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from impo.arguments import fail
from impo.arrays import Array
from impo.methods.measured import MeasuredState
from impo.model import LindbladModel, Place
from impo.operators.liouvillian import finite_cluster, kept_charges
from impo.refinement.approximation import Approximation
from impo.refinement.state import MatrixProductState, operator_product
from impo.refinement.storage import check_operators, unpack
from impo.results.estimate import Estimate
from impo.results.store import Arrays, Told


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TebdState(MatrixProductState, MeasuredState):
    """State of a finite open chain.

    As for any finite cluster, values on a site of the unit cell are averages over the cells, but
    `correlation` begins in the first cell, at the left end. `profile` has a value for every site of
    the chain. A chain that is a single cell has all its values site by site.
    """

    kind: ClassVar[str] = "tebd"
    no_length: ClassVar[str] = "A finite chain has no correlation length."

    @property
    def cells(self) -> int:
        """Number of unit cells."""
        return len(self.generator.sites) // len(self.model.sites)

    def _positions(self, places: Sequence[Place]) -> list[int]:
        """Return the positions on the chain of (site, cell) pairs."""
        for place in places:
            if not self.holds(place):
                raise fail("places", f"(site, cell) pairs of {self.cells} cells", place)
        return super()._positions(places)

    def holds(self, place: Place) -> bool:
        """Return whether the chain has this place."""
        (position,) = super()._positions([place])
        return 0 <= position < len(self.generator.sites)

    def _origins(self) -> Sequence[Sequence[int]]:
        """Return all cells: none is like another."""
        return [(cell,) for cell in range(self.cells)]

    def _everywhere(self, op: str) -> list[int]:
        """Return the positions of all sites that have an operator."""
        unit, sites = len(self.model.sites), self._sites(op)
        return [cell * unit + site for cell in range(self.cells) for site in sites]

    def _averaged(self, op: str, *ops: str) -> Callable[[Approximation], Array]:
        """Return the observable <product of operators> of sites with `op`, averaged over cells."""
        local = self._local(self._everywhere(op), *ops)
        return lambda approx: np.asarray(local(approx).reshape(self.cells, -1).mean(axis=0))

    def _expect(self, op: str) -> Estimate:
        """Return <op> on every site of the unit cell that has it."""
        return self._local_estimate(self._averaged(op, op), op, self._sites(op), 1)

    def _variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 of the averages over the cells."""
        first, second = self._averaged(op, op), self._averaged(op, op, op)
        sites = self._sites(op)
        return self._local_estimate(lambda p: second(p) - first(p) ** 2, op, sites, 2)

    def _profile(self, op: str) -> Estimate:
        """Return <op> on every site of the chain that has it."""
        return self._local_estimate(self._local(self._everywhere(op), op), op, self._sites(op), 1)

    def _correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Estimate:
        """Return <A_{site a, cell 0} B_{site b, cell r}> up to the last cell or `max_cells`."""
        unit, (i, j) = len(self.model.sites), sites
        cells = range(min(max_cells, self.cells - 1) + 1)

        def observable(approx: Approximation) -> Array:
            a, b = operator_product(approx, i, op_a), operator_product(approx, j, op_b)
            values = []
            for position in (j + unit * cell for cell in cells):
                if position == i:
                    factors = {i: self._vector(approx, i, a @ b)}
                else:
                    factors = {i: self._vector(approx, i, a)}
                    factors[position] = self._vector(approx, position, b)
                rising = [(p, factors[p]) for p in sorted(factors)]
                values.append(complex(approx.environment.chain_of(rising)))
            return np.array(values)

        return self.estimate(observable, self._largest(op_a, op_b, sites))

    @classmethod
    def _fields(cls, model: LindbladModel, method: Any, arrays: Arrays, told: Told) -> Told:
        check_operators(model, told["pictures"])
        generator = kept_charges(finite_cluster(model, method.cells, charges=method.charges))
        approx, refinements = unpack(generator, arrays, told["pictures"], told["checks"])
        return {"approximation": approx, "refinements": refinements}
