"""Connected correlation functions: what their errors are relative to, and a fit of their decay."""

import numpy as np

from impo.arrays import Array

SIGNAL = 10.0  # a distance counts if the correlation is this many times its error
FEWEST = 3
AHEAD = 4  # cells that are looked ahead, so that a zero of the function is none of its size
_NOTHING = 1e-10  # connected correlations, over the operator norms, that are no correlations


def connected_scales(values: Array, apart: Array, largest: float) -> Array:
    """Return what errors of a connected correlation function are relative to.

    Up to neighbours it is the product of the operator norms. Farther away it falls as the function
    does: an error of the state changes amplitude and length of a decay, and both changes are small
    where the function is.

    Parameters
    ----------
    values
        The function at rising distances; # cell.
    apart
        Distances in sites.
    largest
        Product of the operator norms.
    """
    ahead = np.pad(np.abs(values), (0, AHEAD))
    size = np.lib.stride_tricks.sliding_window_view(ahead, AHEAD + 1).max(axis=-1)
    first = size[int(np.argmax(apart > 0))]
    shares = np.minimum(1.0, size / max(float(first), _NOTHING * largest))
    return np.asarray(largest * np.where(apart <= 1, 1.0, shares))


def signal_window(values: Array, errors: Array) -> int:
    """Return the largest distance up to which all correlations from r = 1 on stand out."""
    visible = np.abs(values[1:]) > SIGNAL * errors[1:]
    return int(np.argmin(visible)) if not visible.all() else len(visible)


def fitted_length(values: Array, errors: Array, last: int) -> tuple[float, float]:
    """Return the decay length from a weighted log-linear fit, and its error.

    The fit runs over the far half of 1 ... last. Its error combines that of the data with the
    largest distance between the fit and the slopes from one distance to the next, in the window and
    just before it: a logarithm that is curved leaves the length open.
    """
    first = max(1, min(last - FEWEST + 1, 1 + last // 2))
    r = np.arange(first, last + 1)
    relative = np.maximum(errors[r] / np.abs(values[r]), 1e-12)
    # a systematic bound, not noise: points do not average, so the weights stay moderate
    weights = 1 / np.maximum(relative, relative.max() / 10)
    design = np.stack([r, np.ones(len(r))], axis=1) * weights[:, None]
    slope = -float(np.linalg.lstsq(design, np.log(np.abs(values[r])) * weights, rcond=None)[0][0])
    if slope <= 0:
        return np.inf, np.inf
    steps = -np.diff(np.log(np.abs(values[max(1, first - 1) : last + 1])))
    curved = float(np.max(np.abs(steps - slope)))
    error = curved + 2 * float(np.max(relative)) / max(last - first, 1)
    return 1 / slope, error / slope**2
