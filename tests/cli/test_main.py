import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from impo.cli.main import main
from impo.results.store import load
from models import gain_loss
from tests import dense as double
from tests.dense import Dense

ROOT = Path(__file__).parents[2]
DIMER = ["models.gain_loss:dimer", "gain=1.5", "loss=0.7", "--method", "dense"]
POOR = ["--set", "accuracy=1e-3"]

MINE = """
from impo import Jump, LindbladModel, Spin, Term
def number(): return 3
def leaves(code=0): raise SystemExit(code)
def silent(): raise BaseException
def boom(x=1): raise RuntimeError("no\\nway")
def frozen(J=1.0): return LindbladModel((Spin(0.5),), (Term(J, ("Sx", 0, 0)),))
def decay(rate=1.0): return LindbladModel((Spin(0.5),), (), (Jump(rate, "S-", 0),))
def hopping(J, gain=0.1):
    hop = Term(J, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True)
    return LindbladModel((Spin(0.5),) * 2, (hop,), (Jump(gain, "S+", 0), Jump(0.5, "S-", 1)))
def many(sites=1):
    return LindbladModel((Spin(1),) * sites, (), tuple(Jump(1, "S-", n) for n in range(sites)))
def matrix(): return LindbladModel((Spin(0.5),), (Term(1, ([[1, 0], [0, 1]], 0, 0)),))
def loud():
    print("noise")
    return decay()
"""

