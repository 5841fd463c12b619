"""The fitted decay length of series whose decay is known."""

import numpy as np
import pytest

from impo.results.decay import decay_length


def jackknife_samples(series, noise, generator, groups=64):
    samples = series + noise * (
        generator.normal(size=(groups, len(series)))
        + 1j * generator.normal(size=(groups, len(series)))
    )
    return (samples.sum(axis=0) - samples) / (groups - 1)


@pytest.mark.parametrize("length", [1.5, 3.0, 8.0, 15.0])
def test_alternating_exponential_on_a_ring(length):
    r = np.arange(26)
    series = (-1.0) ** r * 1j * (np.exp(-r / length) + np.exp(-(50 - r) / length))
    generator = np.random.default_rng(1)
    fits = [decay_length(jackknife_samples(series, 0.01, generator), 50) for _ in range(60)]
    pulls = np.array([(fit.value - length) / fit.error for fit in fits])
    assert abs(pulls.mean()) < 0.5
    assert 0.4 < pulls.std() < 1.25


def test_short_range_part_is_left_out():
    r = np.arange(30)
    series = np.exp(-r / 6) + 2 * np.exp(-r / 0.8)
    fit = decay_length(jackknife_samples(series, 1e-4, np.random.default_rng(2)))
    assert abs(fit.value - 6) < 4 * fit.error
    assert fit.error < 0.2


def test_what_is_not_finite_has_no_length():
    samples = jackknife_samples(np.exp(-np.arange(30) / 6), 1e-4, np.random.default_rng(2))
    assert decay_length(samples) is not None
    for value in (np.nan, np.inf):
        for place in ((0, 3), (5, 29)):
            broken = samples.copy()
            broken[place] = value
            assert decay_length(broken) is None


def test_noise_and_constants_have_no_length():
    generator = np.random.default_rng(3)
    assert decay_length(jackknife_samples(np.zeros(20), 1.0, generator)) is None
    assert decay_length(jackknife_samples(np.ones(20), 0.01, generator)) is None
    assert decay_length(jackknife_samples(np.exp(-np.arange(20) / 0.3), 0.01, generator)) is None
