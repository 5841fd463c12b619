"""Inverses of sparse matrices that are measured before they are trusted.

Block elimination is the fastest for large clusters, but it exchanges no rows between its blocks and
can lose all accuracy. LU factorization with row exchanges, dense or in a band, cannot. Small
matrices take the latter at once, large ones where the former fails a test.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy import sparse
from scipy.linalg import get_lapack_funcs
from scipy.sparse.csgraph import reverse_cuthill_mckee

from impo.arrays import Array
from impo.methods.exact.elimination import BlockElimination, elimination_cost

EPS = float(np.finfo(float).eps)
SMALL = 600  # up to this size row exchanges cost next to nothing
_STEPS = 5  # of iterative refinement
_ACCURATE = 64 * EPS  # backward error of a solution that is as good as rounding allows
_TOO_LONG = 2e13  # operations


class Inverse(Protocol):
    """Applies (A - shift)^-1."""

    matrix: sparse.csr_array
    shift: complex
    dtype: np.dtype

    def solve(self, right: Array, transposed: bool = False) -> Array:
        """Return (A - shift)^-1 b, or that of the transpose, for the columns of a matrix."""


class PivotedFactors:
    """LU factors of A - shift with row exchanges, in a band where that costs less than dense.

    Parameters
    ----------
    matrix
        Sparse matrix A.
    shift
        Number subtracted from the diagonal.
    """

    def __init__(self, matrix: sparse.csr_array, shift: complex):
        self.matrix, self.shift = matrix, shift
        self.dtype = np.result_type(matrix.dtype, type(shift))
        self._order: Array | None
        self._order, self._width = _band(matrix)
        self._factors: Array
        self._pivots: Array
        n = matrix.shape[0]
        if _band_cost(n, self._width)[0] >= _dense_cost(n)[0]:
            self._order = None
        smallest = EPS * (_norm(matrix, transposed=False) or 1.0)
        if self._order is None:
            full = matrix.toarray().astype(self.dtype, order="F")
            full[np.diag_indices(n)] -= shift
            getrf, self._getrs = get_lapack_funcs(("getrf", "getrs"), (full,))
            self._factors, self._pivots, _ = getrf(full, overwrite_a=True)
            diagonal = np.diag_indices(n)
        else:
            banded = self._banded()
            gbtrf, self._gbtrs = get_lapack_funcs(("gbtrf", "gbtrs"), (banded,))
            self._factors, self._pivots, _ = gbtrf(
                banded, self._width, self._width, overwrite_ab=True
            )
            diagonal = (np.full(n, 2 * self._width), np.arange(n))
        # a pivot that vanishes belongs to an exact null vector; any small number finds it
        pivots = self._factors[diagonal]
        self._factors[diagonal] = np.where(np.abs(pivots) < EPS * smallest, smallest, pivots)

    def _banded(self) -> Array:
        rows = self.matrix[self._order][:, self._order].tocoo()
        rows.eliminate_zeros()
        n, width = self.matrix.shape[0], self._width
        out = np.zeros((3 * width + 1, n), dtype=self.dtype, order="F")
        out[2 * width + rows.row - rows.col, rows.col] = rows.data
        out[2 * width] -= self.shift
        return out

    def solve(self, right: Array, transposed: bool = False) -> Array:
        """Return (A - shift)^-1 b, or that of the transpose, for the columns of a matrix."""
        if np.iscomplexobj(right) and self.dtype.kind != "c":
            parts = self.solve(right.real, transposed), self.solve(right.imag, transposed)
            return parts[0] + 1j * parts[1]
        right = np.asarray(right, dtype=self.dtype)
        if self._order is None:
            x, _ = self._getrs(self._factors, self._pivots, right, trans=int(transposed))
            return np.asarray(x)
        out = np.empty_like(right)
        out[self._order], _ = self._gbtrs(
            self._factors, self._width, self._width, right[self._order], self._pivots,
            trans=int(transposed),
        )  # fmt: skip
        return out


def _band(matrix: sparse.csr_array) -> tuple[Array, int]:
    """Return an order of the rows in which the matrix is a band, and its half width."""
    graph = sparse.csr_array(abs(matrix) + abs(matrix.T))
    order = reverse_cuthill_mckee(sparse.csr_matrix(graph), symmetric_mode=True)
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    entries = graph.tocoo()
    width = np.abs(place[entries.row] - place[entries.col]).max(initial=0)
    return order, int(width)


def _dense_cost(n: int) -> tuple[float, float]:
    return 2 / 3 * float(n) ** 3, 16 * float(n) ** 2


def _band_cost(n: int, width: int) -> tuple[float, float]:
    return 8 * float(n) * width**2, 8 * 6 * float(n) * (width + 1)  # a band runs half as fast


def pivoted_cost(matrix: sparse.csr_array) -> tuple[float, float]:
    """Return (floating-point operations, bytes) of `PivotedFactors`."""
    n = matrix.shape[0]
    cost = min(_dense_cost(n), _band_cost(n, _band(matrix)[1]))
    return (4 * cost[0], 2 * cost[1]) if np.iscomplexobj(matrix) else cost


def refined(inverse: Inverse, right: Array, transposed: bool = False) -> tuple[Array, float]:
    """Return the solution of (A - shift) x = b for some columns b, and its backward error.

    Residuals are fed back until they are as small as rounding makes them or cease to shrink. The
    error is the largest of |b - (A - shift) x| / (|A - shift| |x| + |b|).
    """
    matrix = inverse.matrix.T if transposed else inverse.matrix
    size = _norm(inverse.matrix, transposed) + abs(inverse.shift)
    best = inverse.solve(right, transposed)
    smallest = np.inf
    x = best
    for _ in range(_STEPS):
        rest = right - (matrix @ x - inverse.shift * x)
        scale = size * np.linalg.norm(x, axis=0) + np.linalg.norm(right, axis=0)
        error = float(np.max(np.linalg.norm(rest, axis=0) / np.where(scale > 0, scale, 1.0)))
        if not error < 0.5 * smallest:  # also if it is nan
            break
        best, smallest = x, error
        if error <= EPS:
            break
        x = x + inverse.solve(rest, transposed)
    return best, smallest


def _norm(matrix: sparse.csr_array, transposed: bool) -> float:
    """Return the largest sum of absolute values in a column of A, or of its transpose."""
    n = matrix.shape[0]
    lines = np.repeat(np.arange(n), np.diff(matrix.indptr)) if transposed else matrix.indices
    return float(np.bincount(lines, np.abs(matrix.data), n).max())


def factorize(
    matrix: sparse.csr_array,
    levels: Sequence[Array],
    shift: complex,
    memory: float,
    pivoted: bool = False,
) -> Inverse | None:
    """Return an accurate inverse of A - shift, or None if that takes too long or too much memory.

    Parameters
    ----------
    matrix
        Sparse matrix A.
    levels
        See `BlockElimination`.
    shift
        Number subtracted from the diagonal.
    memory
        Bytes that may be used.
    pivoted
        Whether only a factorization with row exchanges will do.
    """
    n = matrix.shape[0]
    if n > SMALL:
        operations, size = elimination_cost(levels)
        many = 4 if np.iscomplexobj(matrix) or isinstance(shift, complex) else 1
        if not pivoted and many * operations < _TOO_LONG and min(many, 2) * size < memory:
            found = accurate_elimination(matrix, levels, shift)
            if found is not None:
                return found
        operations, size = pivoted_cost(matrix)
        if not (operations < _TOO_LONG and size < memory):
            return None
    return PivotedFactors(matrix, shift)


def accurate_elimination(
    matrix: sparse.csr_array, levels: Sequence[Array], shift: complex
) -> BlockElimination | None:
    """Return the inverse by block elimination, or None if it fails for a random right-hand side."""
    try:
        found = BlockElimination(matrix, levels, shift)
    except np.linalg.LinAlgError:
        return None
    source = np.random.default_rng(4).normal(size=(matrix.shape[0], 1))
    _, error = refined(found, source)
    return found if error <= _ACCURATE else None
