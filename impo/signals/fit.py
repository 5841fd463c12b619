"""Least-squares fit of modes with common poles to all channels of a signal.

The amplitudes are linear and are eliminated: what is left of the samples is orthogonal to all
modes, and Gauss-Newton steps make it as short as possible by moving the poles (G. H. Golub and V.
Pereyra, SIAM J. Numer. Anal. 10, 413, 1973).
"""

from typing import NamedTuple

import numpy as np

from impo.arrays import Array
from impo.signals.pencil import eigenvalues, subspace
from impo.signals.samples import ROUNDING, Signal

SINGULAR = 1e-12  # smaller singular values, over the largest, tell nothing
STEPS = 15  # of Gauss and Newton, at most
SETTLED = 1e-3  # change of the misfit that matters no more: 0.03 standard errors
IN_VAIN = 3  # modes added in vain before their number is settled


class Fit(NamedTuple):
    """A fit with given poles, to first order in changes of them.

    Attributes
    ----------
    poles
        Free poles.
    levels, unit
        Amplitudes of free and fixed poles in turn, and what they are multiplied by to be those at
        t = 0. Axes: # mode channel, # mode.
    inverse
        What gives the levels from weighted samples. Axes: # mode time.
    slope
        Derivative of each free mode by its pole. Axes: # time mode.
    left, jacobian
        Change of the fit with each free pole, where the levels follow: sum_k J_tkj left_ck. Axes:
        # channel k, # (time k) mode.
    rest
        Weighted samples minus fit. Axes: # time channel.
    lost
        Whether the levels cannot be told. Axes: # mode.
    """

    poles: Array
    levels: Array
    unit: Array
    inverse: Array
    slope: Array
    left: Array
    jacobian: Array
    rest: Array
    lost: Array

    @property
    def misfit(self) -> float:
        """Sum of squared distances over the noise."""
        return float(np.sum(np.abs(self.rest) ** 2))


def fit_levels(signal: Signal, poles: Array, fixed: Array) -> Fit:
    """Fit the levels to given poles."""
    weight, free = signal.weight[:, None], len(poles)
    mode, slope = _powers(poles, signal.times)
    columns = np.hstack([mode, fixed ** signal.times[:, None]]) * weight
    slope = slope * weight
    data = signal.values * weight
    inverse, basis, lost = inverted(columns)
    levels = inverse @ data
    rest = data - basis @ (basis.conj().T @ data)
    left, right = np.linalg.qr(levels[:free].T)
    tangent = slope - basis @ (basis.conj().T @ slope)
    jacobian = (tangent[:, None, :] * right).reshape(len(tangent) * len(right), free)
    unit = np.ones(free + len(fixed), dtype=complex)  # growing modes are one at the last sample
    large = np.abs(poles) > 1
    unit[:free][large] = (1 / poles[large]) ** int(signal.times[-1])
    return Fit(poles, levels, unit, inverse, slope, left, jacobian, rest, lost)


def _powers(poles: Array, times: Array) -> tuple[Array, Array]:
    """Return lambda^t and its derivative, for |lambda| > 1 over lambda^last; # time mode."""
    last, t = int(times[-1]), times[:, None]
    large = np.abs(poles) > 1
    base = np.divide(1, poles, out=poles.astype(complex), where=large)
    powers = np.ones((last + 1, len(poles)), dtype=complex)
    powers[1:] = base
    powers = np.cumprod(powers, axis=0)
    mode = np.where(large, powers[last - times], powers[times])
    return mode, np.where(large, t * mode * base, t * powers[np.maximum(times - 1, 0)])


def inverted(columns: Array) -> tuple[Array, Array, Array]:
    """Return the pseudo-inverse, a basis of the columns, and which of them depend on others."""
    norms = np.linalg.norm(columns, axis=0)
    norms[norms < 1e-100] = np.inf
    basis, sizes, right = np.linalg.svd(columns / norms, full_matrices=False)
    kept = sizes > SINGULAR * sizes.max(initial=0.0)
    basis, back = basis[:, kept], right[kept].conj().T
    inverse = (back / sizes[kept]) @ basis.conj().T / norms[:, None]
    return inverse, basis, 1 - np.sum(np.abs(back) ** 2, axis=1) > 1e-6


def fitted(signal: Signal, poles: Array, fixed: Array) -> Fit:
    """Move the poles to the least misfit; those of a real signal stay real or pairs."""
    best = fit_levels(signal, poles, fixed)
    if not len(poles):
        return best
    partner = np.argmin(np.abs(poles[:, None] - poles.conj()), axis=0)
    for _ in range(STEPS):
        inverse, _, _ = inverted(best.jacobian)
        step = inverse @ (best.rest @ best.left.conj()).ravel()
        if signal.parts == 1:
            step = (step + step[partner].conj()) / 2
        before = best.misfit
        for shorter in (1.0, 0.3, 0.1, 0.01):
            trial = fit_levels(signal, best.poles + shorter * step, fixed)
            if trial.misfit < best.misfit:
                best = trial
                break
        unit = 1.0 if signal.known else best.misfit / signal.values.size
        if before - best.misfit <= SETTLED * unit:
            break
    return best


def selected(signal: Signal, fixed: Array, most: int) -> tuple[Fit, bool]:
    """Return the fit with the best number of modes, and whether more of them would be seen."""
    basis, growth = subspace(signal, fixed)
    count, tried = signal.parts * signal.values.size, -1
    best, chosen = np.inf, fit_levels(signal, np.zeros(0, dtype=complex), fixed)
    for number in range(min(most, basis.shape[1], len(basis) - 1) + 1):
        freedom = signal.freedom(number, len(fixed))
        if freedom < (0 if signal.known else 2):
            break
        fit = fitted(signal, eigenvalues(basis[:, :number]) / growth, fixed)
        score = (count - freedom + 2 * number * signal.parts) * np.log(count)
        if signal.known:
            score += fit.misfit
        else:  # few samples are fitted by chance, which the factor corrects
            score *= count / (freedom - 1)
            score += count * np.log(max(fit.misfit / count, ROUNDING**2))
        tried = number
        if score < best:
            best, chosen = score, fit
        elif number - len(chosen.poles) >= IN_VAIN:
            break
    order = np.argsort(-np.abs(chosen.poles), kind="stable")
    number = len(order)
    return fit_levels(signal, chosen.poles[order], fixed), number == most or tried > number


def variance(signal: Signal, fit: Fit) -> float:
    """Return the variance of the samples over that assumed; at least one if it was given."""
    freedom = signal.freedom(len(fit.poles), len(fit.levels) - len(fit.poles))
    found = fit.misfit / freedom if freedom > 0 else 1.0 if signal.known else np.inf
    return max(found, 1.0 if signal.known else ROUNDING**2)
