"""Points: their names, warm starts, failures, and what lies beside them while they are computed."""

import json
import os
from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest

from impo import (
    ITEBD,
    TEBD,
    TWA,
    Boson,
    ClusterMeanField,
    Exact,
    HolsteinPrimakoff,
    Jump,
    LindbladModel,
    MeanField,
    Spin,
    Term,
)
from impo.analysis.figures import figure
from impo.arguments import ArgumentError
from impo.results.estimate import Status
from impo.results.failure import Failure
from impo.results.settings import settings_from
from impo.results.state import SteadyState
from impo.results.store import StoreError, load, save
from impo.results.summary import summary
from impo.scans import tasks as points
from impo.scans.grid import Axis, tabulate
from impo.scans.scan import scan
from impo.scans.tasks import (
    ATTEMPTS,
    Running,
    finished,
    point_name,
    remove_points,
    running,
    solve_chain,
)
from models import gain_loss
from tests import faulty
from tests.dense import Dense
from tests.faulty import Faulty, computed

LOSSES = (0.2, 0.4, 0.6, 0.8)


def models(gain=1.0, losses=LOSSES):
    return [gain_loss.dimer(0.5, gain=gain, loss=loss) for loss in losses]


@pytest.fixture
def log(tmp_path):
    return str(tmp_path / "log")


def starts(log):
    return [(loss, start) for _, loss, start in computed(log)]


FORWARD = [("0.2", "cold"), ("0.4", "0.2"), ("0.6", "0.4"), ("0.8", "0.6")]
BACKWARD = [("0.8", "cold"), ("0.6", "0.8"), ("0.4", "0.6"), ("0.2", "0.4")]


SETTINGS = [
    ITEBD(chi_max=20, k_max=4, weight=1.5, tol=0.5, t_max=50.0),
    TEBD(cells=12, chi_max=20, k_max=4, weight=1.5, tol=0.5, t_max=50.0),
    Exact(cells=(2, 1), k_max=3, tol=0.25), Exact(k_max="auto", tol=0.25),
    TWA(cells=4, trajectories=32, dt=0.0625, seed=7, max_time=64.0, tol=0.5, length_tol=0.25,
        scheme="hybrid"),
    HolsteinPrimakoff("+-"), MeanField(t_max=100.0), ClusterMeanField(sites=2, tol=0.5),
]  # fmt: skip


def equals(value):
    """Yield values of other types that are equal to a setting."""
    if isinstance(value, bool):
        yield np.bool_(value)
    elif isinstance(value, int):
        yield from (np.int64(value), np.uint8(value))
    elif isinstance(value, float):
        yield from (np.float64(value), np.float32(value), Fraction(value))
        if value.is_integer():
            yield int(value)
    elif isinstance(value, str):
        yield np.str_(value)
    elif isinstance(value, tuple):
        yield list(value)
        if isinstance(value[0], tuple):  # pairs of names
            yield [list(pair) for pair in value]
        else:
            yield tuple(map(np.int64, value))


@pytest.mark.parametrize("method", SETTINGS, ids=lambda method: type(method).__name__)
def test_a_point_has_one_name_whatever_the_type_of_its_settings(method):
    model = gain_loss.dimer(0.5)
    for field in fields(method):
        value = getattr(method, field.name)
        for other in equals(value):
            same = replace(method, **{field.name: other})
            assert same == method
            assert hash(same) == hash(method)
            assert point_name(model, same) == point_name(model, method), (field.name, type(other))
            assert settings_from(json.loads(json.dumps(same.to_json())), "") == same


def test_configurations_that_are_the_same_have_one_name():
    every = ("+-", ["+", "-"], ("+", "-"), [1, -1], (np.int64(1), np.int8(-1)))
    assert {HolsteinPrimakoff(one) for one in every} == {HolsteinPrimakoff("+-")}
    assert HolsteinPrimakoff([1, -1]).signs == (1, -1)


