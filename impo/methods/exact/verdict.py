"""The verdict on the steady state of a finite cluster."""

from typing import TYPE_CHECKING, Any

import numpy as np

from impo.methods.exact.solution import Solution
from impo.results.claims import lowest_allowed
from impo.results.estimate import Status

if TYPE_CHECKING:
    from impo.methods.exact.method import Exact


def verdict(method: "Exact", solution: Solution, diagnostics: dict[str, Any]) -> tuple[Status, str]:
    """Return the status and a sentence that says what to do.

    The residual of a direct solution is no part of it: it is a rate, and what it means for the
    observables is what `diagnostics["rounding"]` says.
    """
    found = f"{'' if solution.complete else 'at least '}{solution.null_dimension}"
    if solution.density is None:
        return Status.FAILED, (
            f"The Liouvillian has, to working precision, a null space of dimension {found}: the "
            "steady state is not unique and depends on the initial state; use `evolve`, or add the "
            "missing dissipation."
        )
    if not solution.converged:
        return Status.NOT_CONVERGED, (
            f"GMRES stopped at a residual of {solution.residual:.1e}; use fewer cells or `k_max`."
        )
    if not solution.complete:
        return Status.NOT_CONVERGED, "A second steady state could not be excluded; use fewer cells."
    tol = method.tol
    rounding = diagnostics["rounding"]
    if rounding is None or not rounding <= tol:
        size = "an unknown amount" if rounding is None else f"{rounding:.1e}"
        return Status.NOT_CONVERGED, (
            f"Rounding may change <S_z>/S or Var/S^2 (of bosons <n> or Var n) by {size}, because "
            f"the slowest modes decay slowly{_slowest(diagnostics)}; accept a larger `tol`."
        )
    limited = (
        _multipoles(tol, diagnostics)
        or _bosons(tol, diagnostics)
        or _together(tol, diagnostics)
        or _positivity(diagnostics, solution.uncertainty)
    )
    return limited or (Status.CONVERGED, "The null space of the Liouvillian has dimension one.")


def _slowest(diagnostics: dict[str, Any]) -> str:
    rates = [rate for rate in diagnostics["decay_rates"].values() if rate is not None]
    return f" (rate {min(rates):.1e})" if rates else ""


def _multipoles(tol: float, diagnostics: dict[str, Any]) -> tuple[Status, str] | None:
    rates, errors = diagnostics["decay_rates"], diagnostics["decay_rate_errors"]
    growing = [-rate for label, rate in rates.items() if rate is not None and -rate > errors[label]]
    if growing:
        return Status.K_LIMITED, (
            f"The cut Liouvillian has a mode that grows at the rate {max(growing):.1e}; raise "
            "`k_max`."
        )
    change = diagnostics["change"]
    if change is not None and not change <= tol:
        return Status.K_LIMITED, (
            f"Between the last two cut-offs up to k_max = {diagnostics['k_max']}, <S_z>/S or "
            f"Var/S^2 changes by {change:.1e}, more than tol = {tol:.1e}; raise `k_max` or "
            'use "auto".'
        )
    return None


def _bosons(tol: float, diagnostics: dict[str, Any]) -> tuple[Status, str] | None:
    change = diagnostics["cutoff_change"]
    if change is None:
        return Status.K_LIMITED, (
            "The error from the cutoff of a boson is not known, because other cutoffs are too much "
            "work, or an own operator is not known there; use fewer cells or a larger cutoff."
        )
    if not change <= tol:
        return Status.K_LIMITED, (
            f"The cutoff of the bosons changes <n>, Var n, <S_z>/S or Var/S^2 by about "
            f"{change:.1e}, more than tol = {tol:.1e}; raise it (a boson holds its largest number "
            f"of quanta with probability {diagnostics['cutoff_occupation']:.1e})."
        )
    return None


def _together(tol: float, diagnostics: dict[str, Any]) -> tuple[Status, str] | None:
    total = sum(diagnostics[key] or 0.0 for key in ("rounding", "change", "cutoff_change"))
    if not total <= tol:
        return Status.K_LIMITED, (
            f"Rounding and the cut-offs change <S_z>/S or Var/S^2 (of bosons <n> or Var n) by "
            f"{total:.1e} together, more than tol = {tol:.1e}; raise them or accept a larger `tol`."
        )
    return None


def _positivity(diagnostics: dict[str, Any], uncertainty: float) -> tuple[Status, str] | None:
    lowest = np.min([diagnostics["smallest_probability"], diagnostics["smallest_eigenvalue"]])
    if not lowest >= lowest_allowed(diagnostics["eigenvalue_change"] + uncertainty):
        return Status.UNPHYSICAL, (
            f"An eigenvalue of the density matrix is {lowest:.1e}; raise `k_max`."
        )
    return None
