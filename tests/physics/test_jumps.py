"""Jump operators on several sites and own operators: finite clusters against QuTiP."""

from functools import cache

import numpy as np
import pytest
import qutip

from impo import Exact, Status, evolve, steady_state, to_qutip
from impo.methods.exact import assembly
from tests import qutip_oracle
from tests.jump_models import FAR, NEIGHBOURS, OWN, species

CLUSTERS = {  # cells, periodic
    "correlated": [(3, False), (2, True)],
    "correlated, S = 1": [(2, False)],
    "nonreciprocal": [(2, True), (3, False)],
    "two-body": [(2, True)],
    "two-body, S = 1": [(2, False)],
    "conditional": [(5, True), (4, False)],
    "conditional, S = 1": [(3, True)],
    "general": [(2, True), (2, False)],
    "bosons": [(3, True), (3, False)],
    "own operators": [(2, True), (2, False)],
    "own operators, S = 1": [(2, True)],
    "own charged operators": [(4, True), (3, False)],
    "levels of charges 0, 2, 3": [(3, True), (2, False)],
    "levels of one charge": [(3, False), (3, True)],
    "two species": [(3, True)],
    "range 2": [(6, False), (5, True)],
    "range 3": [(6, False)],
    "range 2, S = 1": [(3, True)],
}
EVERY = [(name, *cluster) for name, clusters in CLUSTERS.items() for cluster in clusters]
MODELS = {**NEIGHBOURS, **FAR, **OWN, "two species": species()}


@pytest.mark.parametrize("few", [64, 0], ids=["one superoperator", "pairs of products"])
@pytest.mark.parametrize(("name", "cells", "periodic"), EVERY)
def test_steady_states_are_those_of_qutip(name, cells, periodic, few, monkeypatch):
    monkeypatch.setattr(assembly, "_FEW_STATES", few)
    model = MODELS[name]
    state = steady_state(model, Exact(cells=cells, periodic=periodic, gap=False, tol=1.0))
    rho = qutip_steady_state(name, cells, periodic)
    places = [(s, c) for c in range(cells) for s in range(len(model.sites))]
    np.testing.assert_allclose(state.density_matrix(places), rho, atol=1e-9)


@cache
def qutip_steady_state(name, cells, periodic):
    system = qutip_oracle.system(MODELS[name], cells, periodic)
    return qutip.steadystate(qutip.liouvillian(*system), method="direct").full()


@pytest.mark.parametrize(("name", "cells", "periodic"), EVERY[::3])
def test_evolutions_are_those_of_qutip(name, cells, periodic):
    model = MODELS[name]
    first = [np.diag(np.arange(1.0, site.dimension + 1)) + 0.2 for site in model.sites]
    times = [0.0, 0.3, 1.1]
    found = evolve(model, Exact(cells=cells, periodic=periodic), first, times)
    system = qutip_oracle.system(model, cells, periodic)
    start = [qutip.Qobj(rho / np.trace(rho)) for rho in first]
    options = {"atol": 1e-12, "rtol": 1e-11, "nsteps": 10**6}
    solved = qutip.mesolve(
        system[0], qutip.tensor(start * cells), times, c_ops=system[1], options=options
    )
    places = [(s, c) for c in range(cells) for s in range(len(model.sites))]
    for state, expected in zip(found.states, solved.states, strict=True):
        np.testing.assert_allclose(state.density_matrix(places), expected.full(), atol=1e-9)


@pytest.mark.parametrize(("name", "cells", "periodic"), EVERY)
def test_qutip_gets_the_same_operators(name, cells, periodic):
    ours, theirs = (
        maker(MODELS[name], cells, periodic) for maker in (to_qutip, qutip_oracle.system)
    )
    assert len(ours[1]) == len(theirs[1])
    for one, other in zip([ours[0], *ours[1]], [theirs[0], *theirs[1]], strict=True):
        np.testing.assert_allclose(one.full(), other.full(), atol=1e-13)


def test_a_result_says_that_it_is_converged():
    state = steady_state(MODELS["nonreciprocal"], Exact(cells=3, periodic=True))
    assert state.status == Status.CONVERGED
    assert state.residual < 1e-9
