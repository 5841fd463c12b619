"""Plans of an update: frozen, and addressed by name."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from impo.operators.liouvillian import infinite_chain, kept_charges
from impo.refinement.approximation import product_approximation
from impo.tensor.contraction import contraction_plan, plan_size
from impo.tensor.gates import bond_liouvillians
from impo.tensor.kernel import FACTORS
from impo.tensor.matrix_product import Truncation
from impo.tensor.split import split_plan, split_size
from impo.tensor.tables import MOVE, moves
from impo.tensor.trotter import evolve, trotter_step
from models import gain_loss


@pytest.fixture(scope="module")
def plan():
    """The plan of an update of a truncated chain."""
    generator = kept_charges(infinite_chain(gain_loss.chain(1, 1.0, 0.6, 1.3, 0.4)))
    state = product_approximation(generator, None, 10, 0.7).matrix_product
    bonds = bond_liouvillians(generator, generator.bases(), 0.7, mirror=True)
    evolve(state, trotter_step(bonds, 0.3), 2, Truncation(12))
    return contraction_plan(*state.legs, state.legs[0], *state.physical, state.mirror)


def test_plans_are_frozen(plan):
    split = split_plan(plan, tuple(min(sector.shape) for sector in plan.sectors))
    for frozen, name in ((plan, "tables"), (split, "middle")):
        with pytest.raises(FrozenInstanceError):
            setattr(frozen, name, None)


def test_a_split_counts_the_plan_that_it_keeps_alive(plan):
    kept = tuple(min(sector.shape) for sector in plan.sectors)
    split = split_plan(plan, kept)
    own = split.first.nbytes + split.second.nbytes + split.order.nbytes
    assert split_size(split, plan, kept) == own + plan_size(plan)


def test_what_belongs_to_a_sector_follows_what_belongs_to_the_one_before(plan):
    tables = plan.tables
    sectors = tables.sectors
    assert sum(sectors["mirrored"]) == 2  # charge 0, even and odd
    size = sectors["rows"] * sectors["columns"]
    for name, length, total in (
        ("first_element", size, len(tables.pick)),
        ("first_row", sectors["rows"], len(tables.row_state)),
        ("first_old", sectors["before"] * sectors["columns"], len(tables.old)),
        ("first_image", size * sectors["mirrored"], len(tables.image)),
    ):
        np.testing.assert_array_equal(np.append(sectors[name], total)[1:], sectors[name] + length)


def test_moves_stay_inside_what_they_move_from(plan):
    tables = plan.tables
    gated = sum(tables.gates["order"] * tables.gates["columns"])
    assert len(tables.gate_input) == gated
    for table, size in (
        (tables.gate_input, tables.theta_size + 1),  # the element after the end is zero
        (tables.pick, gated),
        (tables.image, gated),
        (tables.old, len(tables.regroup)),
    ):
        assert table.dtype == MOVE
        assert table["source"].min() >= 0
        assert table["source"].max() < size


def test_factors_are_told_by_their_number():
    found = moves(np.arange(len(FACTORS)), FACTORS)
    np.testing.assert_array_equal(found["source"], np.arange(len(FACTORS)))
    np.testing.assert_array_equal(FACTORS[found["factor"]], FACTORS)
