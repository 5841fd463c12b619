"""What the cut-offs of bosons change, from solutions with other cut-offs."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from impo.arguments import UnsupportedModelError
from impo.methods.exact.sector import cluster, sector_size, zero_charge
from impo.methods.exact.solution import solve
from impo.methods.exact.state import OtherCutoff
from impo.model import Boson, LindbladModel
from impo.operators.cluster_density import ClusterDensity
from impo.results.cutoff_error import (
    LARGEST_RATIO,
    cutoff_step,
    from_change_above,
    from_change_below,
    successive_ratio,
)

if TYPE_CHECKING:
    from impo.methods.exact.method import Exact


_EMPTY = 1e-14  # probability that is no more than rounding
_ROWS, _TIMES = 1500, 1.5  # a second solution may have so many rows, or so many times those here


def cutoff_error(
    method: "Exact", model: LindbladModel, density: ClusterDensity, k_max: int | None, noise: float
) -> tuple[float | None, tuple[OtherCutoff, ...] | None]:
    """Return what the cut-offs of the bosons change; each boson of the unit cell is tried alone.

    A result with cut-off c is compared with that of c + s, about a third larger. Its distance to
    the limit is that change times 1 + q + q^2 + ... if every further step changes q times as much;
    q is the ratio to the change from c - s, or, where c - s is less than one, that of n^2 P(n)
    around n = c + s and n = c. Where a larger cut-off would be too much work, or own operators of
    the boson are not known there, c, c - s and c - 2 s are used.

    Parameters
    ----------
    method, model, density, k_max
        Settings, description, the result and its multipole cut-off.
    noise
        Change that is no more than rounding.

    Returns
    -------
    change, others
        Error that the cut-offs cause in <n>, Var n, <S_z>/S and Var/S^2, the largest; and states
        with other cut-offs, for the error of any other quantity. None, None if it is not known.
    """

    def at(number: int, cutoff: int) -> ClusterDensity | None:
        """Return the state with another cut-off; None if that is too much work or not unique."""
        boson = model.sites[number]
        changed = boson.with_cutoff(cutoff) if isinstance(boson, Boson) else None
        if changed is None:
            return None
        sites = [changed if i == number else site for i, site in enumerate(model.sites)]
        try:
            generator = cluster(replace(model, sites=tuple(sites)), method)
            rows = sector_size(generator, k_max, zero_charge(generator))
            if rows > max(_ROWS, _TIMES * len(density.index)):
                return None
            found = solve(generator, k_max, None, decays=False)
        except UnsupportedModelError:
            return None
        return found.density if found.converged and found.complete else None

    total, others = 0.0, []
    here = density.scaled_moments
    for number, site in enumerate(model.sites):
        if isinstance(site, Boson):
            found = _one_boson(partial(at, number), density, number, site.cutoff, noise)
            if found is None:
                return None, None
            total += found.weight * float(np.abs(found.density.scaled_moments - here).max())
            others.append(found)
    return (total, tuple(others)) if math.isfinite(total) else (None, None)


def _one_boson(
    at: Callable[[int], ClusterDensity | None],
    density: ClusterDensity,
    number: int,
    cutoff: int,
    noise: float,
) -> OtherCutoff | None:
    step = cutoff_step(cutoff)
    above, below = at(cutoff + step), at(cutoff - step)
    if above is not None:
        if below is not None:
            ratio = _ratio((below, density), (density, above), noise)
        else:
            ratio = _tail_ratio(above, number, cutoff, step)
        return OtherCutoff(above, from_change_above(ratio))
    lowest = at(cutoff - 2 * step)
    if below is None or lowest is None:
        return None
    return OtherCutoff(below, from_change_below(_ratio((lowest, below), (below, density), noise)))


def _ratio(
    first: tuple[ClusterDensity, ClusterDensity],
    second: tuple[ClusterDensity, ClusterDensity],
    noise: float,
) -> float:
    """Return the largest ratio of the change in the second pair over that in the first."""
    before, after = (np.abs(b.scaled_moments - a.scaled_moments) for a, b in (first, second))
    return successive_ratio(before, after, after, noise)


def _tail_ratio(density: ClusterDensity, number: int, cutoff: int, step: int) -> float:
    """Return the ratio of n^2 P(n) on the two numbers up to c + s and on those up to c."""
    largest = 0.0
    for cell in sorted(set(density.generator.cells)):
        weights = np.arange(cutoff + step + 1) ** 2 * density.distribution([(number, cell)])
        low, high = weights[max(cutoff - 1, 0) : cutoff + 1].sum(), weights[-2:].sum()
        if high > _EMPTY:
            largest = max(largest, float(high / max(low, _EMPTY)))
    return min(largest, LARGEST_RATIO)
