"""Settings of the infinite matrix-product-operator method."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from impo.arguments import boolean, non_negative, one_of, positive, positive_integer
from impo.methods.base import Method, Omission, Progress
from impo.methods.itebd import check, solve
from impo.methods.itebd.state import ItebdState
from impo.model import LindbladModel
from impo.results.claims import Claim
from impo.results.state import SteadyState
from impo.results.trajectory import Trajectory


@dataclass(frozen=True)
class ITEBD(Method):
    """Steady state of an infinite chain by evolution of a matrix-product density operator.

    Attributes
    ----------
    chi_max
        Largest bond dimension; less is used if `tol` is reached earlier.
    k_max
        Largest rank of the multipole operators kept; None chooses it, and raises it while it
        matters and is at most 12.
    weight
        The alpha of the weighted truncation: rank k counts (2k + 1)^-alpha. An evolution that runs
        away is begun again with a smaller one.
    tol
        Accuracy asked for in <Sz>/S and Var/S^2.
    charges
        Whether to use the U(1) symmetry of the model; False allows starts that break it.
    t_max
        Largest evolution time, in the unit of time of the model; None stands for 10,000 times the
        inverse of its fastest rate, so that the result does not depend on the unit.
    backend
        What updates the matrix product: "kernel", the compiled kernel, or "tenpy", TeNPy's own
        `TEBDEngine`, some ten times slower. All else is the same.
    """

    name: ClassVar[str] = "itebd"
    warm_starts: ClassVar[bool] = True
    chi_max: int = 256
    k_max: int | None = None
    weight: float = 1.5
    tol: float = 1e-4
    charges: bool = True
    t_max: float | None = None
    backend: str = "kernel"

    def __post_init__(self):
        positive_integer("chi_max", self.chi_max)
        if self.k_max is not None:
            positive_integer("k_max", self.k_max)
        non_negative("weight", self.weight)
        positive("tol", self.tol)
        boolean("charges", self.charges)
        if self.t_max is not None:
            positive("t_max", self.t_max)
        one_of("backend", self.backend, ("kernel", "tenpy"))

    def steady_state(
        self, model: LindbladModel, start: Any = None, progress: Progress | None = None
    ) -> ItebdState:
        """Return the steady state of an infinite chain; see `solve.steady_state`."""
        return solve.steady_state(model, self, start, progress)

    def evolve(
        self, model: LindbladModel, start: Any, times: ArrayLike, progress: Progress | None = None
    ) -> Trajectory:
        """Return the states at given times; see `solve.evolve`."""
        return solve.evolve(model, self, start, np.asarray(times).tolist())

    def check(self, result: Any) -> Iterator[Claim]:
        """Yield what the equations say of a result by this method."""
        if isinstance(result, ItebdState):
            yield from check.claims(result)

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what is not part of the errors: nothing."""
        return Omission("the infinite chain; its errors cover every numerical setting", 0.0)
