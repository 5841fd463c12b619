"""The maximum of a sampled positive function, with an error."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from impo.results.estimate import Estimate

_FEWEST = 4
_FINE = 2001  # places between the neighbours of the largest value


class Maximum(NamedTuple):
    """Where a function is largest, and how large it is there."""

    position: Estimate
    height: Estimate


def maximum(x: NDArray, values: NDArray, errors: NDArray) -> Maximum | None:
    """Return the maximum of a function between its samples.

    It is that of a spline through the logarithms. Its errors are those of the samples, each
    followed by itself, and the difference from the parabola through the three largest neighbours,
    which tells what the distance between samples leaves open. None if fewer than four values are
    known, or the largest has no neighbour on one side.

    Parameters
    ----------
    x
        Places, in any order.
    values, errors
        Samples with their errors; nan where the function is not known.
    """
    known = np.isfinite(values) & np.isfinite(errors) & (values > 0)
    order = np.argsort(x[known])
    x, logs = x[known][order], np.log(values[known][order])
    shares = (errors[known] / values[known])[order]
    top = int(np.argmax(logs)) if len(logs) else 0
    if len(logs) < _FEWEST or not 0 < top < len(logs) - 1:
        return None
    best = np.array(_splined(x, logs, top))
    moved = [
        np.array(_splined(x, logs + share * (np.arange(len(x)) == n), top)) - best
        for n, share in enumerate(shares)
    ]
    near = slice(top - 1, top + 2)
    a, b, c = np.polyfit(x[near] - x[top], logs[near], 2)
    parabola = np.array([x[top] - b / (2 * a), c - b**2 / (4 * a)])
    error = np.sqrt(np.sum(np.square(moved), axis=0) + (parabola - best) ** 2)
    height = float(np.exp(best[1]))
    return Maximum(
        Estimate(float(best[0]), float(error[0])), Estimate(height, height * float(error[1]))
    )


def _splined(x: NDArray, logs: NDArray, top: int) -> tuple[float, float]:
    """Return place and logarithm of the largest value between the neighbours of a sample."""
    fine = np.linspace(x[top - 1], x[top + 1], _FINE)
    curve = CubicSpline(x, logs)(fine)
    best = int(np.argmax(curve))
    return float(fine[best]), float(curve[best])
