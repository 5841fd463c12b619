"""Multipliers that make the lowest eigenvalue of an operator as large as possible.

With the operators A_i of a relaxation and an operator C,

    maximise t   such that   S = C - sum_i y_i A_i - t  is positive,

and its dual problem, minimise Tr(C X) for positive X with Tr(A_i X) = 0 and Tr X = 1, are followed
along the path X S = mu by the primal-dual method of Helmberg, Kojima and Monteiro with Mehrotra's
predictor and corrector. S is computed from y and t at every step, so that any of them is feasible:
what rounding or an early end costs is accuracy of the optimum, and nothing else.

A step costs the m x m matrix Tr(A_i X A_j S^-1) and its Cholesky factors. A general solver would
factorise a system that also holds all elements of X.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigvalsh, solve_triangular

from impo.arrays import Array
from impo.semidefinite.constraints import Constraints

_STEPS = 60
_TO_EDGE = 0.95  # of the way to the first singular matrix
_SHORTEST = 1e-4  # step that is still progress
_REGULAR = 1e-13  # relative shift of a diagonal: constraints may depend on each other

_Matrices = list[Array]


@dataclass
class _Iterate:
    """Both sides of the problem; the last multiplier is t."""

    X: _Matrices
    S: _Matrices
    y: Array

    @property
    def mu(self) -> float:
        """Mean eigenvalue of X S."""
        return _inner(self.X, self.S) / sum(map(len, self.X))


def best_multipliers(
    objective: Sequence[Array], constraints: Constraints, tol: float,
    report: Callable[[int, float], Any],
) -> Array:  # fmt: skip
    """Return the multipliers y_i, shape (m,), of the operators of a relaxation.

    Parameters
    ----------
    objective
        The blocks of C, Hermitian, of norm one.
    constraints
        The A_i and the identity.
    tol
        Distance to the optimum at which to stop.
    report
        Told the number of multipliers and the distance at every step.
    """
    now = _begin(objective, constraints)
    best, multipliers = -np.inf, now.y
    with np.errstate(all="ignore"):
        for _ in range(_STEPS):
            wanted = np.zeros(len(constraints))
            wanted[-1] = 1.0
            missing = wanted - constraints.traces(now.X)
            gap = _inner(now.X, now.S) + abs(float(missing @ now.y))
            report(len(constraints), gap)
            if (lowest := now.y[-1]) > best:
                best, multipliers = lowest, now.y
            if gap <= tol:
                break
            try:
                then = _step(now, objective, constraints, missing)
            except (np.linalg.LinAlgError, ValueError):  # numbers became too large or too small
                break
            if then is None:
                break
            now = then
    return multipliers[:-1]


def _begin(objective: Sequence[Array], constraints: Constraints) -> _Iterate:
    """Return a point well inside of both cones; X does not obey the constraints."""
    t = min(float(eigvalsh(block)[0]) for block in objective) - 1.0
    y = np.zeros(len(constraints))
    y[-1] = t
    ones = [np.eye(len(block)) for block in objective]
    return _Iterate(ones, [c - t * one for c, one in zip(objective, ones, strict=True)], y)


def _step(
    now: _Iterate, objective: Sequence[Array], constraints: Constraints, missing: Array
) -> _Iterate | None:
    """Return the next point, or None if there is no way on."""
    roots = [np.linalg.cholesky(block) for block in now.S]
    inverse = [_inverse(root) for root in roots]
    system = constraints.products(now.X, inverse)
    system[np.diag_indices(len(system))] *= 1 + _REGULAR
    factor = cho_factor(system, overwrite_a=True, check_finite=False)

    def direction(mu: float, corrections: _Matrices | None) -> tuple[Array, _Matrices, _Matrices]:
        """Return changes of y, S and X towards X S = mu."""
        towards = [mu * si - x for si, x in zip(inverse, now.X, strict=True)]
        if corrections is not None:
            towards = [a - b for a, b in zip(towards, corrections, strict=True)]
        towards = [_symmetric(block) for block in towards]
        dy = cho_solve(factor, missing - constraints.traces(towards), check_finite=False)
        dS = [-block for block in constraints.combination(dy)]
        moved = zip(towards, now.X, dS, inverse, strict=True)
        return dy, dS, [h - _symmetric(x @ ds @ si) for h, x, ds, si in moved]

    dy, dS, dX = direction(0.0, None)
    along_x, along_s = _length(now.X, dX), _length(now.S, dS, roots)
    there = _inner(_moved(now.X, dX, along_x), _moved(now.S, dS, along_s))
    centring = min(max(there / _inner(now.X, now.S), 1e-2), 1.0) ** 2
    second = [dx @ ds @ si for dx, ds, si in zip(dX, dS, inverse, strict=True)]
    dy, dS, dX = direction(centring * now.mu, second)
    along_x, along_s = _length(now.X, dX), _length(now.S, dS, roots)
    if not max(along_x, along_s) > _SHORTEST:
        return None
    y = now.y + along_s * dy
    S = [c - a for c, a in zip(objective, constraints.combination(y), strict=True)]
    return _Iterate(_moved(now.X, dX, along_x), S, y)


def _length(blocks: _Matrices, change: _Matrices, roots: _Matrices | None = None) -> float:
    """Return how far to go, at most 1, until short of a singular matrix."""
    roots = roots or [np.linalg.cholesky(block) for block in blocks]
    lowest = 0.0
    for root, moved in zip(roots, change, strict=True):
        half = solve_triangular(root, moved, lower=True, check_finite=False)
        whole = solve_triangular(root, half.conj().T, lower=True, check_finite=False)
        lowest = min(lowest, float(eigvalsh(_symmetric(whole), subset_by_index=[0, 0])[0]))
    return 1.0 if lowest == 0 else min(1.0, -_TO_EDGE / lowest)


def _inverse(root: Array) -> Array:
    """Return the inverse of L L^+."""
    half = solve_triangular(root, np.eye(len(root)), lower=True, check_finite=False)
    return np.asarray(half.conj().T @ half)


def _inner(left: _Matrices, right: _Matrices) -> float:
    return sum(float(np.vdot(a, b).real) for a, b in zip(left, right, strict=True))


def _moved(blocks: _Matrices, change: _Matrices, length: float) -> _Matrices:
    return [block + length * moved for block, moved in zip(blocks, change, strict=True)]


def _symmetric(matrix: Array) -> Array:
    return np.asarray((matrix + matrix.conj().T) / 2)
