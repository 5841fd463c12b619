"""The motion of two-site operators under terms and jumps of any range."""

from collections.abc import Sequence

import numpy as np

from impo.arrays import Array
from impo.operators.basis import OperatorBasis
from impo.refinement.approximation import Approximation

Product = tuple[tuple[int, ...], tuple[Array, ...]]
"""(positions, matrices) of a product of one-site superoperators."""


def change_of_pair(
    approx: Approximation, rows: Sequence[OperatorBasis], inject: Sequence[Array],
    terms: Sequence[Product], pair: tuple[int, int],
) -> Array:  # fmt: skip
    """Return the change of the coefficients of two sites, all others traced out; # x y.

    Every product of the Liouvillian is applied to the state of its own sites and the two.

    Parameters
    ----------
    approx
        The state.
    rows
        Operator bases of the result.
    inject
        Overlaps of these with the bases of the state.
    terms
        The Liouvillian from the bases of the state to `rows`.
    pair
        Positions of the two sites, the left one first and in the tile.
    """
    n = len(approx.bases)
    first, last = pair
    change: Array = np.zeros((len(rows[first]), len(rows[last % n])))
    for positions, matrices in terms:
        tiles = {(end - p) // n for end in pair for p in positions if (end - p) % n == 0}
        for tile in tiles:
            at = dict(zip((p + tile * n for p in positions), matrices, strict=True))
            traced = {p: rows[p % n].trace @ at[p] for p in at.keys() - set(pair)}
            everywhere = sorted([*pair, *traced])
            state = approx.environment.chain_of([(p, traced.get(p)) for p in everywhere])
            left, right = (at.get(p, inject[p % n]) for p in pair)
            change = change + left @ state @ right.T
    return change
