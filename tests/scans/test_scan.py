import io
import json
import logging
import os
import time
from dataclasses import replace

import numpy as np
import pytest
from tqdm import tqdm

from impo import (
    ITEBD,
    TEBD,
    TWA,
    ClusterMeanField,
    Exact,
    HolsteinPrimakoff,
    MeanField,
    steady_state,
)
from impo.arguments import ArgumentError
from impo.model import Jump, LindbladModel, Spin, Term
from impo.results.estimate import Status
from impo.results.store import StoreError, load, save
from impo.scans import progress as bar
from impo.scans.grid import Axis, parameter_grid, tabulate
from impo.scans.scan import scan, serial
from impo.scans.tasks import Task, point_name
from models import gain_loss
from tests import dense as double
from tests.dense import Dense

LOSSES = (0.2, 0.7, 1.3)


@pytest.fixture
def solved(monkeypatch):
    """Record (loss, start) of every model that is computed."""
    record = []
    plain = double.steady_state

    def counted(model, method, start):
        record.append((model.parameters["loss"], start))
        return plain(model, method, start)

    monkeypatch.setattr(double, "steady_state", counted)
    return record


def chains(S=0.5):
    return [[gain_loss.dimer(S=S, gain=1.0, loss=loss) for loss in LOSSES]]


def test_grid_runs_along_the_last_axis():
    axes = [Axis(("S",), (0.5, 1.0)), Axis(("gain", "loss"), (0.1, 0.2, 0.3))]
    grid = parameter_grid(axes)
    assert [len(line) for line in grid] == [3, 3]
    assert grid[1][2] == {"S": 1.0, "gain": 0.3, "loss": 0.3}
    for bad in ([], [Axis(("S", "S"), (1.0,))], [axes[0], axes[0]]):
        with pytest.raises(ArgumentError, match="must be different"):
            parameter_grid(bad)


def test_points_are_those_of_single_calls(solved):
    results = dict(scan(chains(), Dense()))
    assert list(results) == [0, 1, 2]
    for number, loss in enumerate(LOSSES):
        alone = double.steady_state(gain_loss.dimer(S=0.5, gain=1.0, loss=loss), Dense(), None)
        np.testing.assert_array_equal(results[number].rho, alone.rho)
    assert all(start is None for _, start in solved)


def test_finished_points_are_not_computed_again(tmp_path, solved):
    first = dict(scan(chains(), Dense(), tmp_path))
    assert [loss for loss, _ in solved] == list(LOSSES)
    solved.clear()
    second = dict(scan(chains(), Dense(), tmp_path))
    assert solved == []
    for number in first:
        np.testing.assert_array_equal(first[number].rho, second[number].rho)
    list(scan(chains(), Dense(tol=1e-3), tmp_path))  # other settings are other points
    assert len(solved) == 3
    assert len(os.listdir(tmp_path)) == 6


@pytest.mark.parametrize(
    "method",
    [
        Exact(gap=False), TWA(cells=6, trajectories=64, max_time=5, tol=0.3),
        pytest.param(ITEBD(chi_max=4, tol=0.2), marks=pytest.mark.slow),
        TEBD(cells=2, chi_max=4, tol=0.2), HolsteinPrimakoff(), MeanField(),
        ClusterMeanField(2), Dense(),
    ],
    ids=lambda method: method.name,
)  # fmt: skip
def test_a_point_is_the_same_computed_or_read(tmp_path, method):
    """To the last digit; also one that failed: `Dense` treats no chain."""
    axes = [Axis(("gain",), (2.0,))]
    S = 8 if method.name == "twa" else 0.5
    models = [[gain_loss.chain(S, g=1.0, h=0.6, gain=2.0, loss=1.8)]]
    (computed, read) = (list(scan(models, method, tmp_path)) for _ in range(2))
    (state,), (again,) = (dict(found).values() for found in (computed, read))
    assert state == again
    assert state.file == again.file == next(tmp_path.glob("*.h5")).resolve()
    tables = [tabulate(axes, found).variables for found in (computed, read)]
    assert tables[0].keys() == tables[1].keys()
    for name, item in tables[0].items():
        np.testing.assert_array_equal(tables[1][name].values, item.values, name)


def test_goes_on_where_it_was_interrupted(tmp_path, monkeypatch, solved):
    running = scan(chains(), Dense(), tmp_path)
    next(running)
    next(running)
    running.close()
    assert len(os.listdir(tmp_path)) == 2
    solved.clear()
    assert len(list(scan(chains(), Dense(), tmp_path))) == 3
    assert [loss for loss, _ in solved] == [1.3]


def test_a_damaged_point_is_computed_again(tmp_path, solved, caplog):
    list(scan(chains(), Dense(), tmp_path))
    path = tmp_path / point_name(chains()[0][1], Dense())
    path.write_bytes(path.read_bytes()[:1000])
    solved.clear()
    with caplog.at_level(logging.WARNING):
        assert len(list(scan(chains(), Dense(), tmp_path))) == 3
    assert [loss for loss, _ in solved] == [0.7]
    assert "truncated. It is computed again." in caplog.text


