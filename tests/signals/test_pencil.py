import numpy as np
import pytest

from impo.signals import slowest_decay

R = np.arange(40)


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ({0.7: 2.0}, 0.7),
        ({0.9: 1e-3, 0.5: 1.0}, 0.9),  # a small part that lasts
        ({-0.8: 1.0, 0.3: 5.0}, 0.8),  # alternating
        ({0.95 * np.exp(0.4j): 1.0, 0.6 * np.exp(-1j): 2.0, 0.2: 1.0}, 0.95),  # oscillating
        ({1.0: 3.0, 0.6: 1.0}, 0.6),  # a constant does not decay
        ({1.2: 1.0, 0.6: 1.0}, 0.6),  # what grows does not either
    ],
)
def test_known_exponentials_are_told(modes, expected):
    samples = sum(size * np.power(complex(mode), R) for mode, size in modes.items())
    assert slowest_decay(samples) == pytest.approx(expected, rel=1e-6)
    if not np.any(samples.imag):
        assert slowest_decay(samples.real) == pytest.approx(expected, rel=1e-6)


def test_fewest_samples_tell_one_exponential():
    assert slowest_decay(np.array([1.0, 0.25])) == pytest.approx(0.25)


def test_noise_is_no_mode():
    samples = 0.8**R * (1 + 1e-12 * np.random.default_rng(1).normal(size=len(R)))
    assert slowest_decay(samples) == pytest.approx(0.8, rel=1e-9)


def test_what_does_not_decay_has_no_decay():
    assert np.isnan(slowest_decay(2.0**R))
