"""Eigenvalues with the largest real parts, without a factorization."""

import numpy as np
from scipy import sparse
from scipy.linalg import eig
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, eigs

from impo.arrays import Array
from impo.methods.exact.conditions import condition_numbers, same_eigenvalues
from impo.methods.exact.factorization import EPS
from impo.methods.exact.modes import SlowModes

_DENSE = 700  # rows up to which all eigenvalues are computed
_TOL = 1e-11
_RESTARTS = 200


def slowest_eigenvalues(modes: SlowModes, count: int) -> tuple[Array, Array]:
    """Return eigenvalues of the slowest decay, the slowest first, and bounds on their errors.

    A bound is the condition number times the residual and rounding; infinite where no left vector
    was found. Dense up to 700 rows, else by Arnoldi steps of the matrix itself, which finds an
    eigenvalue of a degenerate space perhaps once only. Fewer than `count` if fewer converge.
    """
    matrix = modes.matrix
    n = matrix.shape[0]
    if n > max(_DENSE, 4 * count):
        values, vectors = _largest_real(matrix, modes.norm, count + 2)
        others, left = _largest_real(sparse.csr_array(matrix.T), modes.norm, count + 2)
        conditions = np.full(len(values), np.inf)
        mine, theirs = same_eigenvalues(values, others, modes.norm)
        conditions[mine] = condition_numbers(vectors[:, mine], left[:, theirs])
    else:
        values, vectors = eig(matrix.toarray())
        conditions = condition_numbers(vectors)
    chosen = np.argsort(-values.real, kind="stable")[:count]
    values, vectors = values[chosen], vectors[:, chosen]
    residuals = np.linalg.norm(matrix @ vectors - vectors * values, axis=0)
    residuals = residuals / np.linalg.norm(vectors, axis=0) + EPS * modes.norm
    return values * modes.unit, conditions[chosen] * residuals * modes.unit


def _largest_real(matrix: sparse.csr_array, norm: float, count: int) -> tuple[Array, Array]:
    """Return eigenvalues and vectors; shifted, as ARPACK does not find an eigenvalue of zero."""
    n = matrix.shape[0]
    shift = 0.1 * norm
    moved = sparse.csr_array(matrix + shift * sparse.eye_array(n))
    start = np.random.default_rng(6).normal(size=n).astype(matrix.dtype)
    try:
        values, vectors = eigs(
            moved, k=count, which="LR", v0=start, ncv=min(n, max(60, 4 * count)), tol=_TOL,
            maxiter=_RESTARTS,
        )  # fmt: skip
    except ArpackNoConvergence as found:
        values, vectors = found.eigenvalues, found.eigenvectors
    except ArpackError:
        values, vectors = np.zeros(0), np.zeros((n, 0))
    return values - shift, vectors
