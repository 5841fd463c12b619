"""The table of a scan finds the complete result of every point by its parameters."""

import shutil

import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.results.dataset import Dataset
from impo.results.store import StoreError, load
from impo.scans.grid import Axis, parameter_grid, tabulate
from impo.scans.scan import scan
from models import gain_loss
from tests.dense import Dense

AXES = [Axis(("S",), (0.5, 1)), Axis(("gain", "loss"), (0.1, 0.1 + 0.2, 0.7))]


def made(axes, directory, method=None, direction="forward"):
    models = [[gain_loss.dimer(**point) for point in line] for line in parameter_grid(axes)]
    points = scan(models, method or Dense(), directory, direction=direction)
    return tabulate(axes, points, direction)


@pytest.fixture
def table(tmp_path):
    """A table in a file, whose points lie in another directory."""
    (tmp_path / "tables").mkdir()
    made(AXES, tmp_path / "points").save(tmp_path / "tables" / "scan.h5")
    return tmp_path / "tables" / "scan.h5"


def test_a_point_by_its_parameters(table):
    data = load(table)
    for parameters in ({"loss": 0.3}, {"gain": 0.30000000000000004}, {"gain": 0.3, "loss": 0.3}):
        state = data.state(S=1, **parameters)
        assert state.model.parameters["S"] == 1
        assert state.model.parameters["loss"] == pytest.approx(0.3)
        np.testing.assert_array_equal(state.expect("Sz").value.real, data["Sz"][1, 1])
    assert data.state(S=1 / 2, gain=0.7).model.parameters["S"] == 0.5


def test_a_fresh_table_finds_its_points(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = made(AXES, "points")
    assert data.state(S=1, loss=0.7).model.parameters["loss"] == 0.7
    data.save("scan.h5")
    assert load("scan.h5") == data
    assert load("scan.h5").attributes["points"] == "points"


def test_table_and_points_can_be_moved_together(table, tmp_path):
    shutil.move(tmp_path / "points", tmp_path / "elsewhere" / "points")
    shutil.move(tmp_path / "tables", tmp_path / "elsewhere" / "tables")
    moved = tmp_path / "elsewhere" / "tables" / "scan.h5"
    assert load(moved).state(S=1, loss=0.7).model.parameters["loss"] == 0.7
    load(moved).save(tmp_path / "alone.h5")  # a copy knows the same points
    assert load(tmp_path / "alone.h5").attributes["points"] == "elsewhere/points"
    assert load(tmp_path / "alone.h5").state(S=1, loss=0.7) == load(moved).state(S=1, loss=0.7)


def test_a_point_of_both_directions(tmp_path, monkeypatch):
    monkeypatch.setattr(Dense, "warm_starts", True)
    data = made(AXES, tmp_path, direction="both")
    for row, way in enumerate(("forward", "backward")):
        state = data.state(S=1, gain=0.3, direction=way)
        assert state.file.name == data["file"][row, 1, 1]
    with pytest.raises(ArgumentError, match="`direction` must be one of forward, backward\\."):
        data.state(S=1, gain=0.3)
    with pytest.raises(ArgumentError, match="one of forward, backward, but is 'up'"):
        data.state(S=1, gain=0.3, direction="up")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"S": 1}, "`gain` is missing: a point has a value of every axis, S, gain = loss."),
        ({"S": 1, "g": 1}, "`g` is no parameter of an axis of the scan: S, gain = loss."),
        ({"S": 1, "loss": 0.33}, "the 3 values of its axis, 0.1 ... 0.7, but is 0.33; the nearest"),
        ({"S": 1, "loss": 0.33}, "the nearest is 0.3."),
        ({"S": 1, "loss": 0.3, "gain": 0.1}, "gain and loss must be equal: they are tied."),
        ({"S": "one", "loss": 0.3}, "`S` must be a finite real number, but is 'one'"),
        ({"S": 1, "loss": 0.3, "direction": "forward"}, "`direction` is no parameter of an axis"),
    ],
)
def test_what_is_no_point(table, parameters, message):
    with pytest.raises(ArgumentError) as raised:
        load(table).state(**parameters)
    assert message in str(raised.value)


def test_points_that_are_gone(table, tmp_path):
    data = load(table)
    (tmp_path / "points" / data["file"][1, 2]).unlink()
    with pytest.raises(StoreError, match="it is gone; put the directory points where it lay"):
        data.state(S=1, loss=0.7)
    assert data.state(S=1, loss=0.3).status == "converged"


def test_a_table_without_points(tmp_path):
    made(AXES, None).save(tmp_path / "scan.h5")  # as earlier versions wrote them all
    for data in (made(AXES, None), load(tmp_path / "scan.h5")):
        with pytest.raises(ArgumentError, match="does not know the files of its points"):
            data.state(S=1, loss=0.7)
    with pytest.raises(ArgumentError, match="Only the table of a scan has points"):
        Dataset({}).state(S=1)


def test_points_of_several_directories_are_not_told(tmp_path):
    models = [gain_loss.dimer(1, loss=loss) for loss in (0.1, 0.2)]
    found = [next(iter(scan([[m]], Dense(), tmp_path / str(n)))) for n, m in enumerate(models)]
    data = tabulate([Axis(("loss",), (0.1, 0.2))], [(n, one[1]) for n, one in enumerate(found)])
    assert "file" not in data
    assert "points" not in data.attributes
