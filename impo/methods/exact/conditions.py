"""Condition numbers of eigenvalues: how far a small change of the matrix moves them."""

import numpy as np

from impo.arrays import Array

_MATCHED = 1e-6  # distance of left and right eigenvalues that are one, over the norm


def condition_numbers(right: Array, left: Array | None = None) -> Array:
    """Return |x| |y| / |y^+ x| of right and left eigenvectors x and y.

    Parameters
    ----------
    right
        Right eigenvectors; # row mode.
    left
        Vectors y^* of the same eigenvalues in the same order, of equal number; None if `right` has
        all eigenvectors. Those of equal eigenvalues may be mixed among each other.

    Returns
    -------
    array
        Infinite where vectors are linearly dependent, as at an exceptional point.
    """
    try:
        dual = np.linalg.inv(right) if left is None else np.linalg.solve(left.T @ right, left.T)
    except np.linalg.LinAlgError:
        return np.full(right.shape[1], np.inf)
    return np.asarray(np.linalg.norm(dual, axis=1) * np.linalg.norm(right, axis=0))


def same_eigenvalues(first: Array, second: Array, norm: float) -> tuple[Array, Array]:
    """Return the positions of eigenvalues that two lists have in common, in equal order."""
    left, mine, theirs = list(range(len(second))), [], []
    for n, value in enumerate(first):
        if not left:
            break
        near = min(left, key=lambda m: abs(second[m] - value))
        if abs(second[near] - value) <= _MATCHED * norm:
            left.remove(near)
            mine.append(n)
            theirs.append(near)
    return np.array(mine, dtype=int), np.array(theirs, dtype=int)
