"""Sparse operator bases of one site, for clusters whose Liouvillian is built as a sparse matrix.

Spins use multipoles T_kq, in which the Liouvillian is banded in k and can be cut at k_max. Bosons
use matrix units |n><n'|, in which a truncated ladder operator is sparse. Both bases are real,
orthonormal in the Hilbert-Schmidt product, carry the charge q, and contain every transpose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy import sparse

from impo.arrays import Array
from impo.model import Site, Spin
from impo.operators.local import multipole_diagonals, state_charges

_TINY = 1e-12
_SMALL = 6  # states of a site whose superoperators are kept


@dataclass(frozen=True, eq=False)
class SparseBasis:
    """Orthonormal real operators T_x of one site.

    Attributes
    ----------
    vectors
        Sparse matrix of shape (d^2, D); column x holds the elements of T_x, row after row.
    k, q
        Integer arrays (D,): multipole rank (zero throughout for matrix units) and charge.
    dimension
        Dimension d of the Hilbert space.
    """

    vectors: sparse.csr_array
    k: Array
    q: Array
    dimension: int

    def __len__(self) -> int:
        return len(self.q)

    @cached_property
    def trace(self) -> Array:
        """Tr T_x."""
        return self.measure(np.eye(self.dimension))

    @cached_property
    def transposed(self) -> Array:
        """The index of the transpose of every T_x."""
        d = self.dimension
        swapped = self.vectors[np.arange(d * d).reshape(d, d).T.ravel()]
        overlap = (swapped.T @ self.vectors).tocsr()
        return np.ravel(abs(overlap).argmax(axis=1))

    @cached_property
    def diagonal(self) -> Array:
        """Whether every T_x is diagonal."""
        places = np.arange(self.dimension) * (self.dimension + 1)
        return np.ravel(abs(self.vectors[places]).sum(axis=0)) > 0

    @cached_property
    def size(self) -> Array:
        """The operator norm of every T_x: its largest element, as each fills one diagonal."""
        return np.ravel(abs(self.vectors).max(axis=0).toarray())

    def measure(self, operator: Array) -> Array:
        """Return Tr(O T_x); this vector times the coefficients of rho is the expectation of O."""
        return self.expand(operator.T)

    def expand(self, operator: Array) -> Array:
        """Return the coefficients Tr(T_x^+ O) of an operator."""
        return np.asarray(self.vectors.T @ np.ascontiguousarray(operator).ravel())

    def sandwich(
        self, left: Array, right: Array, rows: "SparseBasis | None" = None
    ) -> sparse.csc_array:
        """Return the matrix of rho -> A rho B; its rows belong to another basis if one is given."""
        given = (self, rows or self, _Operator(left), _Operator(right))
        return (_small_sandwich if self.dimension <= _SMALL else _sandwich)(*given)

    def left(self, operator: Array, rows: "SparseBasis | None" = None) -> sparse.csc_array:
        """Return the matrix of rho -> O rho; rows from another basis if given."""
        return self.sandwich(operator, np.eye(self.dimension), rows)

    def right(self, operator: Array, rows: "SparseBasis | None" = None) -> sparse.csc_array:
        """Return the matrix of rho -> rho O; rows from another basis if given."""
        return self.sandwich(np.eye(self.dimension), operator, rows)

    def dissipator(self, jump: Array, rows: "SparseBasis | None" = None) -> sparse.csc_array:
        """Return the matrix of rho -> L rho L^+ - {L^+ L, rho} / 2."""
        given = (self, rows or self, _Operator(jump))
        return (_small_dissipator if self.dimension <= _SMALL else _dissipator)(*given)


class _Operator:
    """A matrix that is equal to another if all bytes are: what a cache needs."""

    def __init__(self, matrix: Array):
        self.matrix = matrix

    @cached_property
    def _content(self) -> tuple[str, bytes]:
        return self.matrix.dtype.str, self.matrix.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Operator) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)


def _sandwich(
    columns: SparseBasis, rows: SparseBasis, left: _Operator, right: _Operator
) -> sparse.csc_array:
    """Return the matrix of rho -> A rho B."""
    factors = sparse.csr_array(left.matrix), sparse.csr_array(right.matrix.T)
    action = sparse.kron(*factors, format="csr")
    return pruned(rows.vectors.T @ (action @ columns.vectors), _TINY)


def _dissipator(columns: SparseBasis, rows: SparseBasis, jump: _Operator) -> sparse.csc_array:
    """Return the matrix of rho -> L rho L^+ - {L^+ L, rho} / 2."""
    adjoint = jump.matrix.conj().T
    loss = adjoint @ jump.matrix
    recycling = columns.sandwich(jump.matrix, adjoint, rows)
    decay = columns.left(loss, rows) + columns.right(loss, rows)
    return pruned(recycling - 0.5 * decay, _TINY)


# Scans and large clusters ask for the same few matrices of a small site again and again, and to
# build one takes longer than all that is done with it.
_small_sandwich = lru_cache(maxsize=256)(_sandwich)
_small_dissipator = lru_cache(maxsize=64)(_dissipator)


def joint_dissipator(
    jump: Array, columns: Sequence[SparseBasis], rows: Sequence[SparseBasis]
) -> sparse.csc_array:
    """Return the matrix of rho -> L rho L^+ - {L^+ L, rho} / 2 on several sites.

    States and operators of the last site run fastest.
    """
    operator, one = sparse.csr_array(jump), sparse.eye_array(len(jump))
    loss = operator.conj().T @ operator
    action = sparse.kron(operator, operator.conj())
    action = action - (sparse.kron(loss, one) + sparse.kron(one, loss.T)) / 2
    return pruned(_joint_vectors(rows).T @ (action @ _joint_vectors(columns)), _TINY)


def _joint_vectors(bases: Sequence[SparseBasis]) -> sparse.csr_array:
    """Return the elements of all products of one-site operators, in columns, row after row."""
    vectors, dims = bases[0].vectors, [basis.dimension for basis in bases]
    for basis in bases[1:]:
        vectors = sparse.kron(vectors, basis.vectors, format="csr")
    n = len(dims)  # rows of the product are (row column) of the first site, of the second, ...
    places = np.arange(vectors.shape[0]).reshape([d for d in dims for _ in range(2)])
    return vectors[places.transpose([*range(0, 2 * n, 2), *range(1, 2 * n, 2)]).ravel()]


def pruned(matrix: sparse.sparray, threshold: float) -> sparse.csc_array:
    """Return the matrix in column order, without elements below threshold * largest element."""
    matrix = sparse.csc_array(matrix)
    size = np.abs(matrix.data)
    matrix.data[size <= threshold * size.max(initial=0.0)] = 0
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


@lru_cache(maxsize=8)
def sparse_basis(site: Site, k_max: int | None = None) -> SparseBasis:
    """Return multipoles up to rank `k_max` (None: all) of a spin, or matrix units of a boson."""
    d = site.dimension
    if isinstance(site, Spin):
        top = d - 1 if k_max is None else min(k_max, d - 1)
        upper = multipole_diagonals(d, top)
        labels = [(k, q) for q in range(-top, top + 1) for k in range(abs(q), top + 1)]
        # the diagonal of T_kq begins at (0, q) or (-q, 0)
        rows = [max(q, -q * d) + np.arange(d - abs(q)) * (d + 1) for _, q in labels]
        columns = np.repeat(np.arange(len(labels)), [len(places) for places in rows])
        values = np.concatenate([upper[k, abs(q)] for k, q in labels])
        entries = (values, (np.concatenate(rows), columns))
        k, q = np.array(labels).T
        return SparseBasis(sparse.csr_array(entries, shape=(d * d, len(labels))), k, q, d)
    charges = np.arange(d) if not any(state_charges(site)) else state_charges(site)
    q = np.rint(np.subtract.outer(charges, charges)).astype(int).ravel()
    return SparseBasis(sparse.eye_array(d * d, format="csr"), np.zeros(d * d, int), q, d)
