"""No method of the mean-field family calls one of many steady states the steady state."""

import numpy as np
import pytest

from impo import TWA, ClusterMeanField, MeanField, steady_state
from impo.model import Jump, LindbladModel, Spin, Term
from tests.hidden_laws import models

H = Spin(0.5)
EXCHANGE = Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
DARK = LindbladModel(
    (H,) * 3,
    (
        Term(1, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
        Term(1, ("S+", 2, 0), ("S-", 1, 0), plus_hc=True),
    ),
    (Jump(1, "S-", 1),),
)
MANY = {
    "dephasing": LindbladModel((H,), (EXCHANGE,), (Jump(1, "Sz", 0),)),
    "noise along x": LindbladModel((H,), (Term(0.7, ("Sx", 0, 0)),), (Jump(1, "Sx", 0),)),
    "noise along y": LindbladModel((H,), (), (Jump(1, "Sy", 0),)),
    "xxz and noise along x": LindbladModel(
        (H,), (Term(0.5, ("Sx", 0, 0), ("Sx", 0, 1)),), (Jump(1, "Sx", 0),)
    ),
    "closed beside damped": LindbladModel(
        (H, H), (Term(0.3, ("Sx", 0, 0)), Term(0.2, ("Sx", 1, 0))), (Jump(1, "S-", 0),)
    ),
    "dark singlet": DARK,
}


@pytest.mark.parametrize("unit", [1, 1e-3, 1e3])
@pytest.mark.parametrize("name", MANY)
def test_many_steady_states_are_not_converged(name, unit):
    model = MANY[name]
    model = LindbladModel(
        model.sites,
        [Term(unit * t.coefficient, *t.factors, plus_hc=t.plus_hc) for t in model.terms],
        [Jump(unit * j.rate, j.op, j.site) for j in model.jumps],
    )
    for method in (MeanField(t_max=300), ClusterMeanField(len(model.sites))):
        state = steady_state(model, method)
        assert state.status in ("not_converged", "failed")
        assert not state.diagnostics["solutions"][0]["stable"]
        assert np.all(np.isnan(state.expect("Sz").error))
        assert "\n" not in state.message


@pytest.mark.slow
def test_hidden_laws_are_seen_by_mean_field_and_clusters():
    for model in models(1, 8, 0.5):
        state = steady_state(model, MeanField(t_max=100))
        assert state.status != "converged", model
        state = steady_state(model, ClusterMeanField(len(model.sites)))
        assert state.status != "converged", model


def test_hidden_laws_are_seen_by_twa():
    for model in models(2, 9, 4.0):
        state = steady_state(model, TWA(cells=4, trajectories=32, tol=0.5, dt=0.02))
        assert state.status == "failed", model
        assert "not unique" in state.message


def test_a_third_start_tells_what_the_first_two_share(monkeypatch):
    """Sum of Sy conserved: zero on average in the random start, and along x."""
    monkeypatch.setattr("impo.methods.twa.solve.conserved_quantity", lambda *_: None)
    model = LindbladModel(
        (Spin(4),),
        (Term(0.2, ("Sz", 0, 0), ("Sz", 0, 1)), Term(0.2, ("Sx", 0, 0), ("Sx", 0, 1))),
        (Jump(0.1, "Sy", 0),),
    )
    state = steady_state(model, TWA(cells=40, trajectories=32, tol=0.05, max_time=400))
    assert state.status == "not_converged"
    assert "third start" in state.message
    assert state.expect("Sy").error[0] > 0.5


@pytest.mark.slow
def test_a_unique_steady_state_is_converged():
    """The same couplings and fields in turned frames, but damped: one steady state."""
    for model in models(1, 6, 0.5):
        jumps = [Jump(0.7, op, j) for j in range(len(model.sites)) for op in ("S-", "Sx")]
        damped = LindbladModel(model.sites, model.terms, jumps)
        state = steady_state(damped, ClusterMeanField(len(model.sites)))
        assert state.status == "converged", state.message
        assert steady_state(damped, MeanField()).status == "converged"
