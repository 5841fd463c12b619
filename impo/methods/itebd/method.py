"""Settings of the infinite matrix-product-operator method."""

from dataclasses import dataclass
from typing import ClassVar

from impo.arguments import (
    boolean,
    one_of,
    pairs_of_names,
    positive,
    positive_integer,
)
from impo.methods.base import Method, Omission, on_call, rank_weight
from impo.model import LindbladModel
from impo.results.state import SteadyState


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
        The alpha of the weighted truncation, from 0 to 10: rank k counts (2k + 1)^-alpha. An
        evolution that runs away is begun again with a smaller one.
    tol
        Accuracy asked for in <Sz>/S and Var/S^2.
    length_tol
        Relative accuracy asked for in correlation lengths: the refinement goes on until they have
        it. None asks for none.
    lengths
        Pairs of operators whose lengths on the first site are meant.
    charges
        Whether to use the U(1) symmetry of the model; False allows starts that break it.
    t_max
        Largest evolution time, in the unit of time of the model; None stands for 10,000 times the
        inverse of its fastest rate, so that the result does not depend on the unit.
    backend
        What updates the matrix product: "kernel", the compiled kernel, or "tenpy", TeNPy's own
        `TEBDEngine`, some ten times slower. All else is the same.

    Raises
    ------
    ArgumentError
        If a setting is not of its kind.

    Notes
    -----
    Infinite TEBD of a density operator (G. Vidal, Phys. Rev. Lett. 98, 070201, 2007; M. Zwolak and
    G. Vidal, Phys. Rev. Lett. 93, 207205, 2004), in real multipole operators T_kq of each site.
    Where a model reaches beyond neighbours, sites are evolved in blocks (`impo.operators.blocks`).

    Examples
    --------
    >>> from impo import ITEBD, steady_state
    >>> from models.gain_loss import chain
    >>> state = steady_state(chain(S=0.5, g=1.0, h=0.5, gain=1.5, loss=1.0), ITEBD(tol=1e-2))
    >>> print(state.status, state.expect("Sz").value.round(2))
    converged [ 0.32 -0.23]
    """

    name: ClassVar[str] = "itebd"
    warm_starts: ClassVar[bool] = True
    chi_max: int = 256
    k_max: int | None = None
    weight: float = 1.5
    tol: float = 1e-4
    length_tol: float | None = None
    lengths: tuple[tuple[str, str], ...] = (("S+", "S-"),)
    charges: bool = True
    t_max: float | None = None
    backend: str = "kernel"

    def __post_init__(self) -> None:
        self.keep(
            chi_max=positive_integer("chi_max", self.chi_max),
            k_max=None if self.k_max is None else positive_integer("k_max", self.k_max),
            weight=rank_weight(self.weight),
            tol=positive("tol", self.tol),
            length_tol=None if self.length_tol is None else positive("length_tol", self.length_tol),
            lengths=pairs_of_names("lengths", self.lengths),
            charges=boolean("charges", self.charges),
            t_max=None if self.t_max is None else positive("t_max", self.t_max),
            backend=one_of("backend", self.backend, ("kernel", "tenpy")),
        )

    steady_state = on_call("impo.methods.itebd.solve", "steady_state")
    evolve = on_call("impo.methods.itebd.solve", "evolve")
    check = on_call("impo.methods.itebd.check", "claims")
    compile = on_call("impo.methods.itebd.solve", "compile_engine")

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what is not part of the errors: nothing."""
        return Omission("the infinite chain; its errors cover every numerical setting", 0.0)
