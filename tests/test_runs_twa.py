"""The TWA studies: what they compute from curves, and that they draw what they compute."""

import os

import numpy as np
import pytest
from matplotlib.figure import Figure

from impo import twa
from impo.result import Dataset, Variable
from models.gain_loss import chain
from runs import _twa_curves, crossover, fig7c, nu


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


def test_curve_has_errors_and_verdicts():
    models = [chain(10, 1.0, 0.5, 1.5, loss) for loss in (0.5, 2.0)]
    variables = _twa_curves.twa_curve(
        models, twa.TWA(cells=4, trajectories=32, tol=0.1, max_time=100), "twa_loss"
    )
    assert variables["twa_Sz"].values.shape == (2, 2)
    assert variables["twa_xi"].values.shape == (2,)
    assert variables["twa_settled"].values.dtype == bool
    state = twa.steady_state(models[1], twa.TWA(cells=4, trajectories=32, tol=0.1, max_time=100))
    np.testing.assert_allclose(variables["twa_Sz"].values[1], state.expect("Sz").value / 10)
    np.testing.assert_allclose(
        variables["twa_Sz_var_error"].values[1], state.variance("Sz").error / 100
    )
    data = Dataset({**variables, "twa_loss": Variable(("twa_loss",), np.array([0.5, 2.0]))})
    axes = Figure().subplots()
    _twa_curves.draw_curve(axes, data, "Sz", site=0, label="TWA")
    assert len(axes.containers) >= 1


@pytest.mark.slow
def test_symmetry_is_restored_slowly():
    data = fig7c.compute(quick=True)
    slope, error = data.attributes["tau_e_per_ln_S"]
    assert slope > 5 * error
    assert 1.5 < data.attributes["tau_0.1_ratio_16_S"]["64"] < 3
    assert np.all(data["tau_0.1"] > data["tau_e"])
    fig7c.draw(data).savefig(os.devnull, format="png")


@pytest.mark.slow
def test_crossover_puts_all_solvers_side_by_side(monkeypatch):
    full = crossover.solvers(quick=True)
    small = twa.TWA(cells=6, trajectories=32, tol=0.05, max_time=100)
    few = {
        "ring": ([0.5, 1], full["ring"][1]),
        "TWA": ([2, 16], lambda model: twa.steady_state(model, small)),
        "HPA": ([16], full["HPA"][1]),
    }
    monkeypatch.setattr(crossover, "solvers", lambda quick: few)
    data = crossover.compute(quick=True)
    assert data["TWA_Sz"].shape == (3, 2, 2)
    assert data.unconverged == 0
    assert not data["HPA_stable"][1].any()  # no ordered configuration is stable in PPT
    np.testing.assert_allclose(data["TWA_Sz"][2, 1], data["HPA_Sz"][2, 0], atol=0.05)
    assert np.all(np.abs(data["TWA_Sz"][:, 0] - data["ring_Sz"][:, 1]) < 0.3)
    crossover.draw(data).savefig(os.devnull, format="png")


@pytest.mark.slow
def test_nu_on_the_antimagnetic_side_is_one_half(monkeypatch):
    small = twa.TWA(cells=40, trajectories=64, tol=1e-9, max_time=300)
    few = nu.Curve(1000, lambda model: twa.steady_state(model, small), [0.03, 0.05, 0.1], [0.1])
    linear = nu.curves(quick=True)["HPA"]
    monkeypatch.setattr(nu, "curves", lambda quick: {"TWA S=1000": few, "HPA": linear})
    data = nu.compute(quick=True)
    for name, (value, error) in data.attributes["nu"].items():
        if name.endswith("AM"):
            assert abs(value - 0.5) < 4 * error + 0.03
    assert data.attributes["nu"]["TWA_S1000_PPT"] == [None, None]
    assert data.unconverged == np.sum(data["TWA_S1000_PPT_status"] != "converged")
    nu.draw(data).savefig(os.devnull, format="png")
