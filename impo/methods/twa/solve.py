r"""Truncated Wigner approximation with positive diffusion: trajectories of classical spins.

Every spin becomes a classical vector of length S + 1/2 that rotates in the field of its neighbours,
under gain and loss, and with the white noise that they bring (Huber, Kirton and Rabl, Sec. IV A).
The equations are those of `equations.py`, their integration is that of `integrator.py`.
The approximation becomes exact for large S; for dimers of S = 1/2,
1 and 3/2 it is off by up to 0.22, 0.10 and 0.06 S in <Sz>, and by 145, 46 and 24 % in Var(Sz).

The errors reported are statistical. They are standard errors over independent groups of
trajectories, so correlations in time and space need no model.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.arguments import UnsupportedModelError, fail
from impo.arrays import Array
from impo.methods.base import refuse_long
from impo.methods.twa.ensemble import Samples, SpinEnsemble
from impo.methods.twa.equations import SpinEquations, spin_equations
from impo.methods.twa.integrator import LANES
from impo.methods.twa.jumps import even_sites, ordering
from impo.methods.twa.moments import Moments
from impo.methods.twa.samples import coherent, isotropic
from impo.methods.twa.sizes import refuse_fine_step, refuse_large_ensemble
from impo.methods.twa.state import TWAState, decay
from impo.methods.twa.uniqueness import conserved_quantity, general_directions, turning_sites
from impo.methods.twa.verdict import (
    Verdict,
    both_starts,
    disagreement,
    joined,
    judge,
    largest_error,
    lengths_message,
    not_unique,
    of_start,
    third_start_message,
    verdict_message,
)  # fmt: skip
from impo.model import LindbladModel
from impo.operators.lattice import lattice_shape
from impo.operators.local import spin_numbers
from impo.operators.product_state import directions
from impo.results.estimate import Status
from impo.results.modes import unknown_length
from impo.results.progress import Follower, tell
from impo.results.questions import known_pairs
from impo.results.trajectory import Trajectory

if TYPE_CHECKING:
    from impo.methods.twa.method import TWA


_THIRD_SEED = 2**62  # added to the seed, whose streams the first two starts have
_SNAPSHOT_NUMBERS = 2**24  # numbers of a steady state kept for distributions: 64 MiB
_TRAJECTORY_NUMBERS = 2**26  # the same for a trajectory
_LEAST_SAMPLES = 16
_MOST_STEPS = 1e8  # of an evolution
_MOST_WORK = 1e14  # the same, times spins and trajectories

Begin = Callable[[int, np.random.Generator], Array]


def steady_state(
    method: "TWA", model: LindbladModel, start: Any = None, progress: Follower | None = None
) -> TWAState:
    """Return the steady state by averages over time and over trajectories from two starts.

    Half of the trajectories begin disordered (independent random directions), half ordered (all
    spins along x, or what `start` says). The time doubles until the two agree, nothing drifts any
    more, the errors are below `method.tol` and those of lengths below `method.length_tol`; what
    lies before the agreement is discarded. Both starts may agree in something that never changes,
    as <Sz> without noise across it. So the equations are searched for what they conserve, and a few
    more trajectories that begin in other directions on every site, none along an axis, must lead to
    the same averages.

    Parameters
    ----------
    method
        Settings.
    model
        Spins of any size on any graph, terms with at most two spin operators, and jumps that are
        linear in the components of one or several spins.
    start
        The ordered start: directions, shape (sites, 3), of a product of spin coherent states, or an
        earlier result on the same lattice.
    progress
        Hears of the errors after every stretch of time.

    Returns
    -------
    TWAState
        `not_converged` if `method.max_time` was not enough, or the third start leads elsewhere;
        `failed` if the equations conserve something. If starts disagree, their difference is part
        of every error; they are in `diagnostics["starts"]`.

    Raises
    ------
    UnsupportedModelError
        If the model has bosons, terms of higher order, other jumps, or no dynamics at all.
    ArgumentError
        If `method.dt` is too long for the model, or `start` does not fit the lattice; or if the
        first site lacks an operator of `method.lengths`.
    """
    if method.length_tol is not None:
        known_pairs(model, method.lengths)
    shape, equations = _prepare(model, method, starts=2)
    if equations.fastest == 0:
        raise UnsupportedModelError("TWA cannot find the steady state of a model without dynamics.")
    start = [[1.0, 0.0, 0.0]] * len(model.sites) if start is None else start
    begins = (lambda _, generator: isotropic(equations.lengths, generator),
              _begin(model, equations, shape, start))  # fmt: skip
    ensemble = SpinEnsemble(
        equations, shape, method.periodic, method.seed, begins, method.trajectories, groups=32
    )
    return _averaged(method, model, ensemble, progress)


def _averaged(
    method: "TWA", model: LindbladModel, ensemble: SpinEnsemble, progress: Follower | None
) -> TWAState:
    """Return averages over the trajectories of both starts, with their verdict."""
    shape, equations = ensemble.shape, ensemble.equations
    conserved = conserved_quantity(model, shape, method.periodic)
    stride = 6 / (equations.fastest * method.dt)
    steps = method.max_time / method.dt
    stride = max(1, round(min(stride, steps / (2 * _LEAST_SAMPLES))))
    once = conserved is not None
    stretches, verdict, history = _relaxed(method, model, ensemble, stride, once, progress)
    elapsed = sum(len(stretch.series) for stretch in stretches)
    status, message = Status.NOT_CONVERGED, verdict_message(verdict, method.tol)
    moments, starts = verdict.moments, both_starts(verdict.moments)
    if conserved is not None:
        status, message = Status.FAILED, not_unique(*conserved)
        moments = replace(moments, agree=False)
    elif verdict.within(method.tol):
        tell(progress, "following a third start", error=verdict.error)
        third = _third_start(method, model, ensemble, stride, elapsed)
        starts["general"] = of_start(third)
        worst = disagreement(moments, third, turning_sites(model, shape, method.periodic))
        wide = _too_wide(method, model, moments)
        status = Status.CONVERGED if wide is None else Status.NOT_CONVERGED
        message += lengths_message(wide) if method.length_tol is not None else ""
        if not worst <= 1:
            status, message = Status.NOT_CONVERGED, third_start_message(worst)
            moments = joined(moments, third)
    return TWAState(
        model=model,
        method=method,
        status=status,
        message=message,
        residual=verdict.residual,
        moments=moments,
        snapshots=stretches[-1].snapshots,
        history=history,
        diagnostics={
            "time": elapsed * stride * method.dt,
            "burn_in": sum(len(s.series) for s in stretches[: verdict.first]) * stride * method.dt,
            "autocorrelation_time": verdict.memory * len(stretches[-1].series) * stride * method.dt,
            "trajectories": ensemble.trajectories,
            "groups": len(moments.first),
            "statistical_error": verdict.error,
            "starts_agree": verdict.agree,
            "starts": starts,
        },
    )


def _relaxed(
    method: "TWA", model: LindbladModel, ensemble: SpinEnsemble, stride: int, once: bool,
    progress: Follower | None,
) -> tuple[list[Samples], Verdict, list[dict[str, Any]]]:  # fmt: skip
    """Double the time until verdict and lengths are good or the time is up.

    Returned are stretches, verdict and history. One stretch is enough if no verdict can be good.
    """
    stretches: list[Samples] = []
    history: list[dict[str, Any]] = []
    limit = max(int(method.max_time / method.dt / stride), 2 * _LEAST_SAMPLES)
    samples = limit // 2 ** int(math.log2(limit / _LEAST_SAMPLES))  # doubled, it ends at the limit
    elapsed = 0
    numbers = 3 * len(ensemble.equations.lengths) * ensemble.trajectories
    told: dict[str, Any] = {"time": 0.0, "time_limit": method.max_time}
    while True:
        tell(progress, "averaging", **told)
        kept = max(1, min(samples, _SNAPSHOT_NUMBERS // numbers))
        stretches.append(ensemble.run(method.dt, stride, samples, kept))
        elapsed += samples
        verdict = judge(stretches, ensemble.shape, model)
        history.append({"time": elapsed * stride * method.dt, **verdict.record})
        told |= {"time": history[-1]["time"], "error": verdict.error}
        if once or 2 * elapsed > limit:
            return stretches, verdict, history
        if verdict.within(method.tol) and _too_wide(method, model, verdict.moments) is None:
            return stretches, verdict, history
        samples = elapsed


def _too_wide(method: "TWA", model: LindbladModel, moments: Moments) -> str | None:
    """Say which length is not as accurate as asked for, or return None."""
    return unknown_length(partial(decay, model, method, moments), method.lengths, method.length_tol)


def _third_start(
    method: "TWA", model: LindbladModel, known: SpinEnsemble, stride: int, samples: int
) -> Moments:
    """Return the averages of some trajectories from general directions, after as long a time."""
    equations, shape = known.equations, known.shape
    begin = _begin(model, equations, shape, general_directions(len(model.sites)))
    ensemble = SpinEnsemble(
        equations, shape, method.periodic, method.seed + _THIRD_SEED, (begin,), LANES, groups=LANES
    )
    ensemble.run(method.dt, stride, samples // 2)
    found = ensemble.run(method.dt, stride, samples - samples // 2)
    return moments_of(model, found, shape)


def evolve(
    method: "TWA", model: LindbladModel, start: Any, times: Array,
    progress: Follower | None = None,
) -> Trajectory:  # fmt: skip
    """Return the averages at the given times, from a product of spin coherent states.

    Parameters
    ----------
    method, model, progress
        As for `steady_state`; `max_time` is not used.
    start
        Directions, shape (sites, 3), or an earlier result on the same lattice.
    times
        Rising times, from zero on; each is met exactly, with steps of at most `method.dt`.

    Returns
    -------
    Trajectory
        `not_converged` if an error exceeds `method.tol`.

    Raises
    ------
    UnsupportedModelError, ArgumentError
        As for `steady_state`.
    """
    shape, equations = _prepare(model, method, starts=1, times=len(times))
    begin = _begin(model, equations, shape, start)
    ensemble = SpinEnsemble(
        equations, shape, method.periodic, method.seed, (begin,), method.trajectories, groups=16
    )
    work = len(equations.lengths) * ensemble.trajectories
    refuse_long(times, min(_MOST_STEPS, _MOST_WORK / work) * method.dt)
    keep = int(3 * len(times) * work <= _TRAJECTORY_NUMBERS)
    begun = ensemble.run(method.dt, 0, 1, keep) if times[0] > 0 else None
    stretches = []
    for interval, time in zip(np.diff(times, prepend=0.0), times, strict=True):
        tell(progress, "evolving", time=float(time), time_limit=float(times[-1]))
        count = step_count(interval, method.dt)
        stretches.append(ensemble.run(interval / max(count, 1), count, 1, keep))
    error = trajectory_error(stretches, shape, model)
    done = error <= method.tol
    verdict: dict[str, Any] = {
        "status": Status.CONVERGED if done else Status.NOT_CONVERGED,
        "message": f"The largest error of <Sz>/S and Var/S^2 is {error:.1e}"
        + ("." if done else f", above tol = {method.tol:.1e}; use more trajectories or cells."),
    }
    told = {"trajectories": ensemble.trajectories, "statistical_error": error}

    def state(stretch: Samples) -> TWAState:
        return TWAState(
            model=model, method=method, moments=moments_of(model, stretch, shape),
            snapshots=stretch.snapshots, diagnostics=told, **verdict,
        )  # fmt: skip

    return Trajectory(
        times=times, states=tuple(map(state, stretches)), **verdict,
        start=None if begun is None else state(begun),
    )  # fmt: skip


def compile_engine(method: "TWA", model: LindbladModel) -> None:
    """Compile what the method needs: one step of one block of trajectories on one cell."""
    small = replace(method, cells=1, trajectories=1)
    shape = lattice_shape(model, small.cells)
    equations = spin_equations(model, shape, small.periodic, small.scheme)
    begins = (lambda _, generator: isotropic(equations.lengths, generator),)
    ensemble = SpinEnsemble(equations, shape, small.periodic, 0, begins, 1, groups=1)
    ensemble.run(small.dt, 1, 1)


def trajectory_error(parts: Sequence[Any], shape: tuple[int, ...], model: LindbladModel) -> float:
    """Return the largest error at all times, each with first and second moments by groups."""
    first, second = (
        np.stack([getattr(one, name) for one in parts], axis=1) for name in ("first", "second")
    )
    return largest_error(Moments(first, second, shape, ordering=ordering(model)), model)


def moments_of(model: LindbladModel, sampled: Samples, shape: tuple[int, ...]) -> Moments:
    """Return the moments of samples from one start."""
    return Moments(sampled.first, sampled.second, shape, ordering=ordering(model))


def step_count(interval: float, dt: float) -> int:
    """Return the number of equal steps of at most dt that an interval takes."""
    return math.ceil(interval / dt - 1e-9)


def _prepare(
    model: LindbladModel, method: "TWA", starts: int, times: int = 1
) -> tuple[tuple[int, ...], SpinEquations]:
    """Return the shape of the lattice and its equations; refuse or warn where TWA fails."""
    shape = lattice_shape(model, method.cells)
    refuse_large_ensemble(model, method, shape, starts, times)
    equations = spin_equations(model, shape, method.periodic, method.scheme)
    fastest = equations.fastest
    longest = 1 / fastest if fastest > 0 else math.inf
    if method.dt > longest:
        raise fail("dt", f"at most {longest:.3g}, a turn by one radian per step", method.dt)
    if longest < math.inf:
        refuse_fine_step(method.dt, longest)
    smallest = float(min(spin_numbers(model)))
    if smallest < 2 and method.scheme == "wigner":
        warnings.warn(
            f"TWA is meant for large S, and this model has S = {smallest:g}: for dimers of "
            "S = 1/2, 1 and 3/2, <Sz>/S is off by up to 0.22, 0.10, 0.06, and Var(Sz) by 145, 46, "
            "24 %.",
            stacklevel=4,  # the caller of `impo.steady_state` or `impo.evolve`
        )
    return shape, equations


def _begin(
    model: LindbladModel, equations: SpinEquations, shape: tuple[int, ...], start: Any
) -> Begin:
    """Return the function that makes the first configuration of a block of trajectories."""
    if isinstance(start, TWAState):
        last = start.snapshots[-1:].reshape(-1, start.snapshots.shape[-1])
        if last.shape[0] != 3 * len(equations.lengths):
            raise fail("start", f"a result with {len(equations.lengths)} spins", start.model.label)

        def resume(block: int, generator: np.random.Generator) -> Array:
            lanes = np.arange(block * LANES, (block + 1) * LANES) % last.shape[1]
            vectors = last[:, lanes].astype(float).reshape(-1, 3, LANES)
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
            return np.reshape(vectors / norms, (-1, LANES))

        return resume
    unit = directions(start, (len(model.sites),), "a TWAState")
    cells = math.prod(shape)
    every, even = np.tile(unit, (cells, 1)), np.tile(even_sites(model), cells)
    return lambda _, generator: coherent(
        equations.lengths, every, generator, even, equations.squares is not None
    )
