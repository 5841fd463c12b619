"""Two-time correlations of an infinite chain: A moves in the Heisenberg picture, B acts on rho.

    <A_0(t) B_r> = Tr[A_0(t) B_r rho]

One A(t) gives all distances and both orders. The error is that of the state, as of any observable,
and that of A(t): what changes with a wider truncation, a longer step, and another rank.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from scipy.ndimage import maximum_filter1d

from impo.arrays import Array
from impo.operators.local import charge_parts, local_operators
from impo.refinement.approximation import Approximation, all_of, common_operators
from impo.refinement.relaxation import Relaxation
from impo.refinement.side_by_side import FACTORS, other_rank, pairs_of_steps, step_for
from impo.results.estimate import Estimate
from impo.tensor.matrix_product import Truncation
from impo.tensor.overlap import Overlap
from impo.tensor.window import Adjoint, Window

if TYPE_CHECKING:
    from impo.methods.itebd.state import ItebdState

_CUT = 1e-3  # smallest singular value of A(t) over the largest, over the tolerance
_WIDER = 8.0  # by what the truncation of the comparison is wider


Actions: TypeAlias = Mapping[int, Array]
"""Matrices of rho to B rho of the B at a position; # B p p'."""


@dataclass(frozen=True)
class Pair:
    """Which function is asked for.

    Attributes
    ----------
    names
        Of A and B.
    sites
        Their sites in the unit cell.
    cells
        Cells in which B stands; A is in cell 0.
    reverse
        Whether B stands left of A(t).
    adjoint
        Whether A and B are the adjoints of the operators with these names.
    """

    names: tuple[str, str]
    sites: tuple[int, int]
    cells: Sequence[int]
    reverse: bool = False
    adjoint: bool = False

    def matrix(self, approx: Approximation, end: int) -> Array:
        """Return A (0) or B (1) with the cut-off of an approximation."""
        named = local_operators(approx.generator.model.sites[self.sites[end]])[self.names[end]]
        return named.conj().T if self.adjoint else named

    def mover(self, approx: Approximation) -> tuple[int, Array]:
        """Return the site of A and its matrix."""
        return self.sites[0], self.matrix(approx, 0)

    def actions(self, approx: Approximation) -> Actions:
        """Return the matrices of rho to B rho, or to rho B, by position; # B p p'."""
        unit = len(approx.generator.model.sites)
        matrix = self.matrix(approx, 1)
        positions = [self.sites[1] + cell * unit for cell in self.cells]
        return {p: action(approx, p, matrix, self.reverse)[None] for p in positions}

    def mean(self, approx: Approximation) -> complex:
        """Return <B>."""
        site = self.sites[1]
        rotated = approx.generator.rotated(site, self.matrix(approx, 1))
        return complex(approx.environment.marginal(site, 1) @ approx.bases[site].measure(rotated))

    @property
    def backwards(self) -> "Pair":
        """The pair whose function, complex conjugate, is this one at negative times and -r."""
        return Pair(self.names[::-1], self.sites[::-1], self.cells, self.reverse, not self.adjoint)

    def same(self, other: "Pair", approx: Approximation) -> bool:
        """Return whether another pair has the same operators on the same sites."""
        return self.sites == other.sites and all(
            np.array_equal(self.matrix(approx, end), other.matrix(approx, end)) for end in (0, 1)
        )


class Probes(Protocol):
    """One A that moves, and operators B that act on the state."""

    def mover(self, approx: Approximation) -> tuple[int, Array]:
        """Return the site of A in the unit cell and its matrix, with the cut-offs of a state."""

    def actions(self, approx: Approximation) -> Actions:
        """Return the matrices of rho to B rho of all B, by position; # B p p'."""


@dataclass
class _Moving:
    """A(t) as a sum of windows with their factors, at some settings.

    Attributes
    ----------
    adjoint
        The motion.
    parts
        (factor, window): one for each charge, or for the Hermitian and anti-Hermitian part.
    truncation, steps
        What is kept, and in how many steps an interval is passed.
    weight
        Factor of the distance from the best in the error.
    """

    adjoint: Adjoint
    parts: list[tuple[complex, Window]]
    truncation: Truncation
    steps: int
    weight: float

    def move(self, duration: float, count: int) -> None:
        """Evolve by a duration."""
        step = self.adjoint.step(duration / (self.steps * count))
        self.parts = [
            (factor, window.evolved(step, self.steps * count, self.truncation))
            for factor, window in self.parts
        ]

    def values(self, approx: Approximation, actions: Actions) -> Array:
        """Return <A(t) B> for every B, and after them <A(t)>; # B."""
        common = common_operators(self.adjoint.bases, approx.bases)
        total = np.zeros(sum(map(len, actions.values())) + 1, dtype=complex)
        for factor, window in self.parts:
            overlap = Overlap(window, approx.environment, common, min(actions), max(actions) + 1)
            values = [overlap.with_operators(p, acting) for p, acting in actions.items()]
            total[:-1] += factor * np.concatenate(values)
            total[-1] += factor * overlap.expectation()
        return total


