"""Two-time correlations of an infinite chain: A moves in the Heisenberg picture, B acts on rho.

    <A_0(t) B_r> = Tr[A_0(t) B_r rho]

One A(t) gives all distances and both orders. The error is that of the state, as of any observable,
and that of A(t): what changes with a wider truncation, a longer step, and a higher rank (a lower
one where a higher one is out of reach).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.operators.basis import OperatorBasis
from impo.operators.liouvillian import Generator
from impo.operators.local import charge_parts, local_operators
from impo.refinement.approximation import Approximation, adapted, all_of, common_operators
from impo.refinement.levels import compared_rank
from impo.refinement.relaxation import Relaxation
from impo.refinement.side_by_side import FACTORS, pairs_of_steps, step_for
from impo.results.estimate import Estimate
from impo.results.progress import Follower, tell
from impo.tensor.matrix_product import Truncation
from impo.tensor.overlap import Overlap
from impo.tensor.window import Adjoint, Window

if TYPE_CHECKING:
    from impo.methods.itebd.dynamics import MovingState

_CUT = 1e-3  # smallest singular value of A(t) over the largest, over the tolerance
_WIDER = 8.0  # by what the truncation of the comparison is wider
_NOTHING = 1e-12  # weight that an operator leaves of a state that it takes to zero


class Acts(StrEnum):
    """How an operator B acts on the state at time zero."""

    LEFT = "B rho"
    RIGHT = "rho B"
    COMMUTATOR = "B rho - rho B"
    BOTH = "B rho B^+"

    def on(self, basis: OperatorBasis, matrix: Array) -> Array:
        """Return the matrix of this map on a site; # x y."""
        if self is Acts.BOTH:
            return basis.sandwich(matrix, matrix.conj().T)
        left = 0.0 if self is Acts.RIGHT else basis.left(matrix)
        right = 0.0 if self is Acts.LEFT else basis.right(matrix)
        return np.asarray(left - right if self is Acts.COMMUTATOR else left + right)

    def traced(self, matrix: Array) -> Array:
        """Return the operator whose expectation is the trace of what this map makes of rho."""
        if self is Acts.BOTH:
            return matrix.conj().T @ matrix
        return 0 * matrix if self is Acts.COMMUTATOR else matrix


class Acting(NamedTuple):
    """Some B that are products on the same consecutive sites.

    Attributes
    ----------
    position
        Of the first site.
    matrices
        Of rho to B rho, those of all B on every site; # B p p'
    """

    position: int
    matrices: tuple[Array, ...]

    @property
    def end(self) -> int:
        """Position after the last site."""
        return self.position + len(self.matrices)


Actions: TypeAlias = Sequence[Acting]


@dataclass(frozen=True)
class Pair:
    """Which function is asked for.

    Attributes
    ----------
    names
        Of A and B, or their matrices.
    sites
        Their sites in the unit cell.
    cells
        Cells in which B stands; A is in cell 0.
    acts
        How B acts on the state.
    adjoint
        Whether A and B are the adjoints of the operators with these names.
    """

    names: tuple[str | Array, str | Array]
    sites: tuple[int, int]
    cells: Sequence[int]
    acts: Acts = Acts.LEFT
    adjoint: bool = False

    def matrix(self, approx: Approximation, end: int) -> Array:
        """Return A (0) or B (1) with the cut-off of an approximation."""
        name = self.names[end]
        if not isinstance(name, str):
            return name
        named = local_operators(approx.generator.model.sites[self.sites[end]])[name]
        return named.conj().T if self.adjoint else named

    def mover(self, approx: Approximation) -> tuple[int, tuple[Array]]:
        """Return the site of A and its matrix."""
        return self.sites[0], (self.matrix(approx, 0),)

    def actions(self, approx: Approximation) -> Actions:
        """Return what B makes of rho in all cells."""
        unit = len(approx.generator.model.sites)
        matrix = self.matrix(approx, 1)
        positions = [self.sites[1] + cell * unit for cell in self.cells]
        return [Acting(p, (action(approx, p, matrix, self.acts)[None],)) for p in positions]

    def mean(self, approx: Approximation) -> complex:
        """Return the trace of what B makes of the state: <B>, or <B^+ B>."""
        site = self.sites[1]
        rotated = approx.generator.rotated(site, self.acts.traced(self.matrix(approx, 1)))
        return complex(approx.environment.marginal(site, 1) @ approx.bases[site].measure(rotated))

    @property
    def backwards(self) -> "Pair":
        """The pair whose function, complex conjugate, is this one at negative times and -r."""
        return Pair(self.names[::-1], self.sites[::-1], self.cells, self.acts, not self.adjoint)

    def same(self, other: "Pair", approx: Approximation) -> bool:
        """Return whether another pair has the same operators on the same sites."""
        return self.sites == other.sites and all(
            np.array_equal(self.matrix(approx, end), other.matrix(approx, end)) for end in (0, 1)
        )


