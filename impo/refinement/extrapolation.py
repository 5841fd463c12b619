"""The limit of a slow relaxation, from states on the way: reduced rank extrapolation.

Near its limit a state moves as rho(t) = rho_s + sum_j v_j exp(-lambda_j t), and on a chain of N
sites the smallest lambda_j fall like powers of 1/N. With states rho_i at equal intervals, the sum

    rho = sum_i f_i rho_i,  sum_i f_i = 1,  |sum_i f_i (rho_{i+1} - rho_i)| as small as possible,

has lost as many of the slow modes as there are states less two (R. P. Eddy, in Information Linkage
between Applied Mathematics and Industry, 1979). What it has kept or brought in shows in the
evolution that goes on from it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from impo.arrays import Array
from impo.refinement.approximation import Approximation, difference
from impo.refinement.resume import Extrapolating, States
from impo.tensor.canonical import make_canonical
from impo.tensor.gates import Bond
from impo.tensor.sums import combined

STATES = 5  # at equal intervals that are extrapolated
_NOISE = 1e-7  # changes smaller than this part of the largest may be due to the truncation
_LARGEST = 1e3  # sum of |f_i|: beyond it, the noise of the states counts too much
_SHARE = 0.1  # of the time of the slowest mode, from one state to the next, to begin with
_FAST = 0.2  # decay from look to look of what is not worth an extrapolation


@dataclass(frozen=True)
class Advance:
    """How states of an open chain evolve, and how long.

    Attributes
    ----------
    by
        Function of a state and a number of looks, the state that much later.
    interval
        Time between two looks.
    t_max
        Largest evolution time.
    bonds
        Liouvillians of the bonds.
    pause
        Called with what an interrupted extrapolation goes on from.
    """

    by: Callable[[Approximation, int], Approximation]
    interval: float
    t_max: float
    bonds: Sequence[Bond]
    pause: Callable[[Extrapolating], None] = lambda at: None


def accelerated(
    starts: States, advance: Advance, wanted: float, begun: Extrapolating | None = None
) -> States:
    """Return states that are closer to the limit, with the slowest rate that was seen.

    Intervals double from one extrapolation to the next. That ends once two starts are as close as
    `wanted`, or a single one moves by no more; or when neither falls any more, because of the
    truncation or of modes that oscillate. The states returned are mere starts: whether they stand
    still, and are the same, must be seen in an evolution.

    Parameters
    ----------
    starts
        One or two states of an open chain.
    advance
        How they evolve.
    wanted
        Distance from the limit that is close enough.
    begun
        What an interrupted extrapolation goes on from; None begins with the starts.
    """
    rate = starts[0].slowest_rate
    if rate is not None and rate * advance.interval > _FAST:
        return starts
    looks = 1 if not rate else max(1, round(_SHARE / (rate * advance.interval)))
    at = begun or Extrapolating(tuple((start,) for start in starts), looks, rate=rate)
    while at.rows[0][0].time + STATES * at.looks * advance.interval <= advance.t_max:
        rows = _at_equal_intervals(at, advance)
        if any(state.diverged for row in rows for state in row):
            return starts
        limits = [extrapolated(row, advance.bonds) for row in rows]
        now = tuple(
            row[-1] if limit is None else limit for row, limit in zip(rows, limits, strict=True)
        )
        seen = _seen_rate(rows, at.looks * advance.interval)
        rates = [rate for rate in (at.rate, seen) if rate is not None]
        distance = difference(now[0], now[1] if len(now) > 1 else rows[0][-1])
        falls = distance < at.before / 2 if len(now) == 1 else seen is not None
        rows = tuple((one,) for one in now)
        at = Extrapolating(rows, 2 * at.looks, distance, min(rates, default=None))
        if distance <= wanted or not falls:
            break
    if at.before == math.inf:
        return starts
    return tuple(replace(one, remaining=math.inf, slowest_rate=at.rate) for (one,) in at.rows)


def _at_equal_intervals(at: Extrapolating, advance: Advance) -> tuple[States, ...]:
    """Return states on the way, the first after one interval: what decays fast is gone by then."""
    for number in range(len(at.rows)):
        while len(at.rows[number]) <= STATES:
            later = advance.by(at.rows[number][-1], at.looks)
            rows = list(at.rows)
            rows[number] = (*rows[number], later)
            at = at._replace(rows=tuple(rows))
            advance.pause(at)
    return tuple(row[1:] for row in at.rows)


def _seen_rate(rows: Sequence[Sequence[Approximation]], interval: float) -> float | None:
    """Return the rate at which two starts approach each other; None if they do not all the time."""
    if len(rows) < 2:
        return None
    apart = np.array([difference(one, two) for one, two in zip(*rows, strict=True)])
    if not (np.all(np.diff(apart) < 0) and apart[-1] > 0):
        return None
    return float(np.log(apart[0] / apart[-1]) / (len(apart) - 1) / interval)


def extrapolated(states: Sequence[Approximation], bonds: Sequence[Bond]) -> Approximation | None:
    """Return the limit of states of an open chain at equal intervals; None if it is no state.

    Parameters
    ----------
    states
        With the same settings, the latest last.
    bonds
        Liouvillians of the bonds, of which only the shape counts.
    """
    last = states[-1]
    observed = np.array([_observed(state) for state in states])
    changes = np.diff(observed, axis=0)
    factors = _factors(changes)
    if not np.all(np.isfinite(factors)) or np.abs(factors).sum() > _LARGEST:
        return None
    logs = np.array([_log_trace(state) for state in states[1:]])
    scaled = factors * np.exp(logs[-1] - logs)
    found = combined([state.matrix_product for state in states[1:]], scaled.tolist())
    make_canonical(found, bonds, last.chi)
    limit = replace(last, matrix_product=found)
    return limit if limit.plausible else None


def _observed(state: Approximation) -> Array:
    """Return the coefficients of all pairs of neighbours, which are linear in the state; real."""
    pairs = [state.environment.marginal(first, 2).ravel() for first, _ in state.generator.bonds]
    found = np.concatenate(pairs)
    return np.concatenate([found.real, found.imag]) if np.iscomplexobj(found) else found


def _factors(changes: Array) -> Array:
    """Return f_i that make the sum of f_i times the changes small; their sum is one."""
    size = float(np.max(np.linalg.norm(changes, axis=1)))
    if not 0 < size < np.inf:
        return np.full(len(changes), np.nan)
    second = np.diff(changes, axis=0).T  # observable pair
    shares, *_ = np.linalg.lstsq(second, -changes[-1], rcond=_NOISE)
    factors = np.zeros(len(changes))
    factors[-1] = 1.0
    factors[1:] += shares
    factors[:-1] -= shares
    return factors


def _log_trace(state: Approximation) -> float:
    """Return the logarithm of |Tr rho| as the matrix product is normalised."""
    row, total = np.ones(1), 0.0
    for transfer in state.environment.transfer:
        row = row @ transfer
        size = float(np.linalg.norm(row))
        row, total = row / size, total + np.log(size)
    return total
