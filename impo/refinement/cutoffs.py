"""What the cut-offs of bosons change: the same state with other cut-offs, at the same settings."""

from dataclasses import replace

import numpy as np

from impo.arrays import Array
from impo.model import Boson
from impo.operators.basis import OperatorBasis
from impo.operators.blocks import with_cutoffs
from impo.operators.liouvillian import Generator
from impo.refinement.approximation import Approximation, Refinement, mapped, moment_changes
from impo.refinement.relaxation import Relaxation
from impo.results.cutoff_error import (
    cutoff_step,
    from_change_above,
    from_change_below,
    successive_ratio,
)
from impo.tensor.contraction import pair_charges, pair_index
from impo.tensor.gates import physical_legs, rank_scale

LARGEST = 2000  # rows of a gate for which a larger cut-off is tried


def cutoff_check(relaxation: Relaxation, approx: Approximation, noise: float) -> Refinement | None:
    """Compare with other cut-offs of all bosons; None if there are no bosons.

    A result with cut-off c is compared with that of c + s, about a third larger. Its distance to
    the limit is that change times 1 + q + q^2 + ... if every further step changes q times as much;
    q is the ratio to the change from c - s (for small c: from c + s to c + 2 s). Where gates of a
    larger cut-off would be too large, or own operators of a boson are not known there, c, c - s and
    c - 2 s take its place. Changes below `noise`,
    the error by the other settings, tell nothing about q.
    """
    sites = approx.generator.model.sites
    if not any(isinstance(site, Boson) for site in sites):
        return None

    def relaxed(steps: int) -> Approximation | None:
        changed: list[int | None] = []
        for site in sites:
            cutoff = None
            if isinstance(site, Boson):
                cutoff = site.cutoff + steps * cutoff_step(site.cutoff)
                if site.with_cutoff(cutoff) is None:
                    return None
            changed.append(cutoff)
        return _with_cutoffs(relaxation, approx, changed)

    below, above = relaxed(-1), relaxed(1)
    if above is not None and below is not None:
        ratio = _ratio(below, approx, above, noise)
        return Refinement("cutoff", above, approx, from_change_above(ratio))
    beyond = None if above is None else relaxed(2)
    if above is not None and beyond is not None:
        ratio = _ratio(approx, above, beyond, noise)
        return Refinement("cutoff", above, approx, from_change_above(ratio))
    lowest = relaxed(-2)
    if below is None or lowest is None:
        return Refinement("cutoff", approx, approx, np.inf)
    ratio = _ratio(lowest, below, approx, noise)
    return Refinement("cutoff", approx, below, from_change_below(ratio))


def _ratio(one: Approximation, two: Approximation, three: Approximation, noise: float) -> float:
    before, after = np.abs(two.moments - one.moments), np.abs(three.moments - two.moments)
    return successive_ratio(before, after, moment_changes(three, two), noise)


def _with_cutoffs(
    relaxation: Relaxation, approx: Approximation, cutoffs: list[int | None]
) -> Approximation | None:
    """Return the relaxed state with other cut-offs; None if it is too large or diverges."""
    generator = with_cutoffs(approx.generator, cutoffs)
    other = replace(relaxation, generator=generator, bonds={}, steps={})
    kept = approx.k_max >= relaxation.full_rank
    k_max = other.full_rank if kept else min(approx.k_max, other.full_rank)
    if _largest_block(generator, k_max) > LARGEST:
        return None
    bases = zip(approx.bases, generator.bases(k_max), strict=True)
    maps = [_same_operator(old, new, approx.weight) for old, new in bases]
    start = replace(mapped(approx, generator, k_max, approx.weight, maps), time=0.0)
    dt = approx.dt * min(1.0, other.time_unit / relaxation.time_unit)
    found = other.relax(start, approx.chi, dt)
    return None if found.diverged else found


def _largest_block(generator: Generator, k_max: int) -> int:
    """Return the rows of the largest block of a gate."""
    legs = physical_legs(generator, generator.bases(k_max))
    pairs = zip(legs, [*legs[1:], legs[0]], strict=True)
    return max(
        len(pair_index(one, two, charge)[0])
        for one, two in pairs
        for charge in pair_charges(one, two)
    )


def _same_operator(old: OperatorBasis, new: OperatorBasis, weight: float) -> Array:
    """Return the matrix that keeps the density operator, or its part on fewer states; # new old."""
    d = min(new.dimension, old.dimension)
    overlap = np.einsum("xij,yij->xy", new.matrices[:, :d, :d].conj(), old.matrices[:, :d, :d])
    before, after = rank_scale(old.k, weight), rank_scale(new.k, weight)
    return np.asarray(after[:, None] * np.real(overlap) / before)
