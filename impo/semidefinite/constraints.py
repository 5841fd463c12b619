"""The operators A_i of a relaxation by blocks, as linear maps that a solver needs."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from impo.arrays import Array
from impo.semidefinite.window import Window

_CHUNK = 2**24  # numbers of a dense stack of matrices


class Constraints:
    """Operators A_i on a window, and the identity as the last one.

    Parameters
    ----------
    window
        Elements of the density matrix.
    matrix
        Shape (m, elements), row i holds <I|A_i|J>; Hermitian.

    Attributes
    ----------
    sizes
        Dimension of every block.
    blocks
        For every block the numbers i of the operators that act there, and their elements, shape
        (operators, size^2).
    """

    def __init__(self, window: Window, matrix: sparse.csr_array):
        identity = sparse.csr_array((window.bra == window.ket)[None, :].astype(float))
        columns = sparse.csc_array(sparse.vstack([matrix, identity]))
        self.sizes = [len(block) for block in window.blocks]
        self.blocks = []
        for start, stop in zip(window.starts[:-1], window.starts[1:], strict=True):
            part = sparse.csr_array(columns[:, start:stop])
            acting = np.flatnonzero(np.diff(part.indptr))
            self.blocks.append((acting, part[acting]))
        self._count = int(matrix.shape[0]) + 1

    def __len__(self) -> int:
        return self._count

    def traces(self, matrices: Sequence[Array]) -> Array:
        """Return Tr(A_i Z) of a Hermitian Z."""
        out = np.zeros(len(self))
        for (acting, part), matrix in zip(self.blocks, matrices, strict=True):
            out[acting] += np.real(part.conj() @ matrix.ravel())
        return out

    def combination(self, multipliers: Array) -> list[Array]:
        """Return sum_i y_i A_i."""
        pairs = zip(self.blocks, self.sizes, strict=True)
        return [(part.T @ multipliers[rows]).reshape(n, n) for (rows, part), n in pairs]

    def products(self, left: Sequence[Array], right: Sequence[Array]) -> Array:
        """Return the real symmetric matrix Tr(A_i Y A_j Z) of positive Y and Z, shape (m, m)."""
        out = np.zeros((len(self), len(self)))
        for (acting, part), n, y, z in zip(self.blocks, self.sizes, left, right, strict=True):
            found = np.empty((len(acting), len(acting)))
            adjoint = sparse.csr_array(part.conj())
            step = max(_CHUNK // (n * n), 1)
            for first in range(0, len(acting), step):
                some = part[first : first + step]
                times = sparse.csr_array(some.reshape((some.shape[0] * n, n))) @ z
                both = np.matmul(y, times.reshape(-1, n, n)).reshape(-1, n * n)
                found[:, first : first + step] = np.real(adjoint @ both.T)
            out[np.ix_(acting, acting)] += found
        return out
