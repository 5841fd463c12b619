"""The slowest decay of a matrix without growing modes, however fast it oscillates.

Modes closest to zero are found with the inverse there. Modes that oscillate fast while they decay
slowly are far from zero; they are what the evolution exp(A t) leaves over, so the eigenvectors of
that with the largest eigenvalues are searched as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigvals
from scipy.sparse.linalg import ArpackError, LinearOperator, eigs

from impo.arrays import Array
from impo.methods.exact.factorization import EPS, SMALL, Inverse, refined
from impo.methods.exact.modes import CLOSE, CLOSEST, NullSpace, SlowModes, arnoldi, traceless

_NEAR = 1e-5  # eigenvalues so close to zero, in units of the norm, are taken from an inverse
_COUNT = 4  # modes that are looked for next to zero
_LASTING = 2  # modes that are looked for by evolution
_DEGREE, _REACH = 24, 6.0  # of the Taylor series of an exponential: its error there is 2e-6
_KRYLOV, _RESTARTS = 24, 4
_WORK = 1e9  # sparse multiplications of a search by evolution: a second or two
_SHORTEST = 0.3  # duration that is of use, in units of the decay time of the modes near zero
_DENSE, _LARGEST_DENSE = 700, 2000  # rows of which all eigenvalues are computed, at once or at last


@dataclass(frozen=True)
class Decay:
    """A decay rate, -Re of an eigenvalue, and its error.

    The error is as large as the rate where a slower mode could not be excluded.
    """

    rate: float
    error: float


NOTHING = Decay(math.inf, 0.0)  # of a matrix that has no modes but the stationary one


def slowest_of(decays: Sequence[Decay | None]) -> Decay | None:
    """Return the slowest of several decays, with an error that covers the others being slower.

    None if one of them is not known, or if there are none at all.
    """
    known = [decay for decay in decays if decay is not None]
    slowest = min(known, key=lambda decay: decay.rate, default=NOTHING)
    if len(known) < len(decays) or slowest.rate == NOTHING.rate:
        return None
    below = [slowest.rate - (decay.rate - decay.error) for decay in known]
    return Decay(slowest.rate, max(slowest.error, *below))


def slowest_decay(
    modes: SlowModes, null: NullSpace | None, oscillating: bool = True
) -> Decay | None:
    """Return the slowest decay of what is not stationary, or None if it takes too long.

    Parameters
    ----------
    modes
        The matrix.
    null
        Its null space if it has one, of one dimension and with a trace.
    oscillating
        Whether to look for modes far from zero, which takes most of the time.
    """
    found = _slowest(modes, null, oscillating)
    return None if found is None else Decay(found.rate * modes.unit, found.error * modes.unit)


def _slowest(modes: SlowModes, null: NullSpace | None, oscillating: bool) -> Decay | None:
    """Return what `slowest_decay` does, in the unit of the matrix."""
    n = modes.matrix.shape[0]
    state = None if modes.trace is None or null is None else null.vectors[:, 0]
    if n <= int(state is not None):
        return NOTHING
    if n <= _DENSE:
        return _dense(modes, null, state)
    near = _closest(modes, null, state)
    if near is None:
        return _dense(modes, null, state) if n <= _LARGEST_DENSE else None
    lasting = None
    if oscillating:
        lasting = _longest_lived(modes, state, float(np.abs(near[0].real).max()))
    if lasting is None and oscillating and n <= _LARGEST_DENSE:
        return _dense(modes, null, state)
    values, vectors = near
    slowest = int(np.argmax(values.real))
    value, vector = values[slowest], vectors[:, slowest]
    if lasting is not None and lasting[0].real > value.real + 0.03 * abs(value.real):
        value, vector = lasting
    decay = _polished(modes, state, value, vector)
    return Decay(decay.rate, max(decay.error, abs(decay.rate))) if lasting is None else decay


def _dense(modes: SlowModes, null: NullSpace | None, state: Array | None) -> Decay | None:
    """Return the slowest of all eigenvalues; those close to zero are taken from an inverse there.

    All have about the same absolute error, which is too much for the slowest. None if LAPACK fails.
    """
    try:
        values = _all_eigenvalues(modes, null, state)
    except np.linalg.LinAlgError:
        return None
    return _polished(modes, state, values[np.argmax(values.real)], None)


def _all_eigenvalues(modes: SlowModes, null: NullSpace | None, state: Array | None) -> Array:
    values = eigvals(modes.matrix.toarray())
    if state is not None:
        values = np.delete(values, np.argmin(np.abs(values)))
    if np.abs(values).min() < _NEAR * modes.norm:
        inverse = _inverse(modes, null)
        identity = np.eye(modes.matrix.shape[0])
        if inverse is not None:
            part = inverse.solve(traceless(identity, modes.trace, state))
            inverted = eigvals(traceless(part, modes.trace, state))
            large = inverted[np.abs(inverted) * _NEAR * modes.norm > 1]
            values = np.concatenate(
                [values[np.abs(values) > _NEAR * modes.norm], inverse.shift + 1 / large]
            )
    return np.asarray(values)


def _inverse(modes: SlowModes, null: NullSpace | None) -> Inverse | None:
    if null is not None:
        return null.inverse
    return modes.inverse(CLOSE if modes.matrix.shape[0] > SMALL else CLOSEST)


def _closest(
    modes: SlowModes, null: NullSpace | None, state: Array | None
) -> tuple[Array, Array] | None:
    """Return the eigenvalues closest to zero and their vectors, or None if there is no answer."""
    inverse = _inverse(modes, null)
    if inverse is None:
        return None
    return arnoldi(inverse, _COUNT, None if state is None else modes.trace, state, tol=1e-8)


def _longest_lived(
    modes: SlowModes, state: Array | None, rate: float
) -> tuple[complex, Array] | None:
    """Return roughly the eigenvalue of largest real part, and its vector; None if that takes long.

    The evolution lasts about the inverse of `rate`, the largest decay rate of the modes near zero.
    """
    matrix, n = modes.matrix, modes.matrix.shape[0]
    radius = _spectral_radius(modes)
    per_time = (matrix.nnz + 3 * n) * _DEGREE / _REACH * radius
    longest = _WORK / (2 * _KRYLOV * per_time)
    if not longest * rate > _SHORTEST:
        return None
    duration = min(1 / rate, longest)
    steps = max(1, math.ceil(radius * duration / _REACH))
    step = duration / steps

    def evolve(x: Array) -> Array:
        x = traceless(x, modes.trace, state)
        for _ in range(steps):
            term = x
            for k in range(1, _DEGREE + 1):
                term = (step / k) * (matrix @ term)
                x = x + term
        return traceless(x, modes.trace, state)

    dtype = np.result_type(matrix.dtype, float)
    start = np.random.default_rng(6).normal(size=n).astype(dtype)
    try:
        _, vectors = eigs(
            LinearOperator((n, n), matvec=evolve, dtype=dtype),
            k=_LASTING, v0=traceless(start, modes.trace, state), ncv=_KRYLOV, tol=1e-2,
            maxiter=_RESTARTS,
        )  # fmt: skip
    except ArpackError:
        return None
    values = np.sum(vectors.conj() * (matrix @ vectors), axis=0)
    values /= np.sum(np.abs(vectors) ** 2, axis=0)
    slowest = int(np.argmax(values.real))
    return complex(values[slowest]), vectors[:, slowest]


def _spectral_radius(modes: SlowModes) -> float:
    """Return an estimate from above of the largest absolute value of an eigenvalue."""
    n = modes.matrix.shape[0]
    start = np.random.default_rng(7).normal(size=n)
    try:
        matrix = modes.matrix.astype(complex)
        largest = eigs(matrix, k=1, v0=start, tol=0.05, return_eigenvectors=False)
    except ArpackError:
        return modes.norm
    return min(1.2 * float(np.abs(largest).max()), modes.norm) or modes.norm


def _polished(modes: SlowModes, state: Array | None, value: complex, vector: Array | None) -> Decay:
    """Return a decay rate from inverse iteration at its eigenvalue, with the error from rounding.

    Left and right vectors give an eigenvalue to second order, and its condition.
    """
    n = modes.matrix.shape[0]
    real = abs(value.imag) <= 1e-13 * modes.norm and not np.iscomplexobj(modes.matrix)
    offset = CLOSE if n > SMALL else CLOSEST
    inverse = modes.inverse((value.real if real else complex(value)) / modes.norm + offset)
    random = np.random.default_rng(8)
    pair = []
    for transposed in (False, True):
        x = random.normal(size=(n, 1)) if vector is None or transposed else vector[:, None]
        x = x.real if real else x
        left, right = (state, modes.trace) if transposed else (modes.trace, state)
        for _ in range(4):
            if inverse is None:
                break
            x, _ = refined(inverse, traceless(x, left, right), transposed)
            x = traceless(x, left, right)
            x = x / np.linalg.norm(x)
        pair.append(x[:, 0])
    right, left = pair
    overlap = left @ right
    moved = modes.matrix @ right
    with np.errstate(all="ignore"):
        better = left @ moved / overlap
        rest = np.abs(left) @ np.abs(moved - better * right)
        rounding = EPS * (np.abs(left) @ (modes.magnitude @ np.abs(right)) + abs(value))
        error = float((rest + 4 * rounding) / abs(overlap)) + EPS * abs(value)
    # a pair of vectors that belong to another mode says nothing about this one
    roughly = 1e-3 * abs(value) if vector is None else 0.1 * abs(value.real) + 1e-3 * abs(value)
    if inverse is None or not abs(better - value) <= roughly + 10 * error:
        return Decay(-float(value.real), abs(float(value.real)))
    return Decay(-float(better.real), min(float(error), abs(float(better.real))))
