"""The split of a two-site update: from decomposed sectors back to two site tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np

from impo.arrays import Array
from impo.tensor.contraction import ContractionPlan, orbits, plan_size
from impo.tensor.legs import Leg, TensorLayout
from impo.tensor.remembered import remembered
from impo.tensor.tables import moves


@dataclass(frozen=True, eq=False)
class SplitPlan:
    """From decomposed sectors back to two site tensors, for the numbers of states that were kept.

    Attributes
    ----------
    middle
        The new bond.
    first, second
        Moves to the tensors left and right of it from the concatenated factors of all sectors,
        B = C V^+ # (vL p0) vM and V # vM (p1 vR).
    order
        The singular values of all sectors in the order of the new bond.
    """

    middle: Leg
    first: Array
    second: Array
    order: Array


def split_size(split: SplitPlan, plan: ContractionPlan, _: object) -> int:
    """Return the bytes that are kept: a plan of a contraction lives as long as a split of it."""
    return split.first.nbytes + split.second.nbytes + split.order.nbytes + plan_size(plan)


@lru_cache(maxsize=32)  # as contraction plans
@remembered(split_size)
def split_plan(plan: ContractionPlan, kept: tuple[int, ...]) -> SplitPlan:
    """Return the (cached) plan of a split."""
    sites = plan.sites
    counts: dict[int, int] = {}
    even = 0
    for sector, number in zip(plan.sectors, kept, strict=True):
        if number:
            counts[sector.charge] = counts.get(sector.charge, 0) + number
            even += number if sector.charge == 0 and sector.parity >= 0 else 0
    if sites.mirror:
        counts |= {-q: number for q, number in counts.items()}
    middle = Leg(tuple(sorted(counts.items())), even)
    first = TensorLayout(sites.left, sites.first, middle)
    second = TensorLayout(middle, sites.second, sites.right)
    return SplitPlan(
        middle, _placed(plan, kept, first, on_left=True),
        _placed(plan, kept, second, on_left=False), _order(plan, kept, middle),
    )  # fmt: skip


def _order(plan: ContractionPlan, kept: Sequence[int], middle: Leg) -> Array:
    order = np.empty(middle.size, np.int32)
    filled: dict[int, int] = {}
    start = 0
    for sector, number in zip(plan.sectors, kept, strict=True):
        q = sector.charge
        for charge in ({q, -q} if sector.multiplicity == 2 else {q}) if number else ():
            first = middle.offsets[charge] + filled.get(charge, 0)
            order[first : first + number] = np.arange(start, start + number)
            filled[charge] = filled.get(charge, 0) + number
        start += number
    return order


def _placed(
    plan: ContractionPlan, kept: Sequence[int], layout: TensorLayout, on_left: bool
) -> Array:
    """Return the moves of all factors, and of their mirror images, to a site tensor."""
    index = np.zeros(layout.size, dtype=int)
    factor = np.zeros(layout.size)
    outer = layout.left if on_left else layout.right
    start = 0
    done: dict[int, int] = {}
    for sector, number in zip(plan.sectors, kept, strict=True):
        q = sector.charge
        length = sector.shape[0 if on_left else 1]
        shape = (length, number) if on_left else (number, length)
        source = np.arange(start, start + length * number).reshape(shape)
        start += source.size
        if not number:
            continue
        if not on_left:
            source = source.T  # (outer p) vM
        states = slice(done.get(q, 0), done.get(q, 0) + number)
        done[q] = states.stop
        blocks = {}
        for x in outer.counts:
            if (block := layout.blocks.get((x, q) if on_left else (q, x))) is not None:
                blocks[x] = block[:, :, states] if on_left else block[states]
        target = np.concatenate([_matrix(block, on_left) for block in blocks.values()])
        if sector.parity == 0:
            index[target], factor[target] = source, 1
        else:
            joined = orbits(
                outer, layout.physical, list(blocks), sector.parity, operator_first=not on_left
            )
            scale = np.where(joined.paired, sqrt(0.5), 1.0)[:, None]
            index[target[joined.partner]] = source
            factor[target[joined.partner]] = sector.parity * scale
            index[target[joined.member]], factor[target[joined.member]] = source, scale
        if plan.sites.mirror and q > 0:
            for x, block in blocks.items():
                image = layout.blocks[(-x, -q) if on_left else (-q, -x)]
                parity = outer.parity(x)
                sign = parity[:, None, None] if on_left else parity
                index[image], factor[image] = index[block], sign * factor[block]
    return moves(index, factor)


def _matrix(block: Array, on_left: bool) -> Array:
    """Return # vL p vM as (vL p) vM, or # vM p vR as (p vR) vM."""
    if on_left:
        return block.reshape(-1, block.shape[2])
    return block.reshape(block.shape[0], -1).T
