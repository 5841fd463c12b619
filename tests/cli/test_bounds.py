"""`impo bounds`: observables in words, intervals as a table and as JSON."""

import json

import pytest

from impo import Boson, LindbladModel, Spin, Term, bounds
from impo.arguments import ArgumentError
from impo.cli import bounds as bounding
from impo.cli.main import main
from models.gain_loss import chain

WORDS = ["bounds", "models.gain_loss:chain", "S=1/2", "gain=1.5", "--sites", "5"]


def test_intervals_as_json(capsys):
    assert main([*WORDS, "--observable", "Sz", "--observable", "S+,S-", "--json"]) == 0
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), err) == (1, "")
    told = json.loads(out)
    assert told["sites"] == 5
    assert list(told["intervals"]) == [
        "Sz 0", "Sz 1", "Re S+S- 0-1", "Im S+S- 0-1", "Re S+S- 1-0'", "Im S+S- 1-0'",
    ]  # fmt: skip
    alone = bounds(chain(0.5, gain=1.5), "Sz", site=1, sites=5)
    assert told["intervals"]["Sz 1"] == {"lower": alone.lower, "upper": alone.upper}
    flow = bounds(
        chain(0.5, gain=1.5), Term(-0.5j, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True), sites=5
    )
    assert told["intervals"]["Im S+S- 0-1"]["lower"] == flow.lower


def test_intervals_as_a_table(capsys):
    assert main([*WORDS, "--observable", "Sz,Sz"]) == 0
    first, one, two, note = capsys.readouterr().out.splitlines()
    assert first == "models.gain_loss:chain(S=0.5, g=1.0, h=0.5, gain=1.5, loss=1.0)"
    assert one.split()[:2] == ["SzSz", "0-1"]
    assert two.split()[:2] == ["SzSz", "1-0'"]
    assert note == "Certified by a window of 5 sites of the infinite chain."


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--observable", "N"], "`--observable` must be one or two (joined by a comma) of Id, S+"),
        (["--observable", "Sz,Sz,Sz"], "must be one or two"),
        (["--observable", "Sz", "--tol", "-1"], "`tol` must be a positive finite number"),
        (["--observable", "Sz", "--sites", "1"], "terms are too long"),
        (["--observable", "Sz", "--sites", "60"], "use fewer sites"),
        ([], "--observable"),
    ],
)
def test_bad_input_is_one_line(capsys, more, line):
    assert main([*WORDS, *more]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert line in err


def test_operators_stand_on_the_sites_that_have_them():
    mixed = LindbladModel((Spin(0.5), Boson(2), Boson(2)))
    assert [name for name, _ in bounding._terms(mixed, "N")] == ["N 1", "N 2"]
    assert [name for name, _ in bounding._terms(mixed, "N,N")] == ["NN 1-2"]
    assert [name for name, _ in bounding._terms(mixed, "N,Sz")] == ["NSz 2-0'"]
    with pytest.raises(ArgumentError, match="neighbours"):
        bounding._terms(LindbladModel((Spin(0.5), Boson(2), Spin(1))), "N,N")
