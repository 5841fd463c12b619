"""Blocks of a gate are made when they are needed."""

import numpy as np

from impo.operators.liouvillian import infinite_chain, kept_charges
from impo.tensor.gates import bond_liouvillians
from models import gain_loss


def test_blocks_that_are_not_needed_yet_are_zero():
    generator = kept_charges(infinite_chain(gain_loss.chain(1, 1.0, 0.6, 1.3, 0.4)))
    bond = bond_liouvillians(generator, generator.bases(), 0.7, mirror=True)[0]
    gate, sizes = bond.gate(0.3), [block.shape[0] ** 2 for block in bond.blocks.values()]
    flat = gate.flat({1})
    assert len(flat) == sum(sizes)
    assert np.count_nonzero(flat) == np.count_nonzero(gate[1])
    np.testing.assert_array_equal(flat[sizes[0] : sizes[0] + sizes[1]], gate[1].ravel())
    whole = gate.flat(frozenset(bond.blocks))
    np.testing.assert_array_equal(whole, np.concatenate([gate[c].ravel() for c in bond.blocks]))
