"""Several charges in one integer, and what a matrix product keeps of them."""

from dataclasses import replace

import numpy as np
import pytest

from impo import ITEBD, Exact, Jump, LindbladModel, Spin, load, spectrum, steady_state
from impo.arguments import ArgumentError
from impo.operators.blocks import chain_of_blocks
from impo.operators.charges import cell_charges, packed, packed_charge, told_charge, unpacked
from impo.operators.liouvillian import finite_cluster, kept_charges
from impo.refinement.approximation import product_approximation
from impo.refinement.storage import pack_approximations, unpack_approximations
from impo.tensor.gates import bond_liouvillians
from impo.tensor.matrix_product import Truncation
from impo.tensor.trotter import evolve, trotter_step
from tests.jump_models import species


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_packed_charges_are_found_again(count):
    charges = np.random.default_rng(1).integers(-2000, 2000, size=(count, 40))
    np.testing.assert_array_equal(unpacked(packed(charges), count), charges)
    halves = charges // 2
    np.testing.assert_array_equal(packed(halves) + packed(halves), packed(2 * halves))
    np.testing.assert_array_equal(packed(-charges), -packed(charges))
    assert unpacked(packed(charges[:0]), 0).shape == (0, 40)


def test_charges_that_count_every_cell_alike():
    two = np.array([[1, 0, 1, 0], [0, 1, 0, 1]])
    mixed = np.array([[1, 1, 1, 1], [2, 3, 2, 3]])
    np.testing.assert_array_equal(cell_charges(mixed, 2), two)
    np.testing.assert_array_equal(cell_charges(np.array([[1, 0], [0, 1]]), 1), [[1, 1]])
    np.testing.assert_array_equal(cell_charges(np.array([[1, -1]]), 1), np.zeros((0, 2)))


def test_which_charges_are_kept():
    np.testing.assert_array_equal(
        kept_charges(finite_cluster(species(), 3)).charges[:, :2], [[1, 0], [0, 1]]
    )
    decoupled = LindbladModel((Spin(0.5),), (), (Jump(1.0, "S-", 0),))
    np.testing.assert_array_equal(kept_charges(finite_cluster(decoupled, 3)).charges, [[1, 1, 1]])
    many = LindbladModel((Spin(0.5),) * 6, (), tuple(Jump(1.0, "S-", j) for j in range(6)))
    assert len(kept_charges(finite_cluster(many, 2)).charges) == 1  # an integer holds five


def test_how_a_charge_is_named():
    assert packed_charge(2, 1) == packed_charge((2,), 1) == packed_charge(2, 0) == 2
    assert told_charge(packed_charge((3, -2), 2), 2) == (3, -2)
    assert packed_charge(0, 2) == packed_charge((0, 0), 2) == 0
    for charge, count in ((1, 2), ((1,), 2), ((1, 0), 1), ((1, 0, 0), 2)):
        with pytest.raises(ArgumentError, match="`charge` must be a"):
            packed_charge(charge, count)


@pytest.fixture(scope="module")
def states():
    """The steady state with two charges, and with none."""
    return [steady_state(species(), ITEBD(tol=5e-2, chi_max=12, charges=c)) for c in (True, False)]


@pytest.mark.slow
def test_two_charges_give_the_numbers_of_none(states):
    two, none = states
    assert two.status == none.status == "converged"
    assert two.mps.chinfo.qnumber == 2
    for state in states:
        assert state.expect("Sz").value == pytest.approx(none.expect("Sz").value, abs=1e-3)
        for pair, sites in ((("S+", "S-"), (0, 0)), (("S+", "S-"), (1, 1)), (("Sz", "Sz"), (0, 1))):
            one, other = (x.correlation(*pair, sites, 3).value for x in (state, none))
            np.testing.assert_allclose(one, other, atol=1e-3)
    assert two.operator_entropy.value == pytest.approx(none.operator_entropy.value, abs=1e-2)


@pytest.mark.slow
def test_modes_have_tuples_of_charges(states):
    state, _ = states
    modes = state.transfer_spectrum((1, 0), 2)
    assert modes[0].charge == (1, 0)
    assert {mode.charge for mode in state.decay("S+", "S-", (0, 0)).modes} == {(1, 0)}
    assert {mode.charge for mode in state.decay("S-", "S+", (1, 1)).modes} == {(0, -1)}
    with pytest.raises(ArgumentError, match="a tuple of 2 integers"):
        state.transfer_spectrum(1)
    with pytest.raises(ArgumentError, match=r"one of .*\(0, 0\), .*but is \(9, 0\)"):
        state.transfer_spectrum((9, 0))


@pytest.mark.slow
def test_slow_modes_of_a_ring_by_two_charges():
    ring = Exact(cells=2, periodic=True)
    weak = replace(species(), terms=species().terms[2:])  # no hopping: two cells are a ring
    state = steady_state(weak, ring)
    assert len(state.gap(points=2).mode.charge) == 2
    (one,) = state.slow_modes((1, 0), 0.0, 1)
    values = spectrum(weak, ring, charge=(1, 0), count=60).eigenvalues
    pole = complex(-one.rate.value, one.frequency.value)
    assert np.min(np.abs(values - pole)) < 1e-8
    assert state.slow_modes(0, 0.0, 1)[0].charge == (0, 0)


@pytest.mark.slow
def test_files_keep_two_charges_and_the_sum_of_older_ones(states, tmp_path):
    states[0].save(tmp_path / "two.h5")
    assert load(tmp_path / "two.h5") == states[0]

    def summed(generator):
        return replace(generator, charges=generator.charges.sum(axis=0, keepdims=True))

    older = summed(chain_of_blocks(species()))
    approx = product_approximation(older, None, 1, 1.0)
    step = trotter_step(bond_liouvillians(older, approx.bases, 1.0, mirror=False), 0.1)
    evolve(approx.matrix_product, step, 2, Truncation(12))
    arrays, (settings,) = pack_approximations([approx])
    assert settings.pop("charges") == 1
    (again,) = unpack_approximations(chain_of_blocks(species()), arrays, [settings])
    np.testing.assert_array_equal(
        again.environment.marginal(0, 2), approx.environment.marginal(0, 2)
    )
