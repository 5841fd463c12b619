"""Direct solution of sparse systems by block elimination along the levels of their graph.

Breadth-first levels make every sparse matrix block tridiagonal. In the multipole basis the levels
that start at the identity are those of constant k + k' + ..., with a few hundred to a few thousand
products each, and elimination runs at the speed of dense matrix products with a known memory.
General sparse LU (SuperLU) stores 2.3 times as much for a dimer with S = 12, and more from there.
Rows are exchanged inside a block but not between blocks, so that a solution must be measured.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import get_lapack_funcs
from scipy.sparse.csgraph import connected_components

from impo.arrays import Array

_FEW = 2**12  # elements of a dense coupling between two levels


def graph_levels(matrix: sparse.csr_array, root: int) -> list[Array]:
    """Return breadth-first levels of the graph of a matrix, of least elimination cost.

    Nodes of one level are coupled only to their own and the two neighbouring levels. The search
    starts from `root`, which is best eliminated last: the operator that carries the trace, because
    all but rounding error vanishes in its row. Starts at the far end are tried as well.
    """
    graph = sparse.csr_array(abs(matrix) + abs(matrix.T))
    _, component = connected_components(graph, directed=False)
    _, roots = np.unique(component, return_index=True)
    roots[component[root]] = root
    best = _search(graph, roots)
    for _ in range(3):
        far = _farthest(best, component, len(roots))
        levels = _search(graph, far)
        if elimination_cost(levels)[0] > 0.8 * elimination_cost(best)[0]:
            break
        best = levels
    return best


def _search(graph: sparse.csr_array, roots: Array) -> list[Array]:
    seen = np.zeros(graph.shape[0], dtype=bool)
    front = np.unique(roots)
    levels = []
    while len(front):
        seen[front] = True
        levels.append(front)
        around = np.unique(graph[front].indices)
        front = around[~seen[around]]
    return levels


def _farthest(levels: Sequence[Array], component: Array, count: int) -> Array:
    """Return one node of the last level that reaches each connected component."""
    out = np.full(count, -1)
    for level in levels:
        out[component[level]] = level
    return out


def elimination_cost(levels: Sequence[Array]) -> tuple[float, float]:
    """Return (floating-point operations, bytes) of a real factorization over these levels."""
    sizes = np.array([len(level) for level in levels], dtype=float)
    return 2 * float(np.sum(sizes**3)), 8 * float(np.sum(sizes**2) + 3 * sizes.max() ** 2)


def _inverse(matrix: Array) -> Array:
    """Return the inverse of a matrix in column order, which is overwritten.

    LAPACK is called directly: scipy.linalg.inv first looks for structure, at a price, and crashes
    on diagonal matrices in version 1.17.
    """
    getrf, getri, getri_lwork = get_lapack_funcs(("getrf", "getri", "getri_lwork"), (matrix,))
    factors, pivots, info = getrf(matrix, overwrite_a=True)
    if info == 0:
        work, _ = getri_lwork(len(matrix))
        factors, info = getri(factors, pivots, lwork=int(np.real(work)), overwrite_lu=True)
    if info != 0:
        raise np.linalg.LinAlgError("A Schur complement of the Liouvillian is singular.")
    return np.asarray(factors)


def _coupling(block: sparse.csr_array) -> Any:
    """Return a small matrix as a dense one, which is applied several times as fast."""
    return block.toarray() if math.prod(block.shape) <= _FEW else block


class BlockElimination:
    """Inverse of A - shift by block elimination over given levels.

    The last level is eliminated first. Inverses of the Schur complements are kept rather than their
    factors: they meet only sparse couplings and single vectors, which makes them cheaper both to
    build the next complement from and to apply.

    Parameters
    ----------
    matrix
        Sparse matrix A.
    levels
        Disjoint index sets covering all rows, coupled only to their neighbours.
    shift
        Number subtracted from the diagonal.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a Schur complement is singular.
    """

    def __init__(self, matrix: sparse.csr_array, levels: Sequence[Array], shift: complex):
        self.levels = levels
        self.matrix = matrix
        self.shift = shift
        self.dtype = np.result_type(matrix.dtype, type(shift))
        self._up: list[Any] = []  # from level l + 1 to level l
        self._down: list[Any] = []  # from level l to level l + 1
        for low, high in pairwise(levels):
            self._up.append(_coupling(matrix[low][:, high]))
            self._down.append(_coupling(matrix[high][:, low]))
        self._inverses: list[Any] = [None] * len(levels)
        for number in reversed(range(len(levels))):
            rows = levels[number]
            block = matrix[rows][:, rows].toarray().astype(self.dtype, order="F")
            block[np.diag_indices(len(rows))] -= shift
            if number + 1 < len(levels):
                block -= self._up[number] @ (self._inverses[number + 1] @ self._down[number])
            self._inverses[number] = _inverse(block)

    @property
    def _parts(self) -> tuple[list[Any], list[Any], list[Any]]:
        return self._up, self._down, self._inverses

    @cached_property
    def _transposed(self) -> tuple[list[Any], list[Any], list[Any]]:
        """The parts of the transpose: to transpose a sparse matrix takes as long as to apply it."""
        down, up, inverses = ([part.T for part in parts] for parts in self._parts)
        return up, down, inverses

    def solve(self, right: Array, transposed: bool = False) -> Array:
        """Return (A - shift)^-1 b, or that of the transpose, for the columns of a matrix."""
        up, down, inverses = self._transposed if transposed else self._parts
        source = np.asarray(right[self.levels[-1]])
        inner: list[Array] = []
        for number in reversed(range(len(self.levels))):
            inner.append(inverses[number] @ source)
            if number:
                source = right[self.levels[number - 1]] - up[number - 1] @ inner[-1]
        out = np.empty(right.shape, dtype=np.result_type(self.dtype, right.dtype))
        below = inner.pop()
        out[self.levels[0]] = below
        for number in range(1, len(self.levels)):
            coupled = down[number - 1] @ below
            below = inner.pop() - inverses[number] @ coupled
            out[self.levels[number]] = below
        return out
