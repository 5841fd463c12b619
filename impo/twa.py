r"""Truncated Wigner approximation with positive diffusion: trajectories of classical spins.

Every spin becomes a classical vector of length S + 1/2 that rotates in the field of its neighbours,
under gain and loss, and with the white noise that they bring (Huber, Kirton and Rabl, Sec. IV A).
The equations are those of `impo.spin_equations`, their integration is that of `impo.trajectories`.
The approximation becomes exact for large S; below S = 2 it is off by 10 to 40 %.

The errors reported are statistical. They are standard errors over independent groups of
trajectories, so correlations in time and space need no model.
"""

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from impo.arguments import UnsupportedModelError, fail, rising_times
from impo.model import LindbladModel
from impo.moments import Moments
from impo.result import Status
from impo.spin_ensemble import Samples, SpinEnsemble
from impo.spin_equations import SpinEquations, spin_equations
from impo.trajectories import LANES, coherent, isotropic
from impo.twa_state import TWA, TWAState

__all__ = ["TWA", "TWAState", "evolve", "steady_state"]

_CONFIDENCE = 0.002  # chance of a false alarm of all comparisons of one stretch together
_SNAPSHOT_NUMBERS = 2**24  # numbers of a steady state kept for distributions: 64 MiB
_TRAJECTORY_NUMBERS = 2**26  # the same for a trajectory
_LEAST_SAMPLES = 16

Begin = Callable[[int, np.random.Generator], NDArray]


def steady_state(
    model: LindbladModel, method: TWA | None = None, start: TWAState | ArrayLike | None = None
) -> TWAState:
    """Return the steady state by averages over time and over trajectories from two starts.

    Half of the trajectories begin disordered (independent random directions), half ordered (all
    spins along x, or what `start` says). The time doubles until the two agree, nothing drifts any
    more and the errors are below `method.tol`; what lies before the agreement is discarded.

    Parameters
    ----------
    model
        Spins of any size with bilinear couplings, fields, and jumps S+, S-, Sx, Sy.
    method
        Settings.
    start
        The ordered start: directions, shape (sites, 3), of a product of spin coherent states, or an
        earlier result on the same lattice.

    Returns
    -------
    TWAState
        `not_converged` if `method.max_time` was not enough. If then the two starts disagree, their
        difference is part of every error; both are in `diagnostics["starts"]`.

    Raises
    ------
    UnsupportedModelError
        If the model has bosons, terms of higher order, other jumps, or no dynamics at all.
    ArgumentError
        If `method.dt` is too long for the model, or `start` does not fit the lattice.
    """
    began = time.perf_counter()
    method = method or TWA()
    shape, equations = _prepare(model, method)
    if equations.rate == 0 and not equations.diffusion.any():
        raise UnsupportedModelError("TWA cannot find the steady state of a model without dynamics.")
    ordered = _begin(
        model, equations, shape, [[1.0, 0.0, 0.0]] * len(model.sites) if start is None else start
    )
    ensemble = SpinEnsemble(
        equations,
        shape,
        method.periodic,
        method.seed,
        (lambda block, generator: isotropic(equations.lengths, generator), ordered),
        method.trajectories,
        groups=32,
    )
    steps = method.max_time / method.dt
    stride = 6 / (max(equations.rate, equations.diffusion.max()) * method.dt)
    stride = max(1, round(min(stride, steps / (2 * _LEAST_SAMPLES))))
    stretches: list[Samples] = []
    history: list[dict[str, Any]] = []
    limit = max(int(steps / stride), 2 * _LEAST_SAMPLES)
    samples = limit // 2 ** int(math.log2(limit / _LEAST_SAMPLES))  # doubled, it ends at the limit
    elapsed = 0
    while True:
        stretch = ensemble.run(method.dt, stride, samples, _snapshots(ensemble, samples))
        stretches.append(stretch)
        elapsed += samples
        verdict = _judge(stretches, shape, model)
        history.append({"time": elapsed * stride * method.dt, **verdict.record})
        done = verdict.agree and max(verdict.error, verdict.residual) <= method.tol
        if done or 2 * elapsed > limit:
            break
        samples = elapsed
    return TWAState(
        model,
        method,
        Status.CONVERGED if done else Status.NOT_CONVERGED,
        _message(verdict, done, method),
        verdict.residual,
        time.perf_counter() - began,
        verdict.moments,
        stretch.snapshots,
        history=history,
        diagnostics={
            "time": elapsed * stride * method.dt,
            "burn_in": sum(len(s.series) for s in stretches[: verdict.first]) * stride * method.dt,
            "autocorrelation_time": _autocorrelation(stretch.series) * stride * method.dt,
            "trajectories": ensemble.trajectories,
            "groups": len(verdict.moments.first),
            "statistical_error": verdict.error,
            "starts_agree": verdict.agree,
            "starts": _both_starts(verdict.moments),
        },
    )


