"""Spectral functions of an infinite chain, from two-time correlations until they have decayed.

Every approximation of the state and of A(t) is transformed by itself, so that the error of the
spectrum knows how errors at different times and distances hang together.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from impo.arrays import Array
from impo.methods.itebd.two_time import Acts, Moment, Pair, TwoTime, stacked, two_time_of
from impo.methods.spectra import Transform, transformed
from impo.refinement.approximation import Approximation
from impo.results.estimate import Estimate
from impo.results.progress import Follower, tell

if TYPE_CHECKING:
    from impo.methods.itebd.dynamics import MovingState

_CELLS = 24  # to both sides
_SMALL = 0.1  # share of the tolerance below which a function has decayed
_ROUNDING = 1e-13  # of a function, over the norms of its operators
_FEWEST = 8  # samples
_LONGEST = 400  # samples of a function that decays slowly
_FINE = 1.0  # distance of two samples, in units of the fastest rate, at the tolerance
_FINEST = 1e-3  # from which on it shrinks: a spline of degree five has errors of order six
_TURN = 3.0  # largest angle by which the fastest wave asked for turns between two samples


def spectral_function(
    state: "MovingState", names: tuple[str, str], k: Array, omega: Array, sites: tuple[int, int],
    acts: Acts = Acts.LEFT, follower: Follower | None = None,
) -> Estimate:  # fmt: skip
    """Return sum_r e^{ikr} int dt e^{i omega t} of the connected <A_0(t) B_r>; # k omega.

    Of a commutator the integral is that over times after zero.
    """
    cells = np.arange(-_CELLS, _CELLS + 1)
    pair = Pair(names, sites, cells.tolist(), acts)
    causal = acts is Acts.COMMUTATOR
    once = causal or pair.backwards.same(pair, state.approximation)
    asked = [two_time_of(state, one) for one in ([pair] if once else [pair, pair.backwards])]
    fastest = float(np.max(np.abs(omega), initial=0.0))
    fine = _FINE * min(1.0, (state.method.tol / _FINEST) ** (1 / 6))
    spacing = min(fine * asked[0].time_unit, _TURN / fastest if fastest > 0 else np.inf)
    found = [stacked(list(_until_small(one, spacing, follower))) for one in asked]

    def spectrum(functions: Sequence[Array]) -> Transform:
        return transformed(functions, cells, spacing, k, omega, causal)

    spectra = {one: spectrum([part.values[one] for part in found]) for one in found[0].values}
    best = spectra[state.approximation]
    value = state.estimate(lambda approx: spectra[approx].value)
    error = value.error + best.error
    for n, (weight, _) in enumerate(found[0].coarser):
        other = spectrum([part.coarser[n][1] for part in found])
        error = error + weight * np.abs(other.value - best.value)
    return Estimate(value.value, error)


def _until_small(asked: TwoTime, spacing: float, follower: Follower | None) -> Iterator[Moment]:
    """Yield the connected function at equal times until it has decayed."""
    means = {one: asked.pair.mean(one) for one in (asked.approx, *asked.others)}

    def connected(values: Array, approx: Approximation | None) -> Array:
        # with <A(t)>, which drifts by the errors of the state, all errors decay
        return np.asarray(values[:-1] - values[-1] * means[approx or asked.approx])

    sizes = [np.linalg.norm(asked.pair.matrix(asked.approx, end)) for end in (0, 1)]
    largest = _ROUNDING * float(np.prod(sizes))
    for n, moment in enumerate(asked.at(spacing * step for step in count())):
        yield (read := moment.read(connected))
        size = float(np.abs(read.values[asked.approx]).max())
        largest = max(largest, size)
        tell(follower, "evolving", time=spacing * n, remaining=size / largest)
        if n + 1 >= _LONGEST or (n >= _FEWEST and size <= _SMALL * asked.tol * largest):
            return
