"""Relaxation at fixed settings, of one approximation or of two at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from impo.arrays import Array
from impo.operators.liouvillian import Generator
from impo.refinement.approximation import Approximation, Refinement, adapted, difference
from impo.refinement.resume import Journal, Relaxing
from impo.refinement.starts import (
    GOAL,
    PATIENCE,
    RECENT,
    Meeting,
    approach_rate,
    distances,
    hopeless,
    present_rate,
)
from impo.tensor.gates import Bond, bond_liouvillians
from impo.tensor.matrix_product import Truncation
from impo.tensor.tenpy_backend import TenpyStep, advance, tenpy_step
from impo.tensor.trotter import ORDER, Step, evolve, trotter_step

DT_GROWTH = 1.5
LOW_RANK = 4  # above it gates are most of the work, and the first step is shorter
SINGLE_TOL = 1e-3  # from here on gates above LOW_RANK are in single precision
K_STEP = 2
RANK_LIMIT = 12  # a step beyond this rank takes seconds, and several gigabytes at S = 16
LOOK = 5.0  # time between two looks at the observables, in units of `time_unit`
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
    backend
        As in `ITEBD`.
    bonds, steps
        Liouvillians and gates that were made.
    journal
        Record of all relaxations and of the history, from which an interrupted climb goes on.
    """

    generator: Generator
    chi_max: int
    k_max: int | None
    tol: float
    longest: float | None = None
    journal: Journal = field(default_factory=Journal)
    backend: str = "kernel"
    bonds: dict[tuple[int, float], list[Bond]] = field(default_factory=dict)
    steps: dict[tuple[int, float, float], Step | TenpyStep] = field(default_factory=dict)

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

    def step(self, k_max: int, weight: float, dt: float) -> Step | TenpyStep:
        """Return the gates of a Trotter step; they are made once."""
        dt = float(f"{dt:.12g}")  # equal steps share their gates
        key = (k_max, weight, dt)
        if key not in self.steps and self.backend == "tenpy":
            self.steps[key] = tenpy_step(self.generator, self.generator.bases(k_max), weight, dt)
        elif key not in self.steps:
            if (k_max, weight) not in self.bonds:
                bases, mirror = self.generator.bases(k_max), self.generator.mirror
                made = bond_liouvillians(self.generator, bases, weight, mirror=mirror)
                self.bonds[k_max, weight] = made
            single = self.tol >= SINGLE_TOL and k_max > LOW_RANK
            self.steps[key] = trotter_step(self.bonds[k_max, weight], dt, single)
        return self.steps[key]

    def relax(
        self, start: Approximation, chi: int, dt: float, target: float | None = None
    ) -> Approximation:
        """Evolve until the observables are within `target` of where they are heading.

        Without a target it is a tenth of the change since the start: a rung need not be better
        than its difference from the one before.
        """
        return self._relaxed((start,), chi, dt, target)[0]

    def relax_both(
        self,
        first: Approximation,
        second: Approximation,
        chi: int,
        dt: float,
        target: float | None = None,
        patient: bool = False,
    ) -> Meeting:
        """Relax the first of two starts, and go on until they meet or will not in the time left.

        Truncated states may be parted by the truncation; unless `patient`, the two are given up
        for this bond dimension once they need longer than they have been followed.
        """
        if second.k_max != first.k_max:
            second = adapted(second, self.generator, first.k_max, first.weight)
        one, two = self._relaxed((first, second), chi, dt, target, patient)
        if one.finite and not two.finite:
            return Meeting(self.relax(first, chi, dt, target))
        return Meeting(one, two)

    def _relaxed(
        self,
        starts: tuple[Approximation, ...],
        chi: int,
        dt: float,
        target: float | None,
        patient: bool = False,
    ) -> tuple[Approximation, ...]:
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
            now = tuple(advanced(approx, step, count, chi) for approx in now)
            if not all(approx.finite for approx in now):
                return self.journal.finish(tuple(replace(p, remaining=math.inf) for p in now))
            seen.append(np.array([approx.monitor for approx in now]))
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
                cut = any(not approx.complete for approx in now)
                wait = min(left, PATIENCE * len(seen) * interval) if cut and not patient else left
                done = done and (apart[-1] <= goal or hopeless(apart, interval, goal, wait))
                done = done or hopeless(apart, interval, goal, left)
            elif not done and len(seen) > RECENT:
                done = self.too_slow(first, remaining, wanted)
            if done or left <= 0:
                first, *rest = self._with_rates(now, seen, interval)
                floor = _least_decay(first.slowest_rate, interval)
                left, _ = _distance([both[0] for both in seen], floor)
                return self.journal.finish((replace(first, remaining=left), *rest))
            self.journal.pause(Relaxing(now, seen, quiet))

    def too_slow(self, approx: Approximation, remaining: float, wanted: float) -> bool:
        """Return whether the time left is too short for the slowest mode seen to decay."""
        left = self.t_max - approx.time
        if left <= 0:
            return True
        rate = math.inf if approx.slowest_rate is None else approx.slowest_rate
        return remaining > wanted * math.exp(min(left * rate, 500.0))

    def _with_rates(
        self, approximations: tuple[Approximation, ...], seen: list[Array], interval: float
    ) -> tuple[Approximation, ...]:
        """Note the slowest rate: of two starts that of their distance, of one that of itself."""
        both = np.asarray(seen)
        apart = distances(
            both if len(approximations) > 1 else np.stack([both, both * 0 + both[-1]], 1)[:, :, 0]
        )
        fastest = 1 / self.time_unit
        first, *second = approximations
        if first.slowest_rate is None:
            rate = approach_rate(apart, interval)
            first = replace(first, slowest_rate=min(rate, fastest))
        present = min(present_rate(apart, interval), fastest)
        return (first, *(replace(approx, slowest_rate=present) for approx in second))

    def _record(self, approx: Approximation, chi: int, remaining: float) -> None:
        self.journal.record({
            "time": approx.time, "chi": chi, "k_max": approx.k_max, "dt": approx.dt,
            "remaining": remaining, "discarded_weight": approx.discarded,
        })  # fmt: skip

    def raised(self, approx: Approximation) -> Approximation | None:
        """Return an approximation with higher ranks, or None if none are within reach."""
        k_max = min(approx.k_max + K_STEP, self.full_rank)
        return self._with_rank(approx, k_max) if approx.k_max < k_max <= RANK_LIMIT else None

    def _with_rank(self, approx: Approximation, k_max: int) -> Approximation:
        start = adapted(approx, self.generator, k_max, approx.weight)
        return self.relax(start, approx.chi, approx.dt)

    def rank_check(self, approx: Approximation) -> Refinement | None:
        """Compare with higher ranks, beyond the limit with lower ones; None if all are kept."""
        if approx.k_max >= self.full_rank:
            return None
        higher = self.raised(approx)
        if higher is not None:
            return Refinement("k_max", higher, approx, 1.5)
        lower = self._with_rank(approx, max(1, approx.k_max - K_STEP))
        return Refinement("k_max", approx, lower, 1.5)

    def dt_check(self, approx: Approximation) -> Refinement:
        """Compare with a shorter Trotter step."""
        finer = self.relax(approx, approx.chi, approx.dt / DT_GROWTH)
        return Refinement("dt", finer, approx, 1 / (1 - DT_GROWTH**-ORDER))


def first_rank(full: int) -> int:
    """Return the multipole cut-off to begin with: all ranks if few, else about 1.75 sqrt(2S)."""
    return full if full <= 4 else min(round(1.75 * math.sqrt(full)), RANK_LIMIT)


def advanced(approx: Approximation, step: Step | TenpyStep, count: int, chi: int) -> Approximation:
    """Return an approximation some Trotter steps later: all that depends on the backend."""
    chain, truncation = approx.chain.copy(), Truncation(chi)
    if isinstance(step, TenpyStep):
        discarded = advance(chain, step, count, truncation)
    else:
        discarded = evolve(chain, step, count, truncation)
    time = approx.time + count * step.dt
    return replace(approx, chain=chain, chi=chi, dt=step.dt, time=time, discarded=discarded)


def _least_decay(rate: float | None, interval: float) -> float:
    """Return by how much a distance falls at least from look to look.

    If the slowest rate is known, a motion that is slower than `FLOOR` may be that of its mode.
    """
    return FLOOR if rate is None else min(FLOOR, -math.expm1(-rate * interval))


def _distance(seen: Sequence[Array], floor: float = FLOOR) -> tuple[float, bool]:
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
