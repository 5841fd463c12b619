import json

import numpy as np
import pytest

from impo import Exact, load, steady_state
from impo.cli.main import main
from models import gain_loss

CLUSTER = ["--method", "exact", "--set", "cells=2", "gap=false"]
CHAIN = ["models.gain_loss:chain", "S=0.5", "h=0.4", "gain=1.5", "loss=0.7"]


def test_a_state_prints_and_keeps_what_is_observed(capsys, tmp_path):
    path = tmp_path / "state.h5"
    words = ["solve", *CHAIN, *CLUSTER, "--observe", "Sx,Sz.Sz", "--json", "-o", str(path)]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)["observed"]
    state = steady_state(gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7), Exact(cells=2, gap=False))
    pairs = [state.expect(("Sz", 0, 0), ("Sz", 1, 0)), state.expect(("Sz", 1, 0), ("Sz", 0, 1))]
    np.testing.assert_allclose(told["Sz.Sz"]["value"], [one.value for one in pairs], atol=1e-12)
    assert all(0 < error < 1e-9 for error in told["Sz.Sz"]["error"])
    assert len(told["Sx"]["value"]) == 2
    assert load(path).observe == ("Sx", "Sz.Sz")
    assert main(["check", str(path)]) == 0
    assert main(["plot", str(path)]) == 0
    assert path.with_suffix(".png").exists()


def test_a_scan_has_columns_of_what_is_observed(tmp_path):
    path = tmp_path / "scan.h5"
    words = [*CHAIN[:4], "--over", "loss=0.7:1.1:2", *CLUSTER, "--workers", "1"]
    assert main(["scan", *words, "--observe", "Sz.Sz,S+.S-", "-o", str(path)]) == 0
    data = load(path)
    first = steady_state(gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7), Exact(cells=2, gap=False))
    pair = first.expect(("S+", 1, 0), ("S-", 0, 1))
    assert data.variables["S+.S-_imag"].dims == ("loss", "S+.S-_site")
    assert data["S+.S-_imag"][0, 1] == pytest.approx(pair.value.imag, abs=1e-9)
    assert data["S+.S-_imag_error"][0, 1] == pytest.approx(pair.error, rel=1)
    assert abs(data["Sz.Sz"][1, 0] - data["Sz.Sz"][0, 0]) > 1e-3
    assert main(["plot", str(path)]) == 0


def test_an_evolution_prints_what_is_observed(capsys):
    words = [*CHAIN, "--method", "exact", "--times", "0:1:3", "--start", "up,down"]
    assert main(["evolve", *words, "--observe", "Sz.Sz", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["observed"]["Sz.Sz"]["value"][0] == [pytest.approx(-0.25), None]
    assert "Sz.Sz" not in told["observables"]
    assert main(["evolve", *words, "--observe", "Sz.Sz"]) == 0
    assert "Sz.Sz 0" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["solve", "scan", "evolve"])
def test_unknown_names_are_refused_before_anything_is_computed(command, capsys, tmp_path):
    more = {
        "scan": ["--over", "g=1:2:2", "-o", str(tmp_path / "scan.h5")],
        "evolve": ["--times", "0:1:3"],
    }
    words = [command, *CHAIN, *more.get(command, []), *CLUSTER, "--observe", "Sz.Q"]
    assert main(words) == 2
    assert "Option `--observe` must be names of operators" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
