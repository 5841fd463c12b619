"""Decay of functions known by trajectories that oscillate, and of two starts that disagree."""

import numpy as np
import pytest

from impo import TWA, steady_state
from impo.methods.twa.lengths import decay_of, of_both
from impo.results.estimate import Estimate
from impo.results.modes import UNCORRELATED, Decay, no_decay
from models import gain_loss

R, RING, GROUPS = np.arange(26), 50, 64
FUNCTIONS = {
    "winding": lambda r, length, k: np.exp(-r / length + 1j * k * r),
    "standing": lambda r, length, k: np.exp(-r / length) * np.cos(k * r + 0.3),
    "every_other": lambda r, length, k: np.exp(-r / length) * (1 - (-1.0) ** r) / 2,
}


def samples(function, noise, generator, smooth):
    """Return jackknife samples; errors at neighbouring distances may be alike."""
    random = generator.normal(size=(2, GROUPS, len(function)))
    if smooth:
        kernel = np.exp(-(np.arange(-6, 7) ** 2) / 8)
        kernel /= np.linalg.norm(kernel)
        random = np.apply_along_axis(lambda row: np.convolve(row, kernel, "same"), 2, random)
    groups = function + noise * (random[0] + 1j * random[1] * np.iscomplexobj(function))
    return (groups.sum(axis=0) - groups) / (GROUPS - 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FUNCTIONS)
@pytest.mark.parametrize("smooth", [False, True])
def test_modes_of_what_oscillates(kind, smooth):
    """On a ring, with the image from the other side; errors are honest or there is no length."""
    generator, off, found = np.random.default_rng(3), [], 0
    for noise in (3e-3, 0.1):
        for _ in range(3):
            length, k = generator.uniform(2, 8), generator.uniform(0.5, 2.6)
            function = FUNCTIONS[kind](R, length, k)
            image = FUNCTIONS[kind](RING - R, length, k)
            decay = decay_of(samples(function + image, noise, generator, smooth), RING)
            if decay.length is None:
                assert decay.reason
                continue
            k = k if kind != "every_other" else 0.0 if decay.wavenumber.value < 1 else np.pi
            found += 1
            off.append((decay.value - length) / decay.error)
            off.append((decay.wavenumber.value - k) / max(decay.wavenumber.error, 1e-12))
    assert found >= 4
    assert np.max(np.abs(off)) < 4
    assert np.sqrt(np.mean(np.square(off))) < 1.6


def test_what_the_errors_do_not_tell_has_a_reason():
    """A beat of many modes, and noise."""
    generator = np.random.default_rng(4)
    k = generator.uniform(0.3, 2.8, (40, 1))
    beat = np.cos(k * R).mean(axis=0) + 0.2 * np.cos(2.0 * R)
    found = decay_of(samples(beat, 0.01, generator, False), None)
    assert found.reason.startswith("The function oscillates")
    found = decay_of(samples(0 * R, 1.0, generator, False), None)
    assert found.reason.endswith("less than three distances.")


def test_starts_that_disagree_widen_length_and_wavenumber():
    def told(length, angle):
        value = Estimate(length, 0.1)
        return Decay(value, Estimate(angle, 0.01), "", fitted=value, window=(1, 5))

    found = of_both(told(3.0, 1.0), told(2.5, 1.1), told(3.5, 0.9))
    assert found.value == 3.0
    assert found.error == pytest.approx(np.hypot(0.1, 1.0))
    assert found.wavenumber.error == pytest.approx(np.hypot(0.01, 0.2))
    assert found.fitted == found.length
    alone = of_both(told(3.0, 1.0), told(2.5, 1.1), no_decay("x"))
    assert alone.reason.startswith("The two starts disagree")
    assert of_both(no_decay("x"), told(1, 1), told(1, 1)).reason == "x"


def test_cells_without_coupling_are_not_correlated():
    settings = TWA(cells=6, trajectories=32, tol=0.1)
    for model in (gain_loss.dimer(9, 1.0, 1.5, 0.7), gain_loss.chain(9, 1.0, 0.0, 1.5, 0.7)):
        assert steady_state(model, settings).decay("S+", "S-").reason == UNCORRELATED
    few = steady_state(gain_loss.chain(9, 1.0, 0.5, 1.5, 0.7), TWA(cells=4, trajectories=32, tol=1))
    assert few.decay("S+", "S-").reason == "A length needs at least six cells."
