"""Two-time correlations of the infinite chain against exact ones."""

import numpy as np
import pytest

from impo import ITEBD, Exact, steady_state
from models.gain_loss import chain

TIMES = np.array([0.0, 0.3, 1.0, 2.5])
PAIRS = (
    ("S-", "S+", (0, 0)), ("S+", "S-", (1, 0)), ("Sz", "Sz", (0, 1)), ("Sx", "Sy", (1, 1)),
)  # fmt: skip


@pytest.mark.parametrize("spin", [0.5, 1.0])
def test_decoupled_dimers(spin):
    model = chain(spin, 1.0, 0.0, 1.5, 0.7)
    one = steady_state(model, ITEBD(tol=1e-8))
    two = steady_state(model, Exact(cells=1))
    for number, (*names, sites) in enumerate(PAIRS):
        reverse = bool(number % 2)
        found = one.two_time(*names, TIMES, sites, 0, reverse).value
        exact = two.two_time(*names, TIMES, sites, 0, reverse).value
        np.testing.assert_allclose(found, exact, atol=1e-8)


@pytest.mark.slow
def test_rings_approach_the_infinite_chain():
    """Their own distance from it is that of rings of different sizes."""
    model = chain(0.5, 1.0, 0.4, 1.5, 0.7)
    infinite = steady_state(model, ITEBD(tol=1e-5))
    rings = [steady_state(model, Exact(cells=cells, periodic=True)) for cells in (3, 4)]
    for *names, sites in PAIRS[:3]:
        found = infinite.two_time(*names, TIMES, sites, 1)
        centre = [ring.two_time(*names, TIMES, sites, 0).value[:, 0] for ring in rings]
        apart = np.abs(centre[1] - centre[0])
        assert np.all(np.abs(found.value[:, 1] - centre[1]) <= 2 * apart + found.error[:, 1])
        assert np.abs(found.value[:, 1] - centre[1]).max() < 1e-3 * np.abs(centre[1]).max() + 1e-4
