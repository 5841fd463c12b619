import numpy as np
import pytest
from scipy.integrate import simpson

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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("a", "b", "sites"), [("S-", "S+", (0, 1)), ("Sx", "Sy", (0, 0)), ("Sz", "Sz", (1, 0))]
)
def test_spectra_are_transforms_of_two_time_functions(a, b, sites):
    state = steady_state(gain_loss.chain(8, 1.0, 0.4, 3.5, 2.6), HolsteinPrimakoff())
    k, omega, times = np.array([0.0, 2.0]), np.array([-1.3, 0.0, 0.4]), np.linspace(0, 16, 321)
    waves = np.exp(1j * np.outer(np.arange(-8, 9), k))

    def half(function, mean=0.0):
        along = simpson(
            (function - mean)[:, :, None] * np.exp(1j * np.outer(times, omega))[:, None], x=times,
            axis=0,
        )  # cell omega  # fmt: skip
        return waves.T @ along

    mean = state.expect(a).value[sites[0]] * state.expect(b).value[sites[1]]
    adjoint = {"S+": "S-", "S-": "S+"}
    others = [adjoint.get(name, name) for name in (b, a)]
    ahead = half(state.two_time(a, b, times, sites, 8).value, mean)
    back = half(state.two_time(*others, times, sites[::-1], 8).value, mean)
    found = state.spectral_function(a, b, k, omega, sites)
    size = np.abs(found.value).max()
    np.testing.assert_allclose(found.value, ahead + back.conj(), atol=1e-4 * size)
    assert np.all(found.error < 1e-8 * size)
    found = state.susceptibility(a, b, k, omega, sites)
    response = half(state.response(a, b, times, sites, 8).value)
    np.testing.assert_allclose(found.value, response, atol=1e-4 * size)
