"""The way to a steady state with an error bar: relax, then vary every setting in turn.

A picture is relaxed at a small bond dimension and carried up a ladder of larger ones. Near the top
the Trotter step and the multipole cut-off are varied as well. The changes over these last rungs are
the error bars.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from impo.liouvillian import Generator
from impo.tensor.certificate import relative_residual, residual, unphysical
from impo.tensor.chain import Truncation
from impo.tensor.evolution import ORDER, Step, evolve, trotter_step
from impo.tensor.gates import Bond, bond_liouvillians
from impo.tensor.journal import Journal, Relaxing
from impo.tensor.picture import Check, Picture, adapted, difference
from impo.tensor.starts import (
    GOAL,
    RECENT,
    Meeting,
    approach_rate,
    distances,
    hopeless,
    levelling,
    present_rate,
)

FIRST_CHI = 12
GROWTH = 1.4
DT_GROWTH = 1.5
FIRST_DT = 2.0  # in units of `time_unit` up to LOW_RANK; the error is about 1e-4
LOW_RANK = 4  # above it gates are most of the work, and the first step is shorter
SINGLE_TOL = 1e-3  # from here on gates above LOW_RANK are in single precision
K_STEP = 2
RANK_LIMIT = 12  # a step beyond this rank takes seconds, and several gigabytes at S = 16
LOOK = 5.0  # time between two looks at the observables, in units of `time_unit`
CHI_SHARE = 0.7  # of the tolerance; the other settings are looked at once chi fits into it
SAFETY = 1.5
MOST = 10.0
APART = 1.9  # ratio of the bond dimensions at which the other settings are varied
WINDOW = 12  # looks (and 24, 48, ...) in which fluctuations are told from relaxation
FLOOR = 0.01  # least decay from look to look that an extrapolation assumes if no rate is known
LONGEST = 1e4  # evolution time unless one is given, in units of `time_unit`


@dataclass
class Ladder:
    """What all rungs share: the equation, the accuracy asked for, and a record of the way.

    Attributes
    ----------
    generator
        The master equation on a tile.
    chi_max, k_max, tol
        As in `ITEBD`; `k_max` None lets the ladder choose.
    longest
        As `ITEBD.t_max`; None lets the ladder choose.
    journal
        Record of all relaxations and of the history, from which an interrupted climb goes on.
    """

    generator: Generator
    chi_max: int
    k_max: int | None
    tol: float
    longest: float | None = None
    journal: Journal = field(default_factory=Journal)
    _bonds: dict[tuple[int, float], list[Bond]] = field(default_factory=dict)
    _steps: dict[tuple[int, float, float], Step] = field(default_factory=dict)

    @cached_property
    def time_unit(self) -> float:
        """Time in which low multipoles change by order one.

        It is the inverse of the fastest rate, the largest singular value of a bond Liouvillian
        between operators with k <= 1.
        """
        bonds = bond_liouvillians(self.generator, self.generator.bases(1), 0.0)
        blocks = [block.toarray() for bond in bonds for block in bond.blocks.values()]
        rates = [np.linalg.norm(block, ord=2) for block in blocks]
        fastest = float(max(rates))
        return 1.0 / fastest if fastest > 0 else 1.0

    @property
    def t_max(self) -> float:
        """Largest evolution time."""
        return LONGEST * self.time_unit if self.longest is None else self.longest

    @property
    def full_rank(self) -> int:
        """Largest rank that any site has."""
        return max(site.dimension for site in self.generator.sites) - 1

    def step(self, k_max: int, weight: float, dt: float) -> Step:
        """Return the gates of a Trotter step; they are made once."""
        dt = float(f"{dt:.12g}")  # equal steps share their gates
        key = (k_max, weight, dt)
        if key not in self._steps:
            if (k_max, weight) not in self._bonds:
                bases, mirror = self.generator.bases(k_max), self.generator.mirror
                made = bond_liouvillians(self.generator, bases, weight, mirror=mirror)
                self._bonds[k_max, weight] = made
            single = self.tol >= SINGLE_TOL and k_max > LOW_RANK
            self._steps[key] = trotter_step(self._bonds[k_max, weight], dt, single)
        return self._steps[key]

    def relax(self, start: Picture, chi: int, dt: float, target: float | None = None) -> Picture:
        """Evolve until the observables are within `target` of where they are heading.

        Without a target it is a tenth of the change since the start: a rung need not be better
        than its difference from the one before.
        """
        return self._relaxed((start,), chi, dt, target)[0]

    def relax_both(
        self, first: Picture, second: Picture, chi: int, dt: float, target: float | None = None
    ) -> Meeting:
        """Relax the first of two starts, and go on until they meet or will not in the time left."""
        if second.k_max != first.k_max:
            second = adapted(second, self.generator, first.k_max, first.weight)
        one, two = self._relaxed((first, second), chi, dt, target)
        if one.finite and not two.finite:
            return Meeting(self.relax(first, chi, dt, target))
        return Meeting(one, two)

    def _relaxed(
        self, starts: tuple[Picture, ...], chi: int, dt: float, target: float | None
    ) -> tuple[Picture, ...]:
        finished, begun = self.journal.recall()
        if finished is not None:
            return finished
        step = self.step(starts[0].k_max, starts[0].weight, dt)
        run = begun or Relaxing(starts, [np.array([start.monitor for start in starts])], 0)
        now, seen, quiet = run
        count = max(1, round(LOOK * self.time_unit / dt))
        interval = count * dt
        # the distance of two starts tells of slow modes; the first alone must not wait for them
        floor = FLOOR if len(starts) > 1 else _least_decay(starts[0].slowest_rate, interval)
        while True:
            now = tuple(_advanced(picture, step, count, chi) for picture in now)
            if not all(picture.finite for picture in now):
                return self.journal.finish(tuple(replace(p, remaining=math.inf) for p in now))
            seen.append(np.array([picture.monitor for picture in now]))
            first = now[0]
            remaining, noise = _distance([both[0] for both in seen], floor)
            change = difference(first, starts[0])
            wanted = max(self.tol / 10, 0.1 * change) if target is None else target
            quiet = quiet + 1 if remaining <= wanted else 0
            self._record(first, chi, remaining)
            left = self.t_max - first.time
            done = quiet >= 2 or noise
            if len(now) > 1:
                apart, goal = distances(seen), GOAL * self.tol
                cut = any(not picture.complete for picture in now)
                done = done and (apart[-1] <= goal or (cut and levelling(apart)))
                done = done or hopeless(apart, interval, goal, left)
            elif not done and len(seen) > RECENT:
                done = self.too_slow(first, remaining, wanted)
            if done or left <= 0:
                first, *rest = self._with_rates(now, seen, interval)
                floor = _least_decay(first.slowest_rate, interval)
                left, _ = _distance([both[0] for both in seen], floor)
                return self.journal.finish((replace(first, remaining=left), *rest))
            self.journal.pause(Relaxing(now, seen, quiet))

    def too_slow(self, picture: Picture, remaining: float, wanted: float) -> bool:
        """Return whether the time left is too short for the slowest mode seen to decay."""
        left = self.t_max - picture.time
        if left <= 0:
            return True
        rate = math.inf if picture.slowest_rate is None else picture.slowest_rate
        return remaining > wanted * math.exp(min(left * rate, 500.0))

    def _with_rates(
        self, pictures: tuple[Picture, ...], seen: list[NDArray], interval: float
    ) -> tuple[Picture, ...]:
        """Note the slowest rate: of two starts that of their distance, of one that of itself."""
        both = np.asarray(seen)
        apart = distances(
            both if len(pictures) > 1 else np.stack([both, both * 0 + both[-1]], 1)[:, :, 0]
        )
        fastest = 1 / self.time_unit
        first, *second = pictures
        if first.slowest_rate is None:
            rate = approach_rate(apart, interval)
            first = replace(first, slowest_rate=min(rate, fastest))
        present = min(present_rate(apart, interval), fastest)
        return (first, *(replace(picture, slowest_rate=present) for picture in second))

    def _record(self, picture: Picture, chi: int, remaining: float) -> None:
        self.journal.record({
            "time": picture.time, "chi": chi, "k_max": picture.k_max, "dt": picture.dt,
            "remaining": remaining, "discarded_weight": picture.discarded,
        })  # fmt: skip

    def raised(self, picture: Picture) -> Picture | None:
        """Return a relaxed picture with higher ranks, or None if there are none within reach."""
        k_max = min(picture.k_max + K_STEP, self.full_rank)
        return self._with_rank(picture, k_max) if picture.k_max < k_max <= RANK_LIMIT else None

    def _with_rank(self, picture: Picture, k_max: int) -> Picture:
        start = adapted(picture, self.generator, k_max, picture.weight)
        return self.relax(start, picture.chi, picture.dt)

    def rank_check(self, picture: Picture) -> Check | None:
        """Compare with higher ranks, beyond the limit with lower ones; None if all are kept."""
        if picture.k_max >= self.full_rank:
            return None
        higher = self.raised(picture)
        if higher is not None:
            return Check("k_max", higher, picture, 1.5)
        lower = self._with_rank(picture, max(1, picture.k_max - K_STEP))
        return Check("k_max", picture, lower, 1.5)

    def dt_check(self, picture: Picture) -> Check:
        """Compare with a shorter Trotter step."""
        finer = self.relax(picture, picture.chi, picture.dt / DT_GROWTH)
        return Check("dt", finer, picture, 1 / (1 - DT_GROWTH**-ORDER))


def first_rank(full: int) -> int:
    """Return the multipole cut-off to begin with: all ranks if few, else about 1.75 sqrt(2S)."""
    return full if full <= 4 else min(round(1.75 * math.sqrt(full)), RANK_LIMIT)


def chi_rungs(chi_max: int) -> list[int]:
    """Return the bond dimensions of the ladder: chi_max, and down from it in equal ratios."""
    rungs = [chi_max]
    while rungs[-1] >= GROWTH * FIRST_CHI or len(rungs) < 2:
        rungs.append(max(1, min(round(rungs[-1] / GROWTH), rungs[-1] - 1)))
    return rungs[::-1]


def _advanced(picture: Picture, step: Step, count: int, chi: int) -> Picture:
    """Return a picture some Trotter steps later."""
    chain = picture.chain.copy()
    discarded = evolve(chain, step, count, Truncation(chi))
    time = picture.time + count * step.dt
    return replace(picture, chain=chain, chi=chi, dt=step.dt, time=time, discarded=discarded)


def _least_decay(rate: float | None, interval: float) -> float:
    """Return by how much a distance falls at least from look to look.

    If the slowest rate is known, a motion that is slower than `FLOOR` may be that of its mode.
    """
    return FLOOR if rate is None else min(FLOOR, -math.expm1(-rate * interval))


def _distance(seen: Sequence[NDArray], floor: float = FLOOR) -> tuple[float, bool]:
    """Return how far the observables still are from their limit, and whether they only fluctuate.

    The distance is that of a geometric series with the ratio of the last two changes, but with a
    decay of at least `floor`. Observables that go back and forth, so that they get nowhere on a
    long way, are as good as the truncation lets them be; the distance is then the range of the
    fluctuations.
    """
    changes = [float(np.max(np.abs(b - a))) for a, b in pairwise(seen)]
    if len(changes) < 2:
        return math.inf, False
    window = WINDOW
    while window <= len(changes):
        net = float(np.max(np.abs(seen[-1] - seen[-1 - window])))
        if net < 0.25 * sum(changes[-window:]):
            return float(np.max(np.ptp(seen[-window:], axis=0))), True
        window *= 2
    if changes[-1] == 0:
        return 0.0, False
    earlier = changes[-3:-1]
    ratio = (changes[-1] / earlier[0]) ** (1 / len(earlier)) if earlier[0] > 0 else 1.0
    decay = max(1 - ratio, floor)
    return changes[-1] * max(1.0, 1 / decay - 1) if decay > 0 else math.inf, False


@dataclass(frozen=True)
class Summit:
    """Where a climb ended: the picture on top, checks that bound its errors, and both starts."""

    top: Picture
    checks: list[Check]
    meeting: Meeting


def climb(
    ladder: Ladder, start: Picture, other: Picture | None = None, settle: bool = False
) -> Summit:
    """Climb from a start to the steady state, with the checks that bound its errors.

    The picture on top is compared with the rung below (bond dimension). What a shorter Trotter step
    and higher ranks change hardly depends on the bond dimension, so it is found out on a lower
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
            return Summit(top, [Check("chi", top, below, SAFETY)], meeting)
        change = difference(top, below)
        whole = top.complete and below.complete
        if whole:  # nothing is truncated: what moved was not relaxed
            top = replace(top, remaining=max(top.remaining, change))
        changes.append(0.0 if whole else change)
        chi_check = Check("chi", top, below, 0.0 if whole else _series_factor(changes))
        if other is not None:
            error = SAFETY * changes[-1]
            meeting = meeting.judged(before, error, tol, last=chi == ladder.chi_max)
            if meeting.met is False and not settle:
                return Summit(top, [chi_check], meeting)
            if meeting.met is False:
                top = replace(top, slowest_rate=meeting.present_rate)
        low = relative_residual(top, residual(top).low)
        moving = whole and change > CHI_SHARE * tol
        late = ladder.too_slow(top, top.remaining, tol)
        highest = late or (chi == ladder.chi_max and not moving)
        share = (max(tol, chi_check.error) if highest else tol) / 4  # of the other settings
        if not highest and (moving or chi_check.error > CHI_SHARE * tol):
            below = top
            lower.append(below)
            continue
        checks = [chi_check]
        places = [*[p for p in lower if APART * p.chi <= below.chi][-1:], below]
        rank_checks = _until_small(share, places, ladder.rank_check)
        risen = None  # where the climb goes on if higher ranks are needed
        if rank_checks:
            checks.append(rank_checks[-1])
            if ladder.k_max is None and not late and rank_checks[-1].finer.k_max > below.k_max:
                risen = [check.finer for check in rank_checks]
        if risen and rank_checks[-1].error > share:
            lower, below = risen, risen[-1]
            continue
        dt_check = _until_small(share, places, ladder.dt_check)[-1]
        checks.append(dt_check)
        dt_error = max(dt_check.error, _dt_share(low, dt_check))
        if not late and share < dt_error < 0.9 * last_dt_error:
            last_dt_error = dt_error
            shrink = min(max((share / 2 / dt_error) ** (1 / ORDER), 0.4), 1 / DT_GROWTH)
            known = shrink == 1 / DT_GROWTH and dt_check.coarser is below
            below = dt_check.finer if known else ladder.relax(below, below.chi, below.dt * shrink)
            lower = [below]
            continue
        total = sum(check.error for check in checks) + top.remaining
        done = highest or (total <= tol and low <= tol)
        wrong = done and top.finite and unphysical(top, total)
        if wrong and risen:
            lower, below = risen, risen[-1]
            continue
        cut = bool(rank_checks) and not risen  # for good: a larger bond dimension does not help
        if (done and (highest or not wrong or cut)) or (cut and rank_checks[-1].error > tol):
            return Summit(top, checks, meeting)
        below = top
        lower.append(below)


