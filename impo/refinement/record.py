"""How far a relaxation still has to go, from all that was seen of it."""

import math
from collections.abc import Sequence

import numpy as np

from impo.arrays import Array
from impo.signals import remaining_change

FEWEST_LOOKS = 16  # looks that tell modes apart
MOST = 32  # samples that are fitted
_STILL = 1e-13  # motion that is rounding


def distance_from_record(
    seen: Sequence[Array], interval: float, rate: float | None, moving: float
) -> float | None:
    """Return the distance of the observables from their limit, by the modes of their motion.

    All observables decay with the same rates and frequencies, which the last two thirds of the
    record tell together; the misfit tells the noise. A ratio of the last changes is wrong where
    slow modes oscillate.

    Parameters
    ----------
    seen
        Observables at equal intervals; each of shape (observables,).
    interval
        Time between two looks.
    rate
        Slowest rate that a mode below the noise may have; None if it is not known. At zero, no
        motion is known to end.
    moving
        Change over the last half of the samples from which on the observables count as moving.

    Returns
    -------
    float or None
        Largest distance plus its error. It is infinite if the observables move and a mode is seen
        that is too slow for its rate to be known. None if the record is too short to tell, or if
        nothing moves.
    """
    last = seen[len(seen) // 3 :]
    if len(seen) < FEWEST_LOOKS:
        return None
    stride = math.ceil(len(last) / MOST)
    away = np.asarray(last[::-1][::stride][::-1]) - seen[-1]
    left, sizes, right = np.linalg.svd(away, full_matrices=False)
    kept = sizes > max(_STILL, 1e-12 * sizes[0])
    if not kept.any():
        return None
    # the same motion along few directions: of many observables most are combinations of others
    signal, turn = left[:, kept] * sizes[kept], right[kept]
    found = remaining_change(signal, stride * interval, least_rate=rate or None)
    if found.resolved and rate != 0:
        change, error = found.change @ turn, np.sqrt(found.error**2 @ turn**2)
        return float(np.max(np.abs(change) + error))
    moved = float(np.max(np.ptp(away[len(away) // 2 :], axis=0)))
    return None if found.too_short or not moved > moving else math.inf