def test_a_point_has_one_name_whatever_the_type_of_the_numbers_of_its_model():
    def model(real, whole, label):
        sites = (Spin(real(0.5)), Boson(whole(3)))
        terms = (Term(real(0.25), ("S+", whole(0), whole(0)), ("B", whole(1), whole(1)),
                      plus_hc=True),)  # fmt: skip
        jumps = [Jump(real(1.5), "S-", whole(0)), Jump(real(0.5), "B", whole(1))]
        return LindbladModel(sites, terms, jumps, whole(1), label, {"g": real(0.25), "n": whole(3)})

    plain = model(float, int, "m")
    for real, whole in ((np.float32, np.int64), (np.float64, np.uint8), (Fraction, np.int8)):
        other = model(real, whole, np.str_("m"))
        assert other == plain
        assert other.to_json() == plain.to_json()
        assert point_name(other, Exact()) == point_name(plain, Exact())
    exact = Term(np.complex64(0.5 + 0.25j), ("S+", 0, 0), plus_hc=True)
    assert exact == Term(0.5 + 0.25j, ("S+", 0, 0), plus_hc=True)


@pytest.mark.parametrize(
    ("direction", "expected", "numbers"),
    [
        ("forward", FORWARD, [0, 1, 2, 3]),
        ("backward", BACKWARD, [3, 2, 1, 0]),
        ("both", FORWARD + BACKWARD, [0, 1, 2, 3, 7, 6, 5, 4]),
    ],
)
@pytest.mark.parametrize("keep", [True, False])
def test_directions(tmp_path, log, direction, expected, numbers, keep):
    directory = tmp_path / "points" if keep else None
    found = list(scan([models()], Faulty(log), directory, direction=direction))
    assert starts(log) == expected
    assert [number for number, _ in found] == numbers
    for number, state in found:
        assert state.model.parameters["loss"] == LOSSES[number % 4]
    data = tabulate([Axis(("loss",), LOSSES)], found, direction)
    if direction == "both":
        assert data.variables["Sz"].dims == ("direction", "loss", "spin_site")
        assert data["direction"].tolist() == ["forward", "backward"]
        assert len(figure(data).axes[0].lines) >= 4
        save(data, tmp_path / "scan.h5")
        assert load(tmp_path / "scan.h5")["direction"].tolist() == ["forward", "backward"]
    elif keep:  # what was reached on another way is another point
        assert len(os.listdir(directory)) == 4
        list(scan([models()], Faulty(log), directory, direction="both"))
        assert len(computed(log)) == 8


def test_the_way_to_a_point_is_part_of_its_name(tmp_path, log):
    longer = [0.1, *LOSSES]
    list(scan([models()], Faulty(log), tmp_path / "points"))
    list(scan([models(losses=[*LOSSES, 1.0])], Faulty(log), tmp_path / "points"))
    assert starts(log) == [*FORWARD, ("1.0", "0.8")]
    list(scan([models(losses=longer)], Faulty(log), tmp_path / "points"))
    assert len(computed(log)) == 5 + 5
    model, method = models()[0], Faulty(log)
    names = {point_name(model, method), point_name(model, method, "x.h5")}
    assert len(names | {point_name(model, replace(method, tol=1e-5))}) == 3


def test_only_warm_starts_have_a_direction(tmp_path, log, monkeypatch):
    monkeypatch.setattr(Faulty, "warm_starts", False)
    for direction in ("both", "backward"):
        with pytest.raises(ArgumentError, match="starts no point from another"):
            list(scan([models()], Faulty(log), direction=direction))
    with pytest.raises(ArgumentError, match="one of forward, backward, both"):
        list(scan([models()], Faulty(log), direction="up"))


def test_settings_may_vary(tmp_path, log):
    pairs = [[(model, Faulty(log, tol=tol)) for tol in (1e-6, 1e-12)] for model in models()[:2]]
    found = dict(scan(pairs, directory=tmp_path / "points"))
    assert [found[n].status for n in range(4)] == [Status.CONVERGED, Status.NOT_CONVERGED] * 2