def _until_small(
    share: float, places: Sequence[Picture], check: Callable[[Picture], Check | None]
) -> list[Check]:
    """Return the checks of the pictures up to the first that is small; none if nothing is cut."""
    out: list[Check] = []
    for picture in places:
        found = check(picture)
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


def _dt_share(low: float, check: Check) -> float:
    """Return the part of a residual that a shorter Trotter step removes."""
    ratio = residual(check.finer).low / max(residual(check.coarser).low, 1e-300)
    return max(0.0, low * (1 - ratio))


def two_rungs(ladder: Ladder, start: Picture) -> Summit:
    """Return the state on the second rung, compared with the first: all that is worth computing.

    For models whose steady state depends on the start.
    """
    meeting = _first_rung(ladder, start, None)
    below = meeting.first
    top = ladder.relax(below, chi_rungs(ladder.chi_max)[1], below.dt) if below.finite else below
    return Summit(top, [Check("chi", top, below, SAFETY)], Meeting(top))


def _first_rung(ladder: Ladder, start: Picture, other: Picture | None) -> Meeting:
    """Relax at the lowest bond dimension; a cut-off with which that runs away is raised."""
    dt = FIRST_DT * ladder.time_unit * max(1.0, (ladder.tol / 5e-4) ** (1 / ORDER))
    dt /= math.sqrt(max(1.0, start.k_max / LOW_RANK))
    target, chi = max(ladder.tol / 10, 1e-3), chi_rungs(ladder.chi_max)[0]
    while True:
        if other is None:
            meeting = Meeting(ladder.relax(start, chi, dt, target))
        else:
            meeting = ladder.relax_both(start, other, chi, dt, target)
            if meeting.second is not None and meeting.distance <= GOAL * ladder.tol:
                meeting = replace(meeting, met=True)
        k_max = min(start.k_max + K_STEP, ladder.full_rank, RANK_LIMIT)
        if meeting.first.finite or ladder.k_max is not None or k_max <= start.k_max:
            return meeting
        start = adapted(start, ladder.generator, k_max, start.weight)
