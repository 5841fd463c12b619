"""Do two starts end in the same state? The test of slow modes and of states that are not unique.

A state that stands still on the scale of the fastest rate may be far from the steady state, and no
extrapolation of its own motion can tell. So the first relaxation has two starts that differ in
every local expectation value that symmetry allows, and their distance at equal times is followed.
It falls at the slowest rate that any of these expectation values has.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import expm

from impo.operators.basis import operator_basis
from impo.operators.liouvillian import Generator
from impo.refinement.approximation import Approximation, difference, product_approximation

GOAL = 0.5  # of the tolerance: at this distance two starts have met


@dataclass(frozen=True)
class Meeting:
    """Two starts at the same settings and equal times, and what is known of their limits.

    Attributes
    ----------
    first, second
        The two states; `second` is None if there was one start, or if it diverged.
    met
        Whether both have the same limit; None while that is open, as it stays without a second.
    lower
        Their distances at smaller bond dimensions.
    """

    first: Approximation
    second: Approximation | None = None
    met: bool | None = None
    lower: tuple[float, ...] = ()

    @property
    def distance(self) -> float:
        """Largest difference of the monitored expectation values."""
        return math.nan if self.second is None else difference(self.first, self.second)

    @property
    def present_rate(self) -> float:
        """Rate at which the distance fell in the end; zero if it did not fall."""
        return 0.0 if self.second is None else self.second.slowest_rate or 0.0

    def agrees(self, tol: float) -> bool:
        """Return whether the two differ by no more than `GOAL` of an accuracy."""
        return self.distance <= GOAL * tol

    def time_needed(self, tol: float) -> float:
        """Return the evolution time at which they would meet at the present rate."""
        left = math.log(max(self.distance / (GOAL * tol), 1.0))
        return self.first.time + left / self.present_rate if self.present_rate > 0 else math.inf

    def judged(self, before: "Meeting", change: float, tol: float, last: bool) -> "Meeting":
        """Return the meeting with the decision (see `have_met`) after that at the level below."""
        apart = (*before.lower, before.distance)
        met = have_met((*apart, self.distance), change, tol, last)
        return replace(self, met=met, lower=apart)


def have_met(apart: Sequence[float], change: float, tol: float, last: bool) -> bool | None:
    """Decide from the distances of two states at growing bond dimensions; None: not yet.

    The truncation keeps two states apart by about as much as it changes either, and by less the
    larger the bond dimension is, but not from every level to the next. What stays apart though the
    bond dimension grew three times, or though nothing is truncated, is a slow mode or a second
    steady state.

    Parameters
    ----------
    apart
        Distances at rising bond dimensions, at least two.
    change
        What the last step changed of the first state; zero if nothing is truncated.
    tol
        Accuracy asked for.
    last
        Whether there is no larger bond dimension.
    """
    now, below = apart[-1], apart[-2]
    fell, explained = now <= below / 2, now <= change
    if now <= GOAL * tol or (fell and explained):
        return True
    if not (fell or explained) and (change == 0 or (len(apart) > 3 and now > apart[-4] / 2)):
        return False
    return False if last else None


def second_start(generator: Generator, k_max: int, weight: float) -> Approximation:
    """Return a product state far from the mixed one in all expectation values, site by site.

    Each site is in the state exp(K) / Tr exp(K), K a sum of multipoles of rank one and two; of
    charge zero if there are charges. Their coefficients are of order one and differ from site to
    site, but not in sign, so that uniform sums are far from zero as well as staggered ones.
    """
    random = np.random.default_rng(2026)
    states = []
    for site in generator.sites:
        basis = operator_basis(site, 2, generator.hermitian_basis)
        exponent = np.zeros((site.dimension, site.dimension), dtype=basis.matrices.dtype)
        for k, q, matrix in zip(basis.k, basis.q, basis.matrices, strict=True):
            size = random.uniform(0.5, 2.0) * (-1) ** (k + 1)
            if k > 0 and q == 0:
                even = (matrix + matrix.conj().T) / 2  # those of levels of equal charge may be odd
                exponent = exponent + size * even / np.linalg.norm(matrix, 2)
        rho = expm(exponent)
        states.append(rho / np.trace(rho).real)
    return product_approximation(generator, states, k_max, weight)
