"""Direct solution of sparse systems by block elimination along the levels of their graph.

Breadth-first levels make every sparse matrix block tridiagonal. In the multipole basis the levels
that start at the identity are those of constant k + k' + ..., with a few hundred to a few thousand
products each, and elimination runs at the speed of dense matrix products with a known memory.
General sparse LU fills in far more.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse.csgraph import connected_components


def graph_levels(matrix: sparse.csr_array) -> list[NDArray]:
    """Return breadth-first levels of the graph of a matrix, of least elimination cost.

    Nodes of one level are coupled only to their own and the two neighbouring levels. Searches start
    from node 0 and from nodes at the far end of earlier searches.
    """
    graph = sparse.csr_array(abs(matrix) + abs(matrix.T))
    _, component = connected_components(graph, directed=False)
    _, roots = np.unique(component, return_index=True)
    best = _search(graph, roots)
    for _ in range(3):
        far = _farthest(best, component, len(roots))
        levels = _search(graph, far)
        if elimination_cost(levels)[0] >= elimination_cost(best)[0]:
            break
        best = levels
    return best


def _search(graph: sparse.csr_array, roots: NDArray) -> list[NDArray]:
    seen = np.zeros(graph.shape[0], dtype=bool)
    front = np.unique(roots)
    levels = []
    while len(front):
        seen[front] = True
        levels.append(front)
        around = np.unique(graph[front].indices)
        front = around[~seen[around]]
    return levels


def _farthest(levels: Sequence[NDArray], component: NDArray, count: int) -> NDArray:
    """Return one node of the last level that reaches each connected component."""
    out = np.full(count, -1)
    for level in levels:
        out[component[level]] = level
    return out


def elimination_cost(levels: Sequence[NDArray]) -> tuple[float, float]:
    """Return (floating-point operations, bytes) of a real factorization over these levels."""
    sizes = np.array([len(level) for level in levels], dtype=float)
    above = np.append(sizes[1:], 0.0)
    operations = np.sum(2 / 3 * sizes**3 + 2 * above**2 * sizes)
    return float(operations), float(8 * (np.sum(sizes**2) + 2 * sizes.max(initial=0.0) ** 2))


class BlockElimination:
    """Factorization of A - shift over given levels; `solve` applies its inverse.

    Parameters
    ----------
    matrix
        Sparse matrix A.
    levels
        Disjoint index sets covering all rows, coupled only to their neighbours.
    shift
        Number subtracted from the diagonal.
    """

    def __init__(self, matrix: sparse.csr_array, levels: Sequence[NDArray], shift: complex = 0.0):
        matrix = sparse.csr_array(matrix)
        self.levels = levels
        self.dtype = np.result_type(matrix.dtype, type(shift), float)
        self._up: list[sparse.csr_array] = []  # from level l + 1 to level l
        self._down: list[sparse.csr_array] = []  # from level l to level l + 1
        for low, high in pairwise(levels):
            self._up.append(matrix[low][:, high])
            self._down.append(matrix[high][:, low])
        self._factors: list = [None] * len(levels)
        for number in reversed(range(len(levels))):
            rows = levels[number]
            block = matrix[rows][:, rows].toarray().astype(self.dtype)
            block[np.diag_indices(len(rows))] -= shift
            if number + 1 < len(levels):
                fill = lu_solve(
                    self._factors[number + 1],
                    self._down[number].toarray(order="F"),
                    overwrite_b=True,
                    check_finite=False,
                )
                block -= self._up[number] @ fill
            self._factors[number] = lu_factor(block, overwrite_a=True, check_finite=False)

    def solve(self, right: NDArray) -> NDArray:
        """Return (A - shift)^-1 b for a vector or the columns of a matrix."""
        parts = [np.asarray(right[level]) for level in self.levels]
        for number in reversed(range(len(parts) - 1)):
            inner = lu_solve(self._factors[number + 1], parts[number + 1], check_finite=False)
            parts[number] = parts[number] - self._up[number] @ inner
        out = np.empty(right.shape, dtype=np.result_type(self.dtype, right.dtype))
        below = None
        for number, level in enumerate(self.levels):
            source = parts[number]
            if number:
                source = source - self._down[number - 1] @ below
            below = lu_solve(self._factors[number], source, check_finite=False)
            out[level] = below
        return out
