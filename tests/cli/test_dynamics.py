"""`impo two-time`, `spectral` and `quench`: functions of a stored state."""

import json

import numpy as np
import pytest

from impo import Exact, load, steady_state
from impo.cli.main import main
from impo.results.sampled import SampledFunction
from models.gain_loss import chain

TIMES = [0.0, 0.5, 1.0]
_LINES = {
    "two_time": "two-time state.h5 --pair S-,S+ --times 0:1:3 --sites 0,1",
    "response": "two-time state.h5 --pair S-,S+ --times 0:1:3 --response",
    "spectral_function": "spectral state.h5 --pair S-,S+ --k 0:3:8 --omega=-2:2:5",
    "susceptibility": "spectral state.h5 --pair Sz,Sz --k 1 --omega 0:2:3 --response",
    "local_quench": "quench state.h5 --operator S- --observe Sz --times 0:1:3 --site 1",
}
COMMANDS = {name: line.split() for name, line in _LINES.items()}


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = steady_state(chain(0.5, 1.0, 0.4, 1.5, 0.7), Exact(cells=2, periodic=True, gap=False))
    found.save("state.h5")
    return found


def test_every_command_prints_stores_and_draws(state, capsys):
    omega = np.linspace(-2, 2, 5)
    expected = {
        "two_time": state.two_time("S-", "S+", TIMES, (0, 1)),
        "response": state.response("S-", "S+", TIMES),
        "spectral_function": state.spectral_function("S-", "S+", np.linspace(0, 3, 8), omega),
        "susceptibility": state.susceptibility("Sz", "Sz", [1.0], [0.0, 1.0, 2.0]),
        "local_quench": state.local_quench("S-", TIMES, "Sz", 1),
    }
    for name, words in COMMANDS.items():
        file = f"{name}.h5"
        assert main([*words, "--json", "-o", file]) == 0
        told = json.loads(capsys.readouterr().out)
        stored = load(file)
        assert isinstance(stored, SampledFunction)
        assert stored == expected[name]
        assert stored.quantity == told["quantity"] == name
        assert list(stored.axes) == list(told["axes"]) == list(expected[name].axes)
        np.testing.assert_allclose(told["real"], np.real(stored.value))
        np.testing.assert_allclose(told["error"], stored.error)
        assert told["status"] == "converged"
        assert stored.label in main_output([*words], capsys)
        assert main(["plot", file]) == 0
        assert main(["check", file]) == 2
        assert "a function without its state" in capsys.readouterr().err
        shown = stored.to_xarray()
        np.testing.assert_allclose(shown["real"].values, np.real(stored.value))
    np.testing.assert_allclose(load("local_quench.h5").steady, state.expect("Sz").value)


def main_output(words, capsys):
    assert main(words) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["two-time", "state.h5", "--pair", "S-", "--times", "0:1:3"], "two names of operators"),
        (["two-time", "state.h5", "--pair", "S-,B", "--times", "0:1:3"], "Argument `op`"),
        ([*COMMANDS["two_time"], "--sites", "0,x"], "two sites of the unit cell"),
        ([*COMMANDS["two_time"], "--cells", "-1"], "`max_cells` must be"),
        ([*COMMANDS["response"], "--reverse"], "`--reverse` has no meaning"),
        ([*COMMANDS["local_quench"], "--operator", "B"], "`operator` must be one of"),
        ([*COMMANDS["local_quench"], "--site", "2"], "`site` must be below 2"),
        (["spectral", "two.h5", "--pair", "S-,S+", "--k", "0", "--omega", "0"], "steady state"),
        (["spectral", "open.h5", "--pair", "S-,S+", "--k", "0", "--omega", "0"], "does not give"),
    ],
)
def test_bad_input_is_one_line(state, words, message, capsys):
    state.two_time("S-", "S+", TIMES).save("two.h5")
    steady_state(state.model, Exact(cells=2, gap=False)).save("open.h5")
    assert main(words) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
