"""Which setting is refined next: a decision table over an error budget."""

from dataclasses import dataclass
from enum import Enum, auto
from math import inf

from impo.refinement.budget import ErrorBudget

CHI_SHARE = 0.7  # of the tolerance; the other settings are looked at once chi fits into it


class Decision(Enum):
    """What is done next."""

    WAIT = auto()  # follow two starts that meet slowly
    STAY_APART = auto()  # end without an answer
    GO_ON_ALONE = auto()  # repeat the level from the first start
    RAISE_CHI = auto()
    VARY_RANK = auto()  # measure the error by the multipole cut-off
    RAISE_RANK = auto()
    VARY_STEP = auto()  # measure the error by the Trotter step, residual and lowest eigenvalue
    SHORTEN_STEP = auto()
    DONE = auto()


@dataclass(frozen=True)
class Limits:
    """What is asked for, and what is within reach.

    Attributes
    ----------
    tol, t_max
        As in `ITEBD`.
    settle
        Whether the first of two starts that stay apart is gone on with.
    last_chi
        Whether there is no larger bond dimension.
    ranks_cut
        Whether not all ranks are kept.
    rank_rises
        Whether higher ranks may be used.
    step_error
        Error at which the Trotter step was last shortened.
    """

    tol: float
    t_max: float = inf
    settle: bool = False
    last_chi: bool = False
    ranks_cut: bool = False
    rank_rises: bool = False
    step_error: float = inf


def decide(budget: ErrorBudget, limits: Limits) -> Decision:
    """Return what to do next: the first row that holds.

    Bond dimension, rank and Trotter step are looked at in this order; the later ones when those
    before leave enough of the tolerance, or at the highest level. A step that was shortened in
    vain is not shortened again.
    """
    tol, errors = limits.tol, budget.settings
    highest, share = _highest(budget, limits), setting_share(budget, limits)
    rank, larger = errors.get("k_max", 0.0), errors["chi"] > CHI_SHARE * tol
    rises = limits.rank_rises and not budget.late
    cut = limits.ranks_cut and not rises
    accurate = budget.total <= tol and budget.residual <= tol and budget.met is not None
    done = highest or accurate
    wrong = done and budget.unphysical
    apart = budget.met is False
    useful = share < budget.step_error < 0.9 * limits.step_error
    table = (
        (budget.diverged, Decision.DONE),
        (apart and budget.meeting_time < limits.t_max, Decision.WAIT),
        (apart and not limits.settle, Decision.STAY_APART),
        (apart, Decision.GO_ON_ALONE),
        (not highest and (larger or _moving(budget, tol)), Decision.RAISE_CHI),
        (limits.ranks_cut and "k_max" not in errors, Decision.VARY_RANK),
        (rises and rank > share, Decision.RAISE_RANK),
        ("dt" not in errors, Decision.VARY_STEP),
        (useful and not budget.late, Decision.SHORTEN_STEP),
        (wrong and rises, Decision.RAISE_RANK),
        (done and (highest or cut or not wrong), Decision.DONE),
        (rank > tol, Decision.DONE),  # a larger bond dimension does not help
        (True, Decision.RAISE_CHI),
    )
    return next(decision for holds, decision in table if holds)


def setting_share(budget: ErrorBudget, limits: Limits) -> float:
    """Return the error that rank and Trotter step may each have.

    At the highest level the bond dimension may need more than the tolerance; then a quarter of
    what it needs will do.
    """
    chi = budget.settings["chi"]
    return (max(limits.tol, chi) if _highest(budget, limits) else limits.tol) / 4


def _highest(budget: ErrorBudget, limits: Limits) -> bool:
    """Return whether there is no higher level, or no time for it."""
    return budget.late or (limits.last_chi and not _moving(budget, limits.tol))


def _moving(budget: ErrorBudget, tol: float) -> bool:
    """Return whether what is not truncated was not relaxed: the same level is repeated."""
    return budget.unrelaxed > CHI_SHARE * tol
