"""Settings of the truncated Wigner approximation."""

import math
from dataclasses import dataclass
from typing import ClassVar

from impo.arguments import (
    boolean,
    non_negative_integer,
    one_of,
    pairs_of_names,
    positive,
    positive_integer,
)
from impo.methods.base import Method, Omission, left_out, on_call, shape_text
from impo.model import LindbladModel, Spin
from impo.operators.lattice import cell_counts
from impo.results.state import SteadyState


@dataclass(frozen=True)
class TWA(Method):
    """The truncated Wigner approximation: noisy trajectories of classical spins.

    It is meant for large S, or in its hybrid scheme for S = 1/2.

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
    length_tol
        Relative standard error asked for in correlation lengths: averaging goes on until they have
        it, at most for `max_time`. None asks for none.
    lengths
        Pairs of operators whose lengths on the first site are meant.
    scheme
        "wigner", or "hybrid" for spins 1/2: gain S+, loss S- and Hermitian jumps of one spin are
        exact, and so are products of its operators; other jumps are refused.

    Raises
    ------
    ArgumentError
        If a setting is not of its kind.

    Notes
    -----
    Huber, Kirton and Rabl, Phys. Rev. A 102, 012219 (2020), section IV, with the corrections that
    the errata list. Hybrid scheme: Mink, Petrosyan and Fleischhauer, Phys. Rev. Research 4, 043136
    (2022), with steps of any length that are exact for a spin alone.

    Examples
    --------
    >>> from impo import TWA, steady_state
    >>> from models.gain_loss import chain
    >>> quick = TWA(cells=4, trajectories=32, tol=0.02, max_time=100)
    >>> state = steady_state(chain(S=20, g=1.0, h=0.5, gain=2.0, loss=1.8), quick)
    >>> print(state.status, state.expect("Sz").value.round())
    converged [ 20. -20.]
    """

    name: ClassVar[str] = "twa"
    cells: int | tuple[int, ...] = 50
    trajectories: int = 256
    dt: float = 0.05
    seed: int = 0
    periodic: bool = True
    max_time: float = 2000.0
    tol: float = 2e-3
    length_tol: float | None = None
    lengths: tuple[tuple[str, str], ...] = (("S+", "S-"),)
    scheme: str = "wigner"

    def __post_init__(self) -> None:
        self.keep(
            cells=cell_counts(self.cells),
            trajectories=positive_integer("trajectories", self.trajectories),
            dt=positive("dt", self.dt),
            seed=non_negative_integer("seed", self.seed),
            periodic=boolean("periodic", self.periodic),
            max_time=positive("max_time", self.max_time),
            tol=positive("tol", self.tol),
            length_tol=None if self.length_tol is None else positive("length_tol", self.length_tol),
            lengths=pairs_of_names("lengths", self.lengths),
            scheme=one_of("scheme", self.scheme, ("wigner", "hybrid")),
        )

    steady_state = on_call("impo.methods.twa.solve", "steady_state")
    evolve = on_call("impo.methods.twa.solve", "evolve")
    check = on_call("impo.methods.twa.check", "claims")
    compile = on_call("impo.methods.twa.solve", "compile_engine")

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what is left out: corrections of relative order 1/S, unknown if hybrid."""
        if self.scheme == "hybrid":
            text = "spins 1/2 with weak correlations between them"
            return Omission(f"{text}, on {shape_text(self.cells)} cells")
        spins = [float(site.S) for site in model.sites if isinstance(site, Spin)]
        size = 1 / min(spins, default=math.nan)
        text = f"large S, on {shape_text(self.cells)} cells{left_out('1/S', size)}"
        return Omission(text, size)
