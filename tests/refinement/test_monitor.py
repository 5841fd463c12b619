"""When a relaxation ends, judged from made-up series of observables."""

import numpy as np
import pytest

from impo.refinement.monitor import (
    FIRST_JUDGED,
    ConvergenceMonitor,
    approach_rate,
    distance_to_limit,
    falling_rate,
    hopeless,
    least_decay,
    present_rate,
    too_slow,
)


def exponential(rate, count, amplitude=1.0, floor=0.0):
    return amplitude * np.exp(-rate * np.arange(count)) + floor


def test_rates_of_a_decay():
    assert present_rate(exponential(0.3, 12), 1.0) == pytest.approx(0.3)
    assert present_rate(exponential(0.3, 12), 0.1) == pytest.approx(3.0)
    assert present_rate(np.full(12, 0.2), 1.0) == 0
    assert present_rate(np.linspace(0.1, 0.3, 9), 1.0) == 0  # it grows
    assert present_rate(np.array([0.2]), 1.0) == 0  # nothing was seen
    assert present_rate(np.array([0.0] * 8 + [1e-16]), 1.0) == 0
    assert falling_rate(np.array([0.0] * 12 + [1e-16] * 4), 1.0) == 0
    assert approach_rate(exponential(0.5, 12), 1.0) == pytest.approx(0.5)
    assert approach_rate(exponential(0.5, 40, floor=1e-4), 1.0) == pytest.approx(0.5, rel=0.1)
    two = exponential(2.0, 30) + exponential(0.1, 30, 1e-2)
    assert approach_rate(two, 1.0) == pytest.approx(0.1, rel=0.1)
    assert approach_rate(np.full(12, 0.2), 1.0) == 0
    raised = np.append(exponential(0.5, 20), [0.02, 0.45])  # by rounding, after the two had met
    assert approach_rate(raised, 1.0) == pytest.approx(0.5)
    assert approach_rate(exponential(-0.5, 12), 1.0) == 0


def test_a_distance_that_oscillates_falls_with_its_maxima():
    """Damped weakly it rises for many looks, at which it must not be given up."""
    looks = np.arange(120)
    apart = 0.5 * np.exp(-0.005 * looks) * (1 + 0.3 * np.cos(1.3 * looks))
    assert falling_rate(apart, 1.0) == pytest.approx(0.005, rel=0.3)
    assert not any(hopeless(apart[:end], 1.0, 5e-4, left=1e4) for end in range(13, 121))
    level = np.append(exponential(0.5, 8), np.full(6, 0.01))
    assert falling_rate(level, 1.0) == 0
    assert falling_rate(exponential(0.3, 30), 0.1) == pytest.approx(3.0)


def test_when_to_give_up():
    slow = exponential(1e-3, 20)
    assert hopeless(slow, 1.0, 1e-4, left=1000)
    assert not hopeless(slow, 1.0, 1e-4, left=20000)
    assert not hopeless(slow[:5], 1.0, 1e-4, left=1000)  # too early to tell
    assert hopeless(np.full(20, 0.3), 1.0, 1e-4, left=1e300)
    assert not hopeless(np.full(20, 1e-5), 1.0, 1e-4, left=1.0)  # they have met


def followed(series, wanted, left=1e3, truncated=False, **settings):
    """Return a monitor, and the look at which it ended a series; None if it did not.

    Axes of the series: # look start observable.
    """
    monitor = ConvergenceMonitor([np.asarray(series[0])], 1.0, **settings)
    for number, values in enumerate(series[1:], start=1):
        monitor.look(np.asarray(values), wanted)
        if monitor.ended(wanted, left - number, truncated):
            return monitor, number
    return monitor, None


def one(decay):
    """One start with two observables that fall alike."""
    return np.stack([decay, -0.5 * decay], axis=-1)[:, None, :]


def two(first, second):
    return np.stack([one(first)[:, 0], one(second)[:, 0]], axis=1)


def test_the_distance_of_a_geometric_series():
    series = list(one(exponential(0.5, 12, floor=0.3))[:, 0])
    distance, fluctuates = distance_to_limit(series[:6])
    assert distance == pytest.approx(np.exp(-0.5 * 5), rel=1e-9)
    assert not fluctuates
    assert distance_to_limit(series[:2]) == (np.inf, False)  # one change tells no ratio
    assert distance_to_limit([np.zeros(2)] * 5) == (0.0, False)


def test_a_slow_motion_is_extrapolated_by_the_least_decay():
    series = list(one(1 - 1e-3 * np.arange(6))[:, 0])  # it does not slow down
    assert distance_to_limit(series, 0.01)[0] == pytest.approx(99e-3, rel=1e-6)
    assert distance_to_limit(series, 0.001)[0] == pytest.approx(999e-3, rel=1e-6)
    assert least_decay(None, 1.0) == 0.01
    assert least_decay(1e-4, 1.0) == pytest.approx(1e-4, rel=1e-3)
    assert least_decay(5.0, 1.0) == 0.01


