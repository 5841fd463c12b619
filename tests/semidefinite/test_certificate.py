"""What certifies a bound: any multipliers will do, and rounding is bounded."""

import math
from fractions import Fraction

import numpy as np
import pytest

from impo import bounds
from impo.semidefinite import interior_point
from impo.semidefinite.certificate import _lowest_of, lower_bound
from impo.semidefinite.constraints import Constraints
from impo.semidefinite.interior_point import best_multipliers
from impo.semidefinite.observable import elements, terms_of
from impo.semidefinite.relaxation import relaxation
from models import gain_loss, ising
from tests.dense import Dense

CHAIN = gain_loss.chain(S=0.5, gain=1.5, loss=1.0)


def prepared(model, sites, op="Sz"):
    """Return relaxation, elements of an operator, constraints and their best multipliers."""
    relaxed = relaxation(model, sites)
    wanted = elements(relaxed, terms_of(model, op, 0), op)
    constraints = Constraints(relaxed.window, relaxed.constraints)
    blocks = relaxed.window.split(wanted.values)
    found = best_multipliers(blocks, constraints, 1e-8, lambda size, gap: None)
    return relaxed, wanted, constraints, found


@pytest.mark.parametrize("model", [CHAIN, ising.chain()], ids=["real", "complex"])
def test_other_multipliers_only_lower_the_bound(model):
    relaxed, wanted, _, best = prepared(model, 4)
    bound = lower_bound(relaxed, wanted.values, best, wanted.uncertainty)
    rng = np.random.default_rng(3)
    for size in (1e-6, 1e-4, 1e-2, 1.0, 100.0):
        for _ in range(20):
            other = best + size * rng.normal(size=len(best))
            assert lower_bound(relaxed, wanted.values, other, wanted.uncertainty) < bound + 1e-8
    for bad in (math.nan, math.inf, 1e300):
        other = best.copy()
        other[0] = bad
        assert lower_bound(relaxed, wanted.values, other) < -1e10


def test_all_multipliers_give_a_bound_of_the_exact_value():
    model = gain_loss.dimer(S=0.5, gain=1.5, loss=1.0)
    exact = Dense().steady_state(model).expect("Sz")[0].value
    relaxed, wanted, _, best = prepared(model, 4)
    rng = np.random.default_rng(4)
    for size in (0.0, 1e-9, 1e-5, 1e-2, 1.0):
        y = best + size * rng.normal(size=len(best))
        assert lower_bound(relaxed, wanted.values, y, wanted.uncertainty) <= exact


def test_the_best_bound_is_the_value_of_a_feasible_state():
    """Weak duality from the other side: a positive X near the constraints has this value."""
    relaxed, wanted, constraints, best = prepared(CHAIN, 5)
    bound = lower_bound(relaxed, wanted.values, best, wanted.uncertainty)
    blocks = relaxed.window.split(wanted.values)
    now, trace = interior_point._begin(blocks, constraints), np.zeros(len(constraints))
    trace[-1] = 1.0
    while now.mu > 1e-9:
        missing = trace - constraints.traces(now.X)
        now = interior_point._step(now, blocks, constraints, missing)
    assert np.abs(constraints.traces(now.X) - trace).max() < 1e-7
    assert min(np.linalg.eigvalsh(block)[0] for block in now.X) > 0
    value = sum(np.vdot(o, x) for o, x in zip(blocks, now.X, strict=True))
    assert value == pytest.approx(bound, abs=1e-6)


def test_a_wrong_value_is_refused():
    found = bounds(CHAIN, "Sz", sites=6)
    assert found.excludes(0.36)
    assert found.excludes(0.36, 0.01)
    assert not found.excludes(0.36, 0.05)
    assert not found.excludes(math.nan)
    assert list(found.excludes(np.array([0.3, 0.32]))) == [True, False]


def test_lowest_eigenvalues_are_bounded_from_below():
    rng = np.random.default_rng(5)
    for n in (1, 2, 30, 120):
        for complex_part in (0, 1j):
            half = rng.normal(size=(n, n)) + complex_part * rng.normal(size=(n, n))
            block = (half + half.conj().T) / 2
            found, known = _lowest_of(block), np.linalg.eigvalsh(block)[0]
            assert known - 1e-9 < found < known
    for singular in (np.zeros((3, 3)), np.ones((4, 4))):
        assert -1e-12 < _lowest_of(singular) <= 0
    assert _lowest_of(np.full((2, 2), math.nan)) == -math.inf


def test_the_bound_of_an_integer_matrix_is_below_its_exact_eigenvalue():
    """Exactly: a matrix less a number below its eigenvalues has positive leading minors."""
    rng = np.random.default_rng(6)
    for _ in range(20):
        half = rng.integers(-9, 9, size=(4, 4))
        block = half + half.T
        level = Fraction(_lowest_of(block.astype(float)))
        rows = [[Fraction(int(x)) for x in row] for row in block]
        for n in range(4):
            rows[n][n] -= level
        for n in range(4):  # pivots of Gauss's algorithm
            assert rows[n][n] > 0
            for m in range(n + 1, 4):
                factor = rows[m][n] / rows[n][n]
                rows[m] = [a - factor * b for a, b in zip(rows[m], rows[n], strict=True)]
