"""Matrix pencils: the poles of a sum of exponentials from Hankel matrices of its samples."""

import numpy as np

from impo.arrays import Array
from impo.signals.samples import Signal

_CHANNELS = 24  # combinations of channels in a pencil
_NOISE = 1e-9  # smaller parts of the largest singular value, and smaller 1 - |lambda|, are zero


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


def eigenvalues(basis: Array) -> Array:
    """Return the eigenvalues of F in U_2 = U_1 F, by total least squares."""
    number = basis.shape[1]
    right = np.linalg.svd(np.hstack([basis[:-1], basis[1:]]))[2].conj().T
    matrix = -right[:number, number:] @ np.linalg.pinv(right[number:, number:])
    return np.linalg.eigvals(matrix).astype(complex)


def slowest_decay(samples: Array) -> float:
    """Return the largest |lambda| < 1 of a sum of exponentials, from samples at equal steps.

    The samples f(r) = sum_j a_j lambda_j^r, r = 0 ... n - 1, fill the rows of a Hankel matrix

        Y_ir = f(i + r) = sum_j a_j lambda_j^i lambda_j^r,    r = 0 ... w,    w = n // 2.

    Its row space is spanned by the vectors v_j = (1, lambda_j, ..., lambda_j^w). Let the columns of
    V, shape (w + 1, rank), be a basis of it from a singular value decomposition, and V_1 and V_2 be
    V without its last and without its first row. A step multiplies every v_j by lambda_j, so the
    lambda_j are the eigenvalues of the pencil V_2 - lambda V_1, or of pinv(V_1) V_2.

    Parameters
    ----------
    samples
        f(0), f(1), ..., real or complex, shape (n,), n >= 2. At most n // 2 exponentials are told
        apart.

    Returns
    -------
    float
        exp(-1/xi) of the slowest decay, xi its length in steps; nan if nothing decays.

    References
    ----------
    Y. Hua and T. K. Sarkar, IEEE Trans. Acoust. Speech Signal Process. 38, 814 (1990).
    """
    window = len(samples) // 2
    hankel = np.array([samples[i : i + window + 1] for i in range(len(samples) - window)])
    _, sizes, right = np.linalg.svd(hankel)
    rank = min(int(np.sum(sizes > _NOISE * sizes[0])), window)
    basis = right[:rank].conj().T
    decays = np.abs(np.linalg.eigvals(np.linalg.pinv(basis[:-1]) @ basis[1:]))
    return float(decays[decays < 1 - _NOISE].max(initial=0.0)) or np.nan