@pytest.mark.parametrize("keep", [True, False])
def test_a_point_that_raises_is_recorded(tmp_path, log, keep):
    method = Faulty(log, raises=0.4, memory=0.6)
    directory = tmp_path / "points" if keep else None
    found = dict(scan([models()], method, directory))
    assert [str(found[n].status) for n in range(4)] == [
        "converged",
        "failed",
        "failed",
        "converged",
    ]
    assert found[1].message == "ValueError: no way"
    assert found[2].message == "MemoryError"
    assert 'raise ValueError("no' in found[1].diagnostics["traceback"]
    assert starts(log) == [("0.2", "cold"), ("0.4", "0.2"), ("0.6", "0.2"), ("0.8", "0.2")]
    data = tabulate([Axis(("loss",), LOSSES)], found.items())
    assert np.isnan(data["Sz"][:, 0]).tolist() == [False, True, True, False]
    assert data.unconverged_points() == [
        "loss=0.4: failed: ValueError: no way", "loss=0.6: failed: MemoryError",
    ]  # fmt: skip
    if keep:
        assert sorted(map(str, found)) == ["0", "1", "2", "3"]
        again = dict(scan([models()], method, directory))
        assert len(computed(log)) == 4
        assert [again[n].message for n in range(4)] == [found[n].message for n in range(4)]


def test_a_first_point_that_fails_leaves_the_next_cold(log):
    list(scan([models()], Faulty(log, raises=0.2)))
    assert starts(log)[:2] == [("0.2", "cold"), ("0.4", "cold")]


def test_failures_are_results_without_numbers(tmp_path, log):
    state = Failure(
        model=models()[0], method=Faulty(log), message="why", seconds=2.0,
        diagnostics={"traceback": "x"},
    )  # fmt: skip
    assert isinstance(state, SteadyState)
    state.save(tmp_path / "point.h5")
    again = load(tmp_path / "point.h5")
    assert type(again) is Failure
    assert summary(again) == summary(state)
    assert summary(state)["status"] == "failed"
    assert summary(state)["observables"] == {"Sz": None, "Sz_var": None}
    for nothing in (
        state.expect("Sz"), state.variance("Sz"), state.correlation("Sz", "Sz"),
        state.correlation_length("Sz", "Sz"), state.density_matrix([(0, 0)]),
        state.distribution([(0, 0)]), state.purity_density, state.residual,
        state.structure_factor("Sz", "Sz", 0.0),
    ):  # fmt: skip
        assert nothing is None


def test_shares_make_up_the_whole(tmp_path, log):
    chains = [models(gain) for gain in (1.0, 1.1, 1.2)]
    parts = [dict(scan(chains, Faulty(log), tmp_path / "p", part=(n, 2))) for n in (0, 1)]
    assert sorted(parts[0]) == [0, 1, 2, 3, 8, 9, 10, 11]
    assert sorted(parts[1]) == [4, 5, 6, 7]
    assert len(dict(scan(chains, Faulty(log), tmp_path / "p"))) == 12
    assert len(computed(log)) == 12
    for part, message in (
        ((2, 2), "less than the number"),
        ((-1, 2), "part"),
        ((0, 0), "part"),
    ):
        with pytest.raises(ArgumentError, match=message):
            list(scan(chains, Faulty(log), part=part))


def test_nothing_is_left_beside_a_finished_point(tmp_path, log, monkeypatch):
    seen = []
    plain = faulty.steady_state

    def look(model, method, start=None):
        seen.extend(name.split(".")[-1] for name in os.listdir(tmp_path / "points"))
        (found,) = running(tmp_path / "points", seen_run[0])
        assert found["attempt"] == 1
        return plain(model, method, start)

    seen_run = []
    enter = Running.__enter__
    monkeypatch.setattr(
        Running, "__enter__", lambda self: (seen_run.append(self._known["run"]), enter(self))[1]
    )
    monkeypatch.setattr(faulty, "steady_state", look)
    list(scan([models()[:1]], Faulty(log), tmp_path / "points"))
    assert seen == ["status"]
    assert [name[-3:] for name in os.listdir(tmp_path / "points")] == [".h5"]
    assert len(set(seen_run)) == 1


def test_attempts_are_those_of_one_run(tmp_path):
    path = tmp_path / "point.h5"
    for attempt in (1, 2, 3):
        lost = Running(path, "a", 7)
        assert lost.attempt == attempt
        lost.__enter__()  # and killed
        lost.report({"chi": 4})
    assert Running(path, "b", 7).attempt == 1
    (status,) = running(tmp_path, "a")
    assert status == {"run": "a", "number": 7, "attempt": 3, "chi": 4}
    with Running(path, "a", 7) as last:
        assert last.attempt == 4
    assert os.listdir(tmp_path) == []
    path.with_suffix(".status").write_text("{")
    assert Running(path, "a", 7).attempt == 1
    with pytest.raises(StoreError, match="Cannot write"):
        Running(tmp_path / "no" / "x.h5", "a", 0).__enter__()


