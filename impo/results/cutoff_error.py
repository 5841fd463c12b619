"""How far a result is from what an infinite cut-off of a boson would give.

Results at cut-offs c, c + s, c + 2 s ... approach the limit like a geometric series. From one
change and the ratio q of successive changes follows the rest of the way.
"""

import numpy as np

from impo.arrays import Array

LARGEST_RATIO = 0.98  # of successive changes; beyond it they do not converge
_LEAST_RATIO = 0.1  # that is assumed where the series is continued unseen
_MARGIN = 1.1  # on the sum of the series


def cutoff_step(cutoff: int) -> int:
    """Return s, about a third of c; even, as drives by pairs fill only even numbers."""
    return 2 * -(-cutoff // 6)


def successive_ratio(before: Array, after: Array, relative: Array, noise: float) -> float:
    """Return the largest ratio q of two successive changes.

    Parameters
    ----------
    before, after
        Absolute changes of some moments.
    relative
        `after` in units in which it is compared with an accuracy.
    noise
        Changes that are no larger tell nothing about q; zero if all are.
    """
    counts = relative > max(0.01 * float(relative.max()), noise)
    if not counts.any():
        return 0.0
    with np.errstate(divide="ignore"):
        return min(float((after[counts] / before[counts]).max()), LARGEST_RATIO)


def from_change_above(ratio: float) -> float:
    """Return the distance to the limit over the change from c to c + s: 1 + q + q^2 + ..."""
    return _MARGIN / (1 - ratio)


def from_change_below(ratio: float) -> float:
    """Return the distance to the limit over the change from c - s to c: q + q^2 + ..."""
    return _MARGIN * max(ratio, _LEAST_RATIO) / (1 - max(ratio, _LEAST_RATIO))
