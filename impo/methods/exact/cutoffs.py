"""What the cut-offs of bosons change, from solutions with other cut-offs."""

from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class CutoffError:
    """What the cut-offs of all bosons change.

    Attributes
    ----------
    change
        Error that they cause in <n>, Var n, <S_z>/S and Var/S^2, the largest; nan if not known.
    others
        States with other cut-offs, for the error of any other quantity.
    """

    change: float
    others: tuple[OtherCutoff, ...]


def cutoff_error(
    model: LindbladModel, method: "Exact", density: ClusterDensity, k_max: int | None, noise: float
) -> CutoffError:
    """Return what the cut-offs of the bosons change; each boson of the unit cell is tried alone.

    A result with cut-off c is compared with that of c + s, about a third larger. Its distance to
    the limit is that change times 1 + q + q^2 + ... if every further step changes q times as much;
    q is the ratio to the change from c - s, or, where c - s is less than one, that of n^2 P(n)
    around n = c + s and n = c. Where a larger cut-off would be too much work, c, c - s and c - 2 s
    are used.

    Parameters
    ----------
    model, method, density, k_max
        Description, settings, the result and its multipole cut-off.
    noise
        Change that is no more than rounding.
    """
    total, others = 0.0, []
    here = density.scaled_moments
    for number, site in enumerate(model.sites):
        if not isinstance(site, Boson):
            continue
        found = _one_boson(model, method, density, k_max, number, noise)
        if found is None:
            return CutoffError(float("nan"), ())
        total += found.weight * float(np.abs(found.density.scaled_moments - here).max())
        others.append(found)
    return CutoffError(total, tuple(others))


def _one_boson(
    model: LindbladModel,
    method: "Exact",
    density: ClusterDensity,
    k_max: int | None,
    number: int,
    noise: float,
) -> OtherCutoff | None:
    site = model.sites[number]
    assert isinstance(site, Boson)
    step = cutoff_step(site.cutoff)

    def at(cutoff: int) -> ClusterDensity | None:
        if cutoff < 1:
            return None
        sites = list(model.sites)
        sites[number] = Boson(cutoff)
        return _solved(replace(model, sites=tuple(sites)), method, density, k_max)

    above, below = at(site.cutoff + step), at(site.cutoff - step)
    if above is not None:
        if below is not None:
            ratio = _ratio(density, below, above, density, noise)
        else:
            ratio = _tail_ratio(above, number, site.cutoff, step)
        return OtherCutoff(above, from_change_above(ratio))
    lowest = at(site.cutoff - 2 * step)
    if below is None or lowest is None:
        return None
    ratio = _ratio(below, lowest, density, below, noise)
    return OtherCutoff(below, from_change_below(ratio))


def _ratio(
    one: ClusterDensity, zero: ClusterDensity, three: ClusterDensity, two: ClusterDensity,
    noise: float,
) -> float:  # fmt: skip
    """Return the largest ratio of the change from two to three over that from zero to one."""
    before = np.abs(one.scaled_moments - zero.scaled_moments)
    after = np.abs(three.scaled_moments - two.scaled_moments)
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


def _solved(
    model: LindbladModel, method: "Exact", known: ClusterDensity, k_max: int | None
) -> ClusterDensity | None:
    """Return the steady state of a model, or None if it is too much work or not unique."""
    try:
        generator = cluster(model, method)
        rows = sector_size(generator, k_max, zero_charge(generator))
        if rows > max(_ROWS, _TIMES * len(known.index)):
            return None
        found = solve(generator, k_max, None, decays=False)
    except UnsupportedModelError:
        return None
    return found.density if found.converged and found.complete else None