def evolve(
    model: LindbladModel, method: TWA | None, start: TWAState | ArrayLike, times: ArrayLike
) -> TWAState:
    """Return the averages at the given times, from a product of spin coherent states.

    Parameters
    ----------
    model, method
        As for `steady_state`; `max_time` is not used.
    start
        Directions, shape (sites, 3), or an earlier result on the same lattice.
    times
        Rising times, from zero on; each is met exactly, with steps of at most `method.dt`.

    Returns
    -------
    TWAState
        With a leading time axis; `not_converged` if an error exceeds `method.tol`.

    Raises
    ------
    UnsupportedModelError, ArgumentError
        As for `steady_state`; or if `times` do not rise.
    """
    began = time.perf_counter()
    method = method or TWA()
    shape, equations = _prepare(model, method)
    moments = rising_times(times)
    steps = np.diff(moments, prepend=0.0)
    begin = _begin(model, equations, shape, start)
    ensemble = SpinEnsemble(
        equations, shape, method.periodic, method.seed, (begin,), method.trajectories, groups=16
    )
    numbers = len(moments) * len(equations.lengths) * 3 * ensemble.trajectories
    keep = int(numbers <= _TRAJECTORY_NUMBERS)
    stretches = []
    for interval in steps:
        count = math.ceil(interval / method.dt - 1e-9)
        stretches.append(ensemble.run(interval / max(count, 1), count, 1, keep))
    result = Moments(
        np.stack([stretch.first for stretch in stretches], axis=1),
        np.stack([stretch.second for stretch in stretches], axis=1),
        shape,
    )
    error = _largest_error(result, model)
    done = error <= method.tol
    return TWAState(
        model,
        method,
        Status.CONVERGED if done else Status.NOT_CONVERGED,
        f"The largest error of <Sz>/S and Var/S^2 is {error:.1e}"
        + ("." if done else f", above tol = {method.tol:.1e}; use more trajectories or cells."),
        None,
        time.perf_counter() - began,
        result,
        np.concatenate([stretch.snapshots for stretch in stretches]),
        times=moments,
        diagnostics={"trajectories": ensemble.trajectories, "statistical_error": error},
    )


def _prepare(model: LindbladModel, method: TWA) -> tuple[tuple[int, ...], SpinEquations]:
    """Return the shape of the lattice and its equations; refuse or warn where TWA fails."""
    shape = method.cells
    if isinstance(shape, int):
        shape = (shape,) * model.dimension
    if len(shape) != model.dimension:
        raise fail("cells", f"one integer or {model.dimension} of them", method.cells)
    equations = spin_equations(model, shape, method.periodic)
    longest = 1 / max(equations.rate, float(equations.diffusion.max()), 1e-300)
    if method.dt > longest:
        raise fail("dt", f"at most {longest:.3g}, a turn by one radian per step", method.dt)
    smallest = min(float(length) - 0.5 for length in equations.lengths)
    if smallest < 2:
        warnings.warn(
            f"TWA is off by 10 to 40 % for S < 2, and this model has S = {smallest:g}.",
            stacklevel=3,
        )
    return shape, equations


def _begin(model, equations, shape, start) -> Begin:
    """Return the function that makes the first configuration of a block of trajectories."""
    cells = math.prod(shape)
    if isinstance(start, TWAState):
        last = start.snapshots[-1:].reshape(-1, start.snapshots.shape[-1])
        if last.shape[0] != 3 * len(equations.lengths):
            raise fail("start", f"a result with {len(equations.lengths)} spins", start.model.label)

        def resume(block: int, generator: np.random.Generator) -> NDArray:
            lanes = np.arange(block * LANES, (block + 1) * LANES) % last.shape[1]
            vectors = last[:, lanes].astype(float).reshape(-1, 3, LANES)
            return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).reshape(-1, LANES)

        return resume
    directions = np.asarray(start, dtype=float)
    size = len(model.sites)
    if directions.shape != (size, 3) or not np.all(np.isfinite(directions)):
        raise fail("start", f"a TWAState or finite directions ({size}, 3)", start)
    norms = np.linalg.norm(directions, axis=1, keepdims=True)
    if np.any(norms == 0):
        raise fail("start", "directions of non-zero length", start)
    directions = directions / norms
    every = np.tile(directions, (cells, 1))
    return lambda block, generator: coherent(equations.lengths, every, generator)