def test_what_goes_back_and_forth_fluctuates():
    series = one(1e-3 * (-1.0) ** np.arange(14))
    monitor, ended = followed(series, 1e-6)
    assert ended == 12  # the first window
    assert monitor.fluctuates
    assert monitor.remaining == pytest.approx(2e-3)


def test_fluctuations_that_are_longer_than_a_window():
    series = list(one(np.abs(np.arange(25.0) - 12))[:, 0])  # twelve looks down, twelve up
    assert distance_to_limit(series) == (12.0, True)
    assert not distance_to_limit(series[1:])[1]


def test_a_known_rate_is_that_of_a_single_start():
    """Of two starts the distance tells of slow modes."""
    alone, both = one(1 - 1e-3 * np.arange(6)), two(*[1 - 1e-3 * np.arange(6)] * 2)
    for series, slower in ((alone, 10), (both, 1)):
        distances = [followed(series, 0.0, rate=rate)[0].remaining for rate in (None, 1e-3)]
        assert distances[1] / distances[0] == pytest.approx(slower, rel=0.01)


def test_a_decay_ends_after_two_quiet_looks():
    monitor, ended = followed(one(exponential(1.0, 30)), 1e-3)
    assert monitor.quiet >= 2
    # the distance left after n looks is exp(-n), or the last change while that is larger
    assert np.exp(-(ended - 1)) * (np.e - 1) <= 1e-3 < np.exp(-(ended - 2)) * (np.e - 1)
    assert monitor.apart[0] == pytest.approx(1.0, rel=1e-3)


def test_a_quiet_look_counts_only_with_the_next():
    monitor = ConvergenceMonitor([np.zeros((1, 2))], 1.0)
    found = []
    for value in (1.0, 1.0, 1.0, 2.0, 2.0, 2.0):
        monitor.look(np.full((1, 2), value), 1e-6)
        found.append(monitor.quiet)
    assert found == [0, 1, 2, 0, 1, 2]


def test_the_end_of_the_time():
    series = one(exponential(0.01, 30))
    assert followed(series, 1e-6, left=10.0)[1] == 10
    assert followed(series, 1e-6, left=3.0)[1] == 3  # nothing can be told yet
    assert followed(np.repeat(series, 2, axis=1), 1e-6, left=3.0)[1] == 3
    assert followed(series, 1e-6, left=100.0)[1] is None
    # a rate that is known to be too slow ends it once that can be seen
    assert followed(series, 1e-6, left=100.0, rate=0.01)[1] == 4
    assert followed(series, 1e-6, left=1e5, rate=0.01)[1] is None


def test_too_slow():
    assert too_slow(None, 1.0, 1.0, 0.0)
    assert not too_slow(None, 1.0, 1e-6, 1.0)  # nothing is known against it
    assert too_slow(1.0, 1.0, 1e-6, 13.0)
    assert not too_slow(1.0, 1.0, 1e-6, 14.0)
    assert not too_slow(1.0, 1.0, 1e-6, 1e9)  # no overflow
    assert too_slow(0.0, 1.0, 1e-6, 1e9)


def test_two_starts_end_when_they_have_met():
    fast = exponential(1.0, 40)
    slow = fast + exponential(0.5, 40)
    monitor, ended = followed(two(fast, slow), 1e-3, goal=1e-6)
    assert monitor.quiet >= 2
    assert monitor.apart[-1] <= 1e-6 < monitor.apart[-2]
    assert ended == 28  # 1e6 = exp(13.8)
    assert approach_rate(monitor.apart, 1.0) == pytest.approx(0.5)
    assert monitor.remaining < 1e-9


def test_two_starts_that_stay_apart_are_given_up():
    fast = exponential(1.0, 40)
    apart = two(fast, fast + 0.1)
    assert followed(apart, 1e-3, goal=1e-6)[1] == FIRST_JUDGED  # the first that may be hopeless
    # a slow approach: no time limit stands against it, but the truncation does
    slow = two(fast, fast + exponential(0.05, 40))
    assert followed(slow, 1e-3, goal=1e-6, left=1e3)[1] is None
    monitor, ended = followed(slow, 1e-3, goal=1e-6, left=1e3, truncated=True)
    assert ended == FIRST_JUDGED  # after two quiet looks of the first start
    assert monitor.quiet >= 2
    assert followed(slow, 1e-3, goal=1e-6, left=1e3, truncated=True, patient=True)[1] is None
    assert followed(slow, 1e-3, goal=1e-6, left=50.0)[1] == FIRST_JUDGED


def test_a_monitor_goes_on_where_it_was():
    series = one(exponential(1.0, 30))
    _, ended = followed(series, 1e-3)
    first = ConvergenceMonitor([series[0]], 1.0)
    for values in series[1:ended]:
        first.look(values, 1e-3)
    again = ConvergenceMonitor(list(first.seen), 1.0, quiet=first.quiet)
    again.look(series[ended], 1e-3)
    assert again.ended(1e-3, 1e3, truncated=False)
