"""Classical spins to begin with: samples of Wigner functions, as unit vectors."""

import numpy as np

from impo.arrays import Array
from impo.methods.twa.hybrid import CAP
from impo.methods.twa.integrator import LANES


def unit(vectors: Array) -> Array:
    """Return vectors of length one, shape (3 n, lanes), along those given."""
    parts = vectors.reshape(-1, 3, vectors.shape[-1])
    found = parts / np.linalg.norm(parts, axis=1, keepdims=True)
    return np.ascontiguousarray(found.reshape(vectors.shape))


def unit_lanes(snapshot: Array, block: int) -> Array:
    """Return the unit vectors of LANES trajectories of a snapshot, shape (3 n, LANES)."""
    lanes = snapshot[:, block * LANES : (block + 1) * LANES]
    return unit(lanes.astype(float))


def isotropic(lengths: Array, generator: np.random.Generator, lanes: int = LANES) -> Array:
    """Return spins of `lanes` trajectories in independent random directions, shape (3 n, lanes)."""
    vectors = generator.normal(size=(len(lengths), 3, lanes))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.reshape(-1, lanes)


def coherent(
    lengths: Array, directions: Array, generator: np.random.Generator,
    even: Array | None = None, hybrid: bool = False,
) -> Array:  # fmt: skip
    """Return LANES samples of the Wigner function of a product of spin coherent states.

    The component along the direction is S + 1/2 - x with x of mean 1/2, so its mean is S; the angle
    around it is uniform. x is exponential, as in the Wigner function of Schwinger bosons, or even
    on [0, 1], the share of the sphere that one of 2S + 1 states has. The first gives second moments
    with the ordering c = n n/4 along the direction n, the second with c = 1/12 (`jumps.ordering`).
    Of a spin 1/2 in the hybrid scheme the component is S.

    Parameters
    ----------
    lengths
        |s| of every spin, shape (n,).
    directions
        Unit vectors, shape (n, 3).
    generator
        Source of random numbers.
    even
        Whether x is even, for every spin, shape (n,); None for none.
    hybrid
        Whether the spins are those of the hybrid scheme.

    Returns
    -------
    Array
        Unit vectors of shape (3 n, LANES).
    """
    n = len(lengths)
    # x cannot exceed the diameter 2 S + 1: the tail beyond, below 2e-4 for S >= 2, is cut
    tail = np.exp(-4 * lengths)[:, None]
    share = generator.random((n, LANES))
    x = -np.log1p(-share * (1 - tail)) / 2
    if even is not None:
        x[even] = share[even]
    along = np.full((n, LANES), CAP) if hybrid else 1 - x / lengths[:, None]
    across = np.sqrt(np.maximum(1 - along**2, 0))
    angle = 2 * np.pi * generator.random((n, LANES))
    helper = np.where(np.abs(directions[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    first = np.cross(directions, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(directions, first)
    vectors = (
        along[:, None] * directions[:, :, None]
        + (across * np.cos(angle))[:, None] * first[:, :, None]
        + (across * np.sin(angle))[:, None] * second[:, :, None]
    )
    return np.ascontiguousarray(vectors.reshape(-1, LANES))
