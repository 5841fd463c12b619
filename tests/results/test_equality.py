"""What counts as the same number, and that nan is none."""

from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import numpy as np
import pytest

from impo import Exact, steady_state
from impo.results.dataset import Dataset
from impo.results.equality import close, equal, largest, same
from impo.results.estimate import Estimate, Status
from impo.results.sampled import SampledFunction
from impo.results.state import SteadyState
from impo.results.store import load, save
from impo.results.trajectory import Trajectory
from impo.results.variable import Variable
from models.gain_loss import dimer

FILES = sorted((Path(__file__).parents[1] / "data").glob("schema*/*.h5"))
KEPT = [
    pytest.param(path, marks=[pytest.mark.slow] * (path.parent.stem in ("schema2", "schema3")))
    for path in FILES
]


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        (1.0, 1.0 + 1e-12, True), (1.0, 1.1, False), (np.nan, np.nan, True),
        (np.nan, 1.0, False), (1.0, np.nan, False), (np.inf, np.inf, True),
        (np.inf, -np.inf, False), (np.inf, 1.0, False), (1.0, np.inf, False),
        (1, 1.0, True), ("1", 1.0, False),
    ],
)  # fmt: skip
def test_numbers_that_are_alike(one, two, alike):
    """An infinite error bar is that in the file and that in the arrays."""
    for errors in (0.0, np.nan, np.inf):
        assert close([one], [two], errors) == alike


def test_error_bars_give_room():
    assert close(1.0, 1.0005, 0.1)
    assert not close(1.0, 1.0005, [0.01])
    assert not close([1.0, 2.0], 1.0)


def test_records_are_the_same_number_by_number():
    one = {"a": [1.0, None, "x"], "b": {"c": 2}}
    assert same({**one, "more": 1}, one)  # what is not asked for does not matter
    assert same({"a": [1.0 + 1e-6, None, "x"], "b": {"c": 2}}, one)
    for other in ({"a": [1.01, None, "x"], "b": {"c": 2}}, {"a": [1.0, None]}, None, [one]):
        assert not same(other, one)
    assert not same({"a": np.nan}, {"a": 1.0})


def test_the_largest_of_numbers_is_unknown_if_one_of_them_is():
    for values in ([1.0, np.nan], [np.nan, 1.0], [0.0, np.nan, 2.0]):
        assert np.isnan(largest(values))
    assert largest([0.5, 2.0]) == 2.0
    assert largest([]) == 0.0
    assert largest([-3.0], least=-np.inf) == -3.0


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        (np.nan, np.nan, True), (1, 1.0, True), (1.0, 1.0 + 1e-15, False), ("a", "a", True),
        (np.array(["a"]), np.array(["a"]), True), (np.array(["a"]), np.array(["b"]), False),
        ([1.0, np.nan], (1.0, np.nan), True), ({1: 2}, {"1": 2.0}, True), ({}, [], False),
        (None, 0.0, False), (None, None, True), (np.zeros(2), np.zeros(3), False),
        (np.zeros(2), None, False), (np.array([1j, np.nan]), np.array([1j, np.nan]), True),
    ],
)  # fmt: skip
def test_values_that_are_equal(one, two, alike):
    assert equal(one, two) == equal(two, one) == alike


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_results_are_equal_to_what_a_file_keeps_of_them(path, tmp_path):
    result, again = load(path), load(path)
    save(result, tmp_path / "again.h5")
    for other in (result, again, load(tmp_path / "again.h5")):
        assert result == other
        assert hash(result) == hash(other)
        assert {result: 1}[other] == 1
    assert result != load(FILES[0] if path != FILES[0] else FILES[1])
    assert result != 1


def parts(result):
    """Return a result and the states that it holds."""
    return [result, *getattr(result, "states", ())]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_results_do_not_change(path):
    for part in parts(load(path)):
        if not isinstance(part, Dataset):
            text = "label" if isinstance(part, SampledFunction) else "message"
            assert part != replace(part, **{text: getattr(part, text) + " "})
        for item in fields(part):
            value = getattr(part, item.name)
            with pytest.raises(FrozenInstanceError):
                setattr(part, item.name, value)
            if isinstance(value, np.ndarray):
                with pytest.raises(ValueError, match="read-only"):
                    value[...] = 0


def test_computing_time_is_no_part_of_a_result():
    one = steady_state(dimer(0.5, loss=0.4), Exact())
    two = replace(one, seconds=one.seconds + 1)
    assert one == two
    assert hash(one) == hash(two)
    assert one != replace(one, status=Status.FAILED)
    assert one != replace(one, uncertainty=2 * one.uncertainty)
    assert steady_state(dimer(0.5, loss=0.4), Exact()) == one != steady_state(dimer(0.5), Exact())


def test_estimates_and_variables_are_values():
    one = Estimate(np.array([1.0, np.nan]), np.array([0.1, 0.2]))
    assert one == Estimate([1.0, np.nan], [0.1, 0.2])
    assert one != Estimate([1.0, np.nan], [0.1, 0.3])
    assert one[0] == Estimate(1.0, 0.1) != 1.0
    assert len({one, Estimate([1.0, np.nan], [0.1, 0.2])}) == 1
    x = Variable(("x",), np.arange(3), "g")
    assert x == Variable(("x",), np.arange(3.0), "g") != Variable(("x",), np.arange(3.0))
    assert len({x, Variable(("x",), np.arange(3.0), "g")}) == 1
    assert Dataset({"x": x}) == Dataset({"x": x}) != Dataset({"x": x}, {"more": 1})


def test_asking_for_the_type_of_a_result_computes_nothing(monkeypatch):
    state = steady_state(dimer(0.5), Exact(gap=False))

    def computed(self):
        raise AssertionError("computed")

    monkeypatch.setattr(type(state), "purity_density", property(computed))
    assert isinstance(state, SteadyState)
    assert not isinstance(state, Trajectory)
    assert state == state
