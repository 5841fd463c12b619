"""Chains between two baths: closed formulas, the exact matrix product, fields and refusals."""

import numpy as np
import pytest

from impo import TEBD, ArgumentError, Exact, Status, steady_state
from models.boundary import chain
from tests.boundary_driven import current, density_matrix


def with_dephasing(length, J, dephasing, drive, bias):
    """Return the current and the magnetisations of an XX chain with dephasing."""
    flow = bias / (2 / drive + drive / (2 * J**2) + (length - 1) * dephasing / (2 * J**2))
    outer = flow * (dephasing + drive / 2) / (2 * J**2)
    falls = np.full(length - 1, flow * dephasing / (2 * J**2))
    falls[[0, -1]] = outer
    return flow, bias / 2 - flow / drive - np.concatenate([[0], np.cumsum(falls)])


def test_the_formula_is_that_of_a_small_chain():
    model = chain(5, 0.8, 0.0, 0.6, 1.3, 0.7)
    _, expected = with_dephasing(5, 0.8, 0.6, 1.3, 0.7)
    state = steady_state(model, Exact(gap=False))
    np.testing.assert_allclose(state.expect("Sz").value, expected, atol=1e-10)


@pytest.mark.parametrize(
    ("length", "tol"), [(6, 1e-4), pytest.param(10, 3e-5, marks=pytest.mark.slow)]
)
def test_dephasing_makes_the_magnetisation_fall_evenly(length, tol):
    _, expected = with_dephasing(length, 0.8, 0.6, 1.3, 0.7)
    state = steady_state(chain(length, 0.8, 0.0, 0.6, 1.3, 0.7), TEBD(tol=tol))
    assert state.status is Status.CONVERGED, state.message
    found = state.expect("Sz")
    np.testing.assert_allclose(found.value, expected, atol=tol / 20)
    assert np.all(np.abs(found.value - expected) < found.error)
    assert np.all(found.error < tol)


@pytest.mark.parametrize("delta", [0.5, 1.0, 1.5])
def test_the_exact_matrix_product_is_the_steady_state(delta):
    """H of the paper is twice that of unit J; its dissipators have twice the rate of an end."""
    state = steady_state(chain(4, 2.0, delta, drive=2.0), Exact(gap=False))
    rho = state.density_matrix([(site, 0) for site in range(4)])
    np.testing.assert_allclose(rho, density_matrix(4, delta), atol=1e-10)
    flow = 2 * (1 - 2 * state.expect("Sz").value[0])
    assert current(4, delta) == pytest.approx(flow, abs=1e-9)


def test_published_currents():
    assert current(5, 0.5) == pytest.approx(1.442455, abs=1e-6)
    assert current(5, 1.0) == pytest.approx(0.985688, abs=1e-6)


@pytest.mark.slow
def test_the_current_of_eight_driven_spins():
    """To a relative 1e-6 as it is reported.

    At Delta = 1 that takes tol = 4e-6 and 100 s of computing: 7.4e-7. Twenty spins at Delta = 1/2
    take tol = 1e-4, chi = 64 and 500 s: 6.5e-8, with a bar of 4.9e-5. At Delta = 1 they take chi =
    160 and 960 s: 3.4e-5, with a bar of 1.4e-3 of the current.
    """
    tol, exact = 5e-5, current(8, 0.5)
    state = steady_state(chain(8, 2.0, 0.5, drive=2.0), TEBD(chi_max=64, tol=tol))
    assert state.status is Status.CONVERGED, state.message
    assert state.diagnostics["weight"] == 0  # with 1.5, chains that are damped at the ends go wrong
    first = state.expect("Sz")
    found, error = 2 * (1 - 2 * first.value[0]), 4 * first.error[0]
    assert found == pytest.approx(exact, rel=1e-6)
    assert abs(found - exact) < error < 4 * tol


def test_fields_follow_the_seed():
    one, two, other = (chain(6, field=2.0, seed=seed) for seed in (3, 3.0, 4))
    assert one == two
    assert one != other
    fields = [term.coefficient for term in one.terms if len(term.factors) == 1]
    assert len(set(fields)) == 6
    assert max(np.abs(fields)) <= 2.0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"length": 1}, "`length` must be an integer from 2 on, but is 1"),
        ({"length": 4, "bias": 1.5}, "`bias` must be a number from -1 to 1"),
        ({"length": 4, "seed": 0.5}, "`seed` must be a non-negative integer"),
    ],
)
def test_what_makes_no_chain(settings, told):
    with pytest.raises(ArgumentError, match=told):
        chain(**settings)
