"""Settings of mean-field theory."""

from dataclasses import dataclass
from typing import ClassVar

from impo.arguments import positive
from impo.methods.base import Method, Omission, on_call
from impo.model import LindbladModel
from impo.results.state import SteadyState


@dataclass(frozen=True)
class MeanField(Method):
    """Mean-field theory: the density operator is a product of one-site states.

    Attributes
    ----------
    t_max
        Longest time to wait for a fixed point, in units of the inverse of the model's fastest rate;
        what still moves then is reported as a limit cycle.

    Raises
    ------
    ArgumentError
        If a setting is not of its kind.

    Examples
    --------
    >>> from impo import MeanField, steady_state
    >>> from models.gain_loss import dimer
    >>> state = steady_state(dimer(S=10, gain=2.0, loss=1.5), MeanField())
    >>> print(state.status, state.expect("Sz").value.round(3))
    converged [ 10. -10.]
    """

    name: ClassVar[str] = "mf"
    t_max: float = 1000.0

    def __post_init__(self) -> None:
        self.keep(t_max=positive("t_max", self.t_max))

    steady_state = on_call("impo.methods.mean_field.solve", "steady_state")
    evolve = on_call("impo.methods.mean_field.solve", "evolve")
    check = on_call("impo.methods.mean_field.check", "claims")

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what is left out: all correlations."""
        return Omission("reference only: leaves out all correlations")
