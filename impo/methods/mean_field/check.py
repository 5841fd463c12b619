"""What `impo check` recomputes of a result of this method."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp

from impo.arrays import Array
from impo.methods.mean_field.equations import largest_rate, mean_field_equations
from impo.methods.mean_field.solve import sampling_step
from impo.methods.mean_field.stability import WaveStability, conserved_sum
from impo.methods.mean_field.state import LONGEST, MeanFieldState, longest_spin
from impo.model import LindbladModel
from impo.operators.local import spin_numbers
from impo.results.claims import Claim, integrated_claim, motion_claim, residual_claim
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
    yield _length_claim(state.model, state.orbit, state.status)
    equations = mean_field_equations(state.model)
    found = largest(np.abs(equations.flow(s.ravel())).max() for s in state.orbit)
    if len(state.orbit) > 1:
        yield from motion_claim(_orbit(state), 1)
        moving = state.status in (Status.NOT_CONVERGED, Status.FAILED, Status.UNPHYSICAL)
        yield Claim("verdict", str(state.status), f"moves at rates up to {found:.2e}", moving)
        return
    yield residual_claim(state.residual, found)
    jacobian = equations.jacobian(state.orbit[0].ravel())
    growth = float(np.linalg.eigvals(jacobian).real.max())
    rate = float(np.linalg.norm(jacobian, 2)) or 1.0
    at_rest = found <= 1e-6 * rate * spin_numbers(state.model).max()  # the spins may vanish
    stability = WaveStability(state.model, largest_rate(state.model)).at(state.orbit[0])
    unique = conserved_sum(equations) is None and stability.stable and growth <= 1e-6 * rate
    settled = unique and at_rest and longest_spin(state.model, state.orbit) <= LONGEST
    least = f"least stable mode {stability.growth:.2e}, k = {stability.k}"
    good = bool(settled) == (state.status == Status.CONVERGED)
    yield Claim("verdict", str(state.status), least, good)


def _trajectory_claims(trajectory: Trajectory) -> Iterator[Claim]:
    """Judge whether the equations lead from each time to the next."""
    path: list[tuple[float, Any]] = trajectory.path
    vectors = np.array([state.orbit[0] for _, state in path])
    yield _length_claim(trajectory.model, vectors, trajectory.status)
    times = [time for time, _ in path]
    yield from motion_claim(_followed(trajectory.model, times, vectors), len(times) - 1)
    if trajectory.status != Status.UNPHYSICAL:
        yield integrated_claim(trajectory.status)


def _length_claim(model: LindbladModel, vectors: Array, status: Status) -> Claim:
    """Judge whether spins that are longer than S are called unphysical."""
    longest = longest_spin(model, vectors)
    holds = (longest <= LONGEST) == (status != Status.UNPHYSICAL)
    return Claim("spin length", "", f"|<S>| is at most {longest:.8g} S", holds)


def _followed(
    model: LindbladModel, times: Sequence[float], vectors: Array
) -> Iterator[tuple[float, float]]:
    """Yield how far the equations lead from each time beside the next, and what is allowed."""
    equations = mean_field_equations(model)
    allowed = 1e-6 * float(np.abs(vectors).max())
    for n, span in enumerate(pairwise(times)):
        motion = solve_ivp(
            lambda _, s: equations.flow(s), span, vectors[n].ravel(),
            method="LSODA", rtol=1e-9, atol=1e-9 * np.abs(vectors).max(),
        )  # fmt: skip
        ended = np.abs(motion.y[:, -1] - vectors[n + 1].ravel()).max()
        yield float(ended) if motion.success else np.nan, allowed


def _orbit(state: MeanFieldState) -> Iterator[tuple[float, float]]:
    """Yield the same for the first samples of an orbit, which are equally far apart."""
    step = sampling_step(state.model, state.method)
    some = state.orbit[:20]
    pairs = list(_followed(state.model, (step * np.arange(len(some))).tolist(), some))
    yield largest(off for off, _ in pairs), pairs[0][1]
