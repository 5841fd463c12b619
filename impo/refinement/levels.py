"""The way to a steady state with an error bar: relax, then vary every setting in turn.

An approximation is relaxed at a small bond dimension and carried up through larger ones, level by
level. Near the top the Trotter step and the multipole cut-off are varied as well. The changes over
these last levels are the error bars. What is done next is decided in `decide`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from impo.refinement.approximation import Approximation, Refinement, adapted, difference
from impo.refinement.budget import ErrorBudget
from impo.refinement.decide import Decision, Limits, decide, setting_share
from impo.refinement.drift import stationarity
from impo.refinement.monitor import too_slow
from impo.refinement.relaxation import LOW_RANK, RANK_LIMIT, Relaxation
from impo.refinement.resume import States
from impo.refinement.starts import Meeting
from impo.refinement.verdict import residual
from impo.tensor.trotter import ORDER

FIRST_CHI = 12
GROWTH = 1.4
FIRST_DT = 2.0  # in units of `time_unit` up to LOW_RANK; the error is about 1e-4
DT_GROWTH = 1.5
K_STEP = 2
SAFETY = 1.5
MOST = 10.0
SHORT = 200.0  # evolution time where no answer is expected, in units of `time_unit`
APART = 1.9  # ratio of the bond dimensions at which the other settings are varied


def chi_levels(chi_max: int) -> list[int]:
    """Return the bond dimensions of all levels: chi_max, and down from it in equal ratios."""
    levels = [chi_max]
    while levels[-1] >= GROWTH * FIRST_CHI or len(levels) < 2:
        levels.append(max(1, min(round(levels[-1] / GROWTH), levels[-1] - 1)))
    return levels[::-1]


@dataclass(frozen=True)
class Refined:
    """Where a refinement ended: its result, what bounds the errors, and both starts.

    `stationarity` is the bound that was found for the result (see `drift`); None if none was.
    """

    approximation: Approximation
    refinements: list[Refinement]
    meeting: Meeting
    stationarity: float | None = None


@dataclass(frozen=True)
class Level:
    """What is known at one bond dimension.

    Attributes
    ----------
    top
        The state there.
    lower
        States with the same settings at smaller bond dimensions; `top` was relaxed from the last.
    meeting
        The two starts.
    changes
        What every level so far changed.
    pairs
        What bounds the errors, as far as it is measured.
    budget, limits
        The errors; what is asked for and what is within reach.
    higher_ranks
        Lower states with more ranks, once they are computed.
    """

    top: Approximation
    lower: States
    meeting: Meeting
    changes: tuple[float, ...]
    pairs: tuple[Refinement, ...]
    budget: ErrorBudget
    limits: Limits
    higher_ranks: States = ()


def refine(
    relaxation: Relaxation, start: Approximation, other: Approximation | None = None,
    settle: bool = False,
) -> Refined:  # fmt: skip
    """Go from a start to the steady state, with the refinements that bound its errors.

    The result is compared with the level below (bond dimension). What a shorter Trotter step and
    higher ranks change hardly depends on the bond dimension, so it is measured on a lower level,
    and again just below the top if it matters there. A setting that matters too much is refined
    and the level repeated; ranks are also raised while the state on top is not positive.

    Parameters
    ----------
    relaxation
        The equation and the accuracy asked for.
    start
        Where the evolution starts.
    other
        A second start, which is evolved beside the first until both are in the same state. If they
        stay apart though the bond dimension grows, there is no answer.
    settle
        Whether to go on from the first start alone if the two stay apart.
    """
    meeting = _first_level(relaxation, start, other)
    limits = Limits(relaxation.tol, relaxation.t_max, settle)
    level = _level(relaxation, (meeting.first,), meeting, (), limits)
    while (decision := decide(level.budget, level.limits)) in _STEPS:
        level = _STEPS[decision](relaxation, level)
    top, meeting = level.top, level.meeting
    if decision is Decision.STAY_APART:
        distance, rate = np.nan_to_num(meeting.distance, nan=np.inf), meeting.present_rate
        top = replace(top, slowest_rate=rate, remaining=max(top.remaining, float(distance)))
    elif level.budget.met is None:  # what is still open at the end of the time has not met
        meeting = replace(meeting, met=False)
    measured = level.budget.residual if "dt" in level.budget.settings else None
    return Refined(top, list(level.pairs), meeting, measured)


def _level(
    relaxation: Relaxation, lower: States, before: Meeting, changes: tuple[float, ...],
    limits: Limits,
) -> Level:  # fmt: skip
    """Relax at the bond dimension above that of the last lower state; measure what it changes."""
    tol, below = relaxation.tol, lower[-1]
    top, meeting, chi = _larger(relaxation, below, before)
    limits = replace(
        limits, last_chi=chi == relaxation.chi_max, ranks_cut=below.k_max < relaxation.full_rank,
        rank_rises=relaxation.k_max is None and _next_rank(relaxation, below.k_max) is not None,
    )  # fmt: skip
    if top.diverged:
        pair = Refinement("chi", top, below, SAFETY)
        budget = ErrorBudget(top.remaining, {"chi": pair.error}, diverged=True)
        return Level(top, lower, meeting, changes, (pair,), budget, limits)
    change = difference(top, below)
    whole = top.untruncated and below.untruncated
    if whole:  # nothing is truncated: what moved was not relaxed
        top = replace(top, remaining=max(top.remaining, change))
    changes = (*changes, 0.0 if whole else change)
    pair = Refinement("chi", top, below, 0.0 if whole else _series_factor(changes))
    met: bool | None = True
    if meeting is not before and meeting.second is not None:
        meeting = meeting.judged(before, SAFETY * changes[-1], tol, limits.last_chi)
        met = meeting.met
    budget = ErrorBudget(
        top.remaining, {"chi": pair.error}, unrelaxed=change if whole else 0.0,
        late=_late(relaxation, top), met=met,
        meeting_time=meeting.time_needed(tol) if met is False else math.inf,
    )  # fmt: skip
    return Level(top, lower, meeting, changes, (pair,), budget, limits)


def _larger(
    relaxation: Relaxation, below: Approximation, before: Meeting
) -> tuple[Approximation, Meeting, int]:
    """Relax at the next bond dimension, and name it; at a larger one if that evolution diverges.

    Two starts of which it is open whether they meet are relaxed side by side.
    """
    meeting, larger = before, [x for x in chi_levels(relaxation.chi_max) if x > below.chi]
    for chi in larger or [relaxation.chi_max]:
        if before.second is not None and before.met is None:
            meeting = relaxation.relax_both((below, before.second), chi, below.dt)
            top = meeting.first
        else:
            top = relaxation.relax(below, chi, below.dt)
        if not (top.diverged and top.ranks_alike):
            break
    return top, meeting, chi


def _late(relaxation: Relaxation, top: Approximation) -> bool:
    left = relaxation.t_max - top.time
    if not math.isfinite(top.remaining):  # how far it is still to go says nothing of the time
        return left <= 0
    return too_slow(top.known_rate, top.remaining, relaxation.tol, left)


def _from(relaxation: Relaxation, level: Level, lower: States) -> Level:
    """Return the level above other lower states."""
    return _level(relaxation, lower, level.meeting, level.changes, level.limits)


def _go_on_alone(relaxation: Relaxation, level: Level) -> Level:
    """Repeat a level from the first start, which knows how slow it may be."""
    rate = level.meeting.present_rate or None
    return _from(relaxation, level, (replace(level.lower[-1], slowest_rate=rate),))


def _shorten_step(relaxation: Relaxation, level: Level) -> Level:
    below, pair, error = level.lower[-1], level.pairs[-1], level.budget.step_error
    share = setting_share(level.budget, level.limits)
    shrink = min(max((share / 2 / error) ** (1 / ORDER), 0.4), 1 / DT_GROWTH)
    if shrink == 1 / DT_GROWTH and pair.coarser is below:
        shorter = pair.finer
    else:
        shorter = relaxation.relax(below, below.chi, below.dt * shrink, _target(relaxation))
    level = replace(level, limits=replace(level.limits, step_error=error))
    return _from(relaxation, level, (shorter,))


def _target(relaxation: Relaxation) -> float | None:
    """Return how far a state of a new step may be from its limit.

    On a finite chain that is less than on a level that only must be better than the one before:
    what still moves slowly would count as an error by bond dimension and step in all that follow.
    """
    return None if relaxation.generator.infinite else relaxation.tol / 10


def _wait(relaxation: Relaxation, level: Level) -> Level:
    """Follow two states that meet slowly, until they have or the time is over."""
    first, second = level.meeting.first, level.meeting.second
    assert second is not None  # one that is alone has nothing to wait for
    waited = relaxation.relax_both((first, second), first.chi, first.dt, patient=True)
    met, top = waited.agrees(relaxation.tol), waited.first
    budget = replace(
        level.budget, time=top.remaining, late=_late(relaxation, top), met=met,
        meeting_time=math.inf,
    )  # fmt: skip
    return replace(level, top=top, meeting=replace(waited, met=met), budget=budget)


def _vary_rank(relaxation: Relaxation, level: Level) -> Level:
    """Measure the error by the multipole cut-off."""
    pairs = _until_small(relaxation, level, _rank_pair)
    errors = {**level.budget.settings, "k_max": pairs[-1].error}
    higher = tuple(pair.finer for pair in pairs)
    budget = replace(level.budget, settings=errors)
    return replace(level, pairs=(*level.pairs, pairs[-1]), budget=budget, higher_ranks=higher)


def _vary_step(relaxation: Relaxation, level: Level) -> Level:
    """Measure the error by the Trotter step, what is not stationary, and the lowest eigenvalue."""
    pair = _until_small(relaxation, level, _step_pair)[-1]
    share = setting_share(level.budget, level.limits)
    found = stationarity(relaxation, level.top, GROWTH, share)
    ratio = residual(pair.finer).value / max(residual(pair.coarser).value, 1e-300)
    # on a finite chain it is a bound on all errors, which may be as large as the tolerance
    part = 1.0 if relaxation.generator.infinite else share / relaxation.tol
    budget = replace(
        level.budget, settings={**level.budget.settings, "dt": pair.error}, residual=found,
        step_residual=max(0.0, part * found * (1 - ratio)),
        lowest_eigenvalue=level.top.smallest_eigenvalue,
    )  # fmt: skip
    return replace(level, pairs=(*level.pairs, pair), budget=budget)


_STEPS: Mapping[Decision, Callable[[Relaxation, Level], Level]] = {
    Decision.WAIT: _wait,
    Decision.GO_ON_ALONE: _go_on_alone,
    Decision.RAISE_CHI: lambda relaxation, level: _from(
        relaxation, level, (*level.lower, level.top)
    ),
    Decision.VARY_RANK: _vary_rank,
    Decision.RAISE_RANK: lambda relaxation, level: _from(relaxation, level, level.higher_ranks),
    Decision.VARY_STEP: _vary_step,
    Decision.SHORTEN_STEP: _shorten_step,
}


def _until_small(
    relaxation: Relaxation, level: Level, pair_of: Callable[[Relaxation, Approximation], Refinement]
) -> list[Refinement]:
    """Vary a setting on a lower level, and just below the top if it matters too much there."""
    below, share = level.lower[-1], setting_share(level.budget, level.limits)
    far = [approx for approx in level.lower if APART * approx.chi <= below.chi][-1:]
    pairs: list[Refinement] = []
    for approx in (*far, below):
        pairs.append(pair_of(relaxation, approx))
        if pairs[-1].error <= share:
            break
    return pairs


def _next_rank(relaxation: Relaxation, k_max: int) -> int | None:
    """Return the rank to which a cut-off is raised; None if it is out of reach."""
    higher = min(k_max + K_STEP, relaxation.full_rank)
    return higher if k_max < higher <= RANK_LIMIT else None


def compared_rank(relaxation: Relaxation, k_max: int) -> int:
    """Return a higher rank to compare with, beyond the limit a lower one."""
    return _next_rank(relaxation, k_max) or max(1, k_max - K_STEP)


def _rank_pair(relaxation: Relaxation, approx: Approximation) -> Refinement:
    """Compare with another rank."""
    k_max = compared_rank(relaxation, approx.k_max)
    start = adapted(approx, relaxation.generator, k_max, approx.weight)
    other = relaxation.relax(start, approx.chi, approx.dt)
    finer, coarser = (other, approx) if k_max > approx.k_max else (approx, other)
    return Refinement("k_max", finer, coarser, 1.5)


def _step_pair(relaxation: Relaxation, approx: Approximation) -> Refinement:
    """Compare with a shorter Trotter step."""
    finer = relaxation.relax(approx, approx.chi, approx.dt / DT_GROWTH)
    # where nothing else is in the error, the next order of the step counts
    safety = 1.0 if relaxation.generator.infinite else SAFETY
    return Refinement("dt", finer, approx, safety / (1 - DT_GROWTH**-ORDER))


def _series_factor(changes: Sequence[float]) -> float:
    """Return what the last change is multiplied by to bound all that would follow it.

    The changes from level to level halve or better, but they fluctuate: one that is small by
    accident is taken for what the two before it let expect.
    """
    expected = max(change / 2**age for age, change in enumerate(reversed(changes[-3:])))
    return SAFETY * min(expected / changes[-1], MOST) if changes[-1] > 0 else SAFETY


def two_levels(relaxation: Relaxation, start: Approximation) -> Refined:
    """Return the state on the second level, compared with the first: all that is worth computing.

    For models whose steady state depends on the start; what is slow is not waited for.
    """
    longest = min(relaxation.t_max, SHORT * relaxation.time_unit)
    relaxation = replace(relaxation, longest=longest)
    below = top = _first_level(relaxation, start, None).first
    if not below.diverged:
        top = relaxation.relax(below, chi_levels(relaxation.chi_max)[1], below.dt)
    return Refined(top, [Refinement("chi", top, below, SAFETY)], Meeting(top))


def _first_level(
    relaxation: Relaxation, start: Approximation, other: Approximation | None
) -> Meeting:
    """Relax at the lowest bond dimension; what an evolution diverges for is raised.

    That is the cut-off; where all ranks are kept and weigh the same, it is the bond dimension.
    """
    tol = relaxation.tol
    dt = FIRST_DT * relaxation.time_unit * max(1.0, (min(tol, 1.0) / 5e-4) ** (1 / ORDER))
    dt /= math.sqrt(max(1.0, start.k_max / LOW_RANK))
    target, (chi, *larger) = max(tol / 10, 1e-3), chi_levels(relaxation.chi_max)[:-1]
    while True:
        if other is None:
            meeting = Meeting(relaxation.relax(start, chi, dt, target))
        else:
            meeting = relaxation.relax_both((start, other), chi, dt, target)
            meeting = replace(meeting, met=meeting.agrees(tol) or None)
        k_max = min(start.k_max + K_STEP, relaxation.full_rank, RANK_LIMIT)
        if not meeting.first.diverged:
            return meeting
        if relaxation.k_max is None and k_max > start.k_max:
            start = adapted(start, relaxation.generator, k_max, start.weight)
        elif larger and start.ranks_alike:
            chi = larger.pop(0)
        else:
            return meeting
