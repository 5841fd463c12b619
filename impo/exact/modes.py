"""Null space and slowest modes of a sparse matrix, from its inverse next to zero."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import eig
from scipy.sparse.linalg import LinearOperator, eigs

from impo.exact.elimination import BlockElimination, elimination_cost, graph_levels

_DENSE = 400  # up to this size all eigenvalues are computed
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

    def eigenvalues(self, count: int, tol: float = 0.0) -> tuple[NDArray, NDArray]:
        """Return the `count` eigenvalues closest to zero and the residual |Av - zv| / |v| of each.

        Dense up to 400 rows, else shift-invert Arnoldi to relative accuracy `tol` (0: that of the
        machine). One more is returned if a complex
        conjugate pair would be cut in two, fewer if the matrix has fewer.
        """
        n = self.matrix.shape[0]
        if n <= max(_DENSE, 2 * count + 6):
            values, vectors = eig(self.matrix.toarray())
        else:
            wanted = count + 2
            inverse = self._inverse
            values, vectors = eigs(
                self.matrix,
                k=wanted,
                sigma=_SHIFT * self.norm,
                OPinv=LinearOperator((n, n), matvec=inverse.solve, dtype=inverse.dtype),
                v0=np.random.default_rng(2).normal(size=n).astype(inverse.dtype),
                ncv=max(2 * wanted + 1, 20),
                tol=tol,
            )
        order = np.argsort(np.abs(values), kind="stable")
        values, vectors = values[order], vectors[:, order]
        if count < len(values):
            cut = abs(values[count] - values[count - 1].conj()) < 1e-9 * self.norm
            paired = cut and abs(values[count - 1].imag) > 1e-9 * self.norm
            keep = count + bool(paired and not np.iscomplexobj(self.matrix))
            values, vectors = values[:keep], vectors[:, :keep]
        residuals = np.linalg.norm(self.matrix @ vectors - vectors * values, axis=0)
        return values, residuals / np.linalg.norm(vectors, axis=0)