def test_the_fourth_attempt_is_a_failure(tmp_path, log):
    (work,) = points.Task(((models()[0], Faulty(log)),), (0,), tmp_path, "run").paths
    for _ in range(ATTEMPTS):
        Running(work, "run", 0).__enter__()
    task = points.Task(((models()[0], Faulty(log)),), (0,), tmp_path, "run")
    ((_, state),) = solve_chain(task)
    assert state.message.startswith("The process that computed it was killed 3 times")
    assert finished(work) == state
    assert not os.path.exists(log)


def test_a_point_finished_meanwhile_is_not_replaced(tmp_path, log, monkeypatch):
    """Another scan in the same directory was faster."""
    plain = faulty.steady_state
    path = tmp_path / point_name(models()[0], Faulty(log))

    def overtaken(model, method, start=None):
        state = plain(model, method, start)
        state.save(path)
        overtaken.inode = path.stat().st_ino
        return state

    monkeypatch.setattr(faulty, "steady_state", overtaken)
    list(scan([models()[:1]], Faulty(log), tmp_path))
    assert path.stat().st_ino == overtaken.inode


def test_a_full_disk_stops_the_sweep(tmp_path, log, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    list(scan([models()[:1]], Faulty(log), tmp_path / "points"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left on device"):
            list(scan([models()], Faulty(log), tmp_path / "points"))
    assert len(os.listdir(tmp_path / "points")) == 1
    assert len(list(scan([models()], Faulty(log), tmp_path / "points"))) == 4
    assert starts(log) == [*FORWARD[:2], *FORWARD[1:]]


def test_what_the_killed_left_is_removed(tmp_path, log):
    list(scan([models()[:1]], Faulty(log), tmp_path / "points"))
    (name,) = os.listdir(tmp_path / "points")
    for ending in (points.PARTIAL, points.STATUS):
        (tmp_path / "points" / name).with_suffix(ending).touch()
    old, new = (tmp_path / "points" / f".{word}.tmp" for word in ("old", "new"))
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    list(scan([models()[:1]], Faulty(log), tmp_path / "points"))
    assert sorted(os.listdir(tmp_path / "points")) == sorted([".new.tmp", name])
    assert len(computed(log)) == 1


def test_only_what_a_scan_has_made_is_removed(tmp_path):
    place = tmp_path / "points"
    list(scan([[gain_loss.dimer(1)]], Dense(), place))
    (made,) = place.iterdir()
    for name in (f".{made.name}.0123abcd.tmp", f"{made.stem}.partial", f"{made.stem}.status"):
        (place / name).touch()
    remove_points(place)
    assert not place.exists()
    remove_points(place)  # nothing there


@pytest.mark.parametrize("name", ["notes.txt", "point.h5", "0123.h5", f"{'0' * 24}.h5.bak"])
def test_a_directory_with_something_else_stays(tmp_path, name):
    place = tmp_path / "points"
    list(scan([[gain_loss.dimer(1)]], Dense(), place))
    (place / name).write_text("mine")
    remove_points(place)
    assert os.listdir(place) == [name]


def test_no_link_is_followed(tmp_path):
    """Neither that of a directory nor that of a point."""
    place, other = tmp_path / "points", tmp_path / "other"
    other.mkdir()
    (other / f"{'0' * 24}.h5").write_text("mine")
    place.symlink_to(other)
    remove_points(place)
    assert os.listdir(other) == [f"{'0' * 24}.h5"]
    place.unlink()
    place.mkdir()
    (place / f"{'1' * 24}.h5").symlink_to(other / f"{'0' * 24}.h5")
    (place / f"{'2' * 24}.h5").mkdir()
    remove_points(place)
    assert sorted(os.listdir(place)) == [f"{'1' * 24}.h5", f"{'2' * 24}.h5"]
    assert os.listdir(other) == [f"{'0' * 24}.h5"]