class Probes(Protocol):
    """One A that moves, and operators B that act on the state."""

    def mover(self, approx: Approximation) -> tuple[int, tuple[Array, ...]]:
        """Return the first site of A, and its matrices on consecutive sites."""

    def actions(self, approx: Approximation) -> Actions:
        """Return what all B make of rho."""


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
    state
        The state it is contracted with, in operators up to the rank of A(t) if that is higher.
    """

    adjoint: Adjoint
    parts: list[tuple[complex, Window]]
    truncation: Truncation
    steps: int
    weight: float
    state: Approximation

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
        total = np.zeros(sum(len(one.matrices[0]) for one in actions) + 1, dtype=complex)
        first, end = min(one.position for one in actions), max(one.end for one in actions)
        for factor, window in self.parts:
            overlap = Overlap(window, approx.environment, common, first, end)
            values = [overlap.with_operators(one.position, *one.matrices) for one in actions]
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
        site, matrices = self.pair.mover(approx)
        parts = [
            _parts(approx.generator, place, matrix) for place, matrix in enumerate(matrices, site)
        ]
        windows = []
        for chosen in product(*parts):
            factors, factor_matrices = zip(*chosen, strict=True)
            window = adjoint.window(site, *factor_matrices)
            windows.append((complex(np.prod(factors)), window))
        if rank > approx.k_max:  # B takes the state to ranks above its own, which A(t) sees now
            approx = adapted(approx, approx.generator, rank, approx.weight)
        return _Moving(adjoint, windows, truncation, steps, weight, approx)

    def _compared(self) -> list[_Moving]:
        """Return A at the best settings, then with one of them changed."""
        rank, cut = self.approx.k_max, _CUT * self.tol
        fine = Truncation(self.chi_max, cut)
        wide = Truncation(max(1, self.chi_max // 2), _WIDER * cut)
        found = [
            self._moving(self.approx, rank, fine),
            self._moving(self.approx, rank, wide, weight=FACTORS["chi"]),
            self._moving(self.approx, rank, fine, 1, FACTORS["dt"]),
        ]
        if rank < self._relaxation.full_rank:
            # a lower rank may do so much worse that the distance from it tells little
            other = compared_rank(self._relaxation, rank)
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
        states = (self.approx, *self.others)
        actions = {one: self.pair.actions(one) for one in {*states, *(x.state for x in compared)}}
        dt, now = step_for(self.time_unit, self.tol), 0.0
        for moment in times:
            if moment > now:
                count = pairs_of_steps(moment - now, dt)
                for one in moving:
                    one.move(moment - now, count)
                now = moment
            yield Moment(
                {one: by_size[_sizes(one)].values(one, actions[one]) for one in states},
                [(one.weight, one.values(one.state, actions[one.state])) for one in compared[1:]],
            )


@dataclass(frozen=True)
class Moment:
    """A function at one time, or at several if its arrays have a leading axis of times.

    Attributes
    ----------
    values
        By every approximation of the state; # cell. The last is <A(t)> alone.
    coarser
        (factor of the difference in the error, values) with an A(t) of other settings, which for
        the rank is the better one.
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
            apart = np.abs(best - other)
            near = np.pad(apart, [(0, 0)] * (apart.ndim - 1) + [(1, 1)], mode="edge")
            total += weight * np.maximum(apart, np.maximum(near[..., :-2], near[..., 2:]))
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


def two_time_of(state: "MovingState", pair: Probes) -> TwoTime:
    """Return the function of a state that is asked for."""
    first, *others = all_of(state.approximation, state.refinements)
    return TwoTime(first, others, state.method.tol, state.method.chi_max, pair)


def sampled(
    state: "MovingState", pair: Pair, times: Sequence[float], scale: float,
    follower: Follower | None,
    read: Callable[[Array, Approximation | None], Array] = lambda values, _: values[:, :-1],
) -> Estimate:  # fmt: skip
    """Return a function at given times; `scale` is the largest value that it can have."""
    moments = []
    for now, moment in zip(times, two_time_of(state, pair).at(times), strict=True):
        moments.append(moment)
        tell(follower, "evolving", time=now, time_limit=times[-1])
    found = stacked(moments).read(read)
    value = state.estimate(found.values.__getitem__, scale)
    return Estimate(value.value, value.error + found.error(value.value))


def quenched(
    state: "MovingState", pair: Pair, times: Sequence[float], scale: float,
    follower: Follower | None,
) -> Estimate:  # fmt: skip
    """Return Tr[A_r(t) B rho B^+] / Tr[B rho B^+] with B in cell 0 and A in the cells of `pair`.

    Raises
    ------
    ArgumentError
        If B takes the state to zero.
    """
    weight = abs(pair.mean(state.approximation))
    if not weight > _NOTHING * np.linalg.norm(pair.matrix(state.approximation, 1), 2) ** 2:
        raise ArgumentError("Argument `operator` must not take the steady state to zero.")
    mirrored = replace(pair, cells=[-cell for cell in pair.cells])  # A stays in cell 0

    def normalised(values: Array, approx: Approximation | None) -> Array:
        return np.asarray(values[:, :-1] / pair.mean(approx or state.approximation))

    return sampled(state, mirrored, times, scale, follower, normalised)


def _parts(generator: Generator, position: int, matrix: Array) -> list[tuple[complex, Array]]:
    """Return the parts of an operator on a site that a window can be, with their factors."""
    parts: list[tuple[complex, Array]]
    if generator.hermitian_basis:
        flipped = matrix.conj().T
        parts = [(1, (matrix + flipped) / 2), (1j, (matrix - flipped) / 2j)]
    else:
        site = generator.sites[position % len(generator.sites)]
        parts = [(1, part) for part in charge_parts(site, matrix).values()]
    return [(factor, part) for factor, part in parts if np.abs(part).max() > 0]


def _sizes(approx: Approximation) -> tuple[int, ...]:
    return tuple(site.dimension for site in approx.generator.sites)


def action(approx: Approximation, position: int, matrix: Array, acts: Acts = Acts.LEFT) -> Array:
    """Return the matrix of what an operator B at a position makes of rho; # p p'."""
    basis = approx.bases[position % len(approx.bases)]
    return acts.on(basis, approx.generator.rotated(position, matrix))
