"""Modes and limits of made-up signals: values, honest errors, and what is not told."""

import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.signals import decaying_modes, remaining_change

T = np.arange(40)


def made(rng, poles, amplitudes, count, noise, constant=0.0):
    """Return sum_j a_jc lambda_j^t + constant + noise; real where poles come in pairs."""
    clean = np.einsum("jt,jc->tc", np.power.outer(np.asarray(poles, complex), np.arange(count)),
                      np.asarray(amplitudes, complex))  # fmt: skip
    if np.max(np.abs(clean.imag)) < 1e-9:
        return clean.real + constant + noise * rng.normal(size=clean.shape)
    random = rng.normal(size=clean.shape) + 1j * rng.normal(size=clean.shape)
    return clean + constant + noise * random


def pair(rng, channels):
    pole = np.exp(-rng.uniform(0.03, 0.3) + 1j * rng.uniform(0.3, 2.5))
    size = rng.uniform(0.5, 1.5, channels) * np.exp(1j * rng.uniform(0, 6, channels))
    return [pole, pole.conj()], [size, size.conj()]


def near_degenerate(rng, channels):
    rate = rng.uniform(0.05, 0.2)
    return np.exp([-rate, -1.3 * rate]), rng.uniform(0.5, 1.5, (2, channels))


def opposite(rng, channels):
    pole = np.exp(-rng.uniform(0.03, 0.2))
    return [pole, -pole], rng.uniform(0.5, 1.5, (2, channels))


def complex_signal(rng, channels):
    poles = np.exp(-rng.uniform(0.03, 0.3, 2) + 1j * np.array([0.4, -1.1]))
    return poles, rng.normal(size=(2, channels)) + 1j * rng.uniform(1, 2, (2, channels))


CASES = [
    (pair, 40, 1, 1e-2),
    (pair, 40, 1, 1e-12),
    (pair, 8, 30, 1e-4),
    (near_degenerate, 40, 1, 1e-7),
    (near_degenerate, 30, 12, 1e-4),
    (opposite, 40, 1, 1e-2),
    (opposite, 120, 1, 1e-3),
    (complex_signal, 30, 2, 1e-3),
]


@pytest.mark.parametrize("known", [True, False], ids=["noise given", "noise found"])
@pytest.mark.parametrize(("case", "count", "channels", "noise"), CASES)
def test_errors_are_those_that_occur(case, count, channels, noise, known):
    """Over many signals, (value - truth) / error has about unit variance and no long tail."""
    rng = np.random.default_rng(16)
    pulls = {"rate": [], "frequency": [], "amplitude": [], "constant": []}
    for _ in range(12):
        poles, amplitudes = case(rng, channels)
        constant = rng.normal(size=channels)
        samples = made(rng, poles, amplitudes, count, noise, constant)
        found = decaying_modes(samples, noise=noise if known else None, constant=True)
        assert len(found) == len(poles)
        assert found.noise == pytest.approx(1.0 if known else noise, rel=0.6)
        if not np.all(found.resolved):
            assert found.reason
            assert not np.any(np.isfinite(found.constant_error))
            continue
        assert not found.reason
        lambdas = np.exp(-found.rates + 1j * found.frequencies)
        order = [int(np.argmin(np.abs(lambdas - pole))) for pole in poles]
        assert sorted(order) == list(range(len(poles)))
        turned = np.angle(lambdas[order] / poles)
        pulls["rate"] += list(
            (found.rates[order] + np.log(np.abs(poles))) / found.rate_errors[order]
        )
        told = found.frequency_errors[order] > 0
        pulls["frequency"] += list(turned[told] / found.frequency_errors[order][told])
        gaps = np.abs(found.amplitudes[order] - amplitudes) / found.amplitude_errors[order]
        pulls["amplitude"] += list(gaps.ravel())
        pulls["constant"] += list(np.abs(found.constant - constant) / found.constant_error)
    assert len(pulls["rate"]) >= 10 * 2
    for name, values in pulls.items():
        if values:
            assert np.sqrt(np.mean(np.square(values))) < 1.6, name
            assert np.mean(np.abs(values) > 4) <= 0.02, name
    assert np.sqrt(np.mean(np.square(pulls["rate"]))) > 0.5