def test_progress_without_a_terminal_is_lines(caplog):
    with caplog.at_level(logging.INFO):
        list(scan(chains(), Dense()))
    assert [line.split()[0] for line in caplog.messages] == ["1/3", "2/3", "3/3"]
    assert "loss=0.2" in caplog.messages[0]
    assert "converged" in caplog.messages[0]
    assert caplog.messages[-1].endswith(", about 00:00 left")


def test_the_time_left_counts_points_that_come_together(monkeypatch, caplog):
    """Eighty points by eight workers, ten seconds each: after eight of them 90 s are left."""
    now = [0.0]
    monkeypatch.setattr(bar, "clock", lambda: now[0])
    state = Dense().steady_state(chains()[0][0])
    task = Task(((state.model, state.method),) * 80, tuple(range(80)))
    with caplog.at_level(logging.INFO), bar.Bar([task]) as shown:
        now[0] = 10.0
        for number in range(8):
            shown.computed((number, state))
    assert caplog.messages[-1].endswith(", about 01:30 left")


def test_progress_on_a_terminal(tmp_path, monkeypatch):
    """A point under way tells its bond dimension and how far it is from the end."""
    screen = io.StringIO()

    class Terminal(tqdm):
        def __init__(self, **options):
            super().__init__(**{**options, "disable": False, "file": screen, "ncols": 200})

    plain = double.steady_state

    def slow(model, method, start):
        (path,) = tmp_path.glob("*.status")
        status = json.loads(path.read_text())
        path.write_text(json.dumps({**status, "chi": 17, "remaining": 2e-4}))
        time.sleep(0.2)
        return plain(model, method, start)

    monkeypatch.setattr(bar, "tqdm", Terminal)
    monkeypatch.setattr(bar, "REFRESH", 0.02)
    monkeypatch.setattr(double, "steady_state", slow)
    list(scan(chains(), Dense(accuracy=1e-3), tmp_path))
    assert "1 not converged; #1 preparing, chi 17, remaining 2e-04" in screen.getvalue()
    assert "3/3" in screen.getvalue()
    list(scan(chains(), Dense(accuracy=1e-3), tmp_path))  # all finished: nothing to watch


@pytest.mark.parametrize("keep", [False, True])
def test_warm_starts_along_a_chain(tmp_path, monkeypatch, solved, keep):
    monkeypatch.setattr(Dense, "warm_starts", True, raising=False)
    lines = [*chains(0.5), *chains(1)]
    list(scan(lines, Dense(), tmp_path if keep else None))
    starts = [start and start.model.parameters for _, start in solved]
    assert [start and (start["S"], start["loss"]) for start in starts] == [
        None, (0.5, 0.2), (0.5, 0.7), None, (1.0, 0.2), (1.0, 0.7),
    ]  # fmt: skip


def test_lines_of_which_no_point_starts_warm_are_split(tmp_path):
    """Also beside lines of another method that does: all cores can share them."""

    class Warm(Dense):
        warm_starts = True

    lines = [[(model, method) for model in chains()[0]] for method in (Dense(), Warm())]
    seen = []

    def executor(work, tasks):
        seen.extend(task.numbers for task in tasks)
        return ()

    assert list(scan(lines, None, tmp_path, executor)) == []
    assert seen == [(0,), (1,), (2,), (3, 4, 5)]


def test_an_executor_may_finish_in_any_order(tmp_path):
    def backwards(work, tasks):
        for task in reversed(tasks):
            yield from reversed(list(work(task)))

    axes = [Axis(("S",), (0.5, 1.0)), Axis(("loss",), LOSSES)]
    lines = [*chains(0.5), *chains(1)]
    orders = []
    for executor in (serial, backwards):
        points = list(scan(lines, Dense(), tmp_path / executor.__name__, executor))
        orders.append([number for number, _ in points])
        data = tabulate(axes, points)
        assert data["Sz"].shape == (2, 3, 2)
        for number, (i, j) in enumerate(np.ndindex(2, 3)):
            expected = dict(points)[number].expect("Sz").value.real
            np.testing.assert_array_equal(data["Sz"][i, j], expected)
    assert orders[0] == orders[1][::-1]


def test_table_of_a_scan(tmp_path):
    axes = [Axis(("gain", "loss"), LOSSES)]
    models = [[gain_loss.dimer(S=1, **point) for point in line] for line in parameter_grid(axes)]
    poor = Dense(accuracy=1e-3)
    points = dict(scan(models, Dense()))
    points[1] = next(iter(scan([models[0][1:2]], poor)))[1]
    data = tabulate(axes, points.items())
    assert data.variables["Sz"].dims == ("gain", "spin_site")
    assert data.variables["loss"].dims == ("gain",)
    assert data.attributes == {"axes": [["gain", "loss"]]}
    assert data["status"].tolist() == [
        Status.CONVERGED, Status.NOT_CONVERGED, Status.CONVERGED,
    ]  # fmt: skip
    np.testing.assert_array_equal(data["Sz_error"][:, 0], [1e-10, 1e-3, 1e-10])
    assert data.unconverged == 1
    save(data, tmp_path / "scan.h5")
    np.testing.assert_array_equal(load(tmp_path / "scan.h5")["Sz_var"], data["Sz_var"])