def _snapshots(ensemble: SpinEnsemble, samples: int) -> int:
    """Return how many configurations of a stretch are kept."""
    numbers = 3 * len(ensemble.equations.lengths) * ensemble.trajectories
    return max(1, min(samples, _SNAPSHOT_NUMBERS // numbers))


@dataclass(frozen=True)
class _Verdict:
    """Averages over the stretches from `first` on, and whether they can be trusted."""

    first: int
    agree: bool
    worst: float
    moments: Moments
    error: float
    residual: float
    record: dict[str, Any]


def _judge(stretches: Sequence[Samples], shape: tuple[int, ...], model: LindbladModel) -> _Verdict:
    """Find where equilibrium begins and average from there on."""
    last = len(stretches) - 1
    agree, worst = _stationary(stretches, last)
    agree = agree and last > 0
    first = last
    while agree and first > 1 and _stationary(stretches, first - 1)[0]:
        first -= 1
    weights = np.array([len(stretch.series) for stretch in stretches[first:]], dtype=float)
    weights /= weights.sum()
    moments = Moments(
        sum(w * stretch.first for w, stretch in zip(weights, stretches[first:], strict=True)),
        sum(w * stretch.second for w, stretch in zip(weights, stretches[first:], strict=True)),
        shape,
        len(stretches[0].first) // 2,
        agree,
    )
    residual = starts_difference(moments, model)
    error = _largest_error(moments, model)
    record = {
        "residual": residual,
        "error": error,
        "starts_agree": agree,
        "worst_deviation": worst,
        **{f"{start}_{key}": value for start, values in _both_starts(moments).items()
           for key, value in values.items()},
    }  # fmt: skip
    return _Verdict(first, agree, worst, moments, error, residual, record)


def starts_difference(moments: Moments, model: LindbladModel) -> float:
    """Return the largest difference of <S_z>/S and Var/S^2 between the two starts."""
    spins = _spin_numbers(model)
    one, two = moments.half(0), moments.half(1)
    return float(
        max(
            np.max(np.abs(one.expect("Sz").value - two.expect("Sz").value) / spins),
            np.max(np.abs(one.variance("Sz").value - two.variance("Sz").value) / spins**2),
        )
    )


def _stationary(stretches: Sequence[Samples], number: int) -> tuple[bool, float]:
    """Return whether a stretch shows neither a drift nor a memory of its start, and the worst z.

    Compared are the two starts, the two halves of the stretch, and the stretch and the last one.
    The groups are independent, so each difference has a known error.
    """
    series = stretches[number].series
    half = series.shape[1] // 2
    starts = (slice(half), slice(half, None))
    mean = series.mean(axis=0)
    middle = len(series) // 2
    drift = series[middle:].mean(axis=0) - series[:middle].mean(axis=0)
    to_last = stretches[-1].series.mean(axis=0) - mean
    deviations = [_deviation(mean[starts[0]], -mean[starts[1]])]
    for part in starts:
        deviations.append(_deviation(drift[part]))
        if number < len(stretches) - 1:
            deviations.append(_deviation(to_last[part]))
    flat = np.concatenate(deviations)
    limit = stats.t.isf(_CONFIDENCE / (2 * len(flat)), half - 1)
    return bool(flat.max() <= limit), float(flat.max())


def _deviation(*parts: NDArray) -> NDArray:
    """Return |sum of the group means| in units of its standard error, per observable."""
    total = np.abs(sum(part.mean(axis=0) for part in parts))
    error = np.sqrt(sum(part.var(axis=0, ddof=1) / len(part) for part in parts))
    return np.where(total < 1e-12, 0.0, total / np.maximum(error, 1e-300))


def _spin_numbers(model: LindbladModel) -> NDArray:
    return np.array([(site.dimension - 1) / 2 for site in model.sites])


def _largest_error(moments: Moments, model: LindbladModel) -> float:
    """Return the largest error of <S_z>/S and Var/S^2."""
    spins = _spin_numbers(model)
    return float(
        max(
            np.max(moments.expect("Sz").error / spins),
            np.max(moments.variance("Sz").error / spins**2),
        )
    )


def _both_starts(moments: Moments) -> dict[str, dict[str, list[float]]]:
    """Return <S_z> and Var(S_z) from the random and from the ordered start alone."""
    out = {}
    for number, start in enumerate(("random", "ordered")):
        half = moments.half(number)
        out[start] = {
            "Sz": half.expect("Sz").value.tolist(),
            "Sz_var": half.variance("Sz").value.tolist(),
        }
    return out


def _autocorrelation(series: NDArray) -> float:
    """Return the longest integrated autocorrelation time of the observables, in samples.

    The window is five times the time itself (Sokal).
    """
    samples = len(series)
    centred = series - series.mean(axis=(0, 1))
    power = np.abs(np.fft.rfft(centred, 2 * samples, axis=0)) ** 2
    covariance = np.fft.irfft(power.mean(axis=1), axis=0)[:samples]
    covariance /= (samples - np.arange(samples))[:, None]
    alive = covariance[0] > 0
    correlation = covariance[:, alive] / covariance[0, alive]
    longest = 0.5
    for column in correlation.T:
        sums = np.cumsum(column) - 0.5
        window = np.argmax(np.arange(samples) >= 5 * sums)
        longest = max(longest, float(sums[window] if window else sums[-1]))
    return longest


def _message(verdict: _Verdict, done: bool, method: TWA) -> str:
    """Return what the verdict means and what to do."""
    if done:
        return "Both starts agree, nothing drifts, and the statistical errors are below tol."
    if not verdict.agree:
        return (
            f"The random and the ordered start disagree or drift ({verdict.worst:.1f} standard "
            "errors) at max_time; raise max_time. Errors include the difference of the starts."
        )
    return (
        f"Both starts agree, but the largest error {verdict.error:.1e} or difference "
        f"{verdict.residual:.1e} is above tol = {method.tol:.1e}; raise max_time or trajectories."
    )
