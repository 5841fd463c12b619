"""Null space and slowest modes of a sparse matrix, from its inverse next to zero."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import eig, eigvals
from scipy.sparse.linalg import LinearOperator, eigs

from impo.exact.elimination import BlockElimination, elimination_cost, graph_levels

_DENSE = 400  # up to this size all eigenvalues are computed
_SLOWEST = 4  # eigenvalues looked for at each of two places for the slowest decay
_SHIFT = 1e-6  # in units of the matrix norm, to the right of zero
_SWEEPS = 40
_MOST = 64  # null vectors that are looked for


class SlowModes:
    """What a matrix without growing modes does most slowly; one factorization serves everything.

    Parameters
    ----------
    matrix
        Square sparse matrix, real or complex.
    root
        Row that is eliminated last.
    """

    def __init__(self, matrix: sparse.csr_array, root: int = 0):
        self.matrix = matrix
        size = float(abs(matrix).sum(axis=0).max()) if matrix.nnz else 0.0
        self.norm = size or 1.0
        self.levels = graph_levels(matrix, root)

    @property
    def cost(self) -> tuple[float, float]:
        """Floating-point operations and bytes of the factorization."""
        operations, size = elimination_cost(self.levels)
        return (4 * operations, 2 * size) if np.iscomplexobj(self.matrix) else (operations, size)

    @cached_property
    def _inverse(self) -> BlockElimination:
        return BlockElimination(self.matrix, self.levels, _SHIFT * self.norm)

    def null_space(self) -> tuple[NDArray, bool]:
        """Return orthonormal null vectors (n, dimension), and whether there are no more.

        Inverse iteration of a block of vectors. The block grows until it holds a direction that is
        not null, so a degenerate null space is not taken for a single vector. A direction x is null
        if |A x| is no more than rounding makes it, 30 eps | |A| |x| |; modes slower than that
        cannot be told from steady states in double precision.
        """
        n = self.matrix.shape[0]
        random = np.random.default_rng(1)
        width = min(2, n)
        while True:
            block, before = random.normal(size=(n, width)), np.full(width, np.inf)
            settled = False
            for _ in range(_SWEEPS):
                block, _ = np.linalg.qr(self._inverse.refined_solve(block))
                _, sizes, directions = np.linalg.svd(self.matrix @ block, full_matrices=False)
                vectors = block @ directions.conj().T
                rounding = np.linalg.norm(abs(self.matrix) @ np.abs(vectors), axis=0)
                null = sizes <= 30 * np.finfo(float).eps * rounding
                if settled:
                    break
                settled = bool(np.all(null | (sizes > 0.5 * before)))  # one more polishes
                before = sizes
            if not null.all() or width == n or width >= _MOST:
                return vectors[:, null], bool(not null.all() or width == n)
            width = min(2 * width, n, _MOST)

    def eigenvalues(self, count: int) -> tuple[NDArray, NDArray]:
        """Return the `count` eigenvalues closest to zero and the residual |Av - zv| / |v| of each.

        Dense up to 400 rows, else shift-invert Arnoldi. One more is returned if a complex conjugate
        pair would be cut in two, fewer if the matrix has fewer.
        """
        if self._is_small(count):
            values, vectors = eig(self.matrix.toarray())
        else:
            values, vectors = self._arnoldi(self._inverse, count + 2, 0.0)
        order = np.argsort(np.abs(values), kind="stable")
        values, vectors = values[order], vectors[:, order]
        if count < len(values):
            cut = abs(values[count] - values[count - 1].conj()) < 1e-9 * self.norm
            paired = cut and abs(values[count - 1].imag) > 1e-9 * self.norm
            keep = count + bool(paired and not np.iscomplexobj(self.matrix))
            values, vectors = values[:keep], vectors[:, :keep]
        residuals = np.linalg.norm(self.matrix @ vectors - vectors * values, axis=0)
        return values, residuals / np.linalg.norm(vectors, axis=0)

    def decay_rates(self) -> NDArray:
        """Return -Re of the slowest eigenvalues found, ascending.

        All eigenvalues up to 400 rows. Else those closest to zero and those closest to a point well
        to its right, where modes that oscillate fast while they decay slowly are near too; modes
        that oscillate much faster than the slow ones decay may still be missed.
        """
        if self._is_small(_SLOWEST):
            return np.sort(-eigvals(self.matrix.toarray()).real)
        near, _ = self._arnoldi(self._inverse, _SLOWEST, 1e-6)
        shift = 3 * float(np.abs(near).max())
        inverse = BlockElimination(self.matrix, self.levels, shift)
        right, _ = self._arnoldi(inverse, _SLOWEST, 1e-6)
        known = np.abs(np.subtract.outer(right, near)).min(axis=1) < 1e-6 * shift
        return np.sort(-np.concatenate([near, right[~known]]).real)

    def _is_small(self, count: int) -> bool:
        return self.matrix.shape[0] <= max(_DENSE, 2 * count + 6)

    def _arnoldi(self, inverse: BlockElimination, count: int, tol: float) -> tuple:
        """Return the eigenvalues closest to the shift of an inverse, and their vectors."""
        return eigs(
            self.matrix,
            k=count,
            sigma=inverse.shift,
            OPinv=LinearOperator(self.matrix.shape, matvec=inverse.solve, dtype=inverse.dtype),
            v0=np.random.default_rng(2).normal(size=self.matrix.shape[0]).astype(inverse.dtype),
            ncv=max(2 * count + 1, 20),
            tol=tol,
        )
