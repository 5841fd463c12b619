r"""Gaussian states of bosons: purity, symplectic eigenvalues and negativity.

A state is given by G = <{Psi, Psi^+}>/2 with Psi = (c_1 ... c_n, c_1^+ ... c_n^+), shape (2n, 2n);
the vacuum is G = 1/2. The covariance matrix V of Huber, Kirton and Rabl (Eq. A20, vacuum variance
1) of the quadratures X = c + c^+ and P = i(c - c^+) is `covariance_matrix(G)`.
"""

from collections.abc import Sequence

import numpy as np

from impo.arrays import Array


def covariance_matrix(covariance: Array) -> Array:
    """Return V of Eq. A20, ordered (X_1, P_1, X_2, P_2, ...), real, shape (2n, 2n)."""
    n = len(covariance) // 2
    to_quadratures = np.zeros((2 * n, 2 * n), dtype=complex)
    for j in range(n):
        to_quadratures[2 * j, [j, j + n]] = 1, 1
        to_quadratures[2 * j + 1, [j, j + n]] = 1j, -1j
    return (to_quadratures @ covariance @ to_quadratures.conj().T).real


def part(covariance: Array, modes: Sequence[int]) -> Array:
    """Return G of some of the modes."""
    n = len(covariance) // 2
    index = [*modes, *(mode + n for mode in modes)]
    return covariance[np.ix_(index, index)]


def log_purity(covariance: Array) -> Array:
    """Return ln Tr rho^2 = -ln det(V)/2 (Eq. A22) of G, shape (..., 2n, 2n)."""
    return np.asarray(-np.linalg.slogdet(2 * covariance)[1] / 2)


def symplectic_eigenvalues(matrix: Array) -> Array:
    """Return the n symplectic eigenvalues (>= 1 for a state) of a covariance matrix V."""
    n = len(matrix) // 2
    form = np.kron(np.eye(n), [[0.0, 1.0], [-1.0, 0.0]])
    return np.sort(np.abs(np.linalg.eigvals(1j * form @ matrix)))[::2]


def negativity(covariance: Array, modes: Sequence[int]) -> float:
    """Return the negativity (||rho^T||_1 - 1)/2 between some modes and all others.

    For two modes this is Eq. A25 with max(0, .).

    Parameters
    ----------
    covariance
        G of the whole system.
    modes
        The modes of one side of the bipartition.
    """
    matrix = covariance_matrix(covariance)
    flip = np.ones(len(matrix))
    flip[[2 * mode + 1 for mode in modes]] = -1  # partial transposition: P -> -P
    values = symplectic_eigenvalues(flip[:, None] * matrix * flip)
    return float((np.prod(1 / np.minimum(values, 1.0)) - 1) / 2)


def neighbour_negativity(covariance: Array, modes: int) -> float:
    """Return the negativity between sites 0 and 1 of a cell (or of two cells with one site).

    Parameters
    ----------
    covariance
        G_k on a regular grid of wave vectors, shape (points, [points,] 2n, 2n).
    modes
        Number n of sites of a cell.
    """
    dimension = covariance.ndim - 2
    between = np.fft.fftn(covariance, axes=tuple(range(dimension)), norm="forward")
    here, there = between[(0,) * dimension], between[(1, *[0] * (dimension - 1))]
    if modes > 1:
        return negativity(part(here, (0, 1)), (0,))
    pair = np.empty((4, 4), dtype=complex)
    pair[::2, ::2] = pair[1::2, 1::2] = here
    pair[::2, 1::2], pair[1::2, ::2] = there, there.conj().T
    return negativity(pair, (0,))
