"""`impo evolve`: times and starts in words, a trajectory as a table, as JSON and in a file."""

import json
import math

import numpy as np
import pytest

from impo import Exact, MeanField, evolve, load
from impo.arguments import ArgumentError
from impo.cli import evolve as evolving
from impo.cli.main import main
from impo.model import Boson, LindbladModel, Spin
from impo.operators.product_state import Coherent
from models.gain_loss import chain, dimer

MODEL = LindbladModel((Spin(1), Boson(3)))
DIMER = ["evolve", "models.gain_loss:dimer", "S=1", "gain=1.5"]


def test_times():
    assert evolving.times("0:10:51").tolist() == [n / 5 for n in range(51)]
    assert evolving.times("0,1,5").tolist() == [0, 1, 5]
    assert evolving.times("0.1:10:3:log").tolist() == [0.1, 1, 10]
    assert evolving.times("2").tolist() == [2]
    for bad in ("", "a", "0:1", "1:2:3:4", "nan", "0,,1"):
        with pytest.raises(ArgumentError, match="`--times` must be start:stop:count"):
            evolving.times(bad)
    for bad in ("-1:1:3", "1,0"):
        with pytest.raises(ArgumentError, match="`--times` must be non-negative and in rising"):
            evolving.times(bad)


def test_starts():
    assert evolving.start(None, MODEL) is None
    for word, theta, phi in (
        ("up", 0, 0), ("down", math.pi, 0), ("x", math.pi / 2, 0), ("0.3/-1.2", 0.3, -1.2),
        ("-y", math.pi / 2, -math.pi / 2),
    ):  # fmt: skip
        spin, boson = evolving.start(f"{word},2", MODEL)
        assert spin == Coherent(theta, phi)
        assert boson.tolist() == [0, 0, 1, 0]
    for bad, allowed in (
        ("up", "2 entries, one for each site"), ("up,0,0", "2 entries"), ("", "2 entries"),
        ("left,0", "up, down, x, -x, y, -y or theta/phi"), ("0.3,0", "theta/phi"),
        ("nan/0,0", "theta/phi"), ("1/2/3,0", "theta/phi"), ("up,4", "0, 1, ... 3 quanta"),
        ("up,-1", "quanta"), ("up,1.0", "quanta"), ("up,up", "quanta"),
    ):  # fmt: skip
        with pytest.raises(ArgumentError) as caught:
            evolving.start(bad, MODEL)
        assert allowed in str(caught.value)


def test_a_trajectory_as_json_and_in_a_file(tmp_path, capsys):
    path = tmp_path / "path.h5"
    words = [*DIMER, "--method", "exact", "--times", "0:2:5", "--start", "up,x", "--json"]
    assert main([*words, "-o", str(path)]) == 0
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), err) == (1, "")
    told = json.loads(out)
    assert told["times"] == [0, 0.5, 1, 1.5, 2]
    assert told["parameters"]["gain"] == 1.5
    assert told["status"] == "converged"
    start = [[1, 0, 0], [0.5, math.sqrt(0.5), 0.5]]
    expected = evolve(dimer(1, gain=1.5), Exact(), start, told["times"])
    np.testing.assert_allclose(told["observables"]["Sz"], expected.expect("Sz").value, atol=1e-12)
    spread = expected.variance("Sz").value
    np.testing.assert_allclose(told["observables"]["Sz_var"], spread, atol=1e-12)
    assert np.shape(told["errors"]["Sz"]) == (5, 2)
    stored = load(path)
    np.testing.assert_allclose(stored.expect("Sz").value, told["observables"]["Sz"])
    assert main(["check", str(path)]) == 0


def test_a_table_of_some_times(capsys):
    words = ["evolve", "models.gain_loss:chain", "S=2", "--method", "mf", "--start", "x,down"]
    assert main([*words, "--times", "0:4:41"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("converged: ")
    assert lines[2].split() == ["time", "Sz", "0", "Sz", "1", "Sz_var", "0", "Sz_var", "1"]
    assert [float(line.split()[0]) for line in lines[3:-1]][::4] == [0, 1, 2, 3, 4]
    assert lines[3].split()[2] == "-2.000000000(2)"
    last = evolve(chain(2), MeanField(), [[1, 0, 0], [0, 0, -1]], [0, 4]).expect("Sz").value[-1]
    assert lines[-2].split()[1].startswith(f"{last[0]:.6f}")
    assert lines[-1] == "17 of 41 times; all with --json or in a file."
    assert main([*words, "--times", "0,1"]) == 0
    assert "times;" not in capsys.readouterr().out


def test_a_stored_state_is_a_start(tmp_path, capsys):
    """The steady state at one loss, seen at another: at time zero it is what was stored."""
    model, path = DIMER[1:], str(tmp_path / "state.h5")
    assert main(["solve", *model, "loss=0.5", "--method", "exact", "-o", path, "--json"]) == 0
    begin = json.loads(capsys.readouterr().out)["observables"]["Sz"]
    words = [*DIMER, "loss=2", "--method", "exact", "--times", "0:30:2", "--start", path, "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)["observables"]["Sz"]
    np.testing.assert_allclose(found[0], begin, atol=1e-12)
    assert main(["solve", *model, "loss=2", "--method", "exact", "--json"]) == 0
    end = json.loads(capsys.readouterr().out)["observables"]["Sz"]
    np.testing.assert_allclose(found[1], end, atol=1e-3)
    assert np.abs(np.subtract(end, begin)).max() > 0.1


def test_a_trajectory_that_is_not_converged_is_stored_and_told(tmp_path, capsys):
    path = tmp_path / "path.h5"
    words = ["evolve", "models.gain_loss:chain", "S=20", "--method", "twa", "--set", "cells=1"]
    words += ["trajectories=32", "tol=1e-6", "--times", "0,0.5", "--start", "x,down"]
    assert main([*words, "-o", str(path)]) == 3
    assert "not_converged" in capsys.readouterr().out
    assert len(load(path)) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--method hpa --times 0:1:3",
            "Method `hpa` has no `evolve`; use one of `itebd`, `tebd`, `exact`",
        ),
        ("--method exact --times 1:0:3", "`--times` must be non-negative and in rising order"),
        ("--method exact --times 0:1:3", "`--start` must be given for this method: one for each"),
        ("--method exact --times 0:1:3 --start up", "`--start` must be 2 entries, one for each"),
        ("--method exact --times 0:1:3 --start no.h5", "no.h5: No such file"),
        ("--method exact", "required: --times"),
        ("--method itebd --times 0:1:3 --start x,up", "use ITEBD(charges=False)"),
        ("--method exact --times 0:1:3 --start up,up -o a.txt", "must end in .h5"),
    ],
)
def test_bad_input_is_one_line(capsys, words, message):
    assert main([*DIMER, *words.split()]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_a_trajectory_is_no_start(tmp_path, capsys):
    path = str(tmp_path / "path.h5")
    words = [*DIMER, "--method", "exact", "--times", "0,1", "--start"]
    assert main([*words, "up,up", "-o", path]) == 0
    assert main([*words, path]) == 2
    assert "must be the file of a steady state" in capsys.readouterr().err
