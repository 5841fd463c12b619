"""Random clusters by `Exact` against the dense Liouvillian of QuTiP."""

import itertools
import math
from functools import cache

import numpy as np
import pytest
from scipy.linalg import eig

import tests.qutip_oracle as oracle
from impo import Exact
from impo.results.estimate import Status
from tests.fuzz.profiles import examples
from tests.random_clusters import random_cluster, scaled

EPS = np.finfo(float).eps
# Singular values below the first are zero to working precision; up to the second, double precision
# cannot decide: rates that span 1e12 are lost in the rounding of the largest.
NULL, DOUBTFUL = 8 * EPS, 1e-12


def agrees(model):
    """Assert that `Exact` and QuTiP solve a model alike; return what there was to compare.

    Where it is doubtful whether there is one steady state, any dimension in doubt is accepted, and
    a state only if its error bar says so or it solves the equations.
    """
    state = Exact(tol=1e-3).steady_state(model)  # also without dissipation
    matrix = oracle.liouvillian(model)
    dimension = math.isqrt(len(matrix))
    _, sizes, rows = np.linalg.svd(matrix)
    scale = sizes[0] or 1.0
    sizes = sizes / scale
    surely, perhaps = int(np.sum(sizes <= NULL)), int(np.sum(sizes <= DOUBTFUL))
    found = state.diagnostics["null_space_dimension"]
    assert max(surely, 1) <= found <= max(perhaps, 1), (surely, found, perhaps)
    assert (state.status is Status.FAILED) == (found > 1)
    if perhaps > 1:
        return "several" if surely == perhaps else "doubtful"
    places = [(site, 0) for site in range(len(model.sites))]
    rho = state.density_matrix(places)
    expected = rows[-1].conj().reshape(dimension, dimension, order="F")
    expected = expected / np.trace(expected)
    condition = 1 / sizes[-2] if len(sizes) > 1 else 1.0
    assert np.abs(rho - expected).max() < 100 * EPS * condition
    assert state.diagnostics["smallest_eigenvalue"] > -max(1e-12, state.uncertainty)
    assert np.abs(rho - expected).max() < 10 * state.uncertainty + 100 * EPS * condition
    values, left, right = eig(matrix, left=True, right=True)
    order = np.argsort(np.abs(values))[1:]
    if len(order):
        with np.errstate(divide="ignore"):
            conditions = 1 / np.abs(np.sum(left.conj() * right, axis=0))
        slow = order[np.argsort(-values[order].real)[:4]]
        allowed = 100 * EPS * scale * min(conditions[slow].max(), 1e8)
        assert abs(state.extras["gap"] + values[slow[0]].real) < allowed
    return "unique"


SEEDS = range(40)


@cache
def small(seed):
    """Return what there was to compare of a small cluster."""
    return agrees(random_cluster(np.random.default_rng([1, seed]), 12))


@pytest.mark.parametrize("seed", SEEDS)
def test_small_random_clusters_agree_with_qutip(seed):
    small(seed)


def test_the_random_clusters_are_of_all_kinds():
    """Some have one steady state, some several."""
    kinds = (small(seed) for seed in SEEDS)
    assert set(itertools.islice(kinds, 12)) >= {"unique", "several"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(examples(60)))
def test_random_clusters_agree_with_qutip(seed):
    states = 18 if seed % 3 else 27  # all eigenvectors of the Liouvillian: states**6 operations
    agrees(random_cluster(np.random.default_rng([2, seed]), states))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_the_unit_of_time_changes_no_verdict(seed):
    model = random_cluster(np.random.default_rng([3, seed]), 10)
    one = Exact(tol=1e-3).steady_state(model)
    for factor in (1e-3, 1e3):
        two = Exact(tol=1e-3).steady_state(scaled(model, factor))
        assert one.status is two.status
        assert one.diagnostics["null_space_dimension"] == two.diagnostics["null_space_dimension"]
        if one.density is not None:
            places = [(site, 0) for site in range(len(model.sites))]
            apart = np.abs(one.density_matrix(places) - two.density_matrix(places)).max()
            assert apart < 10 * (one.uncertainty + two.uncertainty)
            assert two.extras["gap"] == pytest.approx(factor * one.extras["gap"], rel=1e-6)
