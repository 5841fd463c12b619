"""The exact steady state of the maximally driven XXZ chain, as a matrix product.

T. Prosen, Phys. Rev. Lett. 107, 137201 (2011): rho = S S^+ / Tr S S^+ with
S = <0|A_s1 ... A_sn|0> sigma_s1 x ... x sigma_sn over s = 0, +, -. In the states |0>, |1>, ...

    A_0 |r> = [p - r] / [p] |r>,  A_+ |r + 1> = |r>,  A_- |r> = -[r + 1] [2p - r] / [p]^2 |r + 1>,

[x] = sin(eta x) / sin(eta) with cos(eta) = Delta, and cot(eta p) = -i epsilon / (2 sin(eta)).
"""

import numpy as np

SIGMA = (np.eye(2), np.array([[0.0, 1], [0, 0]]), np.array([[0.0, 0], [1, 0]]))


def auxiliary(length, delta, epsilon=1.0):
    """Return A_0, A_+ and A_-."""
    size = length // 2 + 2
    r = np.arange(size)
    if delta == 1:
        p = 2j / epsilon
        diagonal, product = (p - r) / p, (r + 1) * (2 * p - r) / p**2
    else:
        eta = np.arccos(complex(delta))
        p = np.arctan(2j * np.sin(eta) / epsilon) / eta
        diagonal = np.sin(eta * (p - r)) / np.sin(eta * p)
        product = np.sin(eta * (r + 1)) * np.sin(eta * (2 * p - r)) / np.sin(eta * p) ** 2
    return np.diag(diagonal), np.eye(size, k=1), np.diag(-product[:-1], k=-1)


def density_matrix(length, delta, epsilon=1.0):
    """Return rho; the first spin is the slowest."""
    matrices = auxiliary(length, delta, epsilon)
    rows = np.zeros((len(matrices[0]), 1, 1), complex)
    rows[0] = 1
    for _ in range(length):
        rows = sum(
            np.einsum("ab,aij,kl->bikjl", a, rows, sigma).reshape(
                len(rows), 2 * rows.shape[1], 2 * rows.shape[2]
            )
            for a, sigma in zip(matrices, SIGMA, strict=True)
        )
    rho = rows[0] @ rows[0].conj().T
    return rho / np.trace(rho)


def current(length, delta, epsilon=1.0):
    """Return the flow of sigma_z in units with H = sum 2 (s+ s- + h.c.) + Delta sz sz.

    The first spin gains 2 epsilon (1 - <sigma_z>) per time, which flows on.
    """
    matrices = auxiliary(length, delta, epsilon)
    pairs = [(np.kron(a, a.conj()), s @ s.T) for a, s in zip(matrices, SIGMA, strict=True)]
    whole = sum(np.trace(square) * pair for pair, square in pairs)
    first = sum((square[0, 0] - square[1, 1]) * pair for pair, square in pairs)
    row, norm = first[0], whole[0]
    for _ in range(length - 1):
        row, norm = row @ whole, norm @ whole
        row, norm = row / abs(norm[0]), norm / abs(norm[0])
    return 2 * epsilon * (1 - (row[0] / norm[0]).real)
