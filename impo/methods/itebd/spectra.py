"""Spectral functions of an infinite chain, from two-time correlations until they have decayed.

Every approximation of the state and of A(t) is transformed by itself, so that the error of the
spectrum knows how errors at different times and distances hang together.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
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
    pairs = [pair] if once else [pair, pair.backwards]
    asked = [two_time_of(state, one) for one in pairs]
    fastest = float(np.max(np.abs(omega), initial=0.0))
    fine = _FINE * min(1.0, (state.method.tol / _FINEST) ** (1 / 6))
    spacing = min(fine * asked[0].time_unit, _TURN / fastest if fastest > 0 else np.inf)
    sizes = [np.linalg.norm(pair.matrix(state.approximation, end)) for end in (0, 1)]
    least = _ROUNDING * float(np.prod(sizes))
    found = [
        stacked(list(until_small(function, partial(_means, one), spacing, least, _SMALL, follower)))
        for function, one in zip(asked, pairs, strict=True)
    ]

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


def _means(pair: Pair, approx: Approximation) -> Array:
    return np.array(pair.mean(approx))


def until_small(
    asked: TwoTime, means_of: Callable[[Approximation], Array], spacing: float, least: float = 0.0,
    small: float = _SMALL, follower: Follower | None = None,
) -> Iterator[Moment]:  # fmt: skip
    """Yield connected functions at equal times until they have decayed.

    Parameters
    ----------
    asked
        Functions of A(t) and several B.
    means_of
        <B> of an approximation, one or one for each B.
    spacing
        Distance of two times.
    least
        Size that counts as that of a function which is zero but for rounding.
    small
        Share of the tolerance below which a function has decayed.
    follower
        Hears of the time.
    """
    means = {one: means_of(one) for one in (asked.approx, *asked.others)}

    def connected(values: Array, approx: Approximation | None) -> Array:
        # with <A(t)>, which drifts by the errors of the state, all errors decay
        return np.asarray(values[:-1] - values[-1] * means[approx or asked.approx])

    largest = least
    for n, moment in enumerate(asked.at(spacing * step for step in count())):
        yield (read := moment.read(connected))
        size = float(np.abs(read.values[asked.approx]).max())
        largest = max(largest, size)
        tell(follower, "evolving", time=spacing * n, remaining=size / largest if largest else 0.0)
        if n + 1 >= _LONGEST or (n >= _FEWEST and size <= small * asked.tol * largest):
            return
