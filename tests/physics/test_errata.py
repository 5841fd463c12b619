"""Entries of docs/errata.md that no other test of the physics backs."""

import math
from dataclasses import replace

import numpy as np
import pytest

from impo import ClusterMeanField, Exact, HolsteinPrimakoff, MeanField, spectrum, steady_state
from impo.methods.holstein_primakoff.quadratic import quadratic_bosons
from impo.methods.holstein_primakoff.stability import largest_growth, quench_spectra
from impo.operators.local import spin_operators
from models import cavity
from models.gain_loss import chain, dimer
from models.kerr import drummond_walls, oscillator
from models.xy_decay import chain as xy_decay


def test_kerr_transition_needs_the_factor_of_two_in_the_dissipator():
    """<n> rises fastest at F = 1.76 for jumps of rate 2 gamma, below 1.61 for rate gamma."""
    drive = np.arange(1.5, 1.9, 0.02)
    steepest = []
    for gamma in (1.0, 0.5):
        number = [
            np.arange(121) @ np.diag(drummond_walls(50, F, 10.0, 10.0, gamma, 120)).real
            for F in drive
        ]
        steepest.append(drive[np.argmax(np.gradient(number))])
    assert steepest[0] == pytest.approx(1.76, abs=0.011)
    assert steepest[1] < 1.61


def test_kerr_gap_closes_much_more_slowly_than_exp_minus_d():
    sizes = (15.0, 20.0)
    slow = [
        spectrum(oscillator(D, 1.76), Exact(), None, count=3).decay_rates[1:3] for D in sizes
    ]  # without the zero
    rate = -np.log(slow[1][0] / slow[0][0]) / (sizes[1] - sizes[0])
    assert 0.2 < rate < 0.7
    assert slow[1][0] < 0.1 * slow[1][1]  # one eigenvalue closes, the next does not
    assert slow[1][1] > 0.7 * slow[0][1]


@pytest.mark.slow
def test_both_spins_of_the_mean_field_dimer_oscillate():
    """Only the less damped one (A: gain 0.3 < loss 0.5) has a mean that vanishes for large S."""
    means = []
    for spin in (10.0, 40.0):
        state = steady_state(dimer(spin, 1.0, 0.3, 0.5), MeanField(t_max=400))
        assert state.diagnostics["solutions"][0]["kind"] == "limit cycle"
        assert np.ptp(state.orbit[..., 2], axis=0).min() > 0.3 * spin
        means.append(state.expect("Sz").value / spin)
    assert abs(means[1][0]) < 0.5 * abs(means[0][0]) < 0.1
    assert means[1][1] == pytest.approx(-0.65, abs=0.03)


def test_gap_closes_for_large_spin_not_for_small():
    """Sec. III B says S -> 0: on the line gain = loss = g/2 the gap falls with S."""
    gaps = [steady_state(dimer(S, 1.0, 0.5, 0.5), Exact()).extras["gap"] for S in (1, 2, 4)]
    assert gaps[0] > 1.4 * gaps[1] > 1.4**2 * gaps[2]


def test_transverse_spin_is_made_of_squared_means():
    """The caption of Fig. 7 would not vanish in the symmetric phase; Eq. 10 does."""
    state = steady_state(xy_decay(1.0, 1.0, 2.2), ClusterMeanField(1))
    assert state.transverse.value[0] < 1e-8
    local = spin_operators(1.0)
    squares = [state.density.measure({0: local[op] @ local[op]}).real for op in ("Sx", "Sy")]
    assert math.sqrt(sum(squares)) > 0.9


@pytest.mark.parametrize("spin", [0.5, 1.0, 2.5])
def test_dropped_stark_terms_hold_sz_squared(spin):
    local = spin_operators(spin)
    product = local["S+"] @ local["S-"]
    identity = spin * (spin + 1) * local["Id"] - local["Sz"] @ local["Sz"] + local["Sz"]
    np.testing.assert_allclose(product, identity, atol=1e-13)


@pytest.mark.parametrize("strength", [0.3, 0.8])
def test_dropped_stark_terms_stabilise_the_antiferromagnet(strength):
    """With them |up down> needs P (1 + 4 g^2/(gain + loss)^2) > g^2, true for all gain = loss."""
    spin, gamma = 4.0, 1.0
    delta, local = -2 * spin, math.sqrt(strength * gamma / (4 * spin))  # g = 1, Gamma = strength
    model = {
        stark: cavity.effective_dimer(spin, delta, 1.0, local, gamma, stark=stark)
        for stark in (True, False)
    }
    rate = dimer(spin, 1.0, strength, strength).jumps[0].rate
    assert model[True].jumps[0].rate == pytest.approx(rate, rel=1e-12)
    growth = {s: largest_growth(quadratic_bosons(m, (1, -1)))[0] for s, m in model.items()}
    assert growth[True] < 0 < growth[False]


def test_up_up_expressions_stay_real_where_they_mean_nothing():
    """C of A9 is real also for gain loss > (g + h)^2; only positivity and stability exclude it."""
    g, h, gain, loss = 1.0, 0.4, 3.0, 1.5
    square = ((g - h) ** 2 - gain * loss) * ((g + h) ** 2 - gain * loss)
    assert square > 0
    state = steady_state(chain(20.0, g, h, gain, loss), HolsteinPrimakoff("++"))
    assert state.status == "failed"
    # gain < loss below the boundary: real again, and negative
    gain, loss = 0.15, 0.55
    root = math.sqrt(((g - h) ** 2 - gain * loss) * ((g + h) ** 2 - gain * loss))
    assert loss / (gain - loss) * (1 + gain**2 / root) < 0
    assert steady_state(chain(20.0, g, h, gain, loss), HolsteinPrimakoff("++")).status == "failed"


