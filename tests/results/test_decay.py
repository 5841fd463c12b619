"""Fitted decay of series whose length and wavenumber are known."""

import numpy as np
import pytest

from impo.results.decay import CHANGES_SIGN, WEAK, fitted_decay


def jackknife_samples(series, noise, generator, groups=64):
    samples = series + noise * (
        generator.normal(size=(groups, len(series)))
        + 1j * generator.normal(size=(groups, len(series)))
    )
    return (samples.sum(axis=0) - samples) / (groups - 1)


@pytest.mark.slow
@pytest.mark.parametrize("length", [1.5, 3.0, 8.0, pytest.param(15.0, marks=pytest.mark.slow)])
def test_alternating_exponential_on_a_ring(length):
    r = np.arange(26)
    series = (-1.0) ** r * 1j * (np.exp(-r / length) + np.exp(-(50 - r) / length))
    generator = np.random.default_rng(1)
    fits = [fitted_decay(jackknife_samples(series, 0.01, generator), 50) for _ in range(60)]
    pulls = np.array([(fit.value - length) / fit.error for fit in fits])
    assert abs(pulls.mean()) < 0.5
    assert 0.4 < pulls.std() < 1.25
    turns = np.array([(np.pi - fit.wavenumber.value) / fit.wavenumber.error for fit in fits])
    assert np.all(turns >= 0)
    assert 0.6 < np.sqrt(np.mean(turns**2)) < 1.4  # standard errors
    assert all(fit.fitted == fit.length and fit.window[0] == 1 for fit in fits)


def test_a_real_function_of_one_sign_has_the_wavenumber_zero():
    generator, r = np.random.default_rng(7), np.arange(26)
    for sign, wavenumber in ((1.0, 0.0), (-1.0, np.pi)):
        series = sign**r * np.exp(-r / 3.0)
        found = fitted_decay(jackknife_samples(series, 0.01, generator).real)
        assert found.wavenumber.value == pytest.approx(wavenumber, abs=1e-12)
        assert found.wavenumber.error < 1e-12
        complex_one = fitted_decay(jackknife_samples(1j * series, 0.01, generator))
        assert complex_one.wavenumber.error > 0
        assert abs(complex_one.wavenumber.value - wavenumber) < 4 * complex_one.wavenumber.error


def test_what_oscillates_is_not_fitted():
    """Neither up to its first zero, nor by a phase that winds."""
    generator, r = np.random.default_rng(8), np.arange(26)
    for series in (np.cos(0.3 * r), np.exp(0.2j * r), np.cos(np.pi / 2 * r)):
        samples = jackknife_samples(series * np.exp(-r / 8.0), 1e-3, generator)
        assert fitted_decay(samples).reason == CHANGES_SIGN


def test_short_range_part_is_left_out():
    r = np.arange(30)
    series = np.exp(-r / 6) + 2 * np.exp(-r / 0.8)
    fit = fitted_decay(jackknife_samples(series, 1e-4, np.random.default_rng(2)))
    assert abs(fit.value - 6) < 4 * fit.error
    assert fit.error < 0.2


def test_what_is_not_finite_has_no_length():
    samples = jackknife_samples(np.exp(-np.arange(30) / 6), 1e-4, np.random.default_rng(2))
    assert fitted_decay(samples).length is not None
    for value in (np.nan, np.inf):
        for place in ((0, 3), (5, 29)):
            broken = samples.copy()
            broken[place] = value
            assert fitted_decay(broken).reason.endswith("no finite numbers.")


def test_noise_and_constants_have_no_length():
    generator = np.random.default_rng(3)
    for series, noise, reason in (
        (np.zeros(20), 1.0, WEAK), (np.ones(20), 0.01, "The decay is not told from none."),
        (np.exp(-np.arange(20) / 0.3), 0.01, WEAK),
    ):  # fmt: skip
        assert fitted_decay(jackknife_samples(series, noise, generator)).reason == reason


def test_what_falls_faster_than_any_exponential_has_no_sharp_length():
    series = np.exp(-((np.arange(26) / 2.6) ** 1.6))
    generator = np.random.default_rng(4)
    for noise in (0.02, 0.07):  # what the noise hides, the error tells
        fits = [fitted_decay(jackknife_samples(series, noise, generator), 50) for _ in range(40)]
        assert any("Shorter windows" in fit.reason for fit in fits)
        assert all(fit.length is None or fit.error > 0.08 * fit.value for fit in fits)


def test_length_with_three_distances_needs_both_steps_to_agree():
    generator = np.random.default_rng(5)
    same = np.array([1.0, 0.2, 0.04, 0.008, 0.0, 0.0])
    bent = np.array([1.0, 0.2, 0.06, 0.008, 0.0, 0.0])
    fit = fitted_decay(jackknife_samples(same, 4e-3, generator))
    assert abs(fit.value - 1 / np.log(5)) < 4 * fit.error
    assert fitted_decay(jackknife_samples(bent, 4e-3, generator)).length is None
