"""What `impo check` recomputes of a result of this method."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.arrays import Array
from impo.methods.twa.state import TWAState
from impo.methods.twa.verdict import starts_difference
from impo.results.claims import Claim, accuracy_claim, residual_claim
from impo.results.equality import largest
from impo.results.trajectory import Trajectory

if TYPE_CHECKING:
    from impo.methods.twa.method import TWA


def claims(method: "TWA", result: Any) -> Iterator[Claim]:
    """Yield what the arrays of a state or trajectory by this method say about it."""
    if isinstance(result, TWAState):
        yield from _lengths_claims([result])
        found = starts_difference(result.moments, result.model)
        yield residual_claim(result.residual, found)
        yield accuracy_claim(result, found)
    elif isinstance(result, Trajectory):
        yield from _lengths_claims([s for s in result.states if isinstance(s, TWAState)])


def _lengths_claims(states: Sequence[TWAState]) -> Iterator[Claim]:
    """Judge the lengths of the classical spins: S + 1/2 on average, and of unit vectors one."""
    lengths = np.array([site.dimension / 2 for site in states[0].model.sites])  # S + 1/2
    off = largest(_off(state, lengths) for state in states)
    yield Claim("spin length", "", f"S + 1/2 to {off:.1e}", off < 1e-6)
    kept = [state.snapshots.astype(float) for state in states if len(state.snapshots)]
    if kept:
        parts = [vectors.reshape(len(vectors), -1, 3, vectors.shape[-1]) for vectors in kept]
        off = largest(np.abs(np.linalg.norm(part, axis=2) - 1).max() for part in parts)
        yield Claim("unit vectors", "", f"to {off:.1e}", off < 1e-5)


def _off(state: TWAState, lengths: Array) -> float:
    """Return the largest relative distance of <s^2> from its value."""
    zero: Any = (..., *[0] * len(state.moments.shape), slice(None), slice(None))
    squares = np.diagonal(state.moments.second[zero], axis1=-2, axis2=-1)
    squares = squares.reshape(*squares.shape[:-1], len(lengths), 3).sum(axis=-1)
    return float(np.abs(squares / lengths**2 - 1).max())
