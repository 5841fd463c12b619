"""What the longer studies share: their points, and what is drawn of them."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from impo import ITEBD, TWA, Exact, HolsteinPrimakoff, steady_state
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.failure import Failure
from impo.results.variable import Variable
from models.gain_loss import chain
from runs import _tasks, fig7c, nu

LOSSES = (0.5, 2.0)
MODELS = [chain(10, 1.0, 0.5, 1.5, loss) for loss in LOSSES]
SHORT = TWA(cells=4, trajectories=32, tol=1e-9, max_time=100)


def test_restoration_time_interpolates_the_first_crossing():
    times = np.array([0.0, 1.0, 2.0, 3.0])
    curves = np.array([[1.0, 0.6, 0.2, 0.9], [1.0, 0.9, 0.8, 0.7]])
    found = fig7c.restoration_time(times, curves, 0.5)
    assert found[0] == pytest.approx(1.25)
    assert np.isnan(found[1])


def test_exponent_of_a_power_law_and_of_scattered_points():
    distance = np.geomspace(0.01, 0.3, 8)
    length = 0.3 * distance**-0.5
    value, error = nu.exponent(distance, length, 0.01 * length)
    assert value == pytest.approx(0.5)
    scattered = length * np.exp(0.3 * np.cos(np.arange(8)))
    assert nu.exponent(distance, scattered, 0.01 * length)[1] > 5 * error
    assert np.isnan(nu.exponent(distance[:2], length[:2], length[:2])[0])


def test_what_is_measured_is_scaled_by_the_spin():
    state = steady_state(MODELS[1], SHORT)
    row = _tasks.measured(state)
    np.testing.assert_allclose(row["Sz"], state.expect("Sz").value / 10)
    np.testing.assert_allclose(row["Sz_var_error"], state.variance("Sz").error / 100)
    np.testing.assert_allclose(row["transverse"], np.abs(state.expect("S+").value) / 10)
    assert row["xi"].shape == row["xi_error"].shape == ()
    assert row["time"] > 0
    assert row["residual"] == state.residual
    assert row["status"] == Status.NOT_CONVERGED  # no run meets this tol, though both starts agree
    assert state.diagnostics["starts_agree"]
    assert row["message"] == state.message


@pytest.mark.parametrize("method", [Exact(cells=1), HolsteinPrimakoff(), ITEBD(tol=1e-1)])
def test_what_another_method_does_not_know_is_nan(method):
    row = _tasks.measured(steady_state(chain(1, 1.0, 0.5, 1.7, 1.5), method))
    assert np.all(np.isfinite([row["Sz"], row["Sz_error"], row["Sz_var"], row["transverse"]]))
    assert np.isfinite(row["xi"]) == (method.name != "exact")
    assert row["status"] == Status.CONVERGED


def test_a_failed_point_has_no_numbers_but_a_verdict():
    row = _tasks.measured(Failure(model=MODELS[0], method=SHORT, message="out of memory"))
    assert np.isnan(row["Sz"]).all()
    assert row["Sz"].shape == (2,)
    assert np.isnan(row["xi"])
    assert (row["status"], row["message"]) == (Status.FAILED, "out of memory")


@pytest.mark.slow
def test_rows_come_in_the_order_of_the_chains_and_are_kept(tmp_path):
    lines = [MODELS, [chain(1, 1.0, 0.5, 1.7, 1.5)], MODELS[:1]]
    methods = [HolsteinPrimakoff(), Exact(cells=1), SHORT]
    found = _tasks.rows(lines, methods, tmp_path)
    assert [len(table) for table in found] == [2, 1, 1]
    for table, line, method in zip(found, lines, methods, strict=True):
        for row, model in zip(table, line, strict=True):
            expected = _tasks.measured(steady_state(model, method))
            assert expected["status"] == row["status"]
            for name in ("Sz", "Sz_error", "Sz_var", "xi"):
                np.testing.assert_allclose(row[name], expected[name], rtol=1e-12)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(files) == 4
    np.testing.assert_equal(_tasks.rows(lines, methods, tmp_path), found)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files


def test_what_needs_much_memory_is_solved_alone_and_last(tmp_path, monkeypatch):
    seen = []

    def recorded(pairs, method, directory, executor):
        seen.append([[model.parameters["S"] for model, _ in line] for line in pairs])
        return enumerate(
            Failure(model=model, method=method, message="")
            for line in pairs
            for model, method in line
        )

    monkeypatch.setattr(_tasks, "scan", recorded)
    monkeypatch.setattr(_tasks, "embedded", lambda workers: seen.append(workers))
    spins = [(16, 16), (4,), (8,), (1000,)]
    lines = [[chain(S) for S in line] for line in spins]
    found = _tasks.rows(lines, [ITEBD()] * 3 + [HolsteinPrimakoff()], tmp_path)
    assert seen == [None, [[4], [1000]], 1, [[16, 16], [8]]]
    assert [len(table) for table in found] == [2, 1, 1, 1]


@pytest.mark.slow
def test_columns_become_variables_and_a_curve(tmp_path):
    (table,) = _tasks.rows([MODELS], [SHORT], tmp_path)
    columns = _tasks.stacked(table)
    out = _tasks.variables(columns, ("twa_loss",), "twa", ("Sz", "xi", "residual"))
    assert set(out) == {
        "twa_Sz", "twa_Sz_error", "twa_xi", "twa_xi_error", "twa_status", "twa_message",
        "twa_residual",
    }  # fmt: skip
    assert out["twa_Sz"].dims == ("twa_loss", "site")
    assert out["twa_xi_error"].dims == ("twa_loss",)
    assert out["twa_status"].values.dtype.kind == "U"
    assert out["twa_Sz_error"].long_name == "error of <S_z>/S"
    two_spins = _tasks.stacked([columns, columns])
    both = _tasks.variables(two_spins, ("S", "twa_loss"), "twa", ("Sz",))
    assert both["twa_Sz"].values.shape == (2, 2, 2)
    data = Dataset({**out, "twa_loss": Variable(("twa_loss",), np.array(LOSSES))})
    poor = replace(out["twa_status"], values=np.array(["converged", "not_converged"]))
    data = replace(data, variables={**data.variables, "twa_status": poor})
    assert data.unconverged == 1
    axes = Figure().subplots()
    _tasks.draw_curve(axes, data, "Sz", site=0, scale=2.0, label="TWA")
    assert any(list(line.get_xdata()) == [1.0, 4.0] for line in axes.lines)
    (hollow,) = [line for line in axes.lines if line.get_markerfacecolor() != line.get_color()]
    assert list(hollow.get_xdata()) == [4.0]
