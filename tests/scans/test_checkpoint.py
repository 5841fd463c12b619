"""Unfinished computations go on to the same numbers, from nothing but their own checkpoint."""

import logging
import os
from dataclasses import replace

import numpy as np
import pytest

from impo import ITEBD, TEBD, TWA, load, steady_state
from impo.refinement.extrapolation import STATES
from impo.results.dataset import Dataset
from impo.results.store import StoreError, save
from impo.results.variable import Variable
from impo.scans import checkpoint
from impo.scans.checkpoint import Checkpoint, computation
from models import boundary, gain_loss
from tests.dense import Dense

MODEL = gain_loss.chain(1.5, 1.0, 0.5, gain=1.5, loss=1.0)
METHOD = ITEBD(chi_max=16, k_max=2, tol=0.02)


class StopHereError(Exception):
    """Stands for a kill."""


class Interrupted(Checkpoint):
    """A checkpoint that stops the computation right after `saves` of them."""

    def __init__(self, *arguments, saves):
        super().__init__(*arguments, interval=0.0)
        self.saves = saves

    def due(self):
        return True

    def save(self, arrays, attributes):
        super().save(arrays, attributes)
        self.saves -= 1
        if self.saves == 0:
            raise StopHereError


def same(a, b):
    """Whether two states are equal in everything but times."""
    arrays, attributes = a.to_arrays()
    others, more = b.to_arrays()
    assert {**attributes, "seconds": 0} == {**more, "seconds": 0}
    assert arrays.keys() == others.keys()
    for name, values in arrays.items():
        assert values.dtype == others[name].dtype
        assert values.tobytes() == others[name].tobytes(), name


def resumed(path, model, method, start, saves):
    """Return the state of a computation that is stopped after every `saves` checkpoints."""
    key = computation(model, method, start)
    for stops in range(1000):
        progress = Interrupted(path, key, saves=saves)
        try:
            return steady_state(model, method, start, progress), stops
        except StopHereError:
            assert path.exists()
    raise AssertionError("never ends")


@pytest.fixture(scope="module")
def undisturbed():
    return steady_state(MODEL, METHOD)


@pytest.mark.slow
@pytest.mark.parametrize("saves", [1, 2, 7])
def test_interrupted_after_every_few_blocks(tmp_path, undisturbed, saves):
    path = tmp_path / "point.partial"
    state, stops = resumed(path, MODEL, METHOD, None, saves)
    assert stops >= len(undisturbed.history) // saves  # every block, and every finished relaxation
    same(state, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("S", "method"),
    [
        (1.5, ITEBD(chi_max=30, tol=1e-3)),
        (0.5, ITEBD(chi_max=12, charges=False)),
        (3, ITEBD(chi_max=14, tol=0.03)),
    ],
)
def test_large_or_warm_or_without_charges(tmp_path, S, method):
    model = gain_loss.chain(S, 1.0, 0.5, gain=1.5, loss=1.0)
    start = steady_state(gain_loss.chain(S, 1.0, 0.5, gain=1.6, loss=1.0), method)
    for begin in (None, start):
        state, stops = resumed(tmp_path / "point.partial", model, method, begin, 4)
        assert stops >= 2
        same(state, steady_state(model, method, begin))
        (tmp_path / "point.partial").unlink()


@pytest.mark.slow
def test_a_finite_chain_goes_on_in_the_middle_of_an_extrapolation(tmp_path):
    model, method = boundary.chain(3, dephasing=0.7, bias=0.6), TEBD(chi_max=8, tol=0.05)
    undisturbed = steady_state(model, method)
    state, stops = resumed(tmp_path / "point.partial", model, method, None, 1)
    same(state, undisturbed)
    assert stops >= len(undisturbed.history) + 2 * STATES  # every block, at least every first state


