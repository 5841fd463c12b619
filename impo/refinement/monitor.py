"""When a relaxation may end, judged by how the observables were seen to move.

Nothing is evolved here: all functions take what was seen at equal intervals of time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from impo.arrays import Array
from impo.refinement.record import distance_from_record

WINDOW = 12  # looks (and 24, 48, ...) in which fluctuations are told from relaxation
FLOOR = 0.01  # least decay from look to look that an extrapolation assumes if no rate is known
RECENT = 4  # looks over which the present rate is taken
FIRST_JUDGED = 12  # looks before a distance that does not fall is believed
PATIENCE = 1.0  # time for which truncated states are waited for, over the time spent so far
LEVELLED = 3.0  # ratio to the last distance down to which the decay is taken as a decay
OSCILLATES = 1.1  # ratio of largest to least distance of one that is not level
SHRINKS = 0.8  # ratio of the ranges of a motion below which it is taken as a decay
RISEN = 10.0  # ratio to the least distance from which on the last one is no end of a decay


@dataclass
class ConvergenceMonitor:
    """Follows the observables of one start, or of two at equal times.

    Attributes
    ----------
    seen
        Their values at the start and at every look; # start observable.
    interval
        Time between two looks.
    goal
        Distance at which two starts have met.
    rate
        Slowest rate at which a single start is known to decay; None if it is not known.
    patient
        Whether two truncated states are waited for as long as untruncated ones.
    quiet
        Number of looks, up to the last, at which the first start was close enough to its limit.
    patient_with_modes
        Whether a motion back and forth that shrinks is waited for: on a finite chain it is a slow
        mode that oscillates.
    remaining, fluctuates
        Distance of the first start from its limit, and whether it only fluctuates.
    """

    seen: list[Array]
    interval: float
    goal: float = 0.0
    rate: float | None = None
    patient: bool = False
    quiet: int = 0
    patient_with_modes: bool = False
    remaining: float = field(default=math.inf, init=False)
    fluctuates: bool = field(default=False, init=False)

    @property
    def apart(self) -> Array:
        """Distance of the two starts at every look; of one start, from where it is now."""
        both = np.asarray(self.seen)
        other = both[:, 1] if both.shape[1] > 1 else both[-1:, 0]
        return np.asarray(np.abs(both[:, 0] - other).max(axis=1))

    def look(self, values: Array, wanted: float, least: float = 0.0) -> None:
        """Add the observables at a new time; # start observable.

        `least` is what must be left of the distance that the first start began with.
        """
        self.seen.append(values)
        # the distance of two starts tells of slow modes; the first alone must not wait for them
        distance, self.fluctuates = self.distance(self.rate if len(values) == 1 else None)
        self.remaining = max(distance, least)
        self.quiet = self.quiet + 1 if self.remaining <= wanted else 0

    def ended(self, wanted: float, left: float, truncated: bool) -> bool:
        """Return whether to go on is of no use.

        Parameters
        ----------
        wanted
            Distance from its limit at which the first start is close enough.
        left
            Evolution time that is left.
        truncated
            Whether a state is truncated: that may keep two starts apart, so that they are given up
            once they need longer than they have been followed.
        """
        if left <= 0:
            return True
        settled = self.quiet >= 2 or self.fluctuates
        if len(self.seen[-1]) == 1:
            slow = len(self.seen) > RECENT and too_slow(self.rate, self.remaining, wanted, left)
            return settled or slow
        apart, interval, wait = self.apart, self.interval, left
        if truncated and not self.patient:
            wait = min(left, PATIENCE * len(self.seen) * interval)
        settled &= bool(apart[-1] <= self.goal) or hopeless(apart, interval, self.goal, wait)
        return settled or hopeless(apart, interval, self.goal, left)

    @property
    def settled(self) -> bool:
        """Whether the first start seems close to its limit, and a second one to the first."""
        met = len(self.seen[-1]) == 1 or bool(self.apart[-1] <= self.goal)
        return self.quiet >= 2 and met

    def distance(self, rate: float | None) -> tuple[float, bool]:
        """Return `remaining` and `fluctuates`, given the slowest rate of the first start."""
        first = [values[0] for values in self.seen]
        return distance_to_limit(
            first, least_decay(rate, self.interval), SHRINKS if self.patient_with_modes else 0.0
        )

    def final_distance(self, rate: float, moving: float, least: float) -> float:
        """Return `remaining` in the end, by all that was seen if that is enough.

        `moving` is the change from which on the observables count as moving; `rate` and `least` as
        in `distance` and `look`.
        """
        distance, fluctuates = self.distance(rate)
        if not fluctuates:
            first = [values[0] for values in self.seen]
            known = distance_from_record(first, self.interval, rate, moving)
            if known is not None:
                return known
        return max(distance, least)


def distance_to_limit(
    seen: Sequence[Array], floor: float = FLOOR, shrinks: float = 0.0
) -> tuple[float, bool]:
    """Return how far the observables still are from their limit, and whether they only fluctuate.

    The distance is that of a geometric series with the ratio of the last two changes, but with a
    decay of at least `floor`. Observables that go back and forth, so that they get nowhere on a
    long way, are as good as the truncation lets them be; the distance is then the range of the
    fluctuations. If their range falls below `shrinks` times that of the time before, it is no
    fluctuation but a mode that decays.
    """
    changes = [float(np.max(np.abs(b - a))) for a, b in pairwise(seen)]
    if len(changes) < 2:
        return math.inf, False
    window = WINDOW
    while window <= len(changes):
        net = float(np.max(np.abs(seen[-1] - seen[-1 - window])))
        before, late = (_range(seen[len(seen) - w :][: window // 2]) for w in (window, window // 2))
        if net < 0.25 * sum(changes[-window:]) and not late < shrinks * before:
            return _range(seen[-window:]), True
        window *= 2
    if changes[-1] == 0:
        return 0.0, False
    earlier = changes[-3:-1]
    ratio = (changes[-1] / earlier[0]) ** (1 / len(earlier)) if earlier[0] > 0 else 1.0
    decay = max(1 - ratio, floor)
    return changes[-1] * max(1.0, 1 / decay - 1) if decay > 0 else math.inf, False


def _range(seen: Sequence[Array]) -> float:
    return float(np.max(np.ptp(seen, axis=0)))


def least_decay(rate: float | None, interval: float) -> float:
    """Return by how much a distance falls at least from look to look.

    If the slowest rate is known, a motion that is slower than `FLOOR` may be that of its mode.
    """
    return FLOOR if rate is None else min(FLOOR, -math.expm1(-rate * interval))


def too_slow(rate: float | None, remaining: float, wanted: float, left: float) -> bool:
    """Return whether the time left is too short for the slowest mode seen to decay."""
    if left <= 0:
        return True
    return remaining > wanted * math.exp(min(left * (math.inf if rate is None else rate), 500.0))


def present_rate(apart: Array, interval: float) -> float:
    """Return the rate at which a distance has fallen over the last looks, at least zero."""
    back = min(RECENT, len(apart) - 1)
    if back < 1 or not apart[-1] > 0:
        return math.inf if back else 0.0
    before = float(apart[-1 - back])
    return max(0.0, math.log(before / apart[-1]) / (back * interval)) if before > 0 else 0.0


def falling_rate(apart: Array, interval: float) -> float:
    """Return the rate at which a distance falls now, of one that oscillates that of its maxima.

    Modes that are damped weakly raise a distance for many looks though it falls in the end: the
    maxima of the last two thirds of the record are compared.
    """
    third = len(apart) // 3
    if third < RECENT:
        return present_rate(apart, interval)
    before, now = apart[-2 * third : -third], apart[-third:]
    if not now.max() > OSCILLATES * now.min():  # it is level: what falls no more must not count
        return present_rate(apart, interval)
    if not before.max() > 0:
        return 0.0
    return max(0.0, math.log(before.max() / now.max()) / (third * interval))


def approach_rate(apart: Array, interval: float) -> float:
    """Return the rate of the far half of a decay, before the distance levels off.

    What is left in the end may be the truncation, which keeps two states apart for good. If the
    distance never fell far above that, the rate is the present one. A distance that rounding or
    truncation raised again is followed down to its least value.
    """
    least = int(np.argmin(apart))
    if apart[-1] > RISEN * apart[least]:
        apart = apart[: least + 1]
    falling = np.flatnonzero(apart > LEVELLED * max(apart[-1], 1e-13))
    if not len(falling):
        return present_rate(apart, interval)
    last = max(int(falling[-1]), min(1, len(apart) - 1))
    first = last // 2
    end = max(apart[last], 1e-15)
    return max(0.0, math.log(apart[first] / end) / ((last - first) * interval))


def hopeless(apart: Array, interval: float, goal: float, left: float) -> bool:
    """Return whether, at the present rate, a distance will not reach the goal in the time left."""
    if len(apart) <= FIRST_JUDGED:
        return False
    needed = []
    for end in (len(apart) - 1, len(apart)):
        rate = falling_rate(apart[:end], interval)
        away = math.log(max(apart[end - 1] / goal, 1.0))
        needed.append(away / rate if rate > 0 else math.inf if away > 0 else 0.0)
    return min(needed) > left