STUDY = '''
"""One curve of the dimer.

More about it.
"""
import numpy as np
from impo.analysis.plot import errorbar_curve
from impo.results.dataset import Dataset
from impo.results.variable import Variable
from matplotlib.figure import Figure

COST = {"quick": "1 s", "full": "2 s"}


def compute(quick):
    x = np.arange(2 if quick else 4)
    print("noise")
    status = np.array(["converged"] * (len(x) - 1) + [VERDICT])
    return Dataset({"x": Variable(("x",), x), "status": Variable(("x",), status)}, {"a": 1})


def draw(data):
    figure = Figure()
    errorbar_curve(figure.add_subplot(), data["x"], data["x"], None, data["status"] == "converged")
    return figure
'''


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, dense):
    """Work in an empty directory, in which a user's own model lies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("mine", "broken", "syntax", "exits"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "broken.py").write_text("import no_such_module")
    (tmp_path / "syntax.py").write_text("x = (")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(0)")
    return tmp_path


@pytest.fixture
def study(here, monkeypatch):
    """Put a package `runs` with studies into the current directory."""
    runs = here / "runs"
    runs.mkdir()
    (runs / "__init__.py").touch()
    (runs / "good.py").write_text(STUDY.replace("VERDICT", "'converged'"))
    (runs / "poor.py").write_text(STUDY.replace("VERDICT", "'chi_limited'"))
    (runs / "helper.py").write_text("x = 1")
    for name in [name for name in sys.modules if name.partition(".")[0] == "runs"]:
        monkeypatch.delitem(sys.modules, name)
    yield runs
    for name in [name for name in sys.modules if name.partition(".")[0] == "runs"]:
        del sys.modules[name]


def files():
    kept = {"mine.py", "broken.py", "syntax.py", "exits.py", "__pycache__", "runs"}
    return sorted(name for name in os.listdir() if name not in kept)


def test_solve_prints_one_json_object(capsys):
    assert main(["solve", *DIMER, "S=3/2", "--json"]) == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert len(out.splitlines()) == 1
    assert err == ""
    expected = double.steady_state(gain_loss.dimer(S=1.5, gain=1.5, loss=0.7), Dense())
    np.testing.assert_allclose(facts["observables"]["Sz"], expected.expect("Sz").value.real)
    assert facts["parameters"] == {"S": 1.5, "g": 1.0, "gain": 1.5, "loss": 0.7}
    assert facts["method"] == {"name": "dense", "accuracy": 1e-10, "tol": 1e-6}
    assert facts["status"] == "converged"
    assert facts["seconds"] > 0
    assert facts["correlation_length"] == {"S+S-": None, "SzSz": None}


def test_complex_parameters(capsys):
    """The phase of a hopping along an open chain changes nothing but itself."""
    found = {}
    for J in ("0.5", "0.3+0.4j", "(0.3-0.4j)", "0.5j"):
        assert main(["solve", "mine:hopping", f"J={J}", "--method", "exact", "--json"]) == 0
        found[J] = json.loads(capsys.readouterr().out)
        np.testing.assert_allclose(found[J]["observables"]["Sz"], found["0.5"]["observables"]["Sz"])
    assert found["0.3+0.4j"]["parameters"]["J"] == "(0.3+0.4j)"
    words = ["scan", "mine:hopping", "J=1+.5j", "--over", "gain=0.1:0.2:2", "--method", "exact"]
    assert main([*words, "--workers", "1", "-o", "scan.h5"]) == 0
    assert load("scan.h5").attributes["parameters"] == {"J": "(1+0.5j)"}
    assert main(["solve", "mine:hopping", "J=nan+1j", "--method", "exact"]) == 2
    assert "must be a finite complex number, but is (nan+1j)" in capsys.readouterr().err


def test_exact_adds_its_numbers(capsys):
    words = ["models.gain_loss:chain", "S=1/2", "--method", "exact", "--set", "cells=2", "tol=1e-8"]
    assert main(["solve", *words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["method"]["cells"] == 2
    assert facts["method"]["tol"] == 1e-8
    for name in ("gap", "purity", "impurity_per_dimension", "diagonal_participation"):
        assert facts[name] > 0


def test_noise_of_a_model_does_not_reach_the_answer(capsys):
    assert main(["solve", "mine:loud", "--method", "dense", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "mine:loud"


def test_solve_for_a_person(capsys):
    assert main(["solve", *DIMER, "S=1"]) == 0
    out = capsys.readouterr().out
    assert "converged: Dense null vector." in out
    assert "Sz_var" in out
    assert "xi SzSz    -" in out


def test_solve_stores_the_state_also_when_it_is_not_converged(capsys):
    assert main(["solve", *DIMER, "S=1", *POOR, "-o", "point.h5", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["status"] == "not_converged"
    state = load("point.h5")
    assert state.method == Dense(accuracy=1e-3)
    assert state.model == gain_loss.dimer(S=1, gain=1.5, loss=0.7)
    assert files() == ["point.h5"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("models.gain_loss:chain S=0.3", "Argument `S` must be a positive multiple of 1/2"),
        ("models.gain_loss:dimer S=x", "Argument `S` must be a positive multiple of 1/2"),
        ("models.gain_loss:dimer S=1 gain=-1", "`gain` must be a non-negative finite number"),
        ("models.gain_loss:dimer S=1 gain=nan", "`gain` must be a non-negative finite number"),
        (
            "models.gain_loss:dimer S=1 gian=1",
            "Unknown parameter `gian`: .* takes S, g, gain, loss",
        ),
        ("models.gain_loss:dimer", "Parameter `S` of .* is missing"),
        ("models.gain_loss:dimer S", "must be given as name=value"),
        ("models.gain_loss:dimer S=1 S=1", "given twice"),
        ("models.gain_loss:dimer S=1 loss=0 gain=0", "without dissipation"),
        ("models.gain_loss:dimer S=1 --set accuracy=0", "`accuracy` must be a positive"),
        ("models.gain_loss:dimer S=1 --set chi=1", "Unknown setting `chi`: `dense` takes accuracy"),
        ("models.gain_loss:dimer S=1 --set accuracy", "must be given as name=value"),
        ("models.gain_loss:dimer S=1 -o no/x.h5", "Cannot write no/x.h5"),
        ("models.gain_loss:dimer S=1 -o notes.txt", "must end in .h5, but is 'notes.txt'"),
        ("models.gain_loss:dimer S=1 -o here.h5", "is a directory"),
        ("models.gain_loss:dimer S=1 --what", "unknown arguments: --what"),
        ("models.gain_loss:square S=1", "Method `dense` cannot treat .* leaves the cell"),
        ("models.gain_loss:nothing S=1", "no function `nothing`; .* chain, dimer, square"),
        ("models.nothing:chain S=1", "no module `models.nothing`"),
        ("nothing:chain S=1", "no module `nothing`"),
        ("models.gain_loss S=1", "MODEL must be module:function"),
        ("mine:number", "`mine:number` must return a `LindbladModel`, but returned a `int`"),
        ("mine:boom", "`mine:boom` raised RuntimeError: no way"),
        ("mine:frozen", "without dissipation"),
        ("broken:f", "Importing `broken` raised ModuleNotFoundError"),
        ("syntax:f", "Importing `syntax` raised SyntaxError"),
        ("exits:f", "Importing `exits` raised SystemExit: 0"),
        ("mine:leaves", "`mine:leaves` raised SystemExit: 0"),
        ("mine:leaves code=3", "`mine:leaves` raised SystemExit: 3"),
        ("mine:silent", r"`mine:silent` raised BaseException\."),
        ("mine:hopping J=1+0.5", "must be a finite complex number, but is '1\\+0.5'"),
        ("mine:matrix", "the name of a local operator, such as 'Sz', and no matrix, but is "),
        ("mine:decay --method fancy", "`--method` must be one of"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, words, message):
    words = words.split()
    if "here.h5" in words:
        os.mkdir("here.h5")
    given = words if "--method" in words else [*words, "--method", "dense"]
    assert main(["solve", *given]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("impo: ")
    assert re.search(message, err), err
    assert files() == (["here.h5"] if "here.h5" in words else [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "required"),
        (["frob"], "invalid choice"),
        (["solve", "mine:decay"], "required: --method"),
        (["plot", "mine.py"], "mine.py: it is not an HDF5 file"),
        (["plot", "nothing.h5"], "nothing.h5: No such file"),
        (["plot", "nothing.h5", "x=1"], "unknown arguments: x=1"),
        (["plot", "."], "Cannot read .: Is a directory."),
        (["plot", "/"], "Cannot read /: Is a directory."),
        (["plot", ""], "Cannot read .: Is a directory."),
        (["check", "/dev/zero"], "Cannot read /dev/zero: it is no regular file."),
        (["check", "x" * 300], "File name too long."),
        (["run"], "name of a study, or --list"),
        (["run", "nothing"], "Unknown study 'nothing'"),
        (["scan", "mine:decay", "--method", "dense", "-o", "s.h5"], "required: --over"),
    ],
)
def test_bad_command_lines(capsys, words, message):
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("loss=0.1:1", "must be name=start:stop:count"),
        ("loss=0.1:1:0", "`count` must be a positive integer"),
        ("loss=-1:1:3", "`loss` must be a non-negative"),
        ("loos=0:1:3", "Unknown parameter `loos`"),
        ("gain=0:1:3", "given twice"),
        ("loss=0:1:1000000000", "A grid must have at most 100000 points, but has 1000000000."),
        (f"loss=0:1:{10**20}", "`count` must be a positive integer up to 2^53, but is 1000"),
        (f"loss=0:1:{10**15}", "A grid must have at most 100000 points, but has 1"),
        (f"loss=0:{'9' * 400}:3", "must be name=start:stop:count"),
        (f"loss=0:{'9' * 5000}:3", "must be name=start:stop:count"),
        ("loss=-1e308:1e308:3", "must be of ends whose difference is finite"),
    ],
)
def test_bad_grids_are_refused_before_anything_is_computed(capsys, over, message):
    words = ["models.gain_loss:dimer", "S=1", "gain=1", "--method", "dense", "-o", "s.h5"]
    assert main(["scan", *words, "--over", over]) == 2
    assert message in capsys.readouterr().err
    assert files() == []


def test_a_scan_that_changes_the_cell_is_refused(capsys):
    words = ["mine:many", "--over", "sites=1:2:2", "--method", "dense", "-o", "s.h5"]
    assert main(["scan", *words]) == 2
    assert "same number of sites in a cell, but sites change it" in capsys.readouterr().err


def test_scan_stores_a_table_and_resumes(capsys, monkeypatch):
    words = ["models.gain_loss:dimer", "S=1", "--over", "g=0.5:1:2", "--over", "gain,loss=0.5:2:3"]
    words += ["--workers", "1"]
    assert main(["scan", *words, "--method", "dense", "-o", "scan.h5"]) == 0
    assert "all results are converged" in capsys.readouterr().err
    data = load("scan.h5")
    assert data.variables["Sz"].dims == ("g", "gain", "spin_site")
    np.testing.assert_allclose(data["loss"], [0.5, 1.25, 2])
    assert data.attributes["parameters"] == {"S": 1}
    assert data.attributes["method"]["name"] == "dense"
    for i, j in np.ndindex(2, 3):
        model = gain_loss.dimer(1, data["g"][i], data["gain"][j], data["loss"][j])
        expected = double.steady_state(model, Dense()).expect("Sz").value.real
        np.testing.assert_allclose(data["Sz"][i, j], expected, atol=1e-13)  # threads of BLAS differ

    def refuse(*arguments):
        raise AssertionError("computed again")

    with monkeypatch.context() as patch:
        patch.setattr(double, "steady_state", refuse)
        assert main(["scan", *words, "--method", "dense", "-o", "scan.h5"]) == 0
    assert main(["scan", *words, "--method", "dense", *POOR, "-o", "scan.h5"]) == 3
    assert "6 of 6 results are not converged" in capsys.readouterr().err
    assert files() == ["scan.h5", "scan.points"]
    assert main(["plot", "scan.h5"]) == 0
    assert "scan.png" in files()
    capsys.readouterr()
    assert main(["plot", "scan.h5", "--with", "scan.h5"]) == 2
    assert "must be scans along the same single axis" in capsys.readouterr().err


SCAN = ["scan", "models.gain_loss:dimer", "S=1/2", "--workers", "1", "-o", "scan.h5"]


def test_scan_over_settings(capsys):
    over = ["--over", "loss=0.5:1:2", "--over", "accuracy=1e-8:1e-3:2", "--method", "dense"]
    assert main([*SCAN, *over]) == 3
    err = capsys.readouterr().err
    assert "loss=1.0, accuracy=0.001: not_converged: Dense null vector." in err
    assert "2 of 4 results are not converged" in err
    data = load("scan.h5")
    assert data.variables["status"].dims == ("loss", "accuracy")
    assert data["status"].tolist() == [["converged", "not_converged"]] * 2
    assert data.attributes["method"] == {"name": "dense", "tol": 1e-6}


def test_a_failed_point_is_named_and_the_rest_is_computed(capsys, here):
    (here / "picky.py").write_text(
        "from models.gain_loss import dimer\n"
        "from impo import Jump, LindbladModel, Spin, Term\n"
        "def model(cells=0): return LindbladModel((Spin(1),), (Term(1, ('Sz', 0, 0), "
        "('Sz', 0, cells)),) if cells else (), (Jump(1, 'S-', 0),))\n"
    )
    words = ["scan", "picky:model", "--over", "cells=0:2:3", "--method", "dense", "-o", "scan.h5"]
    assert main([*words, "--workers", "1"]) == 3
    err = capsys.readouterr().err
    assert "cells=1: failed: Refused: Method `dense` cannot treat" in err
    assert "cells=2: failed" in err
    data = load("scan.h5")
    assert data["status"].tolist() == ["converged", "failed", "failed"]
    assert np.isfinite(data["Sz"][:, 0]).tolist() == [True, False, False]


def test_hysteresis_of_a_scan(capsys):
    words = ["scan", "models.gain_loss:chain", "S=1/2", "--over", "gain=0.5:1:2", "-o", "scan.h5"]
    words += ["--method", "itebd", "--set", "chi_max=6", "tol=0.05", "--workers", "1"]
    assert main([*words, "--direction", "both"]) in (0, 3)
    data = load("scan.h5")
    assert data.variables["Sz"].dims == ("direction", "gain", "spin_site")
    assert data.attributes["direction"] == "both"
    assert len(os.listdir("scan.points")) == 4
    assert main(["plot", "scan.h5"]) == 0


def test_shares_of_a_scan(capsys):
    words = [*SCAN, "--over", "loss=0.5:1:3", "--method", "dense", "--tasks", "2"]
    assert main([*words, "--task-id", "1"]) == 0
    assert "share 1 of 2 is finished" in capsys.readouterr().err
    assert files() == ["scan.points"]
    assert len(os.listdir("scan.points")) == 1
    assert main([*words, "--task-id", "0"]) == 0
    assert files() == ["scan.h5", "scan.points"]
    assert load("scan.h5").unconverged == 0
    poor = [*words, *POOR, "--task-id", "0"]
    assert main(poor) == 3
    assert "loss=0.5): not_converged: Dense" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--task-id 1", "must be given together"),
        ("--task-id 2 --tasks 2", "less than the number of tasks, 2, but is 2"),
        ("--workers 0", "`--workers` must be a positive integer"),
        ("--scheduler-file no.json", "must be a file that `dask scheduler --scheduler-file` wrote"),
        ("--scheduler-file mine.py", "Argument `--scheduler-file` must be a file that `dask"),
        ("--workers 1000000", "Argument `--workers` must be at most"),
        ("--task-id -1 --tasks 2", "Argument `--task-id` must be a non-negative integer"),
        ("--task-id 0 --tasks 0", "Argument `--tasks` must be a positive integer"),
        ("--checkpoint nan", "Argument `--checkpoint` must be a non-negative"),
        ("--workers 1 --scheduler-file no.json", "not allowed with"),
        ("--direction up", "invalid choice"),
        ("--direction both", "the method starts no point from another"),
        ("--checkpoint -1", "`--checkpoint` must be a non-negative"),
        ("--over method.gain=1:2:2", "Unknown setting `gain`"),
        ("--over other.gain=1:2:2", "must be name=start:stop:count"),
    ],
)
def test_bad_scans(capsys, words, message):
    words = [*words.split(), "--over", "loss=0.5:1:3", "--method", "dense", "-o", "scan.h5"]
    assert main(["scan", "models.gain_loss:dimer", "S=1/2", *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert "scan.h5" not in files()


def test_an_interrupted_scan_says_so(capsys, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(double, "steady_state", interrupt)
    words = ["mine:decay", "--over", "rate=1:2:2", "--method", "dense", "--workers", "1"]
    assert main(["scan", *words, "-o", "scan.h5"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_plot_of_a_state(capsys):
    assert main(["solve", *DIMER, "S=1", "-o", "point.h5"]) == 0
    assert main(["plot", "point.h5", "-o", "picture.pdf"]) == 0
    assert main(["plot", "point.h5"]) == 0
    assert files() == ["picture.pdf", "point.h5", "point.png"]
    assert main(["plot", "point.h5", "-o", "picture.doc"]) == 2


def test_plot_of_a_spectrum(capsys):
    kept = ROOT / "tests" / "data" / "schema1"
    Path("chain.h5").write_bytes((kept / "itebd.h5").read_bytes())
    assert main(["plot", "chain.h5", "--spectrum"]) == 0
    assert files() == ["chain.h5", "chain.spectrum.png"]
    assert main(["plot", str(kept / "exact.h5"), "--spectrum", "-o", "no.png"]) == 2
    assert "Only a steady state by `itebd` has a transfer spectrum" in capsys.readouterr().err


def test_plot_of_a_trajectory(capsys):
    kept = ROOT / "tests" / "data" / "schema3" / "twa_trajectory.h5"
    assert main(["plot", str(kept), "-o", "picture.png"]) == 0
    assert main(["plot", str(kept), "-o", "picture.xyz"]) == 2
    assert "must be one of" in capsys.readouterr().err
    assert files() == ["picture.png"]


def test_a_file_that_cannot_be_drawn_is_named(capsys):
    """Its numbers are in place, but there is no room for them on an axis."""
    words = ["models.gain_loss:dimer", "S=1/2", "--over", "loss=1:2:2", "--method", "dense"]
    assert main(["scan", *words, "--workers", "1", "-o", "scan.h5"]) == 0
    data = load("scan.h5")
    data.attributes["axes"] = [["gain"]]
    data.save("scan.h5")
    capsys.readouterr()
    assert main(["plot", "scan.h5"]) == 2
    assert capsys.readouterr().err.startswith("impo: Cannot read scan.h5: it is malformed (")


def test_a_remark_of_a_method_is_no_error(capsys):
    """TWA warns of small spins; here all warnings are errors."""
    words = ["solve", "mine:decay", "--method", "twa", "--set", "cells=1", "trajectories=64"]
    assert main([*words, "max_time=1"]) == 3
    assert capsys.readouterr().err.startswith(
        "TWA is meant for large S, and this model has S = 0.5"
    )


def test_list_of_studies(capsys, study):
    assert main(["run", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["good", "poor"]
    assert lines[0].endswith("One curve of the dimer. (quick 1 s, full 2 s)")


def test_run_stores_data_and_figures(capsys, study):
    assert main(["run", "good"]) == 0
    assert sorted(os.listdir("results")) == ["good.h5", "good.pdf", "good.png"]
    data = load("results/good.h5")
    told = dict(data.attributes)
    assert 0 <= told.pop("cpu_seconds") < 60
    assert 0.05 < told.pop("memory_GB") < 100
    told.pop("commit", None)  # there is one if the directory lies in a repository
    assert told == {"a": 1, "study": "good", "quick": True}
    assert len(data["x"]) == 2
    (Path.cwd() / "here.full").mkdir()  # somebody's own: this study keeps no points
    assert main(["run", "good", "--full", "-o", "here.h5"]) == 0
    assert "here.full" in files()
    assert len(load("here.h5")["x"]) == 4
    assert {"here.h5", "here.png", "here.pdf"} <= set(files())
    out, err = capsys.readouterr()
    assert out == ""
    assert "wrote here.h5: all results are converged" in err


KEEPING = '''
"""Three points that are kept."""

from impo.results.dataset import Dataset
from impo.results.variable import Variable
from impo.methods import METHODS
from impo.scans.scan import scan
from matplotlib.figure import Figure
from models.gain_loss import dimer
import numpy as np

COST = {"quick": "1 s", "full": "2 s"}


def compute(quick, directory):
    models = [dimer(1, gain=gain) for gain in (0.5, 1.0, 1.5)]
    states = dict(scan([models], METHODS["dense"](), directory))
    values = np.array([states[n].expect("Sz").value.real for n in range(3)])
    return Dataset({"Sz": Variable(("point", "site"), values)})


def draw(data):
    return Figure()
'''


def test_an_interrupted_study_goes_on_with_the_points_that_it_has(capsys, study, monkeypatch):
    (study / "keeping.py").write_text(KEEPING)
    solve, solved = double.steady_state, []

    def interrupted(model, *arguments):
        if len(solved) == 2:
            raise KeyboardInterrupt
        solved.append(model.parameters["gain"])
        return solve(model, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(double, "steady_state", interrupted)
        assert main(["run", "keeping"]) == 130
        assert "interrupted" in capsys.readouterr().err
        assert os.listdir("results") == ["keeping.quick"]
        assert main(["run", "keeping", "--full"]) == 130  # the other form leaves it alone
        assert sorted(os.listdir("results")) == ["keeping.full", "keeping.quick"]
        os.rmdir("results/keeping.full")
        assert solved == [0.5, 1.0]

    def last(model, *arguments):
        solved.append(model.parameters["gain"])
        return solve(model, *arguments)

    monkeypatch.setattr(double, "steady_state", last)
    assert main(["run", "keeping"]) == 0
    assert solved == [0.5, 1.0, 1.5]
    assert sorted(os.listdir("results")) == ["keeping.h5", "keeping.pdf", "keeping.png"]
    once = load("results/keeping.h5")
    assert "cpu_seconds" not in once.attributes  # it has done only a part of the work
    assert main(["run", "keeping", "-o", "again.h5"]) == 0
    again = load("again.h5")
    np.testing.assert_array_equal(again["Sz"], once["Sz"])
    assert again.attributes["cpu_seconds"] > 0


def test_a_directory_with_anything_else_in_it_stays(capsys, study, here):
    (study / "keeping.py").write_text(KEEPING)
    place = here / "results" / "keeping.quick"
    place.mkdir(parents=True)
    (place / "notes.txt").write_text("mine")
    assert main(["run", "keeping"]) == 0
    assert os.listdir(place) == ["notes.txt"]
    (here / "elsewhere").mkdir()
    (place / "notes.txt").unlink()
    place.rmdir()
    place.symlink_to(here / "elsewhere")
    assert main(["run", "keeping"]) == 0
    assert place.is_symlink()
    assert len(os.listdir(here / "elsewhere")) == 3


def test_a_study_with_an_unconverged_point_is_stored_and_says_so(capsys, study):
    assert main(["run", "poor", "--quick"]) == 3
    assert "1 of 2 results are not converged" in capsys.readouterr().err
    assert sorted(os.listdir("results")) == ["poor.h5", "poor.pdf", "poor.png"]
    assert main(["plot", "results/poor.h5", "-o", "again.png"]) == 0
    assert "again.png" in files()


def test_a_broken_study_is_named(capsys, study):
    (study / "bad.py").write_text("import no_such_module")
    assert main(["run", "bad"]) == 2
    assert "Importing `runs.bad` raised ModuleNotFoundError" in capsys.readouterr().err
    assert main(["run", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("bad              Importing `runs.bad` raised ModuleNotFoundError")
    assert [line.split()[0] for line in lines[1:]] == ["good", "poor"]
    assert main(["run", "good"]) == 0
    assert main(["run", "helper"]) == 2


def test_a_study_is_found_in_a_package_inside_runs(study):
    (study / "benchmarks").mkdir()
    (study / "benchmarks" / "__init__.py").touch()
    (study / "benchmarks" / "timing.py").write_text(STUDY.replace("VERDICT", "'converged'"))
    (study / "benchmarks" / "_hidden.py").write_text(STUDY)
    assert main(["run", "timing"]) == 0
    assert main(["plot", "results/timing.h5", "-o", "again.png"]) == 0
    assert main(["run", "_hidden"]) == 2
    assert main(["run", "benchmarks"]) == 2


BENCHMARK = """
'''How long nothing takes.'''
def main():
    print("1 ns")