def test_rates_and_frequencies_are_in_units_of_the_spacing():
    samples = 2.0 * np.exp(-0.1 * 0.5 * T) + np.exp(-0.3 * 0.5 * T) * np.cos(2.0 * 0.5 * T) + 0.3
    found = decaying_modes(samples, 0.5, constant=True)
    np.testing.assert_allclose(found.rates, [0.1, 0.3, 0.3], rtol=1e-9)
    np.testing.assert_allclose(np.sort(found.frequencies), [-2, 0, 2], atol=1e-9)
    np.testing.assert_allclose(found.amplitudes, [2.0, 0.5, 0.5], rtol=1e-8)
    assert found.constant == pytest.approx(0.3)
    assert np.all(found.decaying)


def test_noise_that_falls_with_the_signal_is_used():
    """With errors relative to each sample, what comes late tells of the slow mode."""
    rng = np.random.default_rng(3)
    clean = np.exp(-1.0 * T) + 1e-5 * np.exp(-0.4 * T)
    pulls = []
    for _ in range(20):
        found = decaying_modes(clean * (1 + 1e-3 * rng.normal(size=40)), noise=1e-3 * clean)
        assert len(found) == 2
        pulls += list((found.rates - [0.4, 1.0]) / found.rate_errors)
        assert np.all(found.rate_errors < 0.01)
    assert 0.5 < np.sqrt(np.mean(np.square(pulls))) < 1.6
    hidden = decaying_modes(clean * (1 + 1e-3 * rng.normal(size=40)), noise=1e-3)
    assert len(hidden) == 1


def test_a_mode_below_the_noise_is_not_reported():
    rng = np.random.default_rng(5)
    for _ in range(10):
        samples = 0.8**T + 1e-4 * 0.95**T + 1e-3 * rng.normal(size=40)
        assert len(decaying_modes(samples, noise=1e-3)) == 1
    assert len(decaying_modes(rng.normal(size=(40, 5)), noise=1.0)) == 0


def test_what_grows_is_no_decay():
    found = decaying_modes(1.1**T + 0.6**T)
    np.testing.assert_allclose(np.exp(-found.rates), [1.1, 0.6], rtol=1e-9)
    assert found.growing.tolist() == [True, False]
    assert found.decaying.tolist() == [False, True]
    limit = remaining_change(1.1**T + 0.6**T)
    assert not limit.resolved
    assert np.isinf(limit.error)
    assert "grows" in limit.reason


@pytest.mark.parametrize("noise", [1e-3, None])
def test_a_window_that_is_too_short_tells_no_rate(noise):
    """The slow mode moves by eight errors, but only along a straight line."""
    rng = np.random.default_rng(7)
    for _ in range(10):
        samples = np.exp(-2e-3 * T) + 0.5**T + 1e-3 * rng.normal(size=40)
        found = decaying_modes(samples, noise=noise, constant=True)
        slowest = np.argmin(np.abs(found.rates))
        assert not found.resolved[slowest]
        assert np.isinf(found.rate_errors[slowest])
        assert np.isinf(found.constant_error)
        assert "does not resolve" in found.reason
        limit = remaining_change(samples, noise=noise)
        assert not limit.resolved
        assert np.isnan(limit.change)
        assert limit.reason == found.reason


def test_a_decay_that_only_rounding_would_tell_is_not_resolved():
    assert not remaining_change(np.exp(-1e-6 * T)).resolved
    drift = remaining_change(1e-3 * T)
    assert not drift.resolved
    assert not drift.too_short


