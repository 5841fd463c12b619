"""Starts of a finite chain: from another length, from the infinite chain, from its own states."""

import numpy as np
import pytest

from impo import ITEBD, TEBD, ArgumentError, LindbladModel, Spin, steady_state
from impo.methods.tebd.solve import chain_generator
from impo.methods.tebd.start import first_approximation
from impo.model import Jump
from impo.refinement.approximation import density_matrix
from models import boundary, gain_loss, ising

MODELS = {
    "charged": (gain_loss.chain(1, 1.0, 0.6, 2.0, 0.9), True),
    "no charges": (ising.chain(1.3, 0.7, 0.6), False),
}


def reduced(approx, positions):
    """Return a density matrix in the physical frame."""
    bases = [approx.bases[p] for p in positions]
    coefficients = approx.environment.chain_of([(p, None) for p in positions])
    turn = approx.generator.frame(positions)
    return turn[:, None] * density_matrix(coefficients, bases) * turn.conj()


@pytest.mark.parametrize("name", MODELS)
def test_sites_are_cut_out_of_the_infinite_chain(name):
    """All that is asked of these sites is as before, also if the parameters are others."""
    model, charges = MODELS[name]
    infinite = steady_state(model, ITEBD(chi_max=12, tol=2e-2, charges=charges))
    unit = len(model.sites)
    method = TEBD(6 // unit, charges=charges)
    generator = chain_generator(model, method)
    found = first_approximation(generator, infinite, infinite.approximation.k_max, 0.8)
    assert not found.matrix_product.infinite
    for positions in ([0, 1], [2, 3], [4, 5], [0, 3], [1, 4, 5]):
        places = [(p % unit, p // unit) for p in positions]
        expected = infinite.density_matrix(places)
        np.testing.assert_allclose(reduced(found, positions), expected, atol=1e-10)


def test_a_shorter_chain_is_stretched():
    short = steady_state(boundary.chain(4, 0.8, 0.0, 0.6, 1.3, 0.7), TEBD(tol=1e-2))
    generator = chain_generator(boundary.chain(7, 0.8, 0.0, 0.6, 1.3, 0.7), TEBD())
    found = first_approximation(generator, short, 1, 1.5).moments[:, 0]
    expected = np.interp(np.linspace(0, 3, 7), range(4), short.expect("Sz").value)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_cells_are_stretched_site_by_site():
    model = gain_loss.chain(0.5, 1.0, 0.6, 1.3, 0.4)
    short = steady_state(model, TEBD(2, chi_max=12, tol=1e-2))
    found = first_approximation(chain_generator(model, TEBD(5)), short, 1, 1.5).moments[:, 0]
    before = short.profile("Sz").value.reshape(2, 2)
    expected = [np.interp(np.linspace(0, 1, 5), [0, 1], before[:, site]) for site in (0, 1)]
    np.testing.assert_allclose(found.reshape(5, 2).T, expected, atol=1e-12)


def test_a_neighbouring_parameter_is_taken_as_it_is():
    near = boundary.chain(5, 0.8, 0.2, 0.6, 1.3, 0.7), boundary.chain(5, 0.8, 0.3, 0.6, 1.3, 0.7)
    state = steady_state(near[0], TEBD(chi_max=12, tol=5e-2))
    found = first_approximation(chain_generator(near[1], TEBD()), state, 1, 1.5)
    assert found.time == 0
    expected = state.density_matrix([(1, 0), (4, 0)])
    np.testing.assert_allclose(reduced(found, [1, 4]), expected, atol=1e-12)


@pytest.mark.slow
def test_a_start_leads_to_the_same_state():
    model = boundary.chain(6, 0.8, 0.0, 0.6, 1.3, 0.7)
    short = steady_state(boundary.chain(3, 0.8, 0.0, 0.6, 1.3, 0.7), TEBD(tol=1e-2))
    plain, warm = (steady_state(model, TEBD(tol=1e-3), start) for start in (None, short))
    apart = np.abs(plain.expect("Sz").value - warm.expect("Sz").value)
    assert np.all(apart < plain.expect("Sz").error + warm.expect("Sz").error)
    assert warm.status == plain.status == "converged"


def test_other_sites_are_refused():
    other = LindbladModel((Spin(1),) * 3, (), tuple(Jump(1.0, "S-", n) for n in range(3)))
    state = steady_state(other, TEBD(chi_max=4, tol=0.1))
    with pytest.raises(ArgumentError, match=r"must have the sites of models\.boundary:chain"):
        steady_state(boundary.chain(4), TEBD(), state)
    with pytest.raises(ArgumentError, match=r"use TEBD\(charges=False\)"):
        steady_state(boundary.chain(2), TEBD(), [[1.0, 1.0], [1.0, 0.0]])
