"""Couplings at all distances."""

import numpy as np
import pytest

from impo import TWA, Exact, HolsteinPrimakoff, Status, evolve, steady_state
from impo.methods.twa.equations import spin_equations
from impo.operators.product_state import Coherent
from models import gain_loss, power_law


def test_couplings_are_those_of_the_distance_in_sites():
    S, alpha, cells = 3, 1.5, 6
    model = power_law.chain(S, 0.8, alpha, 5, gain=0, loss=0)
    matrix = spin_equations(model, (cells,)).matrix.toarray()[::3, ::3] / (S + 0.5)
    apart = np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    apart = np.minimum(apart, 12 - apart)
    known = np.where((apart > 0) & (apart <= 5), apart, np.inf)
    np.testing.assert_allclose(matrix, 0.8 / S / known**alpha, atol=1e-14)


def test_a_high_power_is_a_chain_of_neighbours():
    models = (
        power_law.chain(8, 1.0, 60.0, 4, gain=3.9, loss=3.6),
        gain_loss.chain(8, 1.0, 1.0, gain=3.9, loss=3.6),
    )
    steep, near = (steady_state(model, HolsteinPrimakoff("+-")) for model in models)
    assert steep.status == near.status == Status.CONVERGED
    np.testing.assert_allclose(steep.expect("Sz").value, near.expect("Sz").value, atol=1e-9)


@pytest.mark.parametrize("method", [Exact(cells=2), Exact(cells=2, periodic=True)])
def test_twa_follows_an_exact_cluster(method):
    """Four spins of S = 1 on an open and a closed cluster; in the first no two bonds are alike."""
    model, times = power_law.chain(1, 1.0, 1.2, 1 if method.periodic else 3, 0.9, 0.4), [0.3, 0.6]
    start = [Coherent(0.7, 0.2), Coherent(2.2, 1.0)]
    exact = evolve(model, method, start, times)
    with pytest.warns(UserWarning, match="meant for large S"):
        found = evolve(
            model, TWA(cells=2, trajectories=4096, periodic=method.periodic, tol=1), start, times
        )
    for op in ("Sx", "Sy", "Sz"):
        one, two = found.expect(op), exact.expect(op)
        assert np.all(np.abs(one.value - two.value) < 4.5 * one.error + 0.05)
