"""The TWA studies: what they compute from curves."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from impo import twa
from impo.result import Dataset, Variable
from models.gain_loss import chain
from runs import _twa_curves, fig7c, nu


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
