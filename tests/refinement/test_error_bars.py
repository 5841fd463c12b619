"""Error bars of any observable, from what bounds the errors of a state."""

from types import SimpleNamespace

import numpy as np
import pytest

from impo.refinement import error_bars
from impo.refinement.error_bars import estimate, once


def made(value, remaining=0.0):
    """Return an approximation that is known by the value of its observable."""
    return SimpleNamespace(value=np.asarray(value), remaining=remaining)


def pair(finer, coarser, factor):
    """Return a refinement of two such approximations."""
    return SimpleNamespace(error_of=lambda get: factor * np.abs(get(finer) - get(coarser)))


@pytest.mark.parametrize(
    ("scale", "expected"),
    [(0.0, [0.2, 0.0]), (2.0, [0.2 + 2e-3, 4e-3]), ([2.0, 0.5], [0.2 + 2e-3, 1e-3])],
)
def test_changes_add_up_and_have_a_least_value(monkeypatch, scale, expected):
    """The second value is by accident equal on two levels; the total error is 0.01."""
    monkeypatch.setattr(error_bars, "total_error", lambda approx, refinements: 0.01)
    top = made([1.0, 3.0], 1e-3)
    found = estimate(top, [pair(top, made([0.9, 3.0]), 2.0)], lambda p: p.value, scale)
    np.testing.assert_allclose(found.error, expected, atol=1e-13)
    np.testing.assert_array_equal(found.value, [1.0, 3.0])


@pytest.mark.parametrize("scale", [0.0, 1.0, [0.0, 1.0]])
def test_what_still_moves_by_an_unknown_amount_has_no_bar(scale):
    found = estimate(made([1.0, 3.0], np.inf), [], lambda p: p.value, scale)
    np.testing.assert_array_equal(found.error, np.inf)


def test_an_observable_is_computed_once_for_an_approximation():
    seen = []
    known = once(lambda p: seen.append(p) or len(seen))
    a, b = made(0), made(1)
    assert [known(a), known(b), known(a)] == [1, 2, 1]