def test_a_checkpoint_is_due_after_its_interval(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    progress = Checkpoint(tmp_path / "a", "key", interval=10)
    assert not progress.due()
    clock[0] = 10.0
    assert progress.due()
    progress.save({"x": np.arange(3)}, {"a": 1})
    assert not progress.due()
    plain = checkpoint.save

    def slow(*arguments):
        clock[0] += 2.0
        plain(*arguments)

    monkeypatch.setattr(checkpoint, "save", slow)
    progress.save({"x": np.arange(3)}, {"a": 1})
    clock[0] += 39.0  # writing may take a twentieth of the time
    assert not progress.due()
    clock[0] += 1.0
    assert progress.due()


def test_only_the_own_checkpoint_is_trusted(tmp_path, caplog):
    path = tmp_path / "point.partial"
    Checkpoint(path, "mine").save({"x": np.arange(3)}, {"a": [1, None]})
    arrays, attributes = Checkpoint(path, "mine").load()
    np.testing.assert_array_equal(arrays["x"], np.arange(3))
    assert attributes == {"a": [1, None]}
    with caplog.at_level(logging.WARNING):
        assert Checkpoint(path, "other").load() is None
        assert "another computation or code" in caplog.text
        path.write_bytes(path.read_bytes()[:-1])
        assert Checkpoint(path, "mine").load() is None
        assert "truncated. The computation starts anew." in caplog.text
        save(Dataset({"x": Variable((), np.array(1))}), path)
        assert Checkpoint(path, "mine").load() is None
    Checkpoint(path, "mine").remove()
    assert Checkpoint(path, "mine").load() is None
    assert os.listdir(tmp_path) == []


def test_what_distinguishes_computations(tmp_path, monkeypatch):
    start = steady_state(MODEL, METHOD)
    start.save(tmp_path / "start.h5")
    again = replace(load(tmp_path / "start.h5"), seconds=7.0)
    assert computation(MODEL, METHOD, start) == computation(MODEL, METHOD, again)
    other = replace(start, model=gain_loss.chain(1.5, 1.0, 0.5, gain=1.5, loss=1.1))
    keys = {
        computation(MODEL, METHOD, None),
        computation(MODEL, METHOD, start),
        computation(MODEL, METHOD, other),
        computation(other.model, METHOD, None),
        computation(MODEL, replace(METHOD, tol=0.03), None),
    }
    monkeypatch.setattr(checkpoint, "_code", lambda: "edited")
    keys.add(computation(MODEL, METHOD, None))
    assert len(keys) == 6


def test_a_damaged_checkpoint_starts_anew(tmp_path, undisturbed):
    path = tmp_path / "point.partial"
    path.write_bytes(b"noise")
    key = computation(MODEL, METHOD, None)
    same(steady_state(MODEL, METHOD, None, Checkpoint(path, key)), undisturbed)


def test_a_checkpoint_that_cannot_be_written_stops_nothing(
    tmp_path, undisturbed, monkeypatch, caplog
):
    def full(result, path):
        raise StoreError(f"Cannot write {path}: No space left on device.")

    monkeypatch.setattr(checkpoint, "save", full)
    progress = Checkpoint(tmp_path / "a.partial", computation(MODEL, METHOD, None), interval=0.0)
    same(steady_state(MODEL, METHOD, None, progress), undisturbed)
    assert "No space left on device. The computation goes on" in caplog.text


def test_entries_are_reported(tmp_path, undisturbed):
    told = []
    progress = Checkpoint(tmp_path / "a", computation(MODEL, METHOD, None), report=told.append)
    steady_state(MODEL, METHOD, None, progress)
    assert told[0] == {"stage": "preparing"}
    looks = [dict(entry) for entry in told if entry["stage"] == "relaxing"]
    assert all(entry.pop("stage") and entry.pop("time_limit") > 0 for entry in looks)
    assert looks == [dict(entry) for entry in undisturbed.history]


def test_methods_without_checkpoints_ignore_them(tmp_path):
    model = gain_loss.dimer(2, gain=1.0, loss=0.5)
    for method in (Dense(), TWA(cells=1, trajectories=64, max_time=20, periodic=False)):
        progress = Checkpoint(tmp_path / "a", computation(model, method, None), interval=0.0)
        steady_state(model, method, None, progress)
        assert not (tmp_path / "a").exists()
