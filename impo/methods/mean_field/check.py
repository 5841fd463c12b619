"""What `impo check` recomputes of a result of this method."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp

from impo.methods.mean_field.equations import largest_rate, mean_field_equations
from impo.methods.mean_field.stability import WaveStability, conserved_sum
from impo.methods.mean_field.state import MeanFieldState
from impo.results.claims import Claim, residual_claim
from impo.results.equality import largest
from impo.results.estimate import Status
from impo.results.trajectory import Trajectory

if TYPE_CHECKING:
    from impo.methods.mean_field.method import MeanField


def claims(method: "MeanField", result: Any) -> Iterator[Claim]:
    """Yield what the equations of the method say of a state or trajectory by it."""
    if isinstance(result, MeanFieldState):
        yield from _state_claims(result)
    elif isinstance(result, Trajectory):
        yield from _trajectory_claims(result)


def _state_claims(state: MeanFieldState) -> Iterator[Claim]:
    """Yield what the equations of motion say of a fixed point or an orbit."""
    equations = mean_field_equations(state.model)
    found = largest(np.abs(equations.flow(s.ravel())).max() for s in state.orbit)
    if len(state.orbit) > 1:
        moving = state.status in (Status.NOT_CONVERGED, Status.FAILED)
        yield Claim("verdict", str(state.status), f"moves at rates up to {found:.2e}", moving)
        return
    yield residual_claim(state.residual, found)
    jacobian = equations.jacobian(state.orbit[0].ravel())
    growth = float(np.linalg.eigvals(jacobian).real.max())
    rate = float(np.linalg.norm(jacobian, 2)) or 1.0
    at_rest = found <= 1e-6 * rate * np.abs(state.orbit).max()
    stability = WaveStability(state.model, largest_rate(state.model)).at(state.orbit[0])
    unique = conserved_sum(equations) is None and stability.stable and growth <= 1e-6 * rate
    good = (unique and at_rest) == (state.status == Status.CONVERGED)
    least = f"least stable mode {stability.growth:.2e}, k = {stability.k}"
    yield Claim("verdict", str(state.status), least, bool(good))


def _trajectory_claims(trajectory: Trajectory) -> Iterator[Claim]:
    """Judge whether the equations lead from each time to the next."""
    equations = mean_field_equations(trajectory.model)
    vectors = np.array([state.orbit[0] for state in trajectory.states])  # type: ignore[attr-defined]
    off = [0.0]
    for n, span in enumerate(zip(trajectory.times, trajectory.times[1:], strict=False)):
        motion = solve_ivp(
            lambda _, s: equations.flow(s), span, vectors[n].ravel(),
            method="LSODA", rtol=1e-9, atol=1e-9 * np.abs(vectors).max(),
        )  # fmt: skip
        ended = np.abs(motion.y[:, -1] - vectors[n + 1].ravel()).max()
        off.append(ended if motion.success else np.nan)
    worst = largest(off)
    allowed = 1e-6 * np.abs(vectors).max()
    yield Claim("motion", "", f"the equations give it to {worst:.1e}", bool(worst <= allowed))
