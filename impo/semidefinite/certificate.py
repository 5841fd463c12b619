r"""A lower bound that holds whatever a solver did, and whatever rounding did.

For any real y_i the lowest eigenvalue of G = O - sum_i y_i A_i is a lower bound of <O> (see
`impo.semidefinite.relaxation`). Three things are added to what floating-point numbers say of it:

* rounding of G. The computed sum of t numbers differs from the exact one by at most
  t u / (1 - t u) times the sum of their absolute values, u = 2^-53. These differences are added up
  as a matrix, whose norm is bounded by its largest row sum.
* rounding of the A_i themselves, `Relaxation.uncertainty`.
* rounding of the eigenvalue. If Cholesky's algorithm in floating-point numbers ends for a matrix
  M of dimension n, no eigenvalue of M is below -g Tr M / (1 - g), g = (n + 1) u / (1 - (n + 1) u)
  (Demmel; Rump, BIT 46, 433 (2006)). So G is shifted until the algorithm ends. u is replaced by
  4 u, because libraries multiply by reciprocals, and by 16 u for complex numbers.
"""

import math
from collections.abc import Sequence

import numpy as np

from impo.arrays import Array
from impo.semidefinite.relaxation import Relaxation

_UNIT = 2.0**-53
_SMALLEST = 1e-280  # shift, of a matrix of zeros


def lower_bound(
    relaxation: Relaxation, elements: Array, multipliers: Array, uncertainty: float = 0.0
) -> float:
    """Return a certified lower bound of the expectation value of an operator.

    Parameters
    ----------
    relaxation
        The window and the A_i.
    elements
        The elements <I|O|J> on the window.
    multipliers
        Any finite y_i, shape (m,).
    uncertainty
        Bound of the norm of what the elements lack by rounding.

    Returns
    -------
    float
        -inf if the multipliers are not finite, or so large that rounding hides everything.
    """
    if not np.all(np.isfinite(multipliers)):
        return -math.inf
    transposed = relaxation.constraints.T
    found = elements - transposed @ multipliers
    size = np.abs(elements) + abs(transposed) @ np.abs(multipliers)
    terms = 2 + int(np.bincount(relaxation.constraints.indices).max(initial=0))
    rounding = 4 * terms * _UNIT * size
    window = relaxation.window
    row_sums = [float(block.sum(axis=1).max()) for block in window.split(rounding)]
    lowest = _lowest_eigenvalue(window.split(found))
    unknown = uncertainty + float(np.abs(multipliers) @ relaxation.uncertainty)
    bound = lowest - 1.01 * (max(row_sums) + unknown)  # which are sums of rounded numbers, too
    return math.nextafter(bound, -math.inf) if math.isfinite(bound) else -math.inf


def _lowest_eigenvalue(blocks: Sequence[Array]) -> float:
    """Return a lower bound of the eigenvalues of Hermitian blocks."""
    return min(map(_lowest_of, blocks))


def _lowest_of(block: Array) -> float:
    """Return a lower bound of the eigenvalues of one block; its lower triangle counts."""
    if not np.all(np.isfinite(block)):
        return -math.inf
    n, unit = len(block), _UNIT * (16 if np.iscomplexobj(block) else 4)
    try:
        guess = float(np.linalg.eigvalsh(block)[0])
    except np.linalg.LinAlgError:
        guess = -float(np.abs(block).sum())
    size = float(np.abs(block).max()) * n
    growth = (n + 1) * unit / (1 - (n + 1) * unit)
    shift = 4 * growth * size + _SMALLEST
    for _ in range(60):
        level = guess - shift
        moved = block - level * np.eye(n)
        if not _has_root(moved):
            shift *= 4
            continue
        trace = float(np.trace(moved).real)
        diagonal = float(np.abs(np.diag(moved)).max())  # each was rounded once
        return level - 1.01 * (growth / (1 - growth) * trace + 2 * _UNIT * diagonal)
    return -math.inf


def _has_root(matrix: Array) -> bool:
    """Return whether Cholesky's algorithm ends, in finite numbers."""
    try:
        return bool(np.all(np.isfinite(np.linalg.cholesky(matrix))))
    except np.linalg.LinAlgError:
        return False
