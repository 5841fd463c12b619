"""How sites are joined to blocks where a chain reaches beyond neighbours."""

from itertools import product

import numpy as np
import pytest

from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.operators.blocks import block_layout, block_of, chain_of_blocks, with_cutoffs
from impo.operators.liouvillian import infinite_chain, kept_charges
from models import gain_loss
from tests.jump_models import FAR, NEIGHBOURS


def cell(*pairs, sites=2, S=0.5):
    """A cell with couplings between positions of the chain, and decay everywhere."""
    terms = [
        Term(0.5, *[(op, p % sites, p // sites) for op, p in zip(("S+", "S-"), pair, strict=True)],
             plus_hc=True)
        for pair in pairs
    ]  # fmt: skip
    return LindbladModel((Spin(S),) * sites, terms, [Jump(1.0, "S-", j) for j in range(sites)])


@pytest.mark.parametrize(
    ("model", "cells", "blocks"),
    [
        (FAR["range 2"], 4, (2, 2)),
        (FAR["range 3"], 6, (3, 3)),
        (cell((0, 1), (0, 2), (1, 3)), 2, (2, 2)),
        (cell((0, 1), (1, 2), (0, 2), (2, 3), sites=3), 1, (1, 2)),
        (cell((0, 2), (1, 3), (2, 4), sites=3), 4, (2,) * 6),
        (cell((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (2, 4), sites=5), 1, (1, 1, 1, 2)),
    ],
    ids=["range 2", "range 3", "ladder", "in a cell", "odd cell", "one long term"],
)
def test_blocks_are_as_small_as_the_terms_allow(model, cells, blocks):
    layout, generator = block_layout(model), chain_of_blocks(model)
    assert (layout.cells, layout.blocks) == (cells, blocks)
    assert len(layout.blocks) % 2 == 0
    assert generator.blocks == blocks * (len(generator.sites) // sum(blocks))
    for where in generator.supports:
        touched = {block_of(generator, p) for p in where}
        assert max(touched) - min(touched) <= 1


def test_no_smaller_blocks_would_do():
    """All ways to cut tiles of up to eight sites: none has fewer states in two neighbours."""
    model = cell((0, 1), (1, 2), (0, 2), (2, 3), sites=4)
    best = block_layout(model).cost[0]
    supports = infinite_chain(model).supports
    for cuts in product((False, True), repeat=8):
        places = np.flatnonzero(cuts)
        if len(places) < 2 or len(places) % 2:
            continue
        number = np.cumsum(np.tile(cuts, 3))
        good = all(
            number[p[-1] + s] - number[p[0] + s] <= 1 for p in supports for s in range(0, 16, 4)
        )
        sizes = np.diff([*places, places[0] + 8])
        assert not good or max(2.0 ** (sizes + np.roll(sizes, 1))) >= best


def test_neighbours_are_joined_to_nothing():
    for model in (*NEIGHBOURS.values(), gain_loss.chain(1), cell((0, 1), (1, 2), sites=3)):
        generator = chain_of_blocks(model)
        known = kept_charges(infinite_chain(model))
        assert generator.blocks == ()
        assert generator.sites == known.sites
        assert generator.spans == tuple(range(p, p + 1) for p in range(len(known.sites)))


def test_a_staggered_charge_keeps_its_period():
    """Pairs are made or lost on second neighbours: S_z counts up on two sites, down on the next."""
    pairs = Term(0.5, ("S+", 0, 0), ("S+", 0, 2), plus_hc=True)
    model = LindbladModel((Spin(0.5),), (pairs,), (Jump(1.0, "S-", 0),))
    generator = chain_of_blocks(model)
    (charges,) = generator.charges
    np.testing.assert_array_equal(charges[2:], -charges[:2])
    assert np.all(np.abs(charges) == 1)


def test_other_cut_offs_have_the_same_tile():
    hop = Term(0.5, ("Bd", 0, 0), ("B", 0, 2), plus_hc=True)
    model = LindbladModel((Boson(2),), (hop,), (Jump(1.0, "B", 0),))
    generator = chain_of_blocks(model)
    other = with_cutoffs(generator, (3,))
    assert other.blocks == generator.blocks == (2, 2)
    assert other.sites == (Boson(3),) * 4


@pytest.mark.parametrize("reach", [1, 2, 3])
def test_charges_of_a_block_are_no_mirror_images(reach):
    """In a block, S+ S- and its transpose have the same charge."""
    hop = Term(0.5, ("S+", 0, 0), ("S-", 0, reach), plus_hc=True)
    generator = chain_of_blocks(LindbladModel((Spin(0.5),), (hop,), (Jump(0.7, "S-", 0),)))
    assert generator.real
    assert len(generator.charges) == 1
    assert generator.mirror is (reach == 1)
