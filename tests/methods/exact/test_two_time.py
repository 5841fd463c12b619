import numpy as np
import pytest
from scipy.linalg import expm

from impo import Exact, steady_state
from models.gain_loss import chain
from tests.qutip_oracle import liouvillian, operator

TIMES = np.array([0.0, 0.3, 1.1, 2.5])


@pytest.mark.parametrize(
    ("spin", "cells", "names", "sites"),
    [
        (0.5, 1, ("S-", "S+"), (0, 0)),
        (1.0, 1, ("S+", "S-"), (1, 0)),
        (1.0, 1, ("Sz", "Sz"), (0, 1)),
        (0.5, 1, ("Sx", "Sy"), (1, 1)),
        (0.5, 2, ("S-", "S+"), (0, 1)),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_against_qutip(spin, cells, names, sites, reverse):
    model = chain(spin, 1.0, 0.4, 1.5, 0.7)
    state = steady_state(model, Exact(cells=cells, periodic=cells > 1))
    places = [(site, cell) for cell in range(cells) for site in range(2)]
    motion, rho = liouvillian(model, cells, cells > 1), state.density_matrix(places)
    found = state.two_time(*names, TIMES, sites, 5, reverse)
    distances = np.arange(-(cells // 2), cells // 2 + 1)
    assert found.value.shape == (len(TIMES), len(distances))
    a = operator(model, cells, names[0], sites[0], 0).full()
    for column, r in enumerate(distances):
        b = operator(model, cells, names[1], sites[1], r % cells).full()
        begin = rho @ b if reverse else b @ rho
        moved = [expm(motion * t) @ begin.ravel(order="F") for t in TIMES]
        right = [np.trace(a @ v.reshape(rho.shape, order="F")) for v in moved]
        np.testing.assert_allclose(found.value[:, column], right, atol=1e-10)


def test_cells_of_an_open_cluster_are_not_alike():
    state = steady_state(chain(0.5, 1.0, 0.4, 1.5, 0.7), Exact(cells=2))
    assert state.two_time("S-", "S+", TIMES) is None
