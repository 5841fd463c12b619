import shutil
import subprocess
from types import ModuleType

import pytest
from matplotlib.figure import Figure

from impo.arguments import ArgumentError
from impo.cli import study
from impo.results.dataset import Dataset


def module(**content):
    made = ModuleType("runs.mine")
    vars(made).update({"COST": {"quick": "", "full": ""}, "compute": list, "draw": list, **content})
    return made


def test_studies_of_the_repository_have_a_form():
    for name, found in study.studies().items():
        assert found.__doc__.strip(), name
        assert set(found.COST) == {"quick", "full"}, name
        assert not name.startswith("_")


def test_a_benchmark_is_no_study():
    with pytest.raises(ArgumentError) as caught:
        study.study("bench_twa")
    message, _, listed = str(caught.value).partition("; the studies are: ")
    assert message.startswith("`bench_twa` is neither a study, which has `COST`")
    assert {"fig5", "nu", "bench_engine"} < set(listed.removesuffix(".").split(", "))
    assert "bench_twa" not in listed
    with pytest.raises(ArgumentError, match="Unknown study 'nothing'; the studies are: ") as caught:
        study.study("nothing")
    assert "bench_twa" not in str(caught.value)


def test_a_benchmark_is_known_by_its_main():
    for name in ("bench_twa", "bench_scan"):
        assert study.benchmark(name).__name__ == "main"
    for name in ("fig5", "bench_engine", "nothing"):
        assert study.benchmark(name) is None


def test_what_a_benchmark_prints_is_its_answer(capsys):
    def main():
        print("3 ns")
        print("4 ns")

    assert study.measured("mine", main) == "3 ns\n4 ns"
    assert capsys.readouterr().out == ""
    with pytest.raises(ArgumentError, match="`main` of mine raised ZeroDivisionError"):
        study.measured("mine", lambda: 1 / 0)


def test_benchmarks_are_listed_apart():
    studies, _, benchmarks = study.listing().partition("\n\nBenchmarks")
    named = [[line.split()[0] for line in part.splitlines()] for part in (studies, benchmarks)]
    assert {"fig5", "nu"} < set(named[0])
    assert named[1][1:] == ["bench_chain", "bench_engine", "bench_scan", "bench_twa", "truncation"]
    assert set(named[0]).isdisjoint(named[1])


def test_where_studies_come_from_is_said(monkeypatch):
    monkeypatch.setattr(study.parse, "modules_of", lambda package: [])
    for ask in (study.listing, lambda: study.study("fig5")):
        with pytest.raises(ArgumentError, match="no package `runs` here: the studies of the rep"):
            ask()


@pytest.mark.parametrize("content", [{"COST": "long"}, {"COST": {"quick": "1 s"}}, {"draw": None}])
def test_what_is_incomplete_is_no_study(monkeypatch, content):
    for made, good in ((module(), True), (module(**content), False)):
        monkeypatch.setattr(study, "_modules", lambda: {"mine": "runs.mine"})
        monkeypatch.setattr(study.parse, "imported", lambda name, made=made: made)
        assert list(study.studies()) == (["mine"] if good else [])


def test_errors_of_a_study_are_one_line():
    def divide(*arguments, **options):
        return 1 / 0

    def leave(*arguments, **options):
        raise SystemExit(0)

    for function, message in (
        (divide, "raised ZeroDivisionError: division by zero"),
        (leave, "raised SystemExit: 0"),
    ):
        with pytest.raises(ArgumentError, match=f"`compute` of runs.mine {message}"):
            study.computed(module(compute=function), quick=True)
        with pytest.raises(ArgumentError, match=f"`draw` of runs.mine {message}"):
            study.drawn(module(draw=function), Dataset({}))
    with pytest.raises(ArgumentError, match="must return a `Dataset`, not `int`"):
        study.computed(module(compute=lambda quick: 3), quick=True)
    with pytest.raises(ArgumentError, match="must return a `Figure`, not `list`"):
        study.drawn(module(draw=lambda data: []), Dataset({}))
    assert isinstance(study.drawn(module(draw=lambda data: Figure()), Dataset({})), Figure)


def test_points_are_kept_where_they_are_asked_for():
    assert study.keeps_points(module(compute=lambda quick, directory: None))
    assert not study.keeps_points(module(compute=lambda quick: None))


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git here")
def test_the_commit_of_data_is_told(tmp_path, monkeypatch):
    def git(*words):
        known = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *known, *words], check=True, capture_output=True, cwd=tmp_path)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert set(study.cost(None)) == {"memory_GB"}
    git("init")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mine.py").write_text("")
    git("add", ".")
    git("commit", "-m", "one")
    told = study.cost(study.computing_time() - 12.34)
    assert 12.3 <= told["cpu_seconds"] < 60
    assert len(told["commit"]) >= 7
    assert "+" not in told["commit"]
    (tmp_path / "notes").write_text("no code")
    assert study.cost(None)["commit"] == told["commit"]
    (tmp_path / "runs" / "mine.py").write_text("x = 1")
    assert study.cost(None)["commit"] == told["commit"] + "+"
