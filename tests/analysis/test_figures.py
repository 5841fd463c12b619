from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import impo
from impo import Exact
from impo.analysis import figures, plot
from impo.arguments import ArgumentError
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.results.dataset import Dataset
from impo.results.store import StoreError, load
from impo.scans.grid import Axis, parameter_grid, tabulate
from impo.scans.scan import scan as scanned
from models import gain_loss
from tests.dense import Dense, DenseState, steady_state

KEPT = Path(__file__).parents[1] / "data" / "schema3"


def scan(*axes, **fixed):
    models = [
        [gain_loss.dimer(**fixed, **point) for point in line] for line in parameter_grid(axes)
    ]
    return tabulate(axes, scanned(models, Dense()))


def test_figure_of_a_state():
    state = steady_state(gain_loss.dimer(S=1, gain=1.5, loss=0.7), Dense())
    drawn = figures.figure(state)
    assert "converged" in drawn.get_suptitle()
    assert len(drawn.axes) == 2  # no correlations, no empty panel


def test_figure_of_a_cell_that_begins_with_a_boson(monkeypatch):
    """Correlations are those of the first site, by its own operators."""
    exchange = Term(0.3, ("Bd", 0, 0), ("S-", 1, 0), plus_hc=True)
    jumps = (Jump(1.0, "B", 0), Jump(0.5, "S+", 1))
    state = impo.steady_state(LindbladModel((Boson(1), Spin(0.5)), (exchange,), jumps), Exact(2))
    asked, ask = [], type(state).correlation

    def noted(self, op_a, op_b, *arguments):
        asked.append((op_a, op_b))
        return ask(self, op_a, op_b, *arguments)

    monkeypatch.setattr(type(state), "correlation", noted)
    assert figures.figure(state).axes
    assert asked == [("Bd", "B"), ("N", "N")]


def test_figure_of_a_scan():
    data = scan(Axis(("gain", "loss"), (0.5, 1.0, 1.5)), S=1)
    data["status"][1] = "failed"
    drawn = figures.figure(data)
    left, right = drawn.axes
    assert left.get_xlabel() == "gain = loss"
    np.testing.assert_allclose(left.lines[0].get_ydata(), data["Sz"][:, 0])
    np.testing.assert_allclose(right.lines[0].get_ydata(), data["Sz_var"][:, 0])
    assert left.lines[0].get_markevery() == [0, 2]
    assert "1 not converged" in drawn.get_suptitle()


def test_missing_points_leave_their_place():
    data = scan(Axis(("loss",), (0.5, 1.0, 1.5)), S=1)
    data["Sz"][0] = np.nan
    low, high = figures.figure(data).axes[0].get_xlim()
    assert low < 0.5
    assert high > 1.5


def test_figure_of_a_scan_over_two_axes():
    data = scan(Axis(("S",), (0.5, 1.0)), Axis(("loss",), (0.5, 1.0, 1.5)))
    data["status"][1, 2] = "failed"
    ax = figures.figure(data).axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("loss", "S")
    np.testing.assert_allclose(ax.collections[0].get_array(), data["Sz"][..., 0])
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1.5, 1.0]])


def test_nothing_to_draw(monkeypatch):
    """A failed state has no numbers: that is said, not drawn."""
    monkeypatch.setattr(DenseState, "expect", lambda self, op: None)
    monkeypatch.setattr(DenseState, "variance", lambda self, op: None)
    monkeypatch.setattr(DenseState, "distribution", lambda self, places: None)
    state = steady_state(gain_loss.dimer(S=1), Dense())
    with pytest.raises(ArgumentError, match="nothing to draw: converged: Dense null vector"):
        figures.figure(state)
    with pytest.raises(ArgumentError, match="nothing to draw"):
        figures.figure(scan(Axis(("loss",), (0.5, 1.0)), S=1))


def test_what_has_no_picture():
    axes = [Axis((name,), (0.5,)) for name in ("S", "gain", "loss")]
    with pytest.raises(ArgumentError, match="one or two axes"):
        figures.figure(scan(*axes))
    with pytest.raises(ArgumentError, match="no picture of a result of kind `dataset`"):
        figures.figure(Dataset({}))


def test_figures_are_saved_by_their_ending(tmp_path):
    drawn = Figure()
    figures.save_figure(drawn, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    figures.save_figure(drawn, tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(ArgumentError, match="must be one of"):
        figures.save_figure(drawn, tmp_path / "a.xyz")
    with pytest.raises(StoreError, match="Cannot write"):
        figures.save_figure(drawn, tmp_path / "no" / "a.png")


@pytest.mark.parametrize("name", ["twa", "exact", "mf", "cmf", "itebd"])
def test_figure_of_a_trajectory(name):
    """Every method draws the numbers that its file tells, with their errors."""
    trajectory = load(KEPT / f"{name}_trajectory.h5")
    drawn = figures.figure(trajectory)
    assert [ax.get_ylabel() for ax in drawn.axes] == [plot.LABELS["Sz"], plot.LABELS["Sz_var"]]
    for ax, found in zip(
        drawn.axes, (trajectory.expect("Sz"), trajectory.variance("Sz")), strict=True
    ):
        sites = range(found.value.shape[1])
        curves = {line.get_label(): line for line in ax.lines}
        bars = [item for item in ax.collections if isinstance(item, LineCollection)]
        for site in sites:
            value, error = found.value[:, site].real, found.error[:, site]
            np.testing.assert_allclose(curves[f"site {site}"].get_xdata(), trajectory.times)
            np.testing.assert_allclose(curves[f"site {site}"].get_ydata(), value)
            ends = np.array(bars[site].get_segments())[:, :, 1]
            np.testing.assert_allclose(ends, np.stack([value - error, value + error], axis=1))
    assert f": {trajectory.status}" in drawn.get_suptitle()


def test_pgf_needs_tex(tmp_path, monkeypatch):
    monkeypatch.setattr(figures.shutil, "which", lambda program: None)
    with pytest.raises(ArgumentError, match="Writing pgf needs the program xelatex"):
        figures.save_figure(Figure(), tmp_path / "a.pgf")
    assert not list(tmp_path.iterdir())
