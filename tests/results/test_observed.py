import json

import numpy as np
import pytest

from impo import Exact, MeanField, evolve, load, steady_state
from impo.analysis.check import check
from impo.analysis.figures import figure
from impo.arguments import ArgumentError
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.results.failure import Failure
from impo.results.observed import known_observables, measured, starts
from models import gain_loss

CHAIN = gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7)
MIXED = LindbladModel(
    (Boson(1), Spin(0.5)),
    (Term(0.3, ("S+", 1, 0), ("B", 0, 0), plus_hc=True),),
    (Jump(1.0, "B", 0), Jump(0.5, "S+", 1)),
)


def test_a_dot_joins_neighbours_also_of_the_next_cell():
    assert starts(CHAIN, "Sz") == starts(CHAIN, "Sz.Sz.Sz") == [0, 1]
    assert starts(MIXED, "N") == starts(MIXED, "N.Sz.N") == [0]
    assert starts(MIXED, "Sz.N") == [1]
    assert starts(MIXED, "Sz.Sz") == []
    assert known_observables(CHAIN, "Sx,Sz.Sz") == ("Sx", "Sz.Sz")
    assert known_observables(CHAIN, []) == ()


@pytest.mark.parametrize("words", ["", "Sz.", "Sz..Sz", "Sz,N", "Sz Sz", [3], "Sz,Sz", 3, ["Sz.Q"]])
def test_other_names_are_refused_in_one_line(words):
    with pytest.raises(ArgumentError, match=r"^Argument `observe` must [^\n]*$"):
        known_observables(CHAIN, words)


def test_chains_that_an_open_cluster_lacks_are_missing():
    state = steady_state(CHAIN, Exact(gap=False)).observing(["Sz.Sz", "S+.S-", "Sz.Sz.Sz"])
    found = measured(state, "Sz.Sz")
    assert found.value[0] == pytest.approx(state.expect(("Sz", 0, 0), ("Sz", 1, 0)).value)
    assert np.isnan(found.value[1])
    told = json.loads(json.dumps(state.summary()["observed"], allow_nan=False))
    assert told["Sz.Sz"]["value"][1] is None
    assert told["Sz.Sz.Sz"] == {"value": None, "error": None}
    pair = state.expect(("S+", 0, 0), ("S-", 1, 0)).value
    assert complex(*told["S+.S-"]["value"][0]) == pytest.approx(pair)
    assert "S+.S-" in str(state)
    assert "Sz.Sz.Sz" not in state.readable()


def test_the_plane_goes_on_in_its_first_direction():
    plane = steady_state(gain_loss.square(0.5, 1.0, 0.4, 1.5, 0.7), MeanField(t_max=10))
    found = measured(plane, "Sz.Sz")
    assert found.value[1] == plane.expect(("Sz", 1, (0, 0)), ("Sz", 0, (1, 0))).value


def test_a_trajectory_is_observed_checked_drawn_and_kept(tmp_path):
    states = [np.array([1.0, 0]), np.array([0.6, 0.8j])]
    trajectory = evolve(CHAIN, Exact(gap=False), states, [0.0, 0.2, 0.5]).observing(["S+.S-"])
    found = trajectory.expect(("S+", 0, 0), ("S-", 1, 0))
    assert found.value.shape == found.error.shape == (3,)
    known = trajectory.readable()
    np.testing.assert_array_equal(known["S+.S-_imag"].values[:, 0], found.value.imag)
    assert known["S+.S-"].dims == ("time", "S+.S-_site")
    trajectory.save(tmp_path / "trajectory.h5")
    again = load(tmp_path / "trajectory.h5")
    assert again.observe == ("S+.S-",)
    assert again == trajectory
    assert check(tmp_path / "trajectory.h5").reproduced
    assert "S+.S-" in [ax.get_ylabel() for ax in figure(again).axes]


def test_a_failure_observes_nothing():
    failed = Failure(model=CHAIN, method=Exact(), message="no").observing(["Sz.Sz"])
    assert failed.summary()["observed"] == {"Sz.Sz": {"value": None, "error": None}}
    assert "Sz.Sz" not in failed.readable()
