"""Settings of the matrix-product-operator method for finite chains."""

from dataclasses import dataclass
from typing import ClassVar

from impo.arguments import boolean, positive, positive_integer
from impo.methods.base import Method, Omission, on_call, rank_weight
from impo.model import LindbladModel
from impo.results.state import SteadyState


@dataclass(frozen=True)
class TEBD(Method):
    """Steady state of a finite open chain by evolution of a matrix-product density operator.

    Attributes
    ----------
    cells
        Number of unit cells; terms that leave the chain are dropped. A chain whose sites differ is
        a model with one cell that holds all of them.
    chi_max
        Bond dimension that is never exceeded; what `tol` does not need is not used.
    k_max
        Rank up to which multipole operators are kept. None begins with a rank for the spin and
        raises it up to 12 if that changes the result.
    weight
        The truncation counts rank k with the weight (2k + 1)^-alpha; this is alpha, 0 to 10. None
        stands for 1.5, and for 0 where no jump acts on half of the sites or more, as in chains that
        are damped at their ends. It is lowered if the evolution runs away.
    tol
        Accuracy asked for in <Sz>/S and Var/S^2.
    charges
        Whether to use the U(1) symmetry of the model; False allows starts that break it.
    t_max
        Largest evolution time, in the unit of time of the model; None stands for 10,000 times the
        inverse of its fastest rate, so that the result does not depend on the unit. The slowest
        rates of a chain of N sites often fall like N^-2 or N^-3.

    Raises
    ------
    ArgumentError
        If a setting is not of its kind.

    Notes
    -----
    TEBD of a density operator (F. Verstraete, J. J. Garcia-Ripoll and J. I. Cirac, Phys. Rev. Lett.
    93, 207204, 2004; M. Zwolak and G. Vidal, Phys. Rev. Lett. 93, 207205, 2004), in real multipole
    operators T_kq of each site.

    Examples
    --------
    >>> from impo import TEBD, steady_state
    >>> from models.gain_loss import chain
    >>> model = chain(S=0.5, g=1.0, h=0.5, gain=1.5, loss=1.0)
    >>> state = steady_state(model, TEBD(cells=3, tol=1e-2))
    >>> print(state.status, state.profile("Sz").value.round(2))  # from left to right
    converged [ 0.35 -0.23  0.32 -0.23  0.31 -0.27]
    """

    name: ClassVar[str] = "tebd"
    warm_starts: ClassVar[bool] = True
    cells: int = 1
    chi_max: int = 256
    k_max: int | None = None
    weight: float | None = None
    tol: float = 1e-4
    charges: bool = True
    t_max: float | None = None

    def __post_init__(self) -> None:
        self.keep(
            cells=positive_integer("cells", self.cells),
            chi_max=positive_integer("chi_max", self.chi_max),
            k_max=None if self.k_max is None else positive_integer("k_max", self.k_max),
            weight=None if self.weight is None else rank_weight(self.weight),
            tol=positive("tol", self.tol),
            charges=boolean("charges", self.charges),
            t_max=None if self.t_max is None else positive("t_max", self.t_max),
        )

    steady_state = on_call("impo.methods.tebd.solve", "steady_state")
    evolve = on_call("impo.methods.tebd.solve", "evolve")
    check = on_call("impo.methods.tebd.check", "claims")
    compile = on_call("impo.methods.tebd.solve", "compile_engine")

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what is not part of the errors: the rest of a lattice that goes on, if it does."""
        terms = [*model.terms, *(term for jump in model.jumps for term in jump.terms)]
        if any(any(cell) for term in terms for _, _, cell in term.factors):
            return Omission(f"a chain of {self.cells} cells (open): its size is not in the errors")
        return Omission("the whole chain; its errors cover every numerical setting", 0.0)
