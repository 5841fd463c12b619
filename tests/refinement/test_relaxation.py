"""The one place at which a state is evolved."""

from dataclasses import replace
from functools import partial

import numpy as np

from impo import ITEBD
from impo.methods.itebd.solve import chain_generator
from impo.methods.itebd.start import first_approximation
from impo.methods.itebd.state import ItebdState
from impo.refinement.evolution import trajectory
from impo.refinement.levels import refine, two_levels
from impo.refinement.relaxation import Relaxation
from impo.refinement.starts import second_start
from models import gain_loss

MODEL = gain_loss.chain(0.5, 1.0, 0.5, 1.5, 1.0)
METHOD = ITEBD(chi_max=12, tol=1e-2)
GENERATOR = chain_generator(MODEL, METHOD)


class Counting(Relaxation):
    """Counts how often a state is evolved."""

    calls = 0

    def advanced(self, approx, step, count, chi):
        self.calls += 1
        found = super().advanced(approx, step, count, chi)
        assert found.chi == chi
        assert found.dt == step.dt
        assert np.isclose(found.time, approx.time + count * step.dt)
        return found


def counting():
    return Counting(GENERATOR, METHOD.chi_max, METHOD.k_max, METHOD.tol)


def test_every_look_is_evolved_by_the_engine():
    start = partial(first_approximation, GENERATOR, None, 1, METHOD.weight)
    alone = counting()
    refined = refine(alone, start())
    assert not refined.approximation.diverged
    assert alone.calls == len(alone.resume.history) > 0
    beside = counting()
    both = refine(beside, start(), second_start(GENERATOR, 1, METHOD.weight))
    assert both.meeting.met
    assert beside.calls > len(beside.resume.history)  # of two starts one is recorded


def test_a_trajectory_is_evolved_by_the_engine():
    relaxation = counting()
    starting = partial(first_approximation, GENERATOR, None, weight=METHOD.weight)
    start, found = trajectory(ItebdState, METHOD, relaxation, starting, [0.0, 0.2, 0.5])
    assert relaxation.calls == 2 * 3  # the best, and one coarser in chi and in dt
    assert [state.approximation.time for state in found] == [0.0, 0.2, 0.5]
    assert start.approximation.time == 0.0


def test_two_levels_do_not_share_their_limit_of_time():
    """Where no answer is expected, little time is spent; the settings stay as they are."""
    relaxation = counting()
    start = first_approximation(GENERATOR, None, 1, METHOD.weight)
    refined = two_levels(relaxation, start)
    (pair,) = refined.refinements
    assert (pair.finer.chi, pair.coarser.chi) == (12, 9)
    assert relaxation.longest is None


def test_a_rate_of_zero_is_not_believed_where_something_is_truncated():
    """The truncation held a lower level where it was: the next one is given the time it needs."""
    start = first_approximation(GENERATOR, None, 1, METHOD.weight)
    unknown = counting().relax(start, 8, 0.2)
    held = replace(start, slowest_rate=0.0)
    assert not held.untruncated
    found = counting().relax(held, 8, 0.2)
    assert found.time == unknown.time > 0
    assert found.slowest_rate == unknown.slowest_rate > 0
    assert found.remaining == unknown.remaining < METHOD.tol
