"""The exponential of a matrix with few elements per row, compiled."""

# mypy: allow-untyped-defs

import math

import numpy as np
from numba import njit
from scipy.sparse import csr_array

from impo.arrays import Array
from impo.tensor.interrupts import interruptible

# The series of a matrix of this norm loses four digits to cancellation at most.
LARGEST = 10.0
# Terms are added until they are below this part of the sum.
NEGLIGIBLE = 1e-13
# Columns that are worked on at a time: what they need stays in the cache.
STRIP = 64
# Elements of a row that are multiplied at a time: the result is read and written once for them.
TOGETHER = 4


def exponential(matrix: csr_array) -> Array:
    """Return exp(matrix) as a full matrix.

    The Taylor series of matrix / 2^s, summed in products with the sparse matrix, is squared s
    times. A bond Liouvillian of order n has about ten elements per row (products of multipole
    operators change k by at most one): a term of the series costs some 20 n^2 operations, where
    `scipy.linalg.expm` multiplies full matrices.
    """
    absolute = abs(matrix)
    norm = math.sqrt(absolute.sum(axis=0).max() * absolute.sum(axis=1).max())  # >= 2-norm
    squarings = max(0, math.ceil(math.log2(norm / LARGEST))) if norm > 0 else 0
    pointers, columns, values = _padded(matrix)
    out: Array = _series(pointers, columns, values / 2**squarings)
    for _ in range(squarings):
        out = out @ out
    return out


def _padded(matrix: csr_array) -> tuple[Array, Array, Array]:
    """Return the rows with zeros added until their lengths are multiples of TOGETHER."""
    counts = np.diff(matrix.indptr)
    pointers = np.concatenate([[0], np.cumsum(-(-counts // TOGETHER) * TOGETHER)])
    place = np.arange(matrix.nnz) + np.repeat(pointers[:-1] - matrix.indptr[:-1], counts)
    columns = np.zeros(pointers[-1], np.int32)
    values = np.zeros(pointers[-1], matrix.dtype)
    columns[place], values[place] = matrix.indices, matrix.data
    return pointers, columns, values


_inner = njit(nogil=True, error_model="numpy", fastmath={"contract"})


@_inner
def _largest(matrix):
    largest = 0.0
    for i in range(len(matrix)):
        for x in matrix[i]:
            largest = max(largest, abs(x))
    return largest


@_inner
def _next_term(pointers, columns, values, term, total, out):
    """Set `out` to A times the last term, for sparse rows of A, and add it to the sum."""
    for i in range(len(out)):
        row, sums = out[i], total[i]
        for j in range(STRIP):
            row[j] = 0
        for n in range(pointers[i], pointers[i + 1], TOGETHER):
            a, b, c, d = values[n], values[n + 1], values[n + 2], values[n + 3]
            p, q = term[columns[n]], term[columns[n + 1]]
            r, s = term[columns[n + 2]], term[columns[n + 3]]
            for j in range(STRIP):
                row[j] += a * p[j] + b * q[j] + c * r[j] + d * s[j]
        for j in range(STRIP):
            sums[j] += row[j]


@interruptible
@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _series(pointers, columns, values):
    """Return sum_m A^m / m! for sparse rows of A."""
    order = len(pointers) - 1
    out = np.empty((order, order), values.dtype)
    total = np.empty((order, STRIP), values.dtype)
    term = np.empty((order, STRIP), values.dtype)
    following = np.empty((order, STRIP), values.dtype)
    divided = np.empty_like(values)
    for first in range(0, order, STRIP):
        for i in range(order):
            for j in range(STRIP):
                term[i, j] = total[i, j] = i == first + j
        m = 0
        while m % 4 or m == 0 or _largest(term) > NEGLIGIBLE * _largest(total):
            m += 1
            for n in range(len(values)):
                divided[n] = values[n] / m
            _next_term(pointers, columns, divided, term, total, following)
            term, following = following, term
        for i in range(order):
            for j in range(min(STRIP, order - first)):
                out[i, first + j] = total[i, j]
    return out
