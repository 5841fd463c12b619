"""Fixed points of a flow: Runge-Kutta steps that only have to be stable, and Anderson mixing."""

from collections import deque
from collections.abc import Callable

import numpy as np

from impo.arrays import Array

_FAR = 1e6  # growth since the start with which a map has no fixed point in reach

Rate = Callable[[Array], Array]


def runge_kutta(rate: Rate, x: Array, dt: float, steps: int) -> Array:
    """Return x after classical fourth-order steps; its fixed points are the zeros of `rate`.

    A step that is too long for the motion leads to infinity or nan, without a warning.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            k1 = rate(x)
            k2 = rate(x + dt / 2 * k1)
            k3 = rate(x + dt / 2 * k2)
            k4 = rate(x + dt * k3)
            x = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x


def stable_step(rate: Rate, x: Array, iterations: int = 30) -> float:
    """Return a time step for which Runge-Kutta steps of a linear rate do not grow.

    Power iteration finds the size of the fastest mode; the method is stable up to 2.6 over it on
    the left of the complex plane. A Liouvillian is not normal, hence the margin.

    Parameters
    ----------
    rate
        A linear map.
    x
        Where the iteration starts: an array without special symmetry.
    iterations
        Applications of `rate`.
    """
    largest = 0.0
    for _ in range(iterations):
        x = x / np.linalg.norm(x)
        x = rate(x)
        largest = max(largest, float(np.linalg.norm(x)))
        if largest == 0:
            return 1.0
    return 2.0 / largest


def anderson(
    step: Callable[[Array], Array],
    x: Array,
    tolerance: float,
    depth: int = 10,
    iterations: int = 200,
) -> tuple[Array, int]:
    """Iterate x -> step(x) with Anderson mixing.

    Parameters
    ----------
    step
        The map whose fixed point is sought.
    x
        The start.
    tolerance
        Norm of step(x) - x at which the iteration ends.
    depth
        Number of previous differences that are combined.
    iterations
        Largest number of applications of `step`.

    Returns
    -------
    x, iterations
        The last x and the number of applications; nan and `iterations` if the map diverges.
    """
    inputs: deque[Array] = deque(maxlen=depth)
    changes: deque[Array] = deque(maxlen=depth)
    last_x = last_f = None
    far = _FAR * (1 + np.abs(x).max())
    for count in range(1, iterations + 1):
        moved = step(x)
        if not np.abs(moved).max() < far:  # not the norm, whose squares overflow
            return np.full_like(x, np.nan), iterations
        f = moved - x
        if np.linalg.norm(f) < tolerance:
            return x + f, count
        if last_x is not None:
            inputs.append(x - last_x)
            changes.append(f - last_f)
        last_x, last_f = x, f
        new = x + f
        if inputs:
            overlaps = np.array([[np.vdot(a, b).real for b in changes] for a in changes])
            target = np.array([np.vdot(a, f).real for a in changes])
            scale = np.sqrt(np.diag(overlaps))
            scale = np.where(scale > 0, scale, 1.0)  # a step that repeats itself tells nothing
            scaled = overlaps / np.outer(scale, scale)
            weights = np.linalg.lstsq(scaled, target / scale, rcond=1e-12)[0] / scale
            for w, dx, df in zip(weights, inputs, changes, strict=True):
                new = new - w * (dx + df)
        x = new
    return x, iterations
