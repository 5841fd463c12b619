"""Relaxation at fixed settings, of one approximation or of two at a time."""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from impo.arrays import Array
from impo.operators.liouvillian import Generator
from impo.refinement.approximation import Approximation, adapted, difference
from impo.refinement.extrapolation import Advance, accelerated
from impo.refinement.monitor import ConvergenceMonitor, approach_rate, falling_rate
from impo.refinement.resume import Extrapolating, Relaxing, Resume, States
from impo.refinement.starts import GOAL, Meeting
from impo.tensor.gates import Bond, bond_liouvillians
from impo.tensor.matrix_product import Truncation
from impo.tensor.trotter import Step, evolve, trotter_step

if TYPE_CHECKING:
    from impo.tensor.tenpy_backend import TenpyStep

LOW_RANK = 4  # above it gates are most of the work, and the first step is shorter
SINGLE_TOL = 1e-3  # from here on gates above LOW_RANK are in single precision
RANK_LIMIT = 12  # a step beyond this rank takes seconds, and several gigabytes at S = 16
LOOK = 5.0  # time between two looks at the observables, in units of `time_unit`
LONGEST = 1e4  # evolution time unless one is given, in units of `time_unit`


@dataclass
class Relaxation:
    """What all levels share: the equation, the accuracy asked for, and a record of the way.

    Attributes
    ----------
    generator
        The master equation on a tile, or on a finite chain.
    chi_max, k_max, tol
        As in `ITEBD`; with `k_max` None the rank is raised while it matters.
    longest
        As `ITEBD.t_max`.
    resume
        Record of all relaxations and of the history, from which an interrupted one goes on.
    backend
        As in `ITEBD`.
    bonds, steps
        Liouvillians and gates that were made.
    """

    generator: Generator
    chi_max: int
    k_max: int | None
    tol: float
    longest: float | None = None
    resume: Resume = field(default_factory=Resume)
    backend: str = "kernel"
    bonds: dict[tuple[int, float], list[Bond]] = field(default_factory=dict)
    steps: dict[tuple[int, float, float], "Step | TenpyStep"] = field(default_factory=dict)

    @cached_property
    def time_unit(self) -> float:
        """Time in which low multipoles change by order one.

        It is the inverse of the fastest rate, the largest singular value of a bond Liouvillian
        between operators with k <= 1.
        """
        bonds = bond_liouvillians(self.generator, self.generator.bases(1), 0.0)
        fastest = max(bond.fastest for bond in bonds)
        return 1.0 / fastest if fastest > 0 else 1.0

    @property
    def t_max(self) -> float:
        """Largest evolution time."""
        return LONGEST * self.time_unit if self.longest is None else self.longest

    @property
    def full_rank(self) -> int:
        """Largest rank that any site has."""
        return self.generator.full_rank

    def step(self, k_max: int, weight: float, dt: float) -> "Step | TenpyStep":
        """Return the gates of a Trotter step; they are made once."""
        dt = float(f"{dt:.12g}")  # equal steps share their gates
        key = (k_max, weight, dt)
        if key not in self.steps and self.backend == "tenpy":
            from impo.tensor.tenpy_backend import tenpy_step  # TeNPy takes a second to import

            self.steps[key] = tenpy_step(self.generator, self.generator.bases(k_max), weight, dt)
        elif key not in self.steps:
            if (k_max, weight) not in self.bonds:
                bases, mirror = self.generator.bases(k_max), self.generator.mirror
                made = bond_liouvillians(self.generator, bases, weight, mirror=mirror)
                self.bonds[k_max, weight] = made
            self.steps[key] = trotter_step(self.bonds[k_max, weight], dt, self.single(k_max))
        return self.steps[key]

    def single(self, k_max: int) -> bool:
        """Return whether the gates are in single precision."""
        return self.tol >= SINGLE_TOL and k_max > LOW_RANK

    def relax(
        self, start: Approximation, chi: int, dt: float, target: float | None = None
    ) -> Approximation:
        """Evolve until the observables are within `target` of where they are heading.

        Without a target it is a tenth of the change since the start: a level need not be
        better than its difference from the one before.
        """
        return self._relaxed((start,), chi, dt, target)[0]

    def relax_both(
        self, starts: States, chi: int, dt: float, target: float | None = None,
        patient: bool = False,
    ) -> Meeting:  # fmt: skip
        """Relax the first of two starts, and go on until they meet or will not in the time left.

        Truncated states may be parted by the truncation; unless `patient`, the two are given up
        for this bond dimension once they need longer than they have been followed.
        """
        first, second = starts
        if second.k_max != first.k_max:
            second = adapted(second, self.generator, first.k_max, first.weight)
        one, two = self._relaxed((first, second), chi, dt, target, patient)
        if two.diverged and not one.diverged:
            return Meeting(self.relax(first, chi, dt, target))
        return Meeting(one, two)

    def _relaxed(
        self, starts: States, chi: int, dt: float, target: float | None, patient: bool = False
    ) -> States:
        """Evolve one start, or two side by side, until a look says that it is of no more use."""
        finished, begun = self.resume.recall()
        if finished is not None:
            return finished
        step = self.step(starts[0].k_max, starts[0].weight, dt)
        count = max(1, round(LOOK * self.time_unit / dt))
        if not isinstance(begun, Relaxing):
            begun = self._begun(starts, step, count, chi, target, begun)
        now, seen, quiet = begun
        monitor = ConvergenceMonitor(
            seen, count * dt, GOAL * self.tol, now[0].known_rate, patient, quiet,
            patient_with_modes=not self.generator.infinite,
        )  # fmt: skip
        while True:
            now = tuple(self.advanced(approx, step, count, chi) for approx in now)
            if any(approx.diverged for approx in now):
                return self.resume.finish(tuple(replace(p, remaining=math.inf) for p in now))
            change = difference(now[0], starts[0])
            wanted = max(self.tol / 10, 0.1 * change) if target is None else target
            least = _carried(starts[0], now[0])
            monitor.look(_monitors(now), wanted, least)
            self.resume.record({
                "time": now[0].time, "chi": chi, "k_max": now[0].k_max, "dt": now[0].dt,
                "remaining": monitor.remaining, "discarded_weight": now[0].discarded,
            }, stage="relaxing", time_limit=self.t_max)  # fmt: skip
            truncated = any(not approx.untruncated for approx in now)
            left = self.t_max - now[0].time
            # what seems settled goes on while a mode is seen whose rate the record does not tell
            if monitor.ended(wanted, left, truncated):
                ended = self._with_rates(now, monitor, wanted, least)
                if math.isfinite(ended[0].remaining) or not (left > 0 and monitor.settled):
                    return self.resume.finish(ended)
            self.resume.pause(Relaxing(now, monitor.seen, monitor.quiet))

    def _begun(
        self, starts: States, step: "Step | TenpyStep", count: int, chi: int, target: float | None,
        begun: Extrapolating | None,
    ) -> Relaxing:  # fmt: skip
        """Return a relaxation at its beginning; on a finite chain, from where slow modes are gone.

        An infinite chain has few of them, and its matrix products cannot be added up.
        """
        if not self.generator.infinite:
            bonds = self.bonds[starts[0].k_max, starts[0].weight]

            def later(approx: Approximation, looks: int) -> Approximation:
                told = {"time": approx.time, "chi": chi, "k_max": approx.k_max}
                self.resume.tell(**told, stage="extrapolating", time_limit=self.t_max)
                return self.advanced(approx, step, looks * count, chi)

            wanted = self.tol / 10 if target is None else GOAL * self.tol
            advance = Advance(later, count * step.dt, self.t_max, bonds, self.resume.pause)
            starts = accelerated(starts, advance, wanted, begun)
        return Relaxing(starts, [_monitors(starts)], 0)

    def advanced(
        self, approx: Approximation, step: "Step | TenpyStep", count: int, chi: int
    ) -> Approximation:
        """Return an approximation `count` Trotter steps later, truncated to `chi` states.

        Everything that evolves is evolved here, and nothing else depends on the backend.
        """
        evolved, truncation = approx.matrix_product.copy(), Truncation(chi)
        if isinstance(step, Step):
            discarded = evolve(evolved, step, count, truncation)
        else:
            from impo.tensor.tenpy_backend import advance

            discarded = advance(evolved, step, count, truncation)
        time = approx.time + count * step.dt
        return replace(
            approx, matrix_product=evolved, chi=chi, dt=step.dt, time=time, discarded=discarded
        )

    def _with_rates(
        self, now: States, monitor: ConvergenceMonitor, wanted: float, least: float
    ) -> States:
        """Note the slowest rate and the distance that is left; of a second start the last rate."""
        fastest, apart, (first, *second) = 1 / self.time_unit, monitor.apart, now
        rate = first.known_rate
        if rate is None:
            rate = min(approach_rate(apart, monitor.interval), fastest)
        left = monitor.final_distance(rate, max(GOAL * self.tol, wanted), least)
        first = replace(first, slowest_rate=rate, remaining=left)
        present = min(falling_rate(apart, monitor.interval), fastest)
        return (first, *(replace(approx, slowest_rate=present) for approx in second))


def _monitors(approximations: States) -> Array:
    """Return what is monitored of every approximation; # start observable."""
    return np.array([approx.monitor for approx in approximations])


def _carried(start: Approximation, now: Approximation) -> float:
    """Return what is left of the distance of a start from its limit; zero if it is not known.

    An evolution keeps the distance that its start had; an extrapolation forgets it.

    Where nothing is truncated, a larger bond dimension continues the same evolution, and a few
    looks at it must not pass over a slow mode that oscillates.
    """
    rate, distance = start.slowest_rate, now.remaining
    if rate is None or not (start.untruncated and math.isfinite(distance)):
        return 0.0
    return distance * math.exp(-rate * (now.time - start.time))


def first_rank(full: int) -> int:
    """Return the multipole cut-off to begin with: all ranks if few, else about 1.75 sqrt(2S)."""
    return full if full <= 4 else min(round(1.75 * math.sqrt(full)), RANK_LIMIT)
