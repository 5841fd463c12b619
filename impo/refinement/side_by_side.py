"""Evolutions side by side: one at the best settings, and one coarser in each of them."""

from math import ceil

from impo.refinement.levels import K_STEP, SAFETY
from impo.tensor.trotter import ORDER

# Of two Trotter steps the error of the finer is known.
FACTORS = {"dt": 1 / (2**ORDER - 1), "chi": SAFETY, "k_max": 1.5}
"""By what the difference from the coarser one bounds the error, for each setting."""

_FINEST = 1e-4  # tolerance from which on the step is the unit of time


def step_for(time_unit: float, tol: float) -> float:
    """Return the Trotter step for an accuracy."""
    return time_unit * float(min(1.0, (tol / _FINEST) ** (1 / ORDER)))


def pairs_of_steps(duration: float, dt: float) -> int:
    """Return how many pairs of steps of about `dt` pass a duration; the coarser takes one each."""
    return max(1, ceil(duration / (2 * dt) - 1e-9))


def other_rank(k_max: int, full: int) -> int | None:
    """Return the rank to compare with: a lower one if there is; None if nothing is cut off."""
    if k_max >= full:
        return None
    return k_max - K_STEP if k_max > K_STEP + 1 else min(k_max + K_STEP, full)
