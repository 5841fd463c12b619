"""The null vector of a sparse matrix that is too large to factorize."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, gmres

from impo.arrays import Array

_RESTART = 60
_SWEEP_OPERATIONS = 3e5  # cost of a restart per row, in dense operations of equal duration


def sweeps_worth(operations: float, rows: int) -> int:
    """Return how many restarts take about as long as that many operations of a factorization."""
    return int(operations / (_SWEEP_OPERATIONS * rows))


def _solve(
    matrix: sparse.csr_array, right: Array, border: tuple[Array, Array] | None,
    start: Array | None, tol: float, sweeps: int,
) -> tuple[Array, bool]:  # fmt: skip
    """Solve (A + u v^T) x = b by GMRES with Jacobi preconditioning; also say whether it worked."""
    diagonal = matrix.diagonal()
    rate = np.abs(diagonal).mean() or 1.0
    inverse = 1.0 / np.where(np.abs(diagonal) > 1e-3 * rate, diagonal, rate)

    def apply(x: Array) -> Array:
        moved: Array = matrix @ x
        return moved if border is None else moved + border[0] * (border[1] @ x)

    operator = LinearOperator(matrix.shape, matvec=apply, dtype=float)
    jacobi = LinearOperator(matrix.shape, matvec=lambda x: inverse * x, dtype=float)
    x, info = gmres(operator, right, x0=start, rtol=tol, restart=_RESTART, maxiter=sweeps, M=jacobi)
    return x, info == 0


def krylov_null_vector(
    matrix: sparse.csr_array, trace: Array, start: Array | None, sweeps: int
) -> tuple[Array, bool, float | None]:
    """Solve A x = 0 with trace . x = 1.

    Because trace^T A = 0, A + w trace^T with w along the trace is regular exactly if the null space
    has one dimension, and the solution of (A + w trace^T) x = w is then the normalised null vector.
    That it is regular is seen from the solution for a random right-hand side: of a singular matrix
    the residual stays near n^-1/2.

    Parameters
    ----------
    matrix
        Real square matrix with trace^T A = 0.
    trace
        Linear functional that normalises x.
    start
        First guess.
    sweeps
        Largest number of restarts of 60 steps.

    Returns
    -------
    x
        The null vector.
    converged
        Whether the relative residual fell below 1e-12.
    amplification
        An estimate (Frobenius norm) of the inverse, which bounds the error of x by its residual;
        None if a second null vector could not be excluded.
    """
    weight = trace * (np.abs(matrix.diagonal()).mean() or 1.0) / (trace @ trace)
    x, converged = _solve(matrix, weight, (weight, trace), start, 1e-12, sweeps)
    amplification = _random_source(matrix, (weight, trace), sweeps) if converged else None
    return x / (trace @ x), converged, amplification


def is_regular(matrix: sparse.csr_array, sweeps: int) -> bool:
    """Return whether A x = b was solved for a random b, so that A has no null vector."""
    return _random_source(matrix, None, sweeps) is not None


def _random_source(
    matrix: sparse.csr_array, border: tuple[Array, Array] | None, sweeps: int
) -> float | None:
    n = matrix.shape[0]
    source = np.random.default_rng(3).normal(size=n)
    x, solved = _solve(matrix, source, border, None, min(1e-6, 1e-3 / np.sqrt(n)), sweeps)
    return float(np.linalg.norm(x)) if solved else None
