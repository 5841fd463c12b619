"""The gap: the slowest mode of all charges and wave numbers."""

import numpy as np

from impo.results.slow_modes import EDGE, ISOLATED, UNSETTLED, gap_of, slow_mode, slowest


def _mode(rate, error=0.0, kind=ISOLATED, k=0.0):
    return slow_mode(-rate + 1j, error, 1, k, kind)


def test_the_slowest_is_one_that_is_known():
    modes = [_mode(1.0), _mode(0.8, 0.3, UNSETTLED), _mode(1.2, 0.1, EDGE)]
    assert slowest(modes) is modes[0]
    assert not modes[1].settled
    certain = _mode(0.2, 0.1, UNSETTLED)
    assert slowest([*modes, certain]) is certain
    assert slowest(modes[1:2]) is modes[1]


def test_the_place_of_the_gap_is_found_between_the_wave_numbers():
    asked = []

    def modes_at(charge, k):
        asked.append((charge, k))
        return (_mode(2.0 - np.cos(k - 1.234) - charge, k=k),)

    waves = 2 * np.pi * np.arange(8) / 8
    gap = gap_of(modes_at, [0, 1], waves, waves[1])
    assert abs(gap.mode.k - 1.234) < gap.spacing <= 0.1
    assert gap.mode.rate.value < 0.01
    assert gap.settled
    assert "upper bound" in str(gap)
    assert [k for q, k in asked if q == 0] == list(waves[:5])
    ring = gap_of(modes_at, [1], waves, 0.0)
    assert ring.mode.k in waves
    assert len(ring.modes) == 8


def test_what_is_not_known_is_said():
    def modes_at(charge, k):
        return (_mode(1.0),) if k == 0 else ()

    gap = gap_of(modes_at, [1], np.array([0.0, np.pi]), 0.0)
    assert gap.unknown == ((1, np.pi),)
    assert not gap.settled
    assert "no mode is known at 1 " in str(gap)
    assert gap_of(lambda charge, k: (), [0], np.array([0.0]), 0.0) is None
