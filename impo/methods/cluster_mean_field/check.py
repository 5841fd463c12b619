"""What `impo check` recomputes of a result of this method."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.methods.cluster_mean_field.evolution import followed
from impo.methods.cluster_mean_field.solve import residual_and_growth
from impo.methods.cluster_mean_field.state import ClusterMeanFieldState, ClusterSites
from impo.methods.cluster_mean_field.verdict import largest_share
from impo.results.claims import (
    Claim,
    density_matrix_claims,
    integrated_claim,
    motion_claim,
    residual_claim,
)
from impo.results.estimate import Status
from impo.results.trajectory import Trajectory

if TYPE_CHECKING:
    from impo.methods.cluster_mean_field.method import ClusterMeanField


def claims(method: "ClusterMeanField", result: Any) -> Iterator[Claim]:
    """Yield what the equations of the method say of a state or trajectory by it."""
    if isinstance(result, ClusterMeanFieldState):
        yield from _state_claims(result)
    elif isinstance(result, Trajectory):
        yield from _trajectory_claims(result)


def _state_claims(state: ClusterMeanFieldState) -> Iterator[Claim]:
    """Yield what the equations of the cluster say of a fixed point."""
    yield from density_matrix_claims(
        [state.rho], float(np.nan_to_num(state.accuracy)), state.status
    )
    residual, growth = residual_and_growth(state)
    yield residual_claim(state.residual, residual)
    bound = np.sqrt(len(state.rho)) * residual / max(abs(growth), 1e-300)
    bound *= largest_share(state.model.sites)
    converged = growth < 0 and bound <= state.method.tol
    found = f"slowest mode grows at {growth:.3g}, errors up to {bound:.1e}"
    good = converged or state.status != Status.CONVERGED
    yield Claim("verdict", str(state.status), found, bool(good))


def _trajectory_claims(trajectory: Trajectory) -> Iterator[Claim]:
    """Judge the density matrices along a trajectory, and whether the equations lead along it."""
    states = [state for _, state in trajectory.path if isinstance(state, ClusterSites)]
    matrices = [rho for state in states for rho in state.local]
    matrices += [state.rho for state in states if state.rho is not None]
    yield from density_matrix_claims(matrices, states[0].accuracy, None)
    yield from motion_claim(followed(trajectory), len(states) - 1)
    yield integrated_claim(trajectory.status)
