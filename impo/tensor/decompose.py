"""Singular value decompositions: complete ones, and of the leading part from a good guess."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

# Below this size a complete decomposition is as fast as finding its leading part.
SMALL = 80


@dataclass(frozen=True)
class Decomposition:
    """Singular values, right vectors (as rows), and the squared norm of what was not computed."""

    values: NDArray
    vectors: NDArray
    missed: float


def complete(matrix: NDArray) -> Decomposition:
    """Return all singular values and right singular vectors."""
    try:
        _, values, vectors = np.linalg.svd(matrix, full_matrices=False)
    except np.linalg.LinAlgError:  # divide and conquer fails on rare matrices
        _, values, vectors = linalg.svd(matrix, full_matrices=False, lapack_driver="gesvd")
    return Decomposition(values, vectors, 0.0)


@lru_cache(maxsize=256)
def _probe(rows: int, columns: int) -> NDArray:
    """Return fixed pseudo-random rows: new directions have to come from somewhere."""
    return np.random.default_rng(rows).standard_normal((rows, columns))


def worthwhile(shape: tuple[int, int], guess: int) -> bool:
    """Return whether the leading part is cheaper than a complete decomposition."""
    return min(shape) > max(SMALL, 3 * (guess + _extra(guess)))


def _extra(guess: int) -> int:
    return max(4, guess // 2)


def leading(matrix: NDArray, guess: NDArray) -> Decomposition:
    """Return the leading singular values and right vectors by two sweeps of subspace iteration.

    Parameters
    ----------
    matrix
        Shape (rows, columns).
    guess
        Rows that nearly span the wanted right vectors; half as many pseudo-random ones are added.
    """
    basis = np.concatenate([guess, _probe(_extra(len(guess)), guess.shape[1])]).conj().T
    range_basis = np.linalg.qr(matrix @ basis)[0]
    basis = np.linalg.qr(matrix.conj().T @ range_basis)[0]
    range_basis = np.linalg.qr(matrix @ basis)[0]
    coefficients = range_basis.conj().T @ matrix
    rest = matrix - range_basis @ coefficients
    _, values, vectors = np.linalg.svd(coefficients, full_matrices=False)
    return Decomposition(values, vectors, float(np.vdot(rest, rest).real))
