"""When averages over trajectories are those of a steady state: drifts, starts, errors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import stdtrit

from impo.arrays import Array
from impo.methods.twa.ensemble import Samples
from impo.methods.twa.jumps import ordering
from impo.methods.twa.moments import Moments
from impo.methods.twa.uniqueness import compared
from impo.model import LindbladModel
from impo.operators.local import spin_numbers

_CONFIDENCE = 0.002  # chance of a false alarm of all comparisons of one stretch together
_THIRD_CONFIDENCE = 2e-5  # the same of the comparison with a third start
_MEMORY = 0.5  # share of a stretch over which the motion may remember where it was


@dataclass(frozen=True)
class Verdict:
    """Averages over the stretches from `first` on, and whether they can be trusted.

    `memory` is the autocorrelation time over the time of the last stretch. A drift over a stretch
    that is no longer than that hides in the noise.
    """

    first: int
    agree: bool
    worst: float
    moments: Moments
    error: float
    residual: float
    memory: float
    record: dict[str, Any]

    @property
    def forgets(self) -> bool:
        """Whether the motion is followed for longer than it remembers its start."""
        return self.memory <= _MEMORY

    def within(self, tol: float) -> bool:
        """Return whether the starts agree for good, and errors and differences are in `tol`."""
        return self.agree and self.forgets and self.error <= tol and self.residual <= tol


def judge(stretches: Sequence[Samples], shape: tuple[int, ...], model: LindbladModel) -> Verdict:
    """Find where equilibrium begins and average from there on."""
    last = len(stretches) - 1
    agree, worst = _stationary(stretches, last)
    agree = agree and last > 0
    first = last
    while agree and first > 1 and _stationary(stretches, first - 1)[0]:
        first -= 1
    weights = np.array([len(stretch.series) for stretch in stretches[first:]], dtype=float)
    weights /= weights.sum()
    pairs = list(zip(weights, stretches[first:], strict=True))
    sums = sum(w * one.first for w, one in pairs), sum(w * one.second for w, one in pairs)
    moments = Moments(*sums, shape, len(stretches[0].first) // 2, agree, ordering(model))
    residual = starts_difference(moments, model)
    error = largest_error(moments, model)
    memory = autocorrelation_time(stretches[-1].series) / len(stretches[-1].series)
    record = {
        "residual": residual,
        "error": error,
        "starts_agree": agree,
        "memory": memory,
        "worst_deviation": worst,
        **{f"{start}_{key}": value for start, values in both_starts(moments).items()
           for key, value in values.items()},
    }  # fmt: skip
    return Verdict(first, agree, worst, moments, error, residual, memory, record)


def starts_difference(moments: Moments, model: LindbladModel) -> float:
    """Return the largest difference of <S_z>/S and Var/S^2 between the two starts."""
    spins = spin_numbers(model)
    one, two = moments.half(0), moments.half(1)
    means = np.abs(one.expect("Sz").value - two.expect("Sz").value) / spins
    variances = np.abs(one.variance("Sz").value - two.variance("Sz").value) / spins**2
    return float(np.max([means, variances]))


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
    limit = -stdtrit(half - 1, _CONFIDENCE / (2 * len(flat)))  # of Student's t
    return bool(flat.max() <= limit), float(flat.max())


def _deviation(*parts: Array) -> Array:
    """Return |sum of the group means| in units of its standard error, per observable."""
    total = np.abs(sum(part.mean(axis=0) for part in parts))
    error = np.sqrt(sum(part.var(axis=0, ddof=1) / len(part) for part in parts))
    return np.where(total < 1e-12, 0.0, total / np.maximum(error, 1e-300))


def largest_error(moments: Moments, model: LindbladModel) -> float:
    """Return the largest error of <S_z>/S and Var/S^2."""
    spins = spin_numbers(model)
    errors = moments.expect("Sz").error / spins, moments.variance("Sz").error / spins**2
    return float(np.max(errors))


def both_starts(moments: Moments) -> dict[str, dict[str, list[float]]]:
    """Return <S_z> and Var(S_z) from the random and from the ordered start alone."""
    return {"random": of_start(moments.half(0)), "ordered": of_start(moments.half(1))}


def of_start(moments: Moments) -> dict[str, list[float]]:
    """Return <S_z> and Var(S_z) of a start."""
    mean, variance = moments.expect("Sz").value, moments.variance("Sz").value
    return {"Sz": mean.tolist(), "Sz_var": variance.tolist()}


def autocorrelation_time(series: Array) -> float:
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


def verdict_message(verdict: Verdict, tol: float) -> str:
    """Return what the verdict means and what to do."""
    if verdict.within(tol):
        return "All three starts agree, nothing drifts, and the statistical errors are below tol."
    if not verdict.agree:
        return (
            f"The random and the ordered start disagree or drift ({verdict.worst:.1f} standard "
            "errors) at max_time; raise max_time. Errors include the difference of the starts."
        )
    if not verdict.forgets:
        return (
            f"The motion is remembered for {verdict.memory:.2g} of the time that is averaged over, "
            "so that a drift hides in the noise; raise max_time."
        )
    return (
        f"Both starts agree, but the largest error {verdict.error:.1e} or difference "
        f"{verdict.residual:.1e} is above tol = {tol:.1e}; raise max_time or trajectories."
    )


def lengths_message(wide: str | None) -> str:
    """Return what is said of the lengths of a state whose verdict is good."""
    if wide is None:
        return " Correlation lengths are known to `length_tol`."
    return f" But `length_tol` is not reached at max_time. {wide} Raise max_time or trajectories."


def disagreement(moments: Moments, third: Moments, turning: Sequence[int]) -> float:
    """Return the largest difference of what a third start leads to, over what chance allows."""
    one, two = compared(moments, turning), compared(third, turning)
    limit = -stdtrit(len(two) - 1, _THIRD_CONFIDENCE / (2 * one.shape[1]))
    return float(_deviation(one, -two).max() / limit)


def third_start_message(worst: float) -> str:
    """Return the message for a third start that leads elsewhere; see `disagreement`."""
    return (
        "The random and the ordered start agree, but a third start, in general directions, "
        f"leads elsewhere ({worst:.1f} times what chance allows): something relaxes more "
        "slowly or is conserved. Raise max_time and trajectories, or lower tol."
    )


def joined(moments: Moments, third: Moments) -> Moments:
    """Return the moments of all starts; what the third differs by is part of the errors."""
    first = np.concatenate([moments.first, third.first])
    second = np.concatenate([moments.second, third.second])
    return replace(moments, first=first, second=second, starts=len(moments.first), agree=False)


def not_unique(what: str, sites: tuple[int, ...]) -> str:
    """Return the message for what `conserved_quantity` returned."""
    where = " and ".join(str(site) for site in sites)
    if what == "everything without noise":
        why = f"no noise reaches site {where}"
    else:
        why = f"the equations conserve {what} on site {where}"
    return f"The steady state is not unique: {why}, so the start decides. Use `evolve`."
