"""Settings of the truncated Wigner approximation."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from impo.arguments import boolean, non_negative_integer, positive, positive_integer
from impo.methods.base import Method, Omission, Progress, left_out, shape_text
from impo.methods.twa import check, solve
from impo.methods.twa.state import TWAState
from impo.model import LindbladModel, Spin
from impo.results.claims import Claim
from impo.results.state import SteadyState
from impo.results.trajectory import Trajectory


@dataclass(frozen=True)
class TWA(Method):
    """Settings of the truncated Wigner approximation.

    Attributes
    ----------
    cells
        Number of unit cells, or one number per direction; an int in 2D is the edge of a square.
    trajectories
        Least number of trajectories, rounded up to fill vectors of 16 for each of two starts.
    dt
        Step length; the weak order of the integrator is two.
    seed
        Seed of all random numbers; results do not depend on the number of threads.
    periodic
        Whether the lattice closes on itself, or has free ends.
    max_time
        Longest time that a steady state is waited for.
    tol
        Accuracy asked for in <S_z>/S and Var(S_z)/S^2.
    """

    name: ClassVar[str] = "twa"
    cells: int | tuple[int, ...] = 50
    trajectories: int = 256
    dt: float = 0.05
    seed: int = 0
    periodic: bool = True
    max_time: float = 2000.0
    tol: float = 2e-3

    def __post_init__(self):
        cells = self.cells if isinstance(self.cells, tuple | list) else (self.cells,)
        for number in cells:
            positive_integer("cells", number)
        if not isinstance(self.cells, int):
            object.__setattr__(self, "cells", tuple(cells))
        positive_integer("trajectories", self.trajectories)
        positive("dt", self.dt)
        non_negative_integer("seed", self.seed)
        boolean("periodic", self.periodic)
        positive("max_time", self.max_time)
        positive("tol", self.tol)

    def steady_state(
        self, model: LindbladModel, start: Any = None, progress: Progress | None = None
    ) -> TWAState:
        """Return the steady state by averages over trajectories; see `solve.steady_state`."""
        return solve.steady_state(model, self, start)

    def evolve(
        self, model: LindbladModel, start: Any, times: ArrayLike, progress: Progress | None = None
    ) -> Trajectory:
        """Return the states at given times; see `solve.evolve`."""
        return solve.evolve(model, self, start, times)

    def check(self, result: Any) -> Iterator[Claim]:
        """Yield what the equations say of a result by this method."""
        if isinstance(result, TWAState):
            yield from check.claims(result)
        elif isinstance(result, Trajectory):
            yield from check.lengths_claims(
                [state for state in result.states if isinstance(state, TWAState)]
            )

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what is left out: corrections of relative order 1/S."""
        spins = [float(site.S) for site in model.sites if isinstance(site, Spin)]
        size = 1 / min(spins, default=math.nan)
        text = f"large S, on {shape_text(self.cells)} cells{left_out('1/S', size)}"
        return Omission(text, size)
