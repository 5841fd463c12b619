"""What is known of the errors of a state, and their sum: this is the one place that adds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from impo.refinement.approximation import Approximation, Refinement
from impo.results.claims import lowest_allowed

_AT_REST = 1e-14  # change within a Trotter step that is rounding


@dataclass(frozen=True)
class ErrorBudget:
    """The errors of a state in the norm of the monitored expectation values.

    Attributes
    ----------
    time
        Distance that is left to the limit of long times.
    settings
        Errors by the settings "chi", "k_max", "dt" and "cutoff" (of bosons), as far as they are
        measured, in the order in which they were.
    residual
        Residual of the master equation over the slowest rate seen, or a smaller bound (`drift`).
    lowest_eigenvalue
        Of the two-site density matrices; zero until it is measured.
    step_residual
        Part of the residual that a shorter Trotter step removes.
    unrelaxed
        What the last level changed although nothing is truncated; zero otherwise.
    late
        Whether the evolution time that is left is too short for the slowest mode seen.
    met
        Whether two starts have the same limit; None while that is open, True if there is one.
    meeting_time
        Evolution time at which two starts that have not met would.
    diverged
        Whether the evolution diverged.
    """

    time: float
    settings: Mapping[str, float]
    residual: float = 0.0
    lowest_eigenvalue: float = 0.0
    step_residual: float = 0.0
    unrelaxed: float = 0.0
    late: bool = False
    met: bool | None = True
    meeting_time: float = inf
    diverged: bool = False

    @property
    def total(self) -> float:
        """Sum of all errors; the residual, a separate criterion, is none of them."""
        return self.time + sum(self.settings.values())

    @property
    def unphysical(self) -> bool:
        """Whether a two-site density matrix is negative by more than the errors allow."""
        return self.lowest_eigenvalue < lowest_allowed(self.total)

    @property
    def step_error(self) -> float:
        """Error by the Trotter step, as the observables or as the residual tell it."""
        return max(self.settings.get("dt", 0.0), self.step_residual)


def error_budget(
    approx: Approximation, refinements: Sequence[Refinement], residual: float = 0.0
) -> ErrorBudget:
    """Return the errors that refinements bound, with the lowest eigenvalue.

    `residual` is `Residual.value`; zero where the state need not be stationary.
    """
    lowest = 0.0 if approx.diverged else approx.smallest_eigenvalue
    relative = relative_residual(approx, residual)
    return ErrorBudget(approx.remaining, _by_setting(refinements), relative, lowest)


def bounded(budget: ErrorBudget, stationarity: float | None) -> ErrorBudget:
    """Return a budget whose residual is no more than another bound (see `drift`), if there is."""
    if stationarity is None:
        return budget
    return replace(budget, residual=min(budget.residual, stationarity))


def total_error(approx: Approximation, refinements: Sequence[Refinement]) -> float:
    """Return the sum of all errors of a state."""
    return ErrorBudget(approx.remaining, _by_setting(refinements)).total


def _by_setting(refinements: Sequence[Refinement]) -> dict[str, float]:
    errors: dict[str, float] = {}
    for pair in refinements:
        errors[pair.kind] = errors.get(pair.kind, 0.0) + pair.error
    return errors


def relative_residual(approx: Approximation, residual: float) -> float:
    """Return a residual over the slowest rate that was seen: what it may move the state by.

    Files from before that rate was measured hold the bare number.
    """
    rate = approx.slowest_rate
    if rate is None:
        return residual
    if residual * approx.dt < _AT_REST:
        return 0.0
    return residual / rate if rate > 0 else inf