def test_occupation_of_a_has_the_missing_companion_of_a9():
    """<c_a^+ c_a> = Gamma_l/d (1 + Gamma_g Gamma_l/C), as an average of A6 over k."""
    g, h, gain, loss = 1.0, 0.4, 0.35, 0.2
    k = 2 * np.pi * np.arange(4096) / 4096
    strength = np.abs(g + h * np.exp(1j * k)) ** 2
    mean = np.mean(loss * strength / ((gain - loss) * (strength - gain * loss)))
    product = gain * loss
    root = math.sqrt(((g - h) ** 2 - product) * ((g + h) ** 2 - product))
    assert loss / (gain - loss) * (1 + product / root) == pytest.approx(mean, rel=1e-12)
    state = steady_state(chain(20.0, g, h, gain, loss), HolsteinPrimakoff())
    assert state.occupations.value[0] == pytest.approx(mean, rel=1e-10)


def test_printed_lambda_is_that_of_the_antiferromagnet():
    """A16, A17 in AM: lambda^s fits the integral of A15, lambda^(s-1) does not."""
    g, h, gain, loss = 1.0, 0.4, 1.3, 2.1
    k = 2 * np.pi * np.arange(4096) / 4096
    strength = np.abs(g + h * np.exp(1j * k)) ** 2
    product = gain * loss
    occupation = loss / (gain + loss) * strength / (product - strength)
    root = math.sqrt(((g - h) ** 2 - product) * ((g + h) ** 2 - product))
    decay = (product - g**2 - h**2 - root) / (2 * g * h)
    assert 0 < decay < 1
    for s in (1, 2, 5):
        found = np.mean(occupation * np.exp(1j * k * s)).real
        expected = loss / (gain + loss) * product / root * decay**s
        assert found == pytest.approx(expected, rel=1e-9)
        assert abs(found / (expected / decay) - 1) > 0.3
    # and the length is not -1/log(-lambda), which is complex here
    length = 1 / math.acosh(abs(product - g**2 - h**2) / (2 * g * h))
    assert length == pytest.approx(-1 / math.log(decay), rel=1e-12)


@pytest.mark.parametrize(("ratio", "peak"), [(0.2, 1.03), (0.5, 1.13), (1.0, 1.41)])
def test_where_the_two_site_negativity_of_a_chain_peaks(ratio, peak):
    """gain = loss: at Gamma_c = g + h for one dimer, beyond it for a chain."""
    rates = (1 + ratio) * np.array([1.001, peak - 0.1 * (peak - 1), peak, peak + 0.1, 1.9])
    values = [
        steady_state(chain(20.0, 1.0, ratio, rate, rate), HolsteinPrimakoff()).extras["negativity"]
        for rate in rates
    ]
    assert values[2] > max(values[0], values[3], values[4])
    assert values[2] >= 0.999 * values[1]
    assert values[2] > 1.03 * values[0]


def test_slowly_growing_configurations_of_the_ppt_phase():
    """Fig. 8(b): 36 of 256 grow at less than half the mean rate, 9 at half, none below a tenth.

    No other growth rate is near these limits, so the counts are the same for any tie tolerance
    between rounding and 0.05.
    """
    spectra = quench_spectra(chain(10, 1.0, 0.5, 1.0, 1.0), 4)
    assert spectra.unstable == 256
    for tolerance in (1e-12, spectra.tolerance, 1e-3, 0.05):
        counted = replace(spectra, tolerance=tolerance)
        assert counted.count(0.0, 0.1) == counted.equal(0.1) == 0
        assert counted.count(0.0, 0.5) == 36
        assert counted.equal(0.5) == 9
        assert counted.count(0.5, np.inf) == 256 - 36 - 9


def test_configurations_that_grow_at_half_the_mean_rate_exactly():
    """The antiferromagnets grow at g + h - Gamma = g/2, and at g + h + Gamma the wrong way up."""
    spectra = quench_spectra(chain(10, 1.0, 0.5, 1.0, 1.0), 4)
    staggered = (-1) ** np.arange(8)
    growth = [
        mu.real
        for one, mu in zip(spectra.configurations, spectra.eigenvalues, strict=True)
        if abs(one @ staggered) == 8
    ]
    assert sorted(growth) == pytest.approx([0.5, 2.5], abs=1e-9)


def test_larger_spins_break_the_symmetry_of_a_cluster_again():
    """Fig. 7(b) with two sites and gain = loss = 0.8 (g + h)."""
    transverse = [
        steady_state(xy_decay(S, 1.0, 1.6), ClusterMeanField(2)).transverse.value.mean() / S
        for S in (0.5, 1.5, 3.0)
    ]
    assert transverse[0] < 1e-6
    np.testing.assert_allclose(transverse[1:], [0.565, 0.699], atol=1e-3)


@pytest.mark.slow
def test_three_sites_break_the_symmetry_from_spin_three_halves_on():
    one, two = (steady_state(xy_decay(S, 1.0, 1.6), ClusterMeanField(3)) for S in (1.0, 1.5))
    assert one.transverse.value.max() < 1e-6
    np.testing.assert_allclose(two.transverse.value / 1.5, [0.228, 0.177, 0.228], atol=1e-3)
