"""The operators A_i of a relaxation by blocks, as linear maps that a solver needs."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from scipy import sparse

from impo.arrays import Array
from impo.semidefinite.window import Window

_CHUNK = 2**19  # numbers of a stack of matrices, which stay near the processor


class _Block:
    """The operators that act in one block, those with many non-zero rows first.

    Attributes
    ----------
    size
        Dimension n of the block.
    acting
        Numbers i of the operators.
    elements
        Their elements, row after row, shape (operators, n^2).
    """

    def __init__(self, columns: sparse.csc_array, size: int):
        part = sparse.csr_array(columns)
        acting = np.flatnonzero(np.diff(part.indptr))
        rows = [np.unique(part.indices[slice(*part.indptr[i : i + 2])] // size) for i in acting]
        widths = np.array([len(found) for found in rows])
        order = np.argsort(-widths, kind="stable")
        self.size = size
        self.acting = acting[order]
        self.elements = part[self.acting]
        self._rows = [rows[i] for i in order]
        self._widths = widths[order]

    @cached_property
    def stacks(self) -> list[tuple[int, Array, sparse.csr_array]]:
        """Operators of similar width in stacks: the first, their rows, and what is in them.

        `rows` has the shape (operators, width) and is filled up with row 0; the rows of the
        operators lie below each other in a sparse matrix, shape (operators * width, n).
        """
        return list(self._stacks())

    def _stacks(self) -> Iterator[tuple[int, Array, sparse.csr_array]]:
        n, first = self.size, 0
        while first < len(self._rows):
            width = int(self._widths[first])
            narrow = min(width * 2 // 3, max(width - 4, 0))
            similar = int(np.searchsorted(-self._widths, -narrow))
            stop = min(similar, first + max(_CHUNK // (n * n), 1))
            rows = np.zeros((stop - first, width), dtype=int)
            place = np.zeros((stop - first, n), dtype=int)
            for m, found in enumerate(self._rows[first:stop]):
                rows[m, : len(found)] = found
                place[m, found] = np.arange(len(found))
            entries = sparse.coo_array(self.elements[first:stop])
            m, (i, j) = entries.row, np.divmod(entries.col, n)
            where = (m * width + place[m, i], j)
            shape = ((stop - first) * width, n)
            yield first, rows, sparse.csr_array((entries.data, where), shape=shape)
            first = stop

    def products(self, left: Array, right: Array) -> Array:
        """Return the real symmetric matrix Tr(A_i Y A_j Z) of the operators of this block."""
        out = np.empty((len(self.acting), len(self.acting)))
        adjoint = sparse.csr_array(self.elements.conj())
        for first, rows, parts in self.stacks:
            count, width = rows.shape
            some = (parts @ right).reshape(count, width, self.size)
            both = np.matmul(left[rows].conj().transpose(0, 2, 1), some).reshape(count, -1)
            found = np.real(adjoint[first:] @ both.T)
            out[first:, first : first + count] = found
            out[first : first + count, first:] = found.T
        return out


class Constraints:
    """Operators A_i on a window, and the identity as the last one.

    Parameters
    ----------
    window
        Elements of the density matrix.
    matrix
        Shape (m, elements), row i holds <I|A_i|J>; Hermitian.
    """

    def __init__(self, window: Window, matrix: sparse.csr_array):
        columns = sparse.csc_array(window.with_identity(matrix))
        ends = zip(window.starts[:-1], window.starts[1:], window.blocks, strict=True)
        self._blocks = [_Block(columns[:, i:j], len(states)) for i, j, states in ends]
        self._count = int(matrix.shape[0]) + 1

    def __len__(self) -> int:
        return self._count

    def traces(self, matrices: Sequence[Array]) -> Array:
        """Return Tr(A_i Z) of a Hermitian Z."""
        out = np.zeros(len(self))
        for block, matrix in zip(self._blocks, matrices, strict=True):
            out[block.acting] += np.real(block.elements.conj() @ matrix.ravel())
        return out

    def combination(self, multipliers: Array) -> list[Array]:
        """Return sum_i y_i A_i."""
        return [
            (block.elements.T @ multipliers[block.acting]).reshape(block.size, block.size)
            for block in self._blocks
        ]

    def products(self, left: Sequence[Array], right: Sequence[Array]) -> Array:
        """Return the real symmetric matrix Tr(A_i Y A_j Z) of positive Y and Z, shape (m, m)."""
        out = np.zeros((len(self), len(self)))
        for block, y, z in zip(self._blocks, left, right, strict=True):
            out[np.ix_(block.acting, block.acting)] += block.products(y, z)
        return out
