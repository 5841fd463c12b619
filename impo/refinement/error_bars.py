"""The error bar of any observable of a state."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from impo.arrays import Array
from impo.refinement.approximation import Approximation, Refinement
from impo.refinement.budget import total_error
from impo.results.estimate import Estimate

LEAST_SHARE = 0.2  # share of the total error that any number has at least
_ROUNDING = 1e-14


def estimate(
    approx: Approximation, refinements: Sequence[Refinement],
    observable: Callable[[Approximation], Array], scale: ArrayLike = 0.0,
    least: float = LEAST_SHARE,
) -> Estimate:  # fmt: skip
    """Return an observable with its error bar.

    The error is that of time plus the changes over all refinements,

        error = scale * remaining + sum_pairs factor |O(finer) - O(coarser)| + rounding,

    but no less than least * scale * total, where total is the error of the most uncertain monitored
    value: a number may by accident be equal on two levels.

    Parameters
    ----------
    approx, refinements
        The state at the finest settings, and what bounds its errors.
    observable
        Function of an approximation.
    scale
        Largest absolute value that it can have, one or one for each value; what is not relaxed yet,
        and the least error, count relative to it. Without one there is no least error, and time
        counts only if its error is not known.
    least
        Share of the total error. It is one for what is monitored; of other numbers, which mostly
        are off by less, a fifth keeps the bars from being too wide (`runs.calibration`).
    """
    observable, sizes = once(observable), np.asarray(scale)
    value = np.asarray(observable(approx))
    error = _scaled(sizes, approx.remaining) + _ROUNDING * np.maximum(sizes, 1.0)
    for pair in refinements:
        error = error + pair.error_of(observable)
    error = np.maximum(error, least * _scaled(sizes, total_error(approx, refinements)))
    return Estimate(value[()], np.broadcast_to(error, value.shape).copy()[()])


def once(function: Callable[[Approximation], Any]) -> Callable[[Approximation], Any]:
    """Return a function that is computed once for every approximation: pairs share them."""
    found: dict[int, Any] = {}

    def known(approx: Approximation) -> Any:
        if id(approx) not in found:
            found[id(approx)] = function(approx)
        return found[id(approx)]

    return known


def _scaled(sizes: Array, error: float) -> Array:
    """Return an error relative to sizes; one that is not known stays so where a size is zero."""
    return np.asarray(sizes * error if np.isfinite(error) else np.full(sizes.shape, np.inf))
