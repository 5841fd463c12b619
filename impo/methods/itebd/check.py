"""What `impo check` recomputes of a result of this method."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from impo.methods.itebd.length_tol import too_wide
from impo.methods.itebd.solve import relaxation_of
from impo.methods.itebd.state import ItebdState
from impo.refinement.claims import state_claims, trajectory_claims
from impo.refinement.evolution import followed
from impo.results.claims import Claim
from impo.results.trajectory import Trajectory

if TYPE_CHECKING:
    from impo.methods.itebd.method import ITEBD


def claims(method: "ITEBD", result: Any) -> Iterator[Claim]:
    """Yield what the master equation says of a matrix product."""
    if isinstance(result, ItebdState):
        yield from state_claims(result, too_wide)
    elif isinstance(result, Trajectory):
        yield from trajectory_claims(result, _followed)


def _followed(states: Trajectory) -> Iterator[tuple[float, float]]:
    return followed(states, relaxation_of(states.method, states.model))