"""


def test_a_benchmark_is_run_by_its_name(capsys, study):
    (study / "bench_nothing.py").write_text(BENCHMARK)
    (study / "bench_bad.py").write_text(BENCHMARK + "    raise RuntimeError('no way')")
    assert main(["run", "bench_nothing"]) == 0
    assert capsys.readouterr() == ("1 ns\n", "measuring by bench_nothing\n")
    for option in (["--full"], ["--quick"], ["-o", "x.h5"]):
        assert main(["run", "bench_nothing", *option]) == 2
        assert "is a benchmark, which prints what it measures" in capsys.readouterr().err
    assert main(["run", "bench_bad"]) == 2
    assert "`main` of bench_bad raised RuntimeError: no way" in capsys.readouterr().err
    assert main(["run", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line] == [
        "good", "poor", "Benchmarks,", "bench_bad", "bench_nothing",
    ]  # fmt: skip
    assert lines[-1].split(maxsplit=1)[1] == "How long nothing takes."


def test_check_says_what_cannot_be_recomputed(capsys, study):
    assert main(["run", "good", "-o", "study.h5"]) == 0
    over = ["--over", "loss=0.5,1", "--method", "dense", "--workers", "1", "-o", "scan.h5"]
    assert main(["scan", "models.gain_loss:dimer", "S=1/2", *over]) == 0
    methods = ["--methods", "dense,exact", "-o", "both.h5"]
    assert main(["compare", "models.gain_loss:dimer", "S=1/2", *methods]) in (0, 3)
    for path, told in (
        ("study.h5", "study.h5 holds the numbers of a study, not the states that they come from"),
        ("study.h5", "; `impo run good --quick` computes them anew."),
        ("scan.h5", "scan.h5 holds the numbers of a scan, not the states"),
        ("scan.h5", "; check the states in NAME.points."),
        ("both.h5", "; check a state that `impo solve -o` stored."),
    ):
        capsys.readouterr()
        assert main(["check", path]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert told in err


def test_a_logarithmic_grid_in_a_scan(capsys):
    words = [
        "--over",
        "gain,loss=0.01:1:3:log",
        "--over",
        "accuracy=1e-10,1e-9",
        "--method",
        "dense",
    ]
    assert main([*SCAN, *words]) in (0, 3)
    data = load("scan.h5")
    assert data["gain"].tolist() == data["loss"].tolist() == [0.01, 0.1, 1]
    assert data["accuracy"].tolist() == [1e-10, 1e-9]
    assert data.variables["Sz"].dims == ("gain", "accuracy", "spin_site")


def test_the_command_in_a_process_of_its_own(here):
    script = textwrap.dedent("""
        import sys
        from impo.methods import api as steady
        from tests.dense import Dense
        steady.METHODS["dense"] = Dense
        from impo.cli.main import main
        sys.exit(main())
    """)

    def command(*words):
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", script, *words],
            capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    done = command("solve", "mine:decay", "rate=1/2", "--method", "dense", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["parameters"] == {"rate": 0.5}
    done = command("solve", "mine:decay", "rate=-1", "--method", "dense")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
