"""What `impo check` recomputes of a result of this method."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.arrays import Array
from impo.methods.twa.hybrid import spin_lengths
from impo.methods.twa.motion import drift, followed
from impo.methods.twa.solve import trajectory_error
from impo.methods.twa.state import TWAState
from impo.methods.twa.verdict import starts_difference
from impo.results.claims import Claim, accuracy_claim, motion_claim, residual_claim
from impo.results.equality import largest
from impo.results.estimate import Status
from impo.results.modes import unknown_length
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
        yield from _known_lengths_claims(result)
        yield _stationary_claim(result)
    elif isinstance(result, Trajectory):
        yield from _trajectory_claims(result)


def _known_lengths_claims(state: TWAState) -> Iterator[Claim]:
    """Judge whether correlation lengths are as accurate as asked for, if they are."""
    tol = state.method.length_tol
    if tol is not None:
        wide = unknown_length(state.decay, state.method.lengths, tol)
        good = wide is None or state.status != Status.CONVERGED
        yield Claim("length_tol", str(state.status), wide or "lengths are known to it", good)


def _stationary_claim(state: TWAState) -> Claim:
    """Judge whether the equations leave the averages of a steady state as they are."""
    if not state.moments.agree or state.moments.starts == 0:
        why = "cannot be told: the verdict is not that of a steady state"
        return Claim("stationary", "", why, None)
    if not len(state.snapshots):
        return Claim("stationary", "", "cannot be told: the file holds no snapshots", None)
    worst, limit = drift(state)
    found = f"averages change by {worst:.1f} standard errors, chance allows {limit:.1f}"
    return Claim("stationary", "", found, worst <= limit)


def _trajectory_claims(trajectory: Trajectory) -> Iterator[Claim]:
    states: list[Any] = [state for _, state in trajectory.path]
    yield from _lengths_claims(states)
    if all(len(state.snapshots) for state in states):
        off = largest(_moments_off(state) for state in states)
        yield Claim("moments", "", f"those of the snapshots to {off:.1e}", off < 1e-5)
    yield from motion_claim(followed(trajectory), len(states) - 1)
    moments = [state.moments for state in states if state is not trajectory.start]
    error = trajectory_error(moments, moments[0].shape, trajectory.model)
    tol, status = trajectory.method.tol, trajectory.status
    expected = Status.CONVERGED if error <= tol else Status.NOT_CONVERGED
    found = f"{expected}: largest error {error:.1e}, tol {tol:.1e}"
    yield Claim("verdict", str(status), found, status == expected)


def _moments_off(state: TWAState) -> float:
    """Return how far <s> is from that of the snapshot, relative to the length of the spins."""
    size = state.moments.first.shape[-2]
    lengths = spin_lengths(state.model, state.method.scheme)[:, None]
    unit = state.snapshots[-1].astype(float).reshape(-1, size, 3, state.snapshots.shape[-1])
    return float(np.abs(unit.mean(axis=(0, -1)) - state.moments.first.mean(axis=0) / lengths).max())


def _lengths_claims(states: Sequence[TWAState]) -> Iterator[Claim]:
    """Judge the lengths of the classical spins: S + 1/2 on average, and of unit vectors one.

    In the hybrid scheme the known squares of one spin add up to the same.
    """
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
