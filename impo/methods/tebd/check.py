"""What `impo check` recomputes of a result of this method."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from impo.methods.tebd.solve import relaxation_of
from impo.methods.tebd.state import TebdState
from impo.refinement.claims import state_claims, trajectory_claims
from impo.refinement.drift import stationarity
from impo.refinement.evolution import followed
from impo.refinement.levels import GROWTH
from impo.results.claims import Claim, residual_claim
from impo.results.trajectory import Trajectory

if TYPE_CHECKING:
    from impo.methods.tebd.method import TEBD


def claims(method: "TEBD", result: Any) -> Iterator[Claim]:
    """Yield what the master equation says of a matrix product."""
    if isinstance(result, TebdState):
        yield from state_claims(result)
        yield from _drift_claims(result)
    elif isinstance(result, Trajectory):
        yield from trajectory_claims(result, _followed)


def _drift_claims(state: TebdState) -> Iterator[Claim]:
    """Follow the state again by a more exact evolution, if its verdict is due to one."""
    claimed = state.diagnostics.get("drift")
    if claimed is not None and not state.approximation.diverged:
        relaxation = relaxation_of(state.method, state.model)
        found = stationarity(relaxation, state.approximation, GROWTH, claimed)
        yield residual_claim(claimed, found, "drift")


def _followed(states: Trajectory) -> Iterator[tuple[float, float]]:
    return followed(states, relaxation_of(states.method, states.model))
