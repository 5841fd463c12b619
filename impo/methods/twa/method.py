"""Settings of the truncated Wigner approximation."""

from dataclasses import dataclass
from typing import ClassVar

from impo.arguments import boolean, non_negative_integer, positive, positive_integer


@dataclass(frozen=True)
class TWA:
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