@dataclass(frozen=True)
class TwoTime:
    """A function at rising times.

    Attributes
    ----------
    approx, others
        The state, and those that it is compared with.
    tol, chi_max
        As in `ITEBD`.
    pair
        The function, or several of one A.
    """

    approx: Approximation
    others: Sequence[Approximation]
    tol: float
    chi_max: int
    pair: Probes

    @cached_property
    def _relaxation(self) -> Relaxation:
        return Relaxation(self.approx.generator, self.chi_max, None, self.tol)

    @property
    def time_unit(self) -> float:
        """Time in which low multipoles change by order one."""
        return self._relaxation.time_unit

    def _moving(
        self, approx: Approximation, rank: int, truncation: Truncation, steps: int = 2,
        weight: float = 0.0,
    ) -> _Moving:  # fmt: skip
        adjoint = Adjoint(approx.generator, rank, approx.weight)
        (site, first), generator = self.pair.mover(approx), approx.generator
        parts: list[tuple[complex, Array]]
        if generator.hermitian_basis:
            flipped = first.conj().T
            parts = [(1, (first + flipped) / 2), (1j, (first - flipped) / 2j)]
        else:
            parts = [(1, part) for part in charge_parts(generator.sites[site], first).values()]
        windows = [
            (factor, adjoint.window(site, part)) for factor, part in parts if np.abs(part).max() > 0
        ]
        return _Moving(adjoint, windows, truncation, steps, weight)

    def _compared(self) -> list[_Moving]:
        """Return A at the best settings, then with one of them coarser."""
        rank, cut = self.approx.k_max, _CUT * self.tol
        fine = Truncation(self.chi_max, cut)
        wide = Truncation(max(1, self.chi_max // 2), _WIDER * cut)
        found = [
            self._moving(self.approx, rank, fine),
            self._moving(self.approx, rank, wide, weight=FACTORS["chi"]),
            self._moving(self.approx, rank, fine, 1, FACTORS["dt"]),
        ]
        if (other := other_rank(rank, self._relaxation.full_rank)) is not None:
            found.append(self._moving(self.approx, other, fine, weight=FACTORS["k_max"]))
        return found

    def at(self, times: Iterable[float]) -> Iterator["Moment"]:
        """Yield the function at rising times."""
        compared = self._compared()
        best = compared[0]
        # a state with another cut-off of a boson lives on other operators
        by_size = {_sizes(self.approx): best}
        for other in self.others:
            if _sizes(other) not in by_size:
                by_size[_sizes(other)] = self._moving(other, other.k_max, best.truncation)
        moving = list({id(one): one for one in (*compared, *by_size.values())}.values())
        actions = {one: self.pair.actions(one) for one in (self.approx, *self.others)}
        dt, now = step_for(self.time_unit, self.tol), 0.0
        for moment in times:
            if moment > now:
                count = pairs_of_steps(moment - now, dt)
                for one in moving:
                    one.move(moment - now, count)
                now = moment
            yield Moment(
                {one: by_size[_sizes(one)].values(one, acting) for one, acting in actions.items()},
                [
                    (one.weight, one.values(self.approx, actions[self.approx]))
                    for one in compared[1:]
                ],
            )


@dataclass(frozen=True)
class Moment:
    """A function at one time, or at several if its arrays have a leading axis of times.

    Attributes
    ----------
    values
        By every approximation of the state; # cell. The last is <A(t)> alone.
    coarser
        (factor of the difference in the error, values) with an A(t) that is less accurate.
    """

    values: Mapping[Approximation, Array]
    coarser: Sequence[tuple[float, Array]]

    def read(self, function: Callable[[Array, Approximation | None], Array]) -> "Moment":
        """Return a function of the values by each approximation; None stands for the best one."""
        return Moment(
            {one: function(values, one) for one, values in self.values.items()},
            [(weight, function(values, None)) for weight, values in self.coarser],
        )

    def error(self, best: Array) -> Array:
        """Return the error of A(t); curves that cross are none that agree."""
        total = np.zeros(best.shape)
        for weight, other in self.coarser:
            total += weight * maximum_filter1d(np.abs(best - other), 3, axis=-1, mode="nearest")
        return total


def stacked(moments: Sequence[Moment]) -> Moment:
    """Return functions at several times as one."""
    first = moments[0]
    return Moment(
        {one: np.array([m.values[one] for m in moments]) for one in first.values},
        [
            (weight, np.array([m.coarser[n][1] for m in moments]))
            for n, (weight, _) in enumerate(first.coarser)
        ],
    )


def two_time_of(state: "ItebdState", pair: Probes) -> TwoTime:
    """Return the function of a state that is asked for."""
    first, *others = all_of(state.approximation, state.refinements)
    return TwoTime(first, others, state.method.tol, state.method.chi_max, pair)


def two_time(state: "ItebdState", pair: Pair, times: Array, largest: float) -> Estimate:
    """Return a function of a state at rising times, which is `largest` at most; # time cell."""
    found = stacked(list(two_time_of(state, pair).at(times.tolist())))
    found = found.read(lambda values, _: values[:, :-1])
    value = state.estimate(found.values.__getitem__, largest)
    return Estimate(value.value, value.error + found.error(value.value))


def _sizes(approx: Approximation) -> tuple[int, ...]:
    return tuple(site.dimension for site in approx.generator.sites)


def action(approx: Approximation, position: int, matrix: Array, reverse: bool = False) -> Array:
    """Return the matrix of rho to B rho, or to rho B, for an operator B at a position."""
    basis = approx.bases[position % len(approx.bases)]
    rotated = approx.generator.rotated(position, matrix)
    return basis.right(rotated) if reverse else basis.left(rotated)
