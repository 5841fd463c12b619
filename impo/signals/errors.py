"""Errors of a fit of modes: noise to first order, other windows, and what is certain.

P. Stoica and R. Moses, Spectral Analysis of Signals (Prentice Hall, 2005), appendix B: first-order
errors of least squares.
"""

from typing import NamedTuple

import numpy as np

from impo.arrays import Array
from impo.signals.fit import Fit, fit_levels, fitted, inverted, variance
from impo.signals.samples import Signal

CERTAIN = 3.0  # standard errors that tell a difference from noise
SHORT = 10.0  # decay in a window that needs no second look
EDGE = 0.03  # least decay in a window that is told from none


def errors(signal: Signal, fit: Fit, fixed: Array, hidden: Array) -> tuple[Array, ...]:
    """Return the errors of |lambda|, |lambda| arg lambda and the levels of a fit.

    To the noise is added what a hidden mode moves, and what changes in windows that begin later or
    end earlier by more than the noise explains.
    """
    count, kept, size = len(signal.values), len(fit.levels), np.abs(fit.poles)

    def moved(step: Step) -> tuple[Array, ...]:
        radius = np.abs(step.poles) - np.abs(fit.poles)
        arc = size * np.angle(step.poles * fit.poles.conj())
        level = np.abs(step.levels[:kept] - fit.levels * fit.unit[:, None])
        return radius**2, arc**2, level**2

    own = step_from(signal, fit.poles, hidden)
    squares = [a + b for a, b in zip(moved(own), own.variances(kept), strict=True)]
    excess = [np.zeros_like(square) for square in squares]
    for part in (signal.cut(count // 4, count), signal.cut(0, count - count // 4)):
        if part.freedom(len(fit.poles), len(fixed)) > 0:
            step = step_from(part, fit.poles, fixed)
            for number, (a, b) in enumerate(zip(moved(step), step.variances(kept), strict=True)):
                excess[number] = np.maximum(excess[number], a - CERTAIN**2 * b)
    radius, arc, level = (np.sqrt(a + b) for a, b in zip(squares, excess, strict=True))
    # where an error is not small beside the distance to another pole, the first order is too little
    known = np.concatenate([fit.poles, fixed])
    free, place = len(size), np.arange(len(size))
    whole = np.hypot(radius, arc)
    apart = np.abs(known[:, None] - fit.poles)
    wide = np.maximum(np.concatenate([whole, 0 * fixed])[:, None], whole)
    share = np.divide(np.minimum(wide, apart), apart, out=np.ones(apart.shape), where=apart > 0)
    share[place, place] = 0.0
    factor = 1 + 3 * np.max(share, axis=1, initial=0.0)
    apart[place, place] = np.inf
    merged = np.any(apart[:free] < np.minimum(whole[:, None], whole), axis=1)
    radius, arc = (np.where(merged, whole, part) * factor[:free] for part in (radius, arc))
    return radius, arc, level * factor[:, None]


def certain(signal: Signal, fit: Fit, fixed: Array, number: int) -> bool:
    """Return whether the samples exclude that a mode neither decays nor grows.

    The mode, and the one that pairs with it, is put at |lambda| = 1 and the others are fitted
    again, which must raise the misfit by `CERTAIN` squared. Where the first order in the noise
    fails, this does not.
    """
    pole, count = fit.poles[number], len(signal.values)
    decay = abs(1 - abs(pole)) * count
    if not EDGE < decay < SHORT:
        return bool(decay > EDGE)
    held = np.zeros(len(fit.poles), dtype=bool)
    held[number] = True
    if signal.parts == 1:
        held[np.argmin(np.abs(fit.poles - pole.conj()))] = True
    edge = fit.poles[held] / np.abs(fit.poles[held]) * (1 - EDGE / count)
    other = fitted(signal, fit.poles[~held], np.concatenate([fixed, edge]))
    return other.misfit - fit.misfit > CERTAIN**2 * variance(signal, fit)


class Step(NamedTuple):
    """A Gauss-Newton step from given poles, with the variances of its result.

    Attributes
    ----------
    poles, levels
        After the step; levels at t = 0.
    radius, arc, level
        Variances of |lambda|, of |lambda| arg lambda, and of the levels.
    """

    poles: Array
    levels: Array
    radius: Array
    arc: Array
    level: Array

    def variances(self, kept: int) -> tuple[Array, Array, Array]:
        """Return the variances, of as many levels as are kept."""
        return self.radius, self.arc, self.level[:kept]


def step_from(signal: Signal, poles: Array, fixed: Array) -> Step:
    """Fit the levels, make a step, and propagate the noise."""
    fit = fit_levels(signal, poles, fixed)
    free, size = len(poles), np.abs(poles)
    noise = signal.spread**2 * variance(signal, fit)
    back, _, lost = inverted(fit.jacobian)
    shift = back @ (fit.rest @ fit.left.conj()).ravel()
    moves = np.einsum(
        "jtk,ck->jtc", back.reshape(free, len(signal.times), fit.left.shape[1]), fit.left.conj()
    )
    phase = np.divide(poles, size, out=np.ones(free, dtype=complex), where=size > 0)
    turned = moves * phase.conj()[:, None, None]
    along, across = (turned.real, turned.imag) if signal.parts == 1 else (turned, turned)
    radius, arc = (np.sum(np.abs(part) ** 2 * noise, axis=(1, 2)) for part in (along, across))
    # a level moves with the samples of its channel, and through the poles with all samples
    pull = -(fit.inverse @ fit.slope)[:, :, None] * fit.levels[:free]  # mode pole channel
    both = np.einsum("lt,jtc,tc->ljc", fit.inverse.conj(), moves, noise, optimize=True)
    covariance = np.einsum("jtc,ktc,tc->jk", moves, moves.conj(), noise, optimize=True)
    level = np.abs(fit.inverse) ** 2 @ noise + 2 * np.sum((pull * both).real, axis=1)
    level += np.einsum("ljc,jk,lkc->lc", pull, covariance, pull.conj(), optimize=True).real
    level = signal.parts * np.maximum(level, 0.0) * np.abs(fit.unit[:, None]) ** 2
    radius[lost] = arc[lost] = level[:free][lost] = level[fit.lost] = np.inf
    if not signal.known:  # Student's distribution
        freedom = signal.freedom(free, len(fixed))
        for found in (radius, arc, level):
            found[...] = found * freedom / (freedom - 2) if freedom > 2 else np.inf
    levels = (fit.levels + np.sum(pull * shift[:, None], axis=1)) * fit.unit[:, None]
    return Step(poles + shift, levels, radius, arc, level)
