"""Settings of the exact solution of a finite cluster."""

from dataclasses import dataclass
from typing import Any, ClassVar

from impo.arguments import ArgumentError, boolean, fail, positive, positive_integer
from impo.methods.base import Method, Omission, on_call, shape_text
from impo.model import LindbladModel
from impo.operators.lattice import cell_counts
from impo.results.state import SteadyState


@dataclass(frozen=True)
class Exact(Method):
    """The full Liouvillian of a finite cluster.

    Attributes
    ----------
    cells
        Number of unit cells; in two dimensions a pair (an integer n means n by n).
    periodic
        Whether terms that leave the cluster re-enter on the other side; otherwise dropped.
    k_max
        Largest multipole rank of a spin; None keeps all, "auto" raises it until the result holds.
        A cut result is compared with that of a quarter less. Bosons have their own cut-off.
    tol
        Accuracy asked for in <S_z>/S and Var/S^2 (for bosons in <n> and Var n).
    gap
        Whether to compute the gap: slowest decay rates with a charge, and of modes that oscillate
        fast. This takes longer than the state.

    Raises
    ------
    ArgumentError
        If a setting is not of its kind.

    Examples
    --------
    >>> from impo import Exact, steady_state
    >>> from models.gain_loss import dimer
    >>> state = steady_state(dimer(S=1, gain=1.2, loss=0.7), Exact())
    >>> state.expect("Sz").value.round(4), round(state.extras["gap"], 4)
    (array([ 0.6201, -0.2636]), 0.3536)
    """

    name: ClassVar[str] = "exact"
    blas_threads: ClassVar[int | None] = None  # `solution.solve` decides
    cells: int | tuple[int, ...] = 1
    periodic: bool = False
    k_max: int | str | None = None
    tol: float = 1e-5
    gap: bool = True

    def __post_init__(self) -> None:
        self.keep(
            cells=cell_counts(self.cells), periodic=boolean("periodic", self.periodic),
            k_max=_rank(self.k_max), tol=positive("tol", self.tol), gap=boolean("gap", self.gap),
        )  # fmt: skip

    steady_state = on_call("impo.methods.exact.steady", "steady_state")
    evolve = on_call("impo.methods.exact.evolution", "evolve")
    spectrum = on_call("impo.methods.exact.spectrum", "spectrum_of")
    check = on_call("impo.methods.exact.check", "claims")

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what the size of the cluster leaves out, which is not known."""
        ends = "periodic" if self.periodic else "open"
        cells = shape_text(self.cells)
        return Omission(f"a cluster of {cells} cells ({ends}): its size is not in the errors")


def _rank(value: Any) -> int | str | None:
    """Return the setting `k_max`, or raise `ArgumentError`."""
    if value is None or (isinstance(value, str) and value == "auto"):
        return None if value is None else "auto"
    try:
        return positive_integer("k_max", value)
    except ArgumentError:
        raise fail("k_max", 'a positive integer, "auto" or None', value) from None
