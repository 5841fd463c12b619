import numpy as np
import pytest

from impo import TWA, Exact, steady_state
from models.gain_loss import chain

TIMES = [0.0, 0.4, 1.5]


@pytest.mark.slow
def test_dimers_of_large_spins_agree_with_the_mean_of_both_orders():
    model = chain(10, 1.0, 0.0, 2.2, 1.3)
    method = TWA(cells=4, trajectories=128, max_time=200, tol=3e-3)
    classical, exact = steady_state(model, method), steady_state(model, Exact(cells=1, gap=False))
    for *names, sites in (("S-", "S+", (0, 1)), ("S+", "S-", (0, 0)), ("Sz", "Sz", (1, 0))):
        found = classical.two_time(*names, TIMES, sites, 1)
        both = [
            exact.two_time(*names, TIMES, sites, 0, order).value[:, 0] for order in (False, True)
        ]
        right = sum(both) / 2
        allowed = 4 * found.error[:, 1] + 0.02 * np.abs(right)
        assert np.all(np.abs(found.value[:, 1] - right) < allowed)
        assert np.all(found.error[:, 1] < 0.3)
        # other cells are not coupled
        mean = exact.expect("Sz").value.prod() if names[0] == "Sz" else 0
        assert np.all(np.abs(found.value[:, 0] - mean) < 4 * found.error[:, 0] + 0.02 * abs(mean))
    assert classical.response("S-", "S+", TIMES) is None


def test_distances_have_a_sign():
    """<A_0 B_r> is <B_0 A_-r> at equal times, and is not <A_0 B_-r>."""
    model = chain(20, 1.0, 0.4, 2.2, 1.3)
    state = steady_state(model, TWA(cells=6, trajectories=64, max_time=100, tol=0.1))
    found = state.two_time("S+", "S-", [0.0, 0.3], (0, 1), 3)
    assert found.value.shape == (2, 7)
    right = state.correlation("S+", "S-", (0, 1), 3)
    # cells at one time: those of the last snapshots, and not of all of the averages
    assert np.all(np.abs(found.value[0, 3:] - right.value) < 4 * (found.error[0, 3:] + right.error))
    left = state.correlation("S-", "S+", (1, 0), 3)
    apart = np.abs(found.value[0, 3::-1] - left.value)
    assert np.all(apart < 4 * (found.error[0, 3::-1] + left.error))
    assert np.abs(found.value[0, 2] - found.value[0, 4]) > 10 * found.error[0].max()