def test_the_remaining_change_is_that_to_the_limit():
    rng = np.random.default_rng(11)
    seen = 0
    for _ in range(15):
        poles = np.exp(-rng.uniform(0.03, 0.3, 3))
        limit = rng.normal(size=6)
        samples = made(rng, poles, rng.normal(size=(3, 6)), 40, 1e-5, limit)
        found = remaining_change(samples, noise=1e-5)
        seen += found.resolved
        if found.resolved:
            assert np.all(np.abs(found.change - (limit - samples[-1])) <= 3 * found.error)
            assert found.slowest_rate == pytest.approx(-np.log(poles.max()), rel=0.3)
    assert seen >= 8


def test_a_hidden_mode_is_part_of_the_error():
    """A mode hidden below the noise moves the limit; the error knows if its rate is allowed for."""
    rng = np.random.default_rng(13)
    for _ in range(20):
        samples = 0.5**T + 0.3 + 1e-3 * np.exp(-0.005 * T) + 1e-3 * rng.normal(size=40)
        found = remaining_change(samples, noise=1e-3, least_rate=0.005)
        if found.resolved:
            assert abs(found.change + samples[-1] - 0.3) <= 3 * found.error
    still = np.full(40, 0.3)
    assert remaining_change(still, noise=1e-6).error < 1e-5
    assert remaining_change(still, noise=1e-6, least_rate=1e-4).error > 1e-4


def test_a_constant_has_arrived():
    for value in (0.0, 0.3, -1e300, 1e-300):
        found = remaining_change(np.full((20, 3), value))
        assert found.resolved
        np.testing.assert_allclose(found.change, 0, atol=1e-13 * abs(value))
        assert np.all(found.error <= 1e-13 * abs(value) + 1e-13 * (value == 0))
        assert np.isnan(found.slowest_rate)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_few_samples_tell_nothing(count):
    for noise in (None, 0.0, 1e-3):
        found = remaining_change((0.8**T + 0.3)[:count], noise=noise)
        assert not found.resolved
        assert np.isinf(found.error)
        assert "too short" in found.reason


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e150, 1e300])
def test_any_unit_will_do(size):
    found = remaining_change((0.8**T + 0.3)[:20] * size)
    assert found.resolved
    assert found.change / size == pytest.approx(-(0.8**19), rel=1e-8)
    assert np.all(np.isfinite(decaying_modes(30.0 ** (T - 20)).rates))


def test_degenerate_samples_do_no_harm():
    impulse, last = np.zeros(30), np.zeros(30)
    impulse[0] = last[-1] = 1.0
    assert decaying_modes(impulse).rates.tolist() == [np.inf]  # over within a step
    assert not remaining_change(last).resolved
    step = np.repeat([0.0, 1.0], 15)
    assert not remaining_change(step, noise=0.0).resolved
    assert not remaining_change((-1.0) ** T).resolved
    double = remaining_change(T * 0.8**T + 1.0, noise=1e-3)
    assert abs(double.change + (T * 0.8**T)[-1]) <= 3 * double.error


BAD = "finite numbers with axes"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": []}, BAD),
        ({"samples": [1.0, np.nan]}, BAD),
        ({"samples": "abc"}, BAD),
        ({"samples": None}, BAD),
        ({"samples": [[1.0], [1.0, 2.0]]}, BAD),
        ({"samples": np.ones((2, 2, 2))}, BAD),
        ({"samples": [True, False]}, BAD),
        ({"noise": -1.0}, "numbers >= 0"),
        ({"noise": [1.0, 2.0]}, "numbers >= 0"),
        ({"noise": np.nan}, "numbers >= 0"),
        ({"noise": 1j}, "numbers >= 0"),
        ({"spacing": 0.0}, "positive finite"),
        ({"most": -1}, "non-negative integer"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(arguments, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        decaying_modes(**{"samples": 0.8**T, **arguments})
    assert "\n" not in str(caught.value)
