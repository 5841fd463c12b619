"""What `impo check` recomputes of a result of this method."""

from collections.abc import Iterator
from typing import Any

from impo.methods.itebd.state import ItebdState
from impo.refinement import verdict
from impo.refinement.approximation import two_site_states
from impo.results.claims import Claim, density_matrix_claims, residual_claim
from impo.results.equality import ROUNDING
from impo.results.estimate import Status


def _circumstances(state: ItebdState) -> dict[str, Any]:
    """Return what a verdict needs to know of the way to a state."""
    known = state.diagnostics
    limit = known.get("time_limit", state.method.t_max)
    return {
        "stopped": limit is not None and state.approximation.time >= limit,
        "conserved": known.get("conserved"),
        "apart": known.get("apart"),
        "given_start": known.get("given_start", False),
    }


def claims(state: ItebdState) -> Iterator[Claim]:
    """Yield what the master equation says of a matrix product."""
    approx = state.approximation
    if not approx.finite:
        failed = state.status == Status.FAILED
        yield Claim("verdict", str(state.status), "the state has run away", failed)
        return
    found = verdict.residual(approx)
    errors = approx.remaining + sum(one.error for one in state.refinements)
    yield from density_matrix_claims(two_site_states(approx), errors, state.status)
    yield residual_claim(state.residual, found.low)
    steady = "leakage" in state.diagnostics  # a state of `evolve` need not be stationary
    if steady:
        claimed = state.diagnostics["leakage"]
        good = abs(claimed - found.leakage) <= max(0.01 * found.leakage, ROUNDING)
        yield Claim("leakage", f"{claimed:.2e}", f"{found.leakage:.2e}", bool(good))
    status, _ = verdict.verdict(
        approx, state.refinements, state.method.tol, found.low if steady else 0.0,
        **_circumstances(state),
    )  # fmt: skip
    yield Claim("verdict", str(state.status), str(status), status == state.status)
