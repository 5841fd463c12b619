"""Open chains evolved by the engine without truncation agree with QuTiP's master equation."""

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from impo.model import Term
from models import gain_loss, ising, xy_decay, xyz
from tests.jump_models import FAR, NEIGHBOURS, OWN, degenerate, far, levels, species
from tests.tensor.helpers import OpenChain, Reference


def _tilted(model):
    """Add a field and a three-site term that break the charge and every mirror symmetry."""
    more = (
        Term(0.4, ("Sx", 0, 0)),
        Term(0.3 + 0.2j, ("S+", 0, 0), ("Sz", 0, 1), ("Sx", 0, 2), plus_hc=True),
    )
    return replace(model, terms=(*model.terms, *more))


JUMPING = {**NEIGHBOURS, **OWN}
JUMPS = {
    "correlated": 6, "correlated, S = 1": 4, "nonreciprocal, S = 1": 4, "two-body": 6,
    "two-body, S = 1": 4, "conditional": 5, "conditional, S = 1": 3, "general": 6,
    "own operators": 4, "own charged operators": 4,
}  # fmt: skip
CASES = {
    "gain/loss, S = 1/2, 6 sites": (gain_loss.chain(0.5, 1.0, 0.6, 0.9, 0.4), 3, 1.2),
    "gain/loss, S = 1, 4 sites": (gain_loss.chain(1, 1.0, 0.6, 0.9, 0.4), 2, 1.0),
    "XY with decay, S = 1, 4 sites": (xy_decay.chain(1, 0.8, 0.5), 4, 0.8),
    "Ising, 5 sites": (ising.chain(1.3, 0.7, 0.6), 5, 1.0),
    "XYZ, 5 sites": (xyz.chain(0.9, 1.2, 0.4, 0.8), 5, 0.6),
    **{
        f"{name}, {sites} sites": (
            JUMPING[name],
            sites // len(JUMPING[name].sites),
            0.7,
        )
        for name, sites in JUMPS.items()
    },
}
BLOCKS = {
    "range 2": (FAR["range 2"], (2, 2, 2), 0.5),
    "range 2, blocks of several sizes": (FAR["range 2"], (3, 2, 1), 0.5),
    "range 3": (FAR["range 3"], (3, 3), 0.5),
    "range 2, S = 1": (FAR["range 2, S = 1"], (2, 2), 0.3),
    "range 2, no charge": (_tilted(far(2)), (2, 2), 0.5),
    "two charges": (species(), (2, 2), 0.5),
    "neighbours": (NEIGHBOURS["general"], (2, 1, 2, 1), 0.5),
}
PAIRS = (("S+", "S-"), ("Sz", "Sz"), ("Sx", "Sy"), ("S+", "S+"), ("Sz", "Sx"))


@pytest.fixture(scope="module", params=CASES, ids=list(CASES))
def case(request):
    model, cells, time = CASES[request.param]
    return model, cells, time, Reference(model, cells, time)


@pytest.mark.slow
@pytest.mark.parametrize("charges", [True, False], ids=["charges", "no charges"])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_all_pairs_with_their_phases(case, charges, weight):
    model, cells, time, reference = case
    chain = OpenChain(model, cells, time, dt=0.02, charges=charges, weight=weight)
    sites = range(len(reference.sites))
    assert chain.discarded < 1e-20
    largest = 0.0
    for op_a, op_b in PAIRS:
        for i, j in permutations(sites, 2):
            expected = reference.measure({i: op_a, j: op_b})
            assert chain.measure({i: op_a, j: op_b}) == pytest.approx(expected, abs=1e-9)
            largest = max(largest, abs(expected))
    assert largest > 0.02  # there is something to agree about
    for i in sites:
        for op in ("Sz", "Sx", "Sy"):
            expected = reference.measure({i: op})
            assert chain.measure({i: op}) == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("case", BLOCKS)
def test_chains_in_blocks(case):
    """Terms and jumps reach farther than a neighbour; all pairs of sites, in and across blocks."""
    model, blocks, time = BLOCKS[case]
    cells = sum(blocks) // len(model.sites)
    reference = Reference(model, cells, time)
    chain = OpenChain(model, cells, time, dt=0.02, weight=1.0, blocks=blocks)
    assert len(chain.state) == len(blocks)
    assert chain.discarded < 1e-20
    largest = 0.0
    for op_a, op_b in PAIRS:
        for i, j in permutations(range(sum(blocks)), 2):
            expected = reference.measure({i: op_a, j: op_b})
            assert chain.measure({i: op_a, j: op_b}) == pytest.approx(expected, abs=1e-9)
            largest = max(largest, abs(expected))
    assert largest > 0.02
    for i, op in product(range(sum(blocks)), ("Sz", "Sx", "Sy")):
        expected = reference.measure({i: op})
        assert chain.measure({i: op}) == pytest.approx(expected, abs=1e-9)


LEVELS = {
    "charges 0, 2, 3": (levels((0, 2, 3)), False, False),
    "charges 0, 3, 1, real": (levels((0, 3, 1), np.pi / 4, 0.0), True, True),
    "equal charges": (degenerate(), False, False),
    "equal charges, real": (degenerate(0.3j, 0.4j, 0.5), True, False),
}  # fmt: skip


@pytest.mark.parametrize("name", LEVELS)
def test_levels_of_any_charges(name):
    model, real, mirror = LEVELS[name]
    reference = Reference(model, 3, 0.5)
    chain = OpenChain(model, 3, 0.5, dt=0.02, weight=1.0)
    assert not chain.generator.hermitian_basis
    assert (chain.generator.real, chain.mirror) == (real, mirror)
    for op_a, op_b in (("a", "a^+"), ("c", "c^+"), ("N", "b"), ("b^+", "a"), ("b", "b^+")):
        for i, j in permutations(range(3), 2):
            expected = reference.measure({i: op_a, j: op_b})
            assert chain.measure({i: op_a, j: op_b}) == pytest.approx(expected, abs=1e-9)


def test_the_hermitian_basis_is_real():
    for model in (ising.chain(), xyz.chain(), gain_loss.chain(1, gain=1.5, loss=0.5)):
        chain = OpenChain(model, 2, 0.2, dt=0.1, charges=False)
        assert chain.generator.hermitian_basis
        assert all(tensor.dtype == np.float64 for tensor in chain.state.tensors)


def test_the_order_of_the_trotter_step():
    model = gain_loss.chain(0.5, 1.0, 0.6, 0.9, 0.4)
    values = [OpenChain(model, 2, 0.8, dt).measure({1: "S+", 2: "S-"}) for dt in (0.4, 0.2, 0.05)]
    errors = [abs(value - values[-1]) for value in values[:-1]]
    assert 3.5 < np.log2(errors[0] / errors[1]) < 5.5
