"""The way to a steady state with an error bar: relax, then vary every setting in turn.

An approximation is relaxed at a small bond dimension and carried up a ladder of larger ones. Near
the top the Trotter step and the multipole cut-off are varied as well. The changes over these last
rungs are the error bars.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from impo.refinement.approximation import Approximation, Refinement, adapted, difference
from impo.refinement.relaxation import DT_GROWTH, K_STEP, LOW_RANK, RANK_LIMIT, Ladder
from impo.refinement.starts import Meeting
from impo.refinement.verdict import relative_residual, residual, unphysical
from impo.tensor.trotter import ORDER

FIRST_CHI = 12
GROWTH = 1.4
FIRST_DT = 2.0  # in units of `time_unit` up to LOW_RANK; the error is about 1e-4
CHI_SHARE = 0.7  # of the tolerance; the other settings are looked at once chi fits into it
SAFETY = 1.5
MOST = 10.0
SHORT = 200.0  # evolution time where no answer is expected, in units of `time_unit`
APART = 1.9  # ratio of the bond dimensions at which the other settings are varied


def chi_rungs(chi_max: int) -> list[int]:
    """Return the bond dimensions of the ladder: chi_max, and down from it in equal ratios."""
    rungs = [chi_max]
    while rungs[-1] >= GROWTH * FIRST_CHI or len(rungs) < 2:
        rungs.append(max(1, min(round(rungs[-1] / GROWTH), rungs[-1] - 1)))
    return rungs[::-1]


@dataclass(frozen=True)
class Summit:
    """Where a climb ended: its result, what bounds the errors, and both starts."""

    top: Approximation
    refinements: list[Refinement]
    meeting: Meeting


def climb(
    ladder: Ladder, start: Approximation, other: Approximation | None = None, settle: bool = False
) -> Summit:
    """Climb from a start to the steady state, with the refinements that bound its errors.

    The result is compared with the rung below (bond dimension). What a shorter Trotter
    step and higher ranks change hardly depends on the bond dimension, so it is found out on a lower
    rung, and again just below the top if it matters there. A setting that matters too much is moved
    and the rung repeated; ranks are also raised while the state on top is not positive.

    Parameters
    ----------
    ladder
        The equation and the accuracy asked for.
    start
        Where the evolution starts.
    other
        A second start, which climbs along until both are in the same state. If they stay apart
        though the bond dimension grows, the climb ends there, without an answer.
    settle
        Whether the climb goes on from the first start alone if the two stay apart.
    """
    tol = ladder.tol
    rungs = chi_rungs(ladder.chi_max)
    meeting = _first_rung(ladder, start, other)
    below = meeting.first
    lower = [below]  # rungs with the same settings, up to the one below the top
    changes: list[float] = []
    last_dt_error = math.inf
    while True:
        chi = next((c for c in rungs if c > below.chi), ladder.chi_max)
        before, other = meeting, meeting.second if meeting.met is None else None
        if other is not None:
            meeting = ladder.relax_both(below, other, chi, below.dt)
        top = ladder.relax(below, chi, below.dt) if other is None else meeting.first
        if not top.finite:
            return Summit(top, [Refinement("chi", top, below, SAFETY)], meeting)
        change = difference(top, below)
        whole = top.complete and below.complete
        if whole:  # nothing is truncated: what moved was not relaxed
            top = replace(top, remaining=max(top.remaining, change))
        changes.append(0.0 if whole else change)
        chi_check = Refinement("chi", top, below, 0.0 if whole else _series_factor(changes))
        if other is not None:
            error = SAFETY * changes[-1]
            meeting = meeting.judged(before, error, tol, last=chi == ladder.chi_max)
            if meeting.met is False and meeting.time_needed(tol) < ladder.t_max:
                meeting = _awaited(ladder, meeting)
                top = meeting.first
            if meeting.met is False and not settle:
                distance, rate = np.nan_to_num(meeting.distance, nan=np.inf), meeting.present_rate
                top = replace(top, slowest_rate=rate, remaining=max(top.remaining, float(distance)))
                return Summit(top, [chi_check], meeting)
            if meeting.met is False:  # the first goes on alone, and knows how slow it may be
                below = replace(below, slowest_rate=meeting.present_rate or None)
                lower = [below]
                continue
        low = relative_residual(top, residual(top).low)
        moving = whole and change > CHI_SHARE * tol
        late = ladder.too_slow(top, top.remaining, tol)
        highest = late or (chi == ladder.chi_max and not moving)
        share = (max(tol, chi_check.error) if highest else tol) / 4  # of the other settings
        if not highest and (moving or chi_check.error > CHI_SHARE * tol):
            below = top
            lower.append(below)
            continue
        refinements = [chi_check]
        places = [*[p for p in lower if APART * p.chi <= below.chi][-1:], below]
        rank_checks = _until_small(share, places, ladder.rank_check)
        risen = None  # where the climb goes on if higher ranks are needed
        if rank_checks:
            refinements.append(rank_checks[-1])
            if ladder.k_max is None and not late and rank_checks[-1].finer.k_max > below.k_max:
                risen = [pair.finer for pair in rank_checks]
        if risen and rank_checks[-1].error > share:
            lower, below = risen, risen[-1]
            continue
        dt_check = _until_small(share, places, ladder.dt_check)[-1]
        refinements.append(dt_check)
        dt_error = max(dt_check.error, _dt_share(low, dt_check))
        if not late and share < dt_error < 0.9 * last_dt_error:
            last_dt_error = dt_error
            shrink = min(max((share / 2 / dt_error) ** (1 / ORDER), 0.4), 1 / DT_GROWTH)
            known = shrink == 1 / DT_GROWTH and dt_check.coarser is below
            below = dt_check.finer if known else ladder.relax(below, below.chi, below.dt * shrink)
            lower = [below]
            continue
        total = sum(pair.error for pair in refinements) + top.remaining
        pending = meeting.second is not None and meeting.met is None
        done = highest or (total <= tol and low <= tol and not pending)
        wrong = done and top.finite and unphysical(top, total)
        if wrong and risen:
            lower, below = risen, risen[-1]
            continue
        cut = bool(rank_checks) and not risen  # for good: a larger bond dimension does not help
        if (done and (highest or not wrong or cut)) or (cut and rank_checks[-1].error > tol):
            # what is still open at the end of the time has not met
            return Summit(top, refinements, replace(meeting, met=False) if pending else meeting)
        below = top
        lower.append(below)


def _until_small(
    share: float,
    places: Sequence[Approximation],
    check: Callable[[Approximation], Refinement | None],
) -> list[Refinement]:
    """Return the refinements up to the first with a small error; none if nothing is cut."""
    out: list[Refinement] = []
    for approx in places:
        found = check(approx)
        if found is None:
            break
        out.append(found)
        if found.error <= share:
            break
    return out


def _series_factor(changes: Sequence[float]) -> float:
    """Return what the last change is multiplied by to bound all that would follow it.

    The changes from rung to rung halve or better, but they fluctuate: one that is small by accident
    is taken for what the two before it let expect.
    """
    expected = max(change / 2**age for age, change in enumerate(reversed(changes[-3:])))
    return SAFETY * min(expected / changes[-1], MOST) if changes[-1] > 0 else SAFETY


def _dt_share(low: float, pair: Refinement) -> float:
    """Return the part of a residual that a shorter Trotter step removes."""
    ratio = residual(pair.finer).low / max(residual(pair.coarser).low, 1e-300)
    return max(0.0, low * (1 - ratio))


def _awaited(ladder: Ladder, meeting: Meeting) -> Meeting:
    """Follow two states that meet slowly, until they have or the time is over."""
    first, second = meeting.first, meeting.second
    if second is None:
        return meeting
    waited = ladder.relax_both(first, second, first.chi, first.dt, patient=True)
    return replace(waited, met=waited.agrees(ladder.tol))


def two_rungs(ladder: Ladder, start: Approximation) -> Summit:
    """Return the state on the second rung, compared with the first: all that is worth computing.

    For models whose steady state depends on the start; what is slow is not waited for.
    """
    ladder = replace(ladder, longest=min(ladder.t_max, SHORT * ladder.time_unit))
    meeting = _first_rung(ladder, start, None)
    below = meeting.first
    top = ladder.relax(below, chi_rungs(ladder.chi_max)[1], below.dt) if below.finite else below
    return Summit(top, [Refinement("chi", top, below, SAFETY)], Meeting(top))


def _first_rung(ladder: Ladder, start: Approximation, other: Approximation | None) -> Meeting:
    """Relax at the lowest bond dimension; a cut-off with which that runs away is raised."""
    dt = FIRST_DT * ladder.time_unit * max(1.0, (ladder.tol / 5e-4) ** (1 / ORDER))
    dt /= math.sqrt(max(1.0, start.k_max / LOW_RANK))
    target, chi = max(ladder.tol / 10, 1e-3), chi_rungs(ladder.chi_max)[0]
    while True:
        if other is None:
            meeting = Meeting(ladder.relax(start, chi, dt, target))
        else:
            meeting = ladder.relax_both(start, other, chi, dt, target)
            meeting = replace(meeting, met=meeting.agrees(ladder.tol) or None)
        k_max = min(start.k_max + K_STEP, ladder.full_rank, RANK_LIMIT)
        if meeting.first.finite or ladder.k_max is not None or k_max <= start.k_max:
            return meeting
        start = adapted(start, ladder.generator, k_max, start.weight)
