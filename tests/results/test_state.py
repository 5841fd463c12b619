import json
from dataclasses import replace

import numpy as np
import pytest

from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.results import files, store
from impo.results.dataset import Dataset
from impo.results.estimate import Estimate, Status
from impo.results.settings import provenance, settings_from
from impo.results.state import SteadyState
from impo.results.summary import readable, summary
from impo.results.variable import Variable
from models import gain_loss
from tests.dense import Dense, DenseState, steady_state

MIXED = LindbladModel(
    (Boson(3), Spin(1)),
    (Term(0.3, ("S+", 1, 0), ("B", 0, 0), plus_hc=True),),
    (Jump(1.0, "B", 0), Jump(0.5, "S+", 1)),
)


def test_estimate_behaves_like_its_value():
    one = Estimate(1.5, 0.3)
    assert float(one) == 1.5
    assert complex(one) == 1.5
    assert str(one) == "1.5(3)"
    many = Estimate(np.array([1.0, 2.0]), np.array([0.1, 0.2]))
    assert [item.error for item in many] == [0.1, 0.2]
    assert len(many) == 2
    np.testing.assert_array_equal(np.asarray(many), [1, 2])
    assert str(many) == "[1.00(10), 2.0(2)]"


def test_summary_is_strict_json_with_null_for_what_is_missing():
    state = steady_state(gain_loss.dimer(S=1, gain=1.5, loss=1.0), Dense(accuracy=1e-9))
    odd = {
        "bad": np.array([np.inf, complex(0, np.nan), 1 + 2j]),
        "ragged": [[1], (2, np.int64(3))],
        "flag": np.True_,
        "site": Boson(3),
        "rates": {0: 0.5, 1: None},
    }
    state = replace(state, residual=float("nan"), diagnostics=odd)
    facts = json.loads(json.dumps(summary(state), allow_nan=False))
    assert facts["model"] == "models.gain_loss:dimer"
    assert facts["parameters"] == {"S": 1.0, "g": 1.0, "gain": 1.5, "loss": 1.0}
    assert facts["method"] == {"name": "dense", "accuracy": 1e-9, "tol": 1e-6}
    assert facts["residual"] is None
    assert facts["correlation_length"] == {"S+S-": None, "SzSz": None}
    assert facts["errors"]["Sz"] == [1e-9, 1e-9]
    assert facts["diagnostics"] == {
        "bad": [None, None, [1.0, 2.0]],
        "ragged": [[1], [2, 3]],
        "flag": True,
        "site": "Boson(cutoff=3)",
        "rates": {"0": 0.5, "1": None},
    }
    assert facts["purity"] == pytest.approx(state.extras["purity"])
    assert isinstance(state, SteadyState)


def test_summary_and_variables_of_spins_and_bosons():
    state = steady_state(MIXED, Dense())
    facts = summary(state)
    assert [len(facts["observables"][name]) for name in ("Sz", "Sz_var", "N", "N_var")] == [1] * 4
    variables = readable(state)
    assert variables["Sz"].dims == ("spin_site",)
    np.testing.assert_array_equal(variables["spin_site"].values, [1])
    np.testing.assert_array_equal(variables["boson_site"].values, [0])
    np.testing.assert_allclose(variables["N"].values, np.real(state.expect("N").value))
    assert variables["N_error"].values == 1e-10
    assert not any(name.startswith("xi") for name in variables)
    assert str(variables["status"].values) == "converged"


def test_verdicts_of_a_dataset():
    good, bad = Status.CONVERGED, Status.CHI_LIMITED
    data = Dataset(
        {
            "status": Variable(("x",), np.array([good, bad, bad])),
            "exact_status": Variable(("x",), np.array([good, bad, good])),
            "residual": Variable(("x",), np.ones(3)),
        }
    )
    assert data.unconverged == 3
    assert Dataset({}).unconverged == 0
    assert "status" in data
    assert data["residual"].sum() == 3


def test_kinds_are_found_by_name():
    state = steady_state(gain_loss.dimer(S=1), Dense())
    assert isinstance(store.rebuilt("dense", *state.to_arrays()), DenseState)
    with pytest.raises(files.UnreadableError, match="has no result `nothing`"):
        store.rebuilt("nothing", {}, {})


def test_settings_and_provenance():
    told = Dense(tol=1e-3).to_json()
    assert told == {"name": "dense", "accuracy": 1e-10, "tol": 1e-3}
    assert settings_from(told, "") == settings_from({"tol": 1e-3}, "dense") == Dense(tol=1e-3)
    unknown = settings_from({"name": "lost", "x": 1}, "")
    assert unknown.to_json() == {"name": "lost", "x": 1}
    assert {"python", "impo", "numpy", "physics-tenpy"} <= set(provenance())
