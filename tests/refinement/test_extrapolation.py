"""The extrapolation of slow modes: exact for few of them, and never far from a state."""

from dataclasses import replace

import numpy as np
import pytest

from impo import TEBD
from impo.methods.tebd.solve import relaxation_of
from impo.refinement import extrapolation
from impo.refinement.approximation import difference, product_approximation
from impo.refinement.extrapolation import Advance, accelerated, extrapolated
from impo.refinement.starts import second_start
from models.boundary import chain

MODEL = chain(8, 0.8, 0.0, 1.5, 1.3, 0.7)


@pytest.fixture(scope="module")
def relaxation():
    return relaxation_of(TEBD(chi_max=12, tol=1e-3), MODEL)


def advance_of(relaxation, t_max=1e4):
    step = relaxation.step(1, 1.5, relaxation.time_unit)
    return Advance(
        lambda approx, looks: relaxation.advanced(approx, step, 5 * looks, 12),
        5 * step.dt, t_max, relaxation.bonds[1, 1.5],
    )  # fmt: skip


def test_slow_modes_are_gone_long_before_they_decay(relaxation):
    flow = 0.7 / (2 / 1.3 + 1.3 / 1.28 + 7 * 1.5 / 1.28)
    exact = 0.35 - flow / 1.3
    begin = product_approximation(relaxation.generator, None, 1, 1.5)
    advance = advance_of(relaxation)
    rows = [advance.by(begin, 1)]
    for _ in range(4):
        rows.append(advance.by(rows[-1], 1))
    plain = abs(rows[-1].moments[0, 0] - exact)
    limit = extrapolated(rows, advance.bonds)
    assert limit.matrix_product.bond_dimension <= 12
    assert plain > 1e-3
    assert abs(limit.moments[0, 0] - exact) < plain / 10


def test_two_starts_meet_with_the_rate_of_the_slowest_mode(relaxation):
    generator = relaxation.generator
    starts = product_approximation(generator, None, 1, 1.5), second_start(generator, 1, 1.5)
    one, two = accelerated(starts, advance_of(relaxation), 1e-3)
    assert difference(one, two) < 1e-2 * difference(*starts)
    assert 0 < one.slowest_rate < 0.5
    assert one.time < 4 / one.slowest_rate
    assert np.isinf(one.remaining)


def test_an_interrupted_one_goes_on_where_it_was(relaxation):
    """To the same numbers; what was computed is not computed again."""
    generator, plain = relaxation.generator, advance_of(relaxation)
    starts = product_approximation(generator, None, 1, 1.5), second_start(generator, 1, 1.5)
    kept, calls = [], []

    def counted(approx, looks):
        calls.append(looks)
        return plain.by(approx, looks)

    whole = accelerated(starts, replace(plain, by=counted, pause=kept.append), 1e-3)
    total = len(calls)
    assert len(kept) == total >= 4 * extrapolation.STATES  # two extrapolations of two starts
    for done in (7, 2 * extrapolation.STATES + 3):
        calls.clear()
        again = accelerated(starts, replace(plain, by=counted), 1e-3, kept[done - 1])
        assert len(calls) == total - done
        assert again[0].slowest_rate == whole[0].slowest_rate
        for one, two in zip(again, whole, strict=True):
            np.testing.assert_array_equal(one.monitor, two.monitor)


def test_there_is_no_time_for_it(relaxation):
    start = (product_approximation(relaxation.generator, None, 1, 1.5),)
    assert accelerated(start, advance_of(relaxation, t_max=1.0), 1e-3) == start


def test_what_is_fast_is_left_alone(relaxation):
    start = replace(product_approximation(relaxation.generator, None, 1, 1.5), slowest_rate=10.0)
    assert accelerated((start,), advance_of(relaxation), 1e-3) == (start,)


def test_factors_of_three_modes():
    """The sum of all factors is one, and geometric changes have their limit."""
    rates = np.array([0.9, 0.7, 0.2])
    modes = np.random.default_rng(3).standard_normal((3, 40))
    values = 1.5 + np.array([rates**n for n in range(5)]) @ modes
    factors = extrapolation._factors(np.diff(values, axis=0))
    assert factors.sum() == pytest.approx(1)
    np.testing.assert_allclose(factors @ values[1:], 1.5, atol=1e-8)
    assert np.all(np.isnan(extrapolation._factors(np.zeros((4, 40)))))


@pytest.mark.slow
def test_the_current_through_a_hundred_spins():
    """To 1e-4 at the time at which the slowest mode has lost half of its size."""
    model = chain(100, 1.0, 0.0, 0.5, 1.0, 0.7)
    relaxation = relaxation_of(TEBD(chi_max=12), model)
    step = relaxation.step(1, 1.5, 2 * relaxation.time_unit)
    now, bonds = product_approximation(relaxation.generator, None, 1, 1.5), relaxation.bonds[1, 1.5]
    for looks in (1, 2, 4, 8, 16):
        rows = [relaxation.advanced(now, step, 2 * looks, 12)]
        while len(rows) < extrapolation.STATES:
            rows.append(relaxation.advanced(rows[-1], step, 2 * looks, 12))
        now = extrapolated(rows, bonds)
    exact = 0.7 / (2 + 0.5 + 99 * 0.5 / 2)
    assert abs(0.35 - now.moments[0, 0] - exact) < 1e-4
    slopes = np.diff(now.moments[1:-1, 0])
    np.testing.assert_allclose(slopes, -exact * 0.5 / 2, atol=5e-4)