def test_a_map_knows_its_phases(monkeypatch):
    """Growth rates of the expansion in 1/S, where it treats the model; not of a small grid."""
    monkeypatch.setattr("impo.scans.grid.LONGEST_FAMILY", 1)
    axes = [Axis(("gain",), (0.5, 2.0)), Axis(("loss",), LOSSES)]
    models = [[gain_loss.dimer(S=1, **point) for point in line] for line in parameter_grid(axes)]
    data = tabulate(axes, scan(models, Dense()))
    assert data.variables["hpa_growth"].dims == ("gain", "loss", "configuration")
    antiparallel = data["hpa_growth"][..., list(data["configuration"]).index("+-")]
    products = np.outer((0.5, 2.0), LOSSES)
    np.testing.assert_array_equal(antiparallel < 0, products > 1)  # g = 1 (Eq. 3 with h = 0)
    tilted = [[replace(m, terms=(*m.terms, Term(0.1, ("Sx", 0, 0)))) for m in c] for c in models]
    assert "hpa_growth" not in tabulate(axes, scan(tilted, Dense()))
    monkeypatch.setattr("impo.scans.grid.LONGEST_FAMILY", 2)
    assert "hpa_growth" not in tabulate(axes, scan(models, Dense()))


def test_what_a_point_lacks_is_nan():
    points = list(scan(chains(), Dense()))
    points[2] = (points[2][0], replace(points[2][1], residual=None))
    data = tabulate([Axis(("loss",), LOSSES)], points)
    assert np.isnan(data["residual"]).tolist() == [False, False, True]


def test_a_length_that_a_point_lacks_has_a_reason():
    model = gain_loss.chain(S=0.5, gain=2.0, loss=1.8)
    states = [steady_state(model, method) for method in (HolsteinPrimakoff(), Exact(gap=False))]
    data = tabulate([Axis(("method",), ("hpa", "exact"))], enumerate(states))
    for name, pair in (("S+S-", ("S+", "S-")), ("SzSz", ("Sz", "Sz"))):
        lengths = [state.correlation_length(*pair) for state in states]
        assert lengths[1] is None
        told = [state.decay(*pair).reason for state in states]
        missing = [length is None for length in lengths]
        found = data[f"xi_{name}_reason"].tolist()
        assert found == [text if none else "" for text, none in zip(told, missing, strict=True)]
        assert "finite cluster" in found[1]
    assert np.isfinite(data["xi_S+S-"]).tolist() == [True, False]


def test_a_grid_with_gaps_is_no_table():
    points = list(scan(chains(), Dense()))
    for some in (points[:2], []):
        with pytest.raises(ArgumentError, match="all points of the grid, but some are missing"):
            tabulate([Axis(("loss",), LOSSES)], some)


def test_a_parameter_with_the_name_of_a_result():
    with pytest.raises(ArgumentError, match="`Sz` must not have the name of a result"):
        tabulate([Axis(("Sz",), LOSSES)], scan(chains(), Dense()))


def test_models_of_one_table_have_equal_cells():
    axes = [Axis(("h",), (0.0, 1.0))]
    one = LindbladModel((Spin(0.5),), jumps=(Jump(1.0, "S-", 0),))
    for pair in ([gain_loss.dimer(0.5), one], [one, gain_loss.dimer(0.5)]):
        with pytest.raises(ArgumentError, match="equal cells"):
            tabulate(axes, enumerate(double.steady_state(model, Dense(), None) for model in pair))


def test_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Cannot write to"):
        list(scan(chains(), Dense(), tmp_path / "file"))


def test_a_grid_has_a_largest_size():
    """Its points are counted, not made."""
    values = tuple(range(1000))
    axes = [Axis((name,), values) for name in ("a", "b", "c")]
    assert len(parameter_grid(axes[:1])[0]) == 1000
    for some, size in ((axes[:2], "1000 x 1000"), (axes, "1000 x 1000 x 1000")):
        with pytest.raises(ArgumentError, match=f"at most 100000 points, but has {size}"):
            parameter_grid(some)


def test_arguments_are_called_by_their_names(tmp_path):
    models = [[gain_loss.dimer(1)]]
    for options, message in (
        ({"interval": -1}, "`interval` must be a non-negative"),
        ({"part": (2, 2)}, "less than the number of shares, 2, but is 2"),
        ({"part": 3}, "`part` must be a pair"),
        ({"direction": "up"}, "`direction` must be one of"),
    ):
        with pytest.raises(ArgumentError, match=message):
            list(scan(models, Dense(), tmp_path / "points", **options))
