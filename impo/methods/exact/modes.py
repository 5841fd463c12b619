"""Null space and slowest modes of a sparse matrix, from its inverse next to zero."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg import eig, svd
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigs

from impo.arrays import Array
from impo.methods.exact.conditions import condition_numbers, same_eigenvalues
from impo.methods.exact.elimination import elimination_cost, graph_levels
from impo.methods.exact.factorization import EPS, SMALL, Inverse, factorize, refined

_DENSE = 400  # up to this size all eigenvalues are computed
_COUNTED = 1500  # up to this size a singular value decomposition counts null vectors
_MOST_DENSE = 4000  # the same where nothing else succeeds
_SHIFT = 1e-6  # in units of the matrix norm, for eigenvalues; to the right of zero
CLOSE, CLOSEST = 1e-9, 4 * EPS  # for null vectors; the second needs row exchanges
_SWEEPS = 40
_SMALLEST, _LARGEST = 1e-60, 1e60  # norms whose squares, and those of inverses, are numbers
_MOST = 64  # null vectors that are looked for one after the other


@dataclass(frozen=True)
class NullSpace:
    """Null vectors, to working precision.

    Attributes
    ----------
    vectors
        Shape (n, dimension). The first belongs to the trace, if there is one, and has trace one.
    complete
        Whether there are certainly no more.
    slowest
        |A x| of a unit vector that is not null, among the slowest; infinite if there is none.
    inverse
        The inverse that they were found with.
    """

    vectors: Array
    complete: bool
    slowest: float
    inverse: Inverse

    @property
    def dimension(self) -> int:
        """The number of null vectors found."""
        return int(self.vectors.shape[1])


def traceless(block: Array, trace: Array | None, state: Array | None) -> Array:
    """Return vectors without their part along the stationary state (of trace one)."""
    if trace is None or state is None:
        return block
    return np.asarray(block - np.multiply.outer(state, trace @ block))


class SlowModes:
    """What a matrix without growing modes does most slowly; one factorization serves everything.

    Parameters
    ----------
    matrix
        Square sparse matrix, real or complex.
    trace
        Left null vector, if one is known; there is then at least one null vector.
    memory
        Bytes that a factorization may take.

    Attributes
    ----------
    unit
        A matrix of very large or small elements is divided by this power of two. All rates but
        those of `eigenvalues` are in this unit.
    """

    def __init__(
        self, matrix: sparse.csr_array, trace: Array | None = None, memory: float = np.inf
    ):
        norm = (float(abs(matrix).sum(axis=0).max()) if matrix.nnz else 0.0) or 1.0
        self.unit = 1.0 if _SMALLEST < norm < _LARGEST else 2.0 ** math.floor(math.log2(norm))
        self.matrix = matrix if self.unit == 1 else matrix / self.unit
        self.memory = memory
        self.norm = norm / self.unit
        self.trace = trace
        root = 0 if trace is None else int(np.argmax(np.abs(trace)))
        self.levels = graph_levels(matrix, root)

    @property
    def cost(self) -> tuple[float, float]:
        """Floating-point operations and bytes of the factorization."""
        operations, size = elimination_cost(self.levels)
        return (4 * operations, 2 * size) if np.iscomplexobj(self.matrix) else (operations, size)

    @cached_property
    def magnitude(self) -> sparse.csr_array:
        """The absolute values of the matrix elements."""
        return abs(self.matrix)

    def inverse(self, shift: complex, pivoted: bool = False) -> Inverse | None:
        """Return an accurate inverse of A - shift * norm, or None if that is too much work."""
        return factorize(self.matrix, self.levels, shift * self.norm, self.memory, pivoted)

    def rounding(self, vectors: Array) -> Array:
        """Return up to which |A x| a unit vector x must be taken for a null vector.

        Rounding of A makes it a few eps | |A| |x| |; rounding of x itself, eps times the norm of A.
        """
        met = np.linalg.norm(self.magnitude @ np.abs(vectors), axis=0)
        return np.asarray(EPS * (30 * met + 4 * self.norm))

    def null_space(self) -> NullSpace | None:
        """Return the null space, or None if no factorization is accurate and small enough.

        Inverse iteration next to zero. Elimination without row exchanges between its blocks is
        tried first for large matrices, and is given up where a mode decays so slowly that only an
        inverse much closer to zero can tell it from a null vector.
        """
        first = self.inverse(CLOSE) if self.matrix.shape[0] > SMALL else None
        found = None if first is None else self._iterate(first)
        if found is None or not found.slowest > 100 * CLOSE * self.norm:
            closer = self.inverse(CLOSEST, pivoted=True)
            if closer is not None:
                return self._iterate(closer)
        return found

    def rounding_error(self, found: NullSpace) -> tuple[Array, float]:
        """Return what rounding may add to the stationary vector, and the share in other directions.

        Its residual, and what rounding makes of it with random signs, are sent through the inverse.
        They come out mostly along the slowest mode.
        """
        assert self.trace is not None
        x = found.vectors[:, 0]
        rest = self.matrix @ x
        size = np.abs(rest) + 2 * EPS * (self.magnitude @ np.abs(x))
        signs = np.random.default_rng(5).choice([-1.0, 1.0], size=(len(x), 4))
        sources = np.column_stack([rest, size[:, None] * signs])
        errors, _ = refined(found.inverse, traceless(sources, self.trace, x))
        errors = traceless(errors, self.trace, x)
        sizes = np.linalg.norm(errors, axis=0)
        shift = abs(found.inverse.shift) / found.slowest  # what the shift leaves of a slow mode
        total = float((1 + shift) * (sizes[0] + 3 * sizes[1:].max()) + EPS * np.linalg.norm(x))
        directions, shares, _ = svd(errors, full_matrices=False)
        share = float(shares[1] / shares[0]) if len(shares) > 1 and shares[0] > 0 else 1.0
        return total * directions[:, 0], share

    def _iterate(self, inverse: Inverse) -> NullSpace:
        """Return the null space; the block of vectors grows until one of them is not null."""
        n = self.matrix.shape[0]
        state = None if self.trace is None else self._stationary(inverse)
        start = np.zeros((n, 0)) if state is None else state[:, None]
        random = np.random.default_rng(1)
        left, width = n - start.shape[1], 1
        if left == 0:
            return NullSpace(start, True, np.inf, inverse)
        while True:
            others, sizes = self._slowest(inverse, state, random.normal(size=(n, width)))
            null = sizes <= self.rounding(others)
            if null.any() and n <= _COUNTED:
                return self._counted(inverse, state)
            if not null.all() or width in (left, _MOST):
                break
            width = min(2 * width, left, _MOST)
        vectors = np.column_stack([start, others[:, null]])
        complete = not null.all() or width == left
        return NullSpace(vectors, complete, float(sizes[~null].min(initial=np.inf)), inverse)

    def _stationary(self, inverse: Inverse) -> Array:
        """Return the null vector that the trace belongs to, of trace one."""
        assert self.trace is not None
        x = self.trace / (self.trace @ self.trace)
        smallest, best = np.inf, x
        for _ in range(_SWEEPS):
            y, _ = refined(inverse, x[:, None])
            y = y[:, 0] / (self.trace @ y[:, 0])
            size = float(np.linalg.norm(self.matrix @ y) / np.linalg.norm(y))
            if not size < 0.5 * smallest:
                break
            x, best, smallest = y, y, size
        return np.asarray(best)

    def _slowest(self, inverse: Inverse, state: Array | None, block: Array) -> tuple[Array, Array]:
        """Return orthonormal traceless vectors x, and |A x| of each, after inverse iteration."""
        before = np.full(block.shape[1], np.inf)
        settled = False
        for _ in range(_SWEEPS):
            block, _ = refined(inverse, traceless(block, self.trace, state))
            block, _ = np.linalg.qr(traceless(block, self.trace, state))
            _, sizes, directions = svd(self.matrix @ block, full_matrices=False)
            vectors = block @ directions.conj().T
            if settled:
                break
            settled = bool(np.all((sizes <= self.rounding(vectors)) | (sizes > 0.5 * before)))
            before = sizes
        return vectors, sizes

    def _counted(self, inverse: Inverse, state: Array | None) -> NullSpace:
        """Return a null space of more than one dimension from all singular values."""
        _, sizes, rows = svd(self.matrix.toarray(), lapack_driver="gesvd")
        null = sizes <= self.rounding(rows.conj().T)
        if state is not None:
            null[-1] = True
        slowest = float(sizes[~null].min(initial=np.inf))
        return NullSpace(rows[null].conj().T, True, slowest, inverse)

    def eigenvalues(self, count: int) -> tuple[Array, Array, Array]:
        """Return the `count` eigenvalues closest to zero, their residuals and condition numbers.

        Residuals are |Av - zv| / |v|. Dense up to 400 rows, else shift-invert Arnoldi; dense again
        if that does not converge. One more is returned if a complex conjugate pair would be cut in
        two, fewer if the matrix has fewer. A condition number is nan where Arnoldi did not find
        the left vector.
        """
        found = None
        n = self.matrix.shape[0]
        if n > max(_DENSE, 2 * count + 6):
            inverse = self.inverse(_SHIFT)
            found = None if inverse is None else self._nearest(inverse, count + 2)
            short = found is None or len(found[0]) < count
            found = None if short and n <= _MOST_DENSE else found
        if found is None:
            values, vectors = eig(self.matrix.toarray())
            found = values, vectors, condition_numbers(vectors)
        order = np.argsort(np.abs(found[0]), kind="stable")
        values, vectors, conditions = found[0][order], found[1][:, order], found[2][order]
        if count < len(values):
            cut = abs(values[count] - values[count - 1].conj()) < 1e-9 * self.norm
            paired = cut and abs(values[count - 1].imag) > 1e-9 * self.norm
            keep = count + bool(paired and not np.iscomplexobj(self.matrix))
            values, vectors, conditions = values[:keep], vectors[:, :keep], conditions[:keep]
        residuals = np.linalg.norm(self.matrix @ vectors - vectors * values, axis=0)
        residuals = residuals / np.linalg.norm(vectors, axis=0)
        return values * self.unit, residuals * self.unit, conditions

    def _nearest(self, inverse: Inverse, count: int) -> tuple[Array, Array, Array] | None:
        """Return the eigenvalues next to a shift, right vectors, and condition numbers."""
        right = arnoldi(inverse, count)
        if right is None:
            return None
        conditions = np.full(len(right[0]), np.nan)
        left = arnoldi(inverse, count, transposed=True)
        if left is not None:
            mine, theirs = same_eigenvalues(right[0], left[0], self.norm)
            conditions[mine] = condition_numbers(right[1][:, mine], left[1][:, theirs])
        return *right, conditions


def arnoldi(
    inverse: Inverse,
    count: int,
    trace: Array | None = None,
    state: Array | None = None,
    tol: float = 1e-13,
    transposed: bool = False,
) -> tuple[Array, Array] | None:
    """Return the eigenvalues of A closest to the shift of an inverse, and their vectors.

    Only traceless ones if a trace and the stationary state are given; left vectors, as columns that
    are not conjugate, if `transposed`. Those that have converged, or
    None if not one has: many equal eigenvalues can keep Arnoldi from converging.
    """
    n = inverse.matrix.shape[0]

    def apply(x: Array) -> Array:
        return traceless(inverse.solve(traceless(x, trace, state), transposed), trace, state)

    start = traceless(np.random.default_rng(2).normal(size=n).astype(inverse.dtype), trace, state)
    operator = LinearOperator((n, n), matvec=apply, dtype=inverse.dtype)
    for vectors_kept in (max(2 * count + 1, 20), max(4 * count, 60)):
        try:
            values, vectors = eigs(
                operator, k=count, v0=start, ncv=min(vectors_kept, n), tol=tol, maxiter=30
            )
            break
        except ArpackNoConvergence as found:
            values, vectors = found.eigenvalues, found.eigenvectors
        except ArpackError:
            values, vectors = np.zeros(0), np.zeros((n, 0))
    good = np.abs(values) > 0
    return (inverse.shift + 1 / values[good], vectors[:, good]) if good.any() else None
