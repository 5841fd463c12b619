"""Decaying modes of a sampled function, by a matrix pencil."""

import numpy as np

from impo.arrays import Array

_NOISE = 1e-9  # smaller parts of the largest singular value, and smaller 1 - |lambda|, are zero


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
