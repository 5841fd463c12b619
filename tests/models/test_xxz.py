import numpy as np
import pytest

from impo import ITEBD, Exact, Status, steady_state
from models.xxz import chain


@pytest.mark.parametrize("delta", [0.0, 0.7])
def test_the_magnetisation_is_that_of_one_spin(delta):
    model = chain(0.5, 1.0, delta, 0.3, 1.1, 0.4)
    expected = 0.5 * (1.1 - 0.4) / (1.1 + 0.4)
    ring = steady_state(model, Exact(cells=5, periodic=True, gap=False))
    assert ring.expect("Sz").value == pytest.approx([expected], abs=1e-10)
    state = steady_state(model, ITEBD(tol=1e-3))
    assert state.status is Status.CONVERGED
    assert state.expect("Sz").value == pytest.approx([expected], abs=1e-3)


def test_the_steady_state_of_equal_sites_is_a_product():
    """Gain and loss of spins 1/2 commute with the exchange in the diagonal product state."""
    model = chain(0.5, 1.0, 0.7, 0.0, 1.1, 0.4)
    state = steady_state(model, Exact(cells=4, gap=False))
    up = 1.1 / 1.5
    expected = np.array([[up * up, up * (1 - up)], [up * (1 - up), (1 - up) ** 2]])
    np.testing.assert_allclose(state.distribution([(0, 0), (0, 2)]), expected, atol=1e-10)
