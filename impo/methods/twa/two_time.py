"""Two-time correlations of classical spins: trajectories of the steady state go on.

The Wigner function gives the mean of both orders,

    (<A_0(t) B_r(0)> + <B_r(0) A_0(t)>) / 2 = <s_A(0, t) s_B(r, 0)>,

up to terms of the relative order 1/S^2. Every snapshot of the steady state moves on with noise of
its own; averages are over snapshots, trajectories and cells, and errors are those of independent
trajectories.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numba
import numpy as np

from impo.arrays import Array
from impo.methods.twa.equations import SpinEquations, spin_equations
from impo.methods.twa.hybrid import spin_lengths
from impo.methods.twa.integrator import LANES, advance, random_streams
from impo.methods.twa.moments import jackknife, linear
from impo.methods.twa.samples import unit_lanes
from impo.methods.twa.solve import step_count
from impo.results.estimate import Estimate
from impo.results.progress import Follower, tell

if TYPE_CHECKING:
    from impo.methods.twa.state import TWAState

_SEED = 2**60  # added to the seed of the method, whose streams are those of the state
_WORK = 2**28  # spins times steps that this may take, some ten seconds


def two_time(
    state: "TWAState", names: tuple[str, str], times: Sequence[float], sites: tuple[int, int],
    max_cells: int, follower: Follower | None,
) -> Estimate | None:  # fmt: skip
    """Return the symmetric function, # time cell; None if no spins are kept.

    Cells are counted along the first direction, at most to half of the lattice.
    """
    if not len(state.snapshots):
        return None
    method = state.method
    equations = spin_equations(state.model, state.moments.shape, method.periodic, method.scheme)
    most = min(max_cells, state.moments.shape[0] // 2)
    steps = sum(step_count(d, state.method.dt) for d in np.diff(times, prepend=0.0)) + 1
    work = steps * state.snapshots[0].size / 3
    count = int(min(len(state.snapshots), max(1, _WORK // work)))
    chosen = np.linspace(len(state.snapshots) - 1, 0, count, dtype=int, endpoint=False)
    blocks, found = state.snapshots.shape[2] // LANES, []
    threads: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    with ThreadPoolExecutor(threads) as pool:
        for number, snapshot in enumerate(chosen.tolist()):
            tell(follower, "averaging", time=number * times[-1], time_limit=count * times[-1])
            one = partial(_block, state, equations, snapshot, names, times, sites, most)
            found.append(np.concatenate(list(pool.map(one, range(blocks)))))
    samples = np.mean(found, axis=0)
    value, error = jackknife(lambda mean: mean, samples)
    if not state.moments.agree:  # of the two starts
        first, second = np.split(samples, 2)
        error = np.hypot(error, np.abs(first.mean(axis=0) - second.mean(axis=0)))
    return Estimate(value, error)


def _block(
    state: "TWAState", equations: SpinEquations, snapshot: int, names: tuple[str, str],
    times: Sequence[float], sites: tuple[int, int], most: int, block: int,
) -> Array:  # fmt: skip
    """Return <s_A(0, t) s_B(r, 0)> of some trajectories; # trajectory time cell."""
    method = state.method
    stream, _ = random_streams(method.seed + _SEED, snapshot, block)
    spins = unit_lanes(state.snapshots[snapshot], block)
    begin, now, found = _symbol(state, spins, names[1], sites[1]), 0.0, []
    for moment in times:
        if count := step_count(moment - now, method.dt):
            advance(spins, stream, equations, (moment - now) / count, count)
            now = moment
        moved = _symbol(state, spins, names[0], sites[0])
        found.append([_paired(moved, begin, r, method.periodic) for r in range(-most, most + 1)])
    return np.moveaxis(np.array(found), -1, 0)


def _symbol(state: "TWAState", spins: Array, op: str, site: int) -> Array:
    """Return u.s + c in every cell; # cell ... trajectory."""
    vector, constant = linear(op)
    cells = spins.reshape(*state.moments.shape, len(state.model.sites), 3, LANES)
    length = spin_lengths(state.model, state.method.scheme)[site]
    along = np.einsum("a,...al->...l", vector, cells[..., site, :, :])
    return np.asarray(length * along + constant)


def _paired(moved: Array, begin: Array, r: int, periodic: bool) -> Array:
    """Return the mean over all cells of s_A(cell) s_B(cell + r); # trajectory."""
    other = np.roll(begin, -r, axis=0)
    if not periodic and r:
        inside = slice(-r) if r > 0 else slice(-r, None)
        moved, other = moved[inside], other[inside]
    return np.asarray((moved * other).mean(axis=tuple(range(moved.ndim - 1))))
