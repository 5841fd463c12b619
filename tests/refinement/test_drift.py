"""What a more exact evolution tells of a state: a bound that holds, far below the residual's."""

from dataclasses import replace

import numpy as np
import pytest

from impo import ITEBD, TEBD
from impo.methods.itebd.solve import chain_generator
from impo.methods.tebd.solve import relaxation_of
from impo.refinement.approximation import product_approximation
from impo.refinement.budget import relative_residual
from impo.refinement.drift import stationarity
from impo.refinement.relaxation import Relaxation
from impo.refinement.starts import second_start
from impo.refinement.verdict import residual
from models import gain_loss
from models.boundary import chain
from tests.models.test_boundary import with_dephasing

CHAIN = (8, 0.8, 0.0, 1.5, 1.3, 0.7)


@pytest.fixture(scope="module")
def relaxation():
    return relaxation_of(TEBD(chi_max=17, tol=1e-3), chain(*CHAIN))


@pytest.fixture(scope="module")
def relaxed(relaxation):
    """Return a state of a long Trotter step."""
    generator = relaxation.generator
    starts = product_approximation(generator, None, 1, 1.5), second_start(generator, 1, 1.5)
    return relaxation.relax_both(starts, 12, 2.5 * relaxation.time_unit).first


def plain(approx):
    return relative_residual(approx, residual(approx).value)


def error(approx):
    """Return how far <Sz>/S is from the closed formula."""
    _, exact = with_dephasing(*CHAIN[:2], *CHAIN[3:])
    return 2 * np.abs(approx.moments[:, 0] - exact).max()


def test_it_bounds_the_error_better_than_the_residual(relaxation, relaxed):
    bound = stationarity(relaxation, relaxed, 1.4, 0.0)
    assert error(relaxed) < bound < plain(relaxed) / 3


def test_a_state_that_still_moves_is_far_from_stationary(relaxation, relaxed):
    step = relaxation.step(1, 1.5, relaxation.time_unit)
    begin = product_approximation(relaxation.generator, None, 1, 1.5)
    early = relaxation.advanced(begin, step, 4, 12)
    early = replace(early, slowest_rate=relaxed.slowest_rate)
    assert stationarity(relaxation, early, 1.4, 0.0) > error(early) > 0.1


def test_where_the_residual_counts(relaxation, relaxed):
    """It is small, the bond dimension cannot grow, ranks are cut, or the chain is infinite."""
    assert stationarity(relaxation, relaxed, 1.4, plain(relaxed)) == plain(relaxed)
    highest = replace(relaxation, chi_max=12)
    assert stationarity(highest, relaxed, 1.4, 0.0) == plain(relaxed)
    generator = chain_generator(gain_loss.chain(0.5, gain=1.5), ITEBD())
    mixed = product_approximation(generator, None, 1, 1.5)
    mixed = replace(mixed, dt=0.1, slowest_rate=0.1)
    infinite = Relaxation(generator, 17, None, 1e-3)
    assert stationarity(infinite, mixed, 1.4, 0.0) == plain(mixed) > 0


def test_a_rate_that_is_noise_takes_no_longer_than_the_relaxation(relaxation, relaxed):
    spent, plain_of = [], relaxation.advanced

    def counted(approx, step, count, chi):
        spent.append(count * step.dt)
        return plain_of(approx, step, count, chi)

    still = replace(relaxed, slowest_rate=1e-9)
    watched = replace(relaxation)
    watched.advanced = counted
    assert stationarity(watched, still, 1.4, 0.0) <= plain(still)
    assert 0 < spent[0] <= relaxed.time + relaxed.dt
