"""How far a state is from stationary: its residual, or how a more exact evolution moves it."""

import math

from impo.refinement.approximation import Approximation, difference
from impo.refinement.budget import relative_residual
from impo.refinement.relaxation import LOOK, Relaxation
from impo.refinement.verdict import residual

_FINER = 2  # by which the Trotter step is shortened: its error is a sixteenth
_SHARE = 0.05  # of the time of the slowest mode that a state is followed twice


def stationarity(
    relaxation: Relaxation, approx: Approximation, growth: float, enough: float
) -> float:
    """Return a bound on what a state lacks to be stationary, in the norm of what is monitored.

    The residual over the slowest rate bounds it. On long chains that is far too much: most of the
    residual moves what decays fast. There a more exact evolution, with shorter steps and a larger
    bond dimension, follows the state for two times tau, in which what is fast decays. If it moves
    by d_1 and then by d_2, and nothing is slower than the rate lambda, it will move by no more than

        d_1 + d_2 / (1 - exp(-lambda tau)).

    Parameters
    ----------
    relaxation
        The equation.
    approx
        A state that was relaxed.
    growth
        Ratio of the larger bond dimension to its own.
    enough
        A bound that need not be improved.
    """
    plain = relative_residual(approx, residual(approx).value)
    rate, chi = approx.slowest_rate, min(math.ceil(growth * approx.chi), relaxation.chi_max)
    more_exact = chi > approx.chi or approx.untruncated
    every_rank = approx.k_max == relaxation.full_rank  # the residual knows of higher ranks
    if plain <= enough or not rate or relaxation.generator.infinite:
        return plain
    if not (more_exact and every_rank):
        return plain
    step = relaxation.step(approx.k_max, approx.weight, approx.dt / _FINER)
    # a rate that is far too low, as noise may have it, must not take longer than the relaxation
    tau = max(LOOK * relaxation.time_unit, min(_SHARE / rate, approx.time))
    count = math.ceil(tau / step.dt)
    first = relaxation.advanced(approx, step, count, chi)
    second = relaxation.advanced(first, step, count, chi)
    last = difference(first, second) / -math.expm1(-rate * count * step.dt)
    return min(plain, difference(approx, first) + last)
