"""Laws in the size of the spin: local exponents, power laws and limits, with errors."""

import numpy as np
from numpy.typing import NDArray


def local_exponents(size: NDArray, values: NDArray) -> tuple[NDArray, NDArray]:
    """Return geometric means of neighbouring sizes, and -d ln value / d ln size between them."""
    middle = np.sqrt(size[1:] * size[:-1])
    return middle, -np.diff(np.log(values)) / np.diff(np.log(size))


def power_law(size: NDArray, values: NDArray) -> tuple[float, float]:
    """Return the exponent b of value ~ size^-b through the larger half of the sizes, and its error.

    The error is the distance from the local exponent between the two largest sizes, where the law
    still drifts, and no less than the standard error of the fit.
    """
    chosen = slice(len(size) // 2 - 1, None)
    x, y = np.log(size[chosen]), np.log(values[chosen])
    fit, covariance = np.polyfit(x, y, 1, cov=True)
    drift = abs(-fit[0] - local_exponents(size, values)[1][-1])
    return float(-fit[0]), float(max(drift, np.sqrt(covariance[0, 0])))


def large_spin_limit(size: NDArray, values: NDArray) -> tuple[float, float]:
    """Return the limit 1/size -> 0 of a parabola through the three largest sizes, and its error.

    The error is the distance from the straight line through the two largest.
    """
    x = 1 / size
    parabola = np.polyfit(x[-3:], values[-3:], 2)[-1]
    line = np.polyfit(x[-2:], values[-2:], 1)[-1]
    return float(parabola), float(abs(parabola - line))
