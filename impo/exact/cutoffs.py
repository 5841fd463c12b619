"""What the cut-offs of bosons change, from solutions with other cut-offs."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impo.arguments import UnsupportedModelError
from impo.cluster import ClusterDensity
from impo.exact.sector import sector_size, zero_charge
from impo.exact.solution import solve
from impo.exact.state import Exact, OtherCutoff, cluster
from impo.model import Boson, LindbladModel, Spin

_LARGEST_RATIO = 0.98  # of successive changes; beyond it they do not converge
_SAFETY = 1.1
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


def monitored(density: ClusterDensity) -> NDArray:
    """Return <S_z>/S and Var/S^2 of all spins, <n> and Var n of all bosons."""
    found: list[Any] = []
    for op, kind in (("Sz", Spin), ("N", Boson)):
        sites = [site for site in density.generator.model.sites if isinstance(site, kind)]
        if sites:
            scale = np.array([float(s.S) if isinstance(s, Spin) else 1.0 for s in sites])
            found += [density.expect(op) / scale, density.variance(op) / scale**2]
    return np.concatenate(found) if found else np.zeros(1)


def cutoff_error(
    model: LindbladModel, method: Exact, density: ClusterDensity, k_max: int | None, noise: float
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
    here = monitored(density)
    for number, site in enumerate(model.sites):
        if not isinstance(site, Boson):
            continue
        found = _one_boson(model, method, density, k_max, number, noise)
        if found is None:
            return CutoffError(float("nan"), ())
        total += found.weight * float(np.abs(monitored(found.density) - here).max())
        others.append(found)
    return CutoffError(total, tuple(others))


def _one_boson(
    model: LindbladModel,
    method: Exact,
    density: ClusterDensity,
    k_max: int | None,
    number: int,
    noise: float,
) -> OtherCutoff | None:
    site = model.sites[number]
    assert isinstance(site, Boson)
    step = 2 * -(-site.cutoff // 6)  # even, as drives by pairs fill only even numbers

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
        return OtherCutoff(above, _SAFETY / (1 - ratio))
    lowest = at(site.cutoff - 2 * step)
    if below is None or lowest is None:
        return None
    ratio = _ratio(below, lowest, density, below, noise)
    return OtherCutoff(below, _SAFETY * max(ratio, 0.1) / (1 - ratio))


def _ratio(
    one: ClusterDensity, zero: ClusterDensity, three: ClusterDensity, two: ClusterDensity,
    noise: float,
) -> float:  # fmt: skip
    """Return the largest ratio of the change from two to three over that from zero to one."""
    before = np.abs(monitored(one) - monitored(zero))
    after = np.abs(monitored(three) - monitored(two))
    counts = after > max(0.01 * float(after.max()), noise)
    if not counts.any():
        return 0.0
    with np.errstate(divide="ignore"):
        return min(float((after[counts] / before[counts]).max()), _LARGEST_RATIO)


def _tail_ratio(density: ClusterDensity, number: int, cutoff: int, step: int) -> float:
    """Return the ratio of n^2 P(n) on the two numbers up to c + s and on those up to c."""
    largest = 0.0
    for cell in sorted(set(density.generator.cells)):
        weights = np.arange(cutoff + step + 1) ** 2 * density.distribution([(number, cell)])
        low, high = weights[max(cutoff - 1, 0) : cutoff + 1].sum(), weights[-2:].sum()
        if high > _EMPTY:
            largest = max(largest, float(high / max(low, _EMPTY)))
    return min(largest, _LARGEST_RATIO)


def _solved(
    model: LindbladModel, method: Exact, known: ClusterDensity, k_max: int | None
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
