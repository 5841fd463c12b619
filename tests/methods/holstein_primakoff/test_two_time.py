import numpy as np
import pytest

from impo import Exact, HolsteinPrimakoff, steady_state
from models import gain_loss

TIMES = [0.0, 0.4, 1.5]
PAIRS = [("S-", "S+", (0, 0)), ("S+", "S-", (0, 1)), ("Sz", "Sz", (1, 0))]


def test_at_equal_times_it_is_the_correlation_function():
    state = steady_state(gain_loss.chain(8, 1.0, 0.4, 2.2, 1.3), HolsteinPrimakoff())
    for *names, sites in PAIRS:
        found = state.two_time(*names, [0.0], sites, 4).value[0]
        np.testing.assert_allclose(found[4:], state.correlation(*names, sites, 4).value, atol=1e-12)
        other = state.two_time(*names, TIMES, sites, 4, reverse=True).value
        adjoint = {"S-": "S+", "S+": "S-", "Sz": "Sz"}
        flipped = state.two_time(*(adjoint[name] for name in names), TIMES, sites, 4).value
        np.testing.assert_allclose(other, flipped.conj(), atol=1e-12)


@pytest.mark.parametrize(("a", "b", "sites"), PAIRS)
@pytest.mark.parametrize("reverse", [False, True])
def test_dimers_of_large_spins_approach_it(a, b, sites, reverse):
    apart = []
    for S in (4, 8):
        model = gain_loss.chain(S, 1.0, 0.0, 2.2, 1.3)
        bosons = steady_state(model, HolsteinPrimakoff()).two_time(a, b, TIMES, sites, 0, reverse)
        exact = steady_state(model, Exact(cells=1, gap=False))
        found = exact.two_time(a, b, TIMES, sites, 0, reverse).value
        mean = 0.0
        if a == "Sz":  # the fluctuations are of order one
            mean = np.prod([exact.expect("Sz").value[site] for site in sites])
            mean_b = steady_state(model, HolsteinPrimakoff()).expect("Sz").value
            bosons = bosons.value - np.prod([mean_b[site] for site in sites])
            apart.append(np.abs(found - mean - bosons).max() / np.abs(bosons).max())
        else:
            apart.append(np.abs(found - bosons.value).max() / S)
    assert apart[1] < 0.7 * apart[0]
    assert apart[1] < 0.3
