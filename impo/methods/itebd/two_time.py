"""Two-time correlations of an infinite chain: A moves in the Heisenberg picture, B acts on rho.

    <A_0(t) B_r> = Tr[A_0(t) B_r rho]

One A(t) gives all distances and both orders. The error is that of the state, as of any observable,
and that of A(t): what changes with a wider truncation, a longer step, and another rank.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
from scipy.ndimage import maximum_filter1d

from impo.arrays import Array
from impo.operators.local import charge_parts, local_operators
from impo.refinement.approximation import Approximation, common_operators
from impo.refinement.levels import K_STEP, SAFETY
from impo.refinement.relaxation import Relaxation
from impo.tensor.matrix_product import Truncation
from impo.tensor.overlap import Overlap
from impo.tensor.trotter import ORDER
from impo.tensor.window import Adjoint, Window

_CUT = 1e-3  # smallest singular value of A(t) over the largest, over the tolerance
_WIDER = 8.0  # by what the truncation of the comparison is wider
_FINEST = 1e-4  # tolerance from which on the step is the unit of time


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
    """

    names: tuple[str, str]
    sites: tuple[int, int]
    cells: Sequence[int]
    reverse: bool

    def matrix(self, approx: Approximation, end: int) -> Array:
        """Return A (0) or B (1) with the cut-off of an approximation."""
        return local_operators(approx.generator.model.sites[self.sites[end]])[self.names[end]]


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
        Factor of the distance from the best in the error; None if this is the best.
    """

    adjoint: Adjoint
    parts: list[tuple[complex, Window]]
    truncation: Truncation
    steps: int
    weight: float | None

    def move(self, duration: float, count: int) -> None:
        """Evolve by a duration."""
        step = self.adjoint.step(duration / (self.steps * count))
        self.parts = [
            (factor, window.evolved(step, self.steps * count, self.truncation))
            for factor, window in self.parts
        ]

    def values(self, approx: Approximation, pair: Pair) -> Array:
        """Return the function in every cell; # cell."""
        unit = len(approx.generator.model.sites)
        positions = [pair.sites[1] + cell * unit for cell in pair.cells]
        common = common_operators(self.adjoint.bases, approx.bases)
        total = np.zeros(len(positions), dtype=complex)
        for factor, window in self.parts:
            overlap = Overlap(
                window, approx.environment, common, min(positions), max(positions) + 1
            )
            for n, position in enumerate(positions):
                action = _action(approx, position, pair)
                total[n] += factor * overlap.with_operator(position, action)
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
        The function.
    """

    approx: Approximation
    others: Sequence[Approximation]
    tol: float
    chi_max: int
    pair: Pair

    @cached_property
    def _full(self) -> int:
        return max(site.dimension for site in self.approx.generator.sites) - 1

    def _moving(
        self, approx: Approximation, rank: int, truncation: Truncation, steps: int,
        weight: float | None,
    ) -> _Moving:  # fmt: skip
        adjoint = Adjoint(approx.generator, rank, approx.weight)
        first, generator = self.pair.matrix(approx, 0), approx.generator
        parts: list[tuple[complex, Array]]
        if generator.hermitian_basis:
            flipped = first.conj().T
            parts = [(1, (first + flipped) / 2), (1j, (first - flipped) / 2j)]
        else:
            site = generator.sites[self.pair.sites[0]]
            parts = [(1, part) for part in charge_parts(site, first).values()]
        windows = [
            (factor, adjoint.window(self.pair.sites[0], part))
            for factor, part in parts
            if np.abs(part).max() > 0
        ]
        return _Moving(adjoint, windows, truncation, steps, weight)

    def _compared(self) -> list[_Moving]:
        """Return A at the best settings, then with one of them coarser."""
        rank, cut = self.approx.k_max, _CUT * self.tol
        fine = Truncation(self.chi_max, cut)
        wide = Truncation(max(1, self.chi_max // 2), _WIDER * cut)
        found = [
            self._moving(self.approx, rank, fine, 2, None),
            self._moving(self.approx, rank, wide, 2, SAFETY),
            self._moving(self.approx, rank, fine, 1, 1 / (2**ORDER - 1)),
        ]
        if rank < self._full:
            other = rank - K_STEP if rank > K_STEP + 1 else min(rank + K_STEP, self._full)
            found.append(self._moving(self.approx, other, fine, 2, 1.5))
        return found

    def at(self, times: Sequence[float]) -> Iterator[tuple[dict[Approximation, Array], Array]]:
        """Yield the function by every approximation, and the error of A(t), at rising times.

        Both have an axis of cells.
        """
        compared = self._compared()
        best = compared[0]
        # a state with another cut-off of a boson lives on other operators
        by_size = {_sizes(self.approx): best}
        for other in self.others:
            if _sizes(other) not in by_size:
                made = self._moving(other, other.k_max, best.truncation, best.steps, None)
                by_size[_sizes(other)] = made
        unit = Relaxation(self.approx.generator, 1, None, self.tol).time_unit
        dt, now = unit * min(1.0, self.tol / _FINEST) ** (1 / ORDER), 0.0
        for moment in times:
            if moment > now:
                count = max(1, ceil((moment - now) / (2 * dt) - 1e-9))
                for moving in {id(one): one for one in (*compared, *by_size.values())}.values():
                    moving.move(moment - now, count)
                now = moment
            values = {
                one: by_size[_sizes(one)].values(one, self.pair)
                for one in (self.approx, *self.others)
            }
            errors = np.zeros(len(self.pair.cells))
            for coarser in compared[1:]:
                change = np.abs(values[self.approx] - coarser.values(self.approx, self.pair))
                # curves that cross are none that agree
                errors += (coarser.weight or 0.0) * maximum_filter1d(change, 3, mode="nearest")
            yield values, errors


def _sizes(approx: Approximation) -> tuple[int, ...]:
    return tuple(site.dimension for site in approx.generator.sites)


def _action(approx: Approximation, position: int, pair: Pair) -> Callable[[Array], Array]:
    """Return the map from a tensor # vL p vR of rho to that of B rho, or of rho B."""
    basis = approx.bases[position % len(approx.bases)]
    matrix = approx.generator.rotated(position, pair.matrix(approx, 1))
    acting = basis.right(matrix) if pair.reverse else basis.left(matrix)

    def applied(tensor: Array) -> Array:
        return np.asarray(np.einsum("xy,ayb->axb", acting, tensor))

    return applied
