"""What `impo check` recomputes of a matrix product, infinite or finite."""

from collections.abc import Callable, Iterator
from typing import Any

from impo.refinement import verdict
from impo.refinement.approximation import two_site_states
from impo.refinement.budget import bounded, error_budget, total_error
from impo.refinement.state import MatrixProductState
from impo.results.claims import (
    Claim,
    density_matrix_claims,
    joined,
    motion_claim,
    residual_claim,
)
from impo.results.equality import close
from impo.results.estimate import Status
from impo.results.trajectory import Trajectory, joint_verdict


def _circumstances(state: MatrixProductState) -> verdict.Circumstances:
    """Return what a verdict needs to know of the way to a state."""
    known = state.diagnostics
    limit = known.get("time_limit", state.method.t_max)
    return verdict.Circumstances(
        stopped=limit is not None and state.approximation.time >= limit,
        conserved=known.get("conserved"),
        apart=known.get("apart"),
        given_start=known.get("given_start", False),
    )


def _error_claims(state: MatrixProductState) -> Iterator[Claim]:
    """Compare the errors by each setting with those of the pairs of approximations."""
    pairs = {f"error_{pair.kind}": pair.error for pair in state.refinements}
    for name, found in pairs.items():
        if (claimed := state.diagnostics.get(name)) is not None:
            good = close(claimed, found, found)
            yield Claim(name, f"{claimed:.2e}", f"{found:.2e}", good)


def trajectory_claims(
    trajectory: Trajectory, followed: Callable[[Trajectory], Iterator[tuple[float, float]]]
) -> Iterator[Claim]:
    """Yield what the master equation says of the states of an evolution."""
    states: list[Any] = [state for _, state in trajectory.path]
    yield from joined(map(state_claims, states))
    if not any(state.approximation.diverged for state in states):
        yield from motion_claim(followed(trajectory), len(states) - 1)
    status, _ = joint_verdict(trajectory.states)
    yield Claim("joint verdict", str(trajectory.status), str(status), trajectory.status == status)


def state_claims(
    state: Any, doubt: Callable[[Any], str | None] = lambda _: None
) -> Iterator[Claim]:
    """Yield what the master equation says of a state.

    `doubt` says of a state that would be converged why it is not, if there is another reason.
    """
    approx = state.approximation
    if approx.diverged:
        failed = state.status == Status.FAILED
        yield Claim("verdict", str(state.status), "the state has run away", failed)
        return
    found = verdict.residual(approx)
    errors = total_error(approx, state.refinements)
    yield from density_matrix_claims(two_site_states(approx), errors, state.status)
    yield residual_claim(state.residual, found.value)
    steady = "leakage" in state.diagnostics  # a state of `evolve` need not be stationary
    if steady:
        yield residual_claim(state.diagnostics["leakage"], found.leakage, "leakage")
    yield from _error_claims(state)
    budget = error_budget(approx, state.refinements, found.value if steady else 0.0)
    budget = bounded(budget, state.diagnostics.get("drift"))
    status, _ = verdict.verdict(approx, budget, state.method.tol, _circumstances(state))
    good, told = status == state.status, str(status)
    if steady and status is Status.CONVERGED and (why := doubt(state)) is not None:
        good, told = state.status is not Status.CONVERGED, why
    yield Claim("verdict", str(state.status), told, good)
