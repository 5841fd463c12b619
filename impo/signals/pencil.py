"""Matrix pencils: the poles of a sum of exponentials from Hankel matrices of its samples."""

import numpy as np

from impo.arrays import Array
from impo.signals.samples import Signal

_CHANNELS = 24  # combinations of channels in a pencil


def subspace(signal: Signal, fixed: Array) -> tuple[Array, float]:
    """Return the left singular vectors of the Hankel matrices, and a factor of all poles.

    Samples whose noise falls or grows are multiplied by a power, which makes it even. Fixed modes
    are projected out of the rows of the matrices.
    """
    values, times = signal.values, signal.times
    growth = np.exp(np.polyfit(times, np.log(signal.weight), 1)[0]) if len(times) > 1 else 1.0
    values = values * growth ** times[:, None]
    if values.shape[1] > _CHANNELS:
        values = values @ np.linalg.svd(values)[2][:_CHANNELS].conj().T
    width = (len(times) + 1) // 2
    hankel = np.lib.stride_tricks.sliding_window_view(values, width, axis=0)
    for pole in fixed:
        row = (pole * growth) ** np.arange(width)
        row /= np.linalg.norm(row)
        hankel = hankel - (hankel @ row)[..., None] * row
    flat = hankel.reshape(len(hankel), -1)
    return np.linalg.svd(flat, full_matrices=False)[0], growth


def eigenvalues(basis: Array, block: int = 1) -> Array:
    """Return the eigenvalues of F in U_2 = U_1 F, by total least squares.

    U_1 and U_2 lack the last and the first `block` rows of U.
    """
    number = basis.shape[1]
    right = np.linalg.svd(np.hstack([basis[:-block], basis[block:]]))[2].conj().T
    matrix = -right[:number, number:] @ np.linalg.pinv(right[number:, number:])
    return np.linalg.eigvals(matrix).astype(complex)
