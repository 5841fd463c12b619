"""How far made-up relaxations still have to go."""

import numpy as np
import pytest

from impo.refinement.monitor import ConvergenceMonitor, distance_to_limit
from impo.refinement.record import distance_from_record

SEEN = np.arange(60)


def record(*modes, constant=0.3):
    """Return three observables that are sums of decaying modes (rate, frequency, amplitude)."""
    rows = [
        amplitude
        * np.exp(-rate * SEEN)[:, None]
        * np.cos(frequency * SEEN[:, None] + [0, 0.1, 0.2])
        for rate, frequency, amplitude in modes
    ]
    return constant + np.sum(rows, axis=0)


def test_slow_modes_that_oscillate():
    """The last changes tell too little wherever the largest motion turns."""
    motion = record((0.005, 0.05, 0.2), (0.4, 0.0, 1.0))
    ratios = []
    for end in range(40, 60):
        away = np.abs(motion[end - 1] - 0.3).max()
        found = distance_from_record(list(motion[:end]), 1.0, 0.005, 1e-3)
        assert found == pytest.approx(away, rel=0.01)
        ratios.append(distance_to_limit(list(motion[:end]))[0] / away)
    assert min(ratios) < 0.5


def test_a_mode_that_is_too_slow():
    drift = record((0.3, 0.0, 1.0)) + 0.01 * SEEN[:, None]
    assert distance_from_record(list(drift), 1.0, None, 1e-3) == np.inf
    assert distance_from_record(list(drift), 1.0, None, 1.0) is None  # it matters too little


def test_records_that_tell_nothing():
    motion = record((0.1, 0.0, 1.0))
    assert distance_from_record(list(motion[:15]), 1.0, None, 1e-3) is None
    assert distance_from_record(list(0 * motion), 1.0, None, 1e-3) is None


def test_a_few_looks_do_not_pass_over_what_was_left():
    still = [np.zeros((1, 2))] * 4
    monitor = ConvergenceMonitor(list(still), 1.0)
    monitor.look(np.zeros((1, 2)), 1e-4, least=1e-3)
    assert monitor.remaining == 1e-3
    assert not monitor.ended(1e-4, 1e3, truncated=False)
    assert monitor.final_distance(0.1, 1e-3, 1e-3) == 1e-3
