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
from impo.methods.itebd.two_time import Moment, Pair, TwoTime, stacked, two_time_of
from impo.methods.spectra import Transform, transformed
from impo.refinement.approximation import Approximation
from impo.results.estimate import Estimate

if TYPE_CHECKING:
    from impo.methods.itebd.state import ItebdState

_CELLS = 24  # to both sides
_SMALL = 0.1  # share of the tolerance below which a function has decayed
_FEWEST = 8  # samples
_LONGEST = 400  # samples of a function that decays slowly
_FINE = 0.5  # distance of two samples, in units of the fastest rate
_TURN = 3.0  # largest angle by which the fastest wave asked for turns between two samples


def spectral_function(
    state: "ItebdState", names: tuple[str, str], k: Array, omega: Array, sites: tuple[int, int]
) -> Estimate:
    """Return sum_r e^{ikr} int dt e^{i omega t} of the connected <A_0(t) B_r>; # k omega."""
    cells = np.arange(-_CELLS, _CELLS + 1)
    pair = Pair(names, sites, cells.tolist())
    pairs = [pair] if pair.backwards.same(pair, state.approximation) else [pair, pair.backwards]
    asked = [two_time_of(state, one) for one in pairs]
    fastest = float(np.max(np.abs(omega), initial=0.0))
    spacing = min(_FINE * asked[0].time_unit, _TURN / fastest if fastest > 0 else np.inf)
    found = [
        stacked(list(until_small(function, partial(_means, one), spacing)))
        for function, one in zip(asked, pairs, strict=True)
    ]

    def spectrum(functions: Sequence[Array]) -> Transform:
        return transformed(functions, cells, spacing, k, omega)

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
    asked: TwoTime, means_of: Callable[[Approximation], Array], spacing: float,
    small: float = _SMALL,
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
    small
        Share of the tolerance below which a function has decayed.
    """
    means = {one: means_of(one) for one in (asked.approx, *asked.others)}

    def connected(values: Array, approx: Approximation | None) -> Array:
        # with <A(t)>, which drifts by the errors of the state, all errors decay
        return np.asarray(values[:-1] - values[-1] * means[approx or asked.approx])

    first = 0.0
    for n, moment in enumerate(asked.at(spacing * step for step in count())):
        yield (read := moment.read(connected))
        size = float(np.abs(read.values[asked.approx]).max())
        first = first or size
        if n + 1 >= _LONGEST or (n >= _FEWEST and size <= small * asked.tol * first):
            return
