"""Decay of the correlations of a Gaussian chain: modes of two operators, and reasons."""

import numpy as np
import pytest

from impo import ITEBD, HolsteinPrimakoff, steady_state
from impo.methods.holstein_primakoff import state as states
from impo.methods.holstein_primakoff.lengths import charges
from impo.model import Jump, LindbladModel, Spin, Term
from impo.results.modes import UNCORRELATED
from models import gain_loss, xy_decay, xyz

PAIRS = [("S+", "S-"), ("S-", "S+"), ("S+", "S+"), ("Sx", "Sx"), ("Sx", "Sy"), ("Sz", "Sz")]


def wave(J=0.2, squeezing=0.04, field=0.15, loss=0.3, gain=0.1, S=10.0):
    """Return one spin a cell whose slowest fluctuation is a wave of finite length."""
    terms = (
        Term(J / S, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),
        Term(squeezing / S, ("S+", 0, 0), ("S+", 0, 1), plus_hc=True),
        Term(field, ("Sz", 0, 0)),
    )
    return LindbladModel((Spin(S),), terms, (Jump(loss / S, "S-", 0), Jump(gain / S, "S+", 0)))


MODELS = {
    "mixed": gain_loss.chain(9, 1.0, 0.5, 1.7, 1.4), "up": gain_loss.chain(9, 1.0, 0.5, 0.6, 0.2),
    "xy": xy_decay.chain(9, 1.0, 2.5), "xyz": xyz.chain(1.05, 1.1, 1.2, 0.1), "wave": wave(),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("pair", PAIRS, ids="".join)
def test_the_modes_add_up_to_the_connected_function(name, pair):
    """Of all operators, on one site and on two, from the next cell on."""
    state = steady_state(MODELS[name], HolsteinPrimakoff())
    last = len(state.model.sites) - 1
    for sites in {(0, 0), (0, last), (last, 0)}:
        decay = state.decay(*pair, sites)
        r = np.arange(1, 7)
        one, two = state.expect(pair[0]).value[sites[0]], state.expect(pair[1]).value[sites[1]]
        function = state.correlation(*pair, sites, 6).value[r] - one * two
        if decay.length is None:
            assert decay.reason == UNCORRELATED
            assert np.abs(function).max() < 1e-12 * abs(state.variance("Sx").value[0])
            continue
        total = sum(
            mode.amplitude.value * np.exp((-1 / mode.length.value + 1j * mode.wavenumber.value) * r)
            for mode in decay.modes
        )
        assert len(decay.modes) < 8
        error = 1e-12 * np.abs(function).max() + 2 * state.quadrature_error * 20
        np.testing.assert_allclose(total, function, rtol=1e-9, atol=error)
        assert decay.length == decay.modes[0].length == decay.spectral
        assert decay.wavenumber.value == abs(decay.modes[0].wavenumber.value)
        assert all(mode.stands_out for mode in decay.modes)


def test_a_wave_has_a_finite_wavenumber():
    """The bosons have the energy e and the squeezing h, and their spectrum touches zero at w.

    (e + 4 J x)^2 - (4 h x)^2 + (loss - gain)^2 = 0 with x = cos k = (w + 1/w)/2.
    """
    decay = steady_state(wave(), HolsteinPrimakoff()).decay("S+", "S-")
    x = np.roots([0.8**2 - 0.16**2, 2 * 0.15 * 0.8, 0.15**2 + 0.2**2])
    w = (x + np.sqrt(x**2 - 1 + 0j)) ** np.array([[1], [-1]])
    inside = w[np.abs(w) < 1]
    assert decay.length.value == pytest.approx(-1 / np.log(np.abs(inside).max()), rel=1e-12)
    assert decay.wavenumber.value == pytest.approx(abs(np.angle(inside[0])), rel=1e-12)
    assert 1 < decay.wavenumber.value < 2
    assert sorted(mode.wavenumber.value > 0 for mode in decay.modes) == [False, True]


@pytest.mark.parametrize(
    "model", [gain_loss.chain(0.5, 1.0, 0.3, 2.2, 2.0), xy_decay.chain(0.5, 0.6, 1.8)]
)
def test_charges_are_those_of_the_transfer_spectrum(model):
    gaussian = steady_state(model, HolsteinPrimakoff())
    exact = steady_state(model, ITEBD(tol=1e-2, chi_max=12))
    for pair in (("S+", "S-"), ("S-", "S+"), ("Sz", "Sz")):
        one, two = (state.decay(*pair).modes[0].charge for state in (gaussian, exact))
        assert one == two
    assert set(charges(model)[0]) <= {-1, 1}
    assert len(charges(xyz.chain())) == 0


def test_numbers_decay_twice_as_fast_as_waves():
    """By Wick's theorem; equal products of two waves are one mode."""
    state = steady_state(MODELS["xy"], HolsteinPrimakoff())
    single, double = state.decay("S+", "S-"), state.decay("Sz", "Sz")
    assert double.length.value == pytest.approx(single.length.value / 2, rel=1e-12)
    assert len(single.modes) == 2
    assert len(double.modes) == 1


def test_reasons(monkeypatch):
    method = HolsteinPrimakoff()
    none = {
        "No configuration is stable.": gain_loss.chain(4, 1.0, 0.5, 1.0, 1.2),
        "In two dimensions the function is no sum of exponentials.": gain_loss.square(
            4, 1.0, 0.4, 4.4, 3.9
        ),
        UNCORRELATED: gain_loss.dimer(4, 1.0, 1.6, 1.2),
    }
    for reason, model in none.items():
        state = steady_state(model, method)
        assert state.decay("S+", "S-").reason == reason
        assert state.summary()["no_correlation_length"]["S+S-"] == reason
    state = steady_state(MODELS["mixed"], method)
    assert state.decay("S+", "Sz").reason == state.decay("Id", "Sz").reason == UNCORRELATED
    monkeypatch.setattr(states, "LARGEST", 7)
    state = steady_state(MODELS["mixed"], method)
    assert state.decay("S+", "S-").reason == (
        "The unit cell has too many spins to compute its modes."
    )
