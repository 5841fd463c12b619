"""The motion of classical spins, followed again from what a file holds of them.

Snapshots are kept in single precision, so a path that is followed from one of them strays from the
path that was stored. A second path, from spins that differ by as much, tells by how much.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import stdtrit

from impo.arrays import Array
from impo.methods.twa.equations import SpinEquations, spin_equations
from impo.methods.twa.integrator import LANES, advance, random_streams
from impo.methods.twa.samples import unit, unit_lanes
from impo.methods.twa.solve import step_count
from impo.methods.twa.state import TWAState
from impo.operators.lattice import lattice_shape
from impo.results.trajectory import Trajectory

_ROUNDING = float(np.finfo(np.float32).eps)
_STRAY = 100.0  # times the distance of the second path is allowed
_SEED = 2**61  # added to the seed of the method, whose streams are those of the state
_CONFIDENCE = 2e-5  # chance of a false alarm
_LONG = 50.0  # inverses of the fastest rate for which averages are watched
_WORK = 2**28  # numbers times steps that this may take, some seconds


def _equations(state: TWAState) -> SpinEquations:
    shape = lattice_shape(state.model, state.method.cells)
    return spin_equations(state.model, shape, state.method.periodic, state.method.scheme)


def followed(trajectory: Trajectory) -> Iterator[tuple[float, float]] | None:
    """Follow some trajectories again, with their own noise, from each time to the next.

    Yields (distance of the unit vectors, allowed distance); None if the file does not hold the
    spins at time zero, from which on the random numbers are known.
    """
    path: list[tuple[float, Any]] = trajectory.path
    if path[0][0] > 0 or not all(len(state.snapshots) for _, state in path):
        return None
    return _distances(path)


def _distances(path: list[tuple[float, Any]]) -> Iterator[tuple[float, float]]:
    equations, method = _equations(path[0][1]), path[0][1].method
    stream, _ = random_streams(method.seed, 0, 0)
    for (before, one), (after, two) in pairwise(path):
        begin, wanted = (unit_lanes(state.snapshots[-1], 0) for state in (one, two))
        signs = np.where(np.arange(begin.size).reshape(begin.shape) % 3, 1.0, -1.0)
        other = unit(begin + _ROUNDING * signs)
        same_noise = stream.copy()
        if count := step_count(after - before, method.dt):
            dt = (after - before) / count
            advance(begin, stream, equations, dt, count)
            advance(other, same_noise, equations, dt, count)
        stray = float(np.abs(begin - other).max())
        yield float(np.abs(begin - wanted).max()), _STRAY * (stray + _ROUNDING)


def drift(state: TWAState) -> tuple[float, float]:
    """Return the largest change of averages with time, and what chance allows, in standard errors.

    The snapshots are moved on with other noise, until an average that is not that of the steady
    state has gone most of its way. In a steady state none changes but by chance: <s> of every spin
    of the unit cell, and <s s> of all pairs within a cell and on neighbouring cells. Trajectories
    are independent, so the change in each of them is one sample.
    """
    equations, method = _equations(state), state.method
    fastest = equations.fastest
    steps = max(1, round(_LONG / (fastest * method.dt)))
    count, size, lanes = state.snapshots.shape
    blocks = min(lanes // LANES, max(2, _WORK // (steps * size * LANES)))
    every = max(1, math.ceil(count * steps * size * blocks * LANES / _WORK))
    samples = []
    for block in range(blocks):
        changes = []
        for number, snapshot in enumerate(state.snapshots[::-every]):
            spins = unit_lanes(snapshot, block)
            before = _averages(state, spins)
            stream, _ = random_streams(method.seed + _SEED, number, block)
            advance(spins, stream, equations, method.dt, steps)
            changes.append(_averages(state, spins) - before)
        samples.append(np.mean(changes, axis=0))
    found = np.concatenate(samples, axis=-1)  # average lane
    mean, error = found.mean(axis=-1), found.std(axis=-1, ddof=1) / np.sqrt(found.shape[-1])
    seen = np.abs(mean) > 1e-12
    worst = np.max(np.abs(mean[seen]) / np.maximum(error[seen], 1e-300), initial=0.0)
    limit = -stdtrit(found.shape[-1] - 1, _CONFIDENCE / (2 * max(int(seen.sum()), 1)))
    return float(worst), float(limit)


def _averages(state: TWAState, spins: Array) -> Array:
    """Return <s> and <s s> over all cells of every trajectory; # average lane."""
    shape = state.moments.shape
    cells = spins.reshape(*shape, -1, spins.shape[-1])
    axes = tuple(range(len(shape)))
    found = [cells.mean(axis=axes), _products(cells, cells)]
    for axis, length in enumerate(shape):
        if length > 1:
            here, there = cells, np.roll(cells, -1, axis)
            if not state.method.periodic:
                inside = (slice(None),) * axis + (slice(length - 1),)
                here, there = here[inside], there[inside]
            found.append(_products(here, there))
    return np.concatenate(found)


def _products(one: Array, two: Array) -> Array:
    """Return <s_i s_j> of all components of two cells; # average lane."""
    size, lanes = one.shape[-2:]
    one, two = one.reshape(-1, size, lanes), two.reshape(-1, size, lanes)
    return np.asarray(np.einsum("cil,cjl->ijl", one, two) / len(one)).reshape(-1, lanes)
