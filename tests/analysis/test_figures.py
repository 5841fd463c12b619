from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

import impo
from impo import Exact
from impo.analysis import figures, plot
from impo.arguments import ArgumentError
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.failure import failure
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


def test_spectrum_of_a_state():
    """Of a state with a transfer matrix; others are refused by name."""
    state = impo.steady_state(
        gain_loss.chain(0.5, 1.0, 0.5, 1.5, 1.0), impo.ITEBD(tol=1e-2, chi_max=12)
    )
    drawn = figures.spectrum(state)
    (ax,) = drawn.axes
    slowest = state.transfer_spectrum(charge=1, count=1)[0]
    points = np.concatenate([line.get_xydata() for line in ax.lines if line.get_marker() == "s"])
    assert points[:, 1].min() == pytest.approx(1 / slowest.length.value)
    assert drawn.get_suptitle().endswith(f"itebd: {state.status}")
    for other in (steady_state(gain_loss.dimer(S=1), Dense()), Dataset({})):
        with pytest.raises(ArgumentError, match="Only a steady state by `itebd` has a transfer"):
            figures.spectrum(other)
    failed = failure(state.model, state.method, ValueError("no memory"), 1.0)
    with pytest.raises(ArgumentError, match=r"failed: .*no memory"):
        figures.spectrum(failed)


def test_a_state_without_modes_has_no_spectrum():
    """Sites without a coupling: no bond, no transfer matrix beyond the trace."""
    alone = LindbladModel((Spin(0.5),), (), (Jump(1.0, "S-", 0), Jump(0.5, "S+", 0)))
    with pytest.raises(ArgumentError, match="nothing to draw"):
        figures.spectrum(impo.steady_state(alone, impo.ITEBD(tol=1e-2)))


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


def test_scans_along_the_same_axis_are_drawn_together():
    axis = Axis(("loss",), (0.5, 1.0, 1.5))
    one, two = (
        Dataset(data.variables, {**data.attributes, "parameters": {"S": S}})
        for data, S in ((scan(axis, S=1), 1), (scan(Axis(("loss",), (1.2, 0.8)), S=0.5), 0.5))
    )
    two["status"][0] = "failed"
    drawn = figures.together([one, two])
    left, right = drawn.axes
    lines = {line.get_label(): line for line in left.lines}
    np.testing.assert_allclose(lines["S = 1, site 1"].get_ydata(), one["Sz"][:, 1])
    np.testing.assert_allclose(lines["S = 0.5, site 1"].get_xdata(), [0.8, 1.2])
    np.testing.assert_allclose(lines["S = 0.5, site 1"].get_ydata(), two["Sz"][::-1, 1])
    assert right.get_ylabel() == plot.LABELS["Sz_var"]
    assert "1 not converged" in drawn.get_suptitle()
    state = steady_state(gain_loss.dimer(S=1), Dense())
    plane = scan(axis, Axis(("gain",), (0.5, 1.0)), S=0.5)
    for other in (state, scan(Axis(("gain",), (0.5, 1.0)), S=1), plane):
        with pytest.raises(ArgumentError, match="must be scans along the same single axis"):
            figures.together([one, other])


def test_missing_points_leave_their_place():
    data = scan(Axis(("loss",), (0.5, 1.0, 1.5)), S=1)
    data["Sz"][0] = np.nan
    low, high = figures.figure(data).axes[0].get_xlim()
    assert low < 0.5
    assert high > 1.5


def test_a_short_axis_is_a_family_of_curves():
    """Whichever of the two it is; one panel a site, one legend for all."""
    axes = [Axis(("S",), (1.5, 0.5, 1.0)), Axis(("gain", "loss"), (1.5, 0.5, 1.0, 2.0))]
    for one, other in ((0, 1), (1, 0)):
        data = scan(axes[one], axes[other])
        data["status"][(2, 3) if one == 0 else (3, 2)] = "failed"  # S = 1, loss = 2
        drawn = figures.figure(data)
        (legend,) = drawn.legends
        assert legend.get_title().get_text() == "S"
        assert [text.get_text() for text in legend.get_texts()] == ["1/2", "1", "3/2"]
        labels = [rf"{plot.LABELS[name]}, site {n}" for name in ("Sz", "Sz_var") for n in (0, 1)]
        assert [ax.get_ylabel() for ax in drawn.axes] == labels
        assert {ax.get_xlabel() for ax in drawn.axes} == {"gain = loss"}
        values = data["Sz"] if one == 0 else data["Sz"].swapaxes(0, 1)
        curves = {line.get_label(): line for line in drawn.axes[1].lines}
        np.testing.assert_array_equal(curves["1"].get_xdata(), [0.5, 1.0, 1.5, 2.0])
        np.testing.assert_array_equal(curves["1"].get_ydata(), values[2, [1, 2, 0, 3], 1])
        assert curves["1"].get_markevery() == [0, 1, 2]
        assert len({tuple(line.get_color()) for line in curves.values()}) == 3
        assert "1 not converged (hollow or missing)" in drawn.get_suptitle()


def test_missing_numbers_are_counted():
    data = scan(Axis(("S",), (0.5, 1.0)), Axis(("loss",), (0.5, 1.0, 1.5)))
    data["Sz"][1, 1:, 0] = np.nan
    titles = [ax.get_title() for ax in figures.figure(data).axes]
    assert titles == ["2 missing", "", "", ""]
    data = scan(Axis(("loss",), (0.5, 1.0, 1.5)), S=1)
    data["Sz_var"][1] = np.nan
    assert [ax.get_title() for ax in figures.figure(data).axes] == ["", "2 missing"]


def test_both_directions_of_a_scan(monkeypatch):
    """Sites keep their colours; hysteresis is told by dashes."""
    monkeypatch.setattr(Dense, "warm_starts", True)
    axes = [Axis(("S",), (0.5, 1.0)), Axis(("loss",), (0.5, 1.0, 1.5))]
    models = [[gain_loss.dimer(**p) for p in line] for line in parameter_grid(axes)]
    one = tabulate(axes[1:], scanned(models[1:], Dense(), direction="both"), "both")
    lines = {line.get_label(): line for line in figures.figure(one).axes[0].lines}
    assert lines.keys() == {
        f"site {n}, {way}" for n in (0, 1) for way in ("forward", "backward")
    }  # fmt: skip
    assert lines["site 1, backward"].get_linestyle() == "--"
    assert lines["site 1, backward"].get_color() == lines["site 1, forward"].get_color()
    np.testing.assert_array_equal(lines["site 1, backward"].get_ydata(), one["Sz"][1, :, 1])
    two = tabulate(axes, scanned(models, Dense(), direction="both"), "both")
    texts = [text.get_text() for text in figures.figure(two).legends[0].get_texts()]
    assert texts == ["1/2", "1", "1/2, backward", "1, backward"]


def test_two_long_axes_are_a_map_with_the_phases():
    """The boundaries are where a growth rate changes its sign."""
    rates = tuple(np.linspace(0.2, 1.8, 9))
    data = scan(Axis(("gain",), rates), Axis(("loss",), rates), S=0.5)
    assert list(data["configuration"]) == ["++", "+-", "-+", "--"]
    data["status"][1, 2], data["status"][4, 4] = "failed", "failed"
    data["Sz"][1, 2] = np.nan
    drawn = figures.figure(data)
    ax, bar = drawn.axes[0], drawn.axes[4]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("loss", "gain")
    assert ax.get_title() == rf"{plot.LABELS['Sz']}, site 0, 1 missing"
    mesh = ax.collections[0]
    np.testing.assert_array_equal(mesh.get_array().filled(np.nan), data["Sz"][..., 0])
    assert mesh.norm.vmin == -mesh.norm.vmax  # both signs
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[rates[4], rates[4]]])
    assert bar.get_label() == "<colorbar>"
    assert "2 not converged (circled or missing)" in drawn.get_suptitle()
    assert drawn.get_suptitle().endswith("(HPA)")
    assert [text.get_text() for text in ax.texts] == ["↑↑", "↑↓", "↓↓"]
    for text, inside in zip(ax.texts, ("gain", "both", "loss"), strict=True):
        loss, gain = text.xy
        assert (gain * loss > 1) == (inside == "both")
        assert (gain > loss) == (inside == "gain") or inside == "both"
    _, antiparallel, _ = (item for item in ax.collections if isinstance(item, ContourSet))
    (path,) = antiparallel.get_paths()
    np.testing.assert_allclose(np.prod(path.vertices, axis=1), 1.0, rtol=0.02)


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
        found_bars = [item for item in ax.collections if isinstance(item, LineCollection)]
        ends = [end for item in found_bars for end in item.get_segments()]
        bars = {(low[0], low[1], high[1]) for low, high in ends}
        for site in sites:
            value, error = found.value[:, site].real, found.error[:, site]
            np.testing.assert_allclose(curves[f"site {site}"].get_xdata(), trajectory.times)
            np.testing.assert_allclose(curves[f"site {site}"].get_ydata(), value)
            told = np.stack([trajectory.times, value - error, value + error], axis=1)
            seen = error > 1e-6 * np.abs(value)
            assert set(map(tuple, told[seen])) <= bars
    assert f": {trajectory.status}" in drawn.get_suptitle()
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == ["site 0", "site 1"]


def test_a_long_trajectory_has_no_markers_and_tells_where_it_is_not_converged():
    """Of states whose verdict is their own, those that are converged stay so."""
    trajectory = Dense().evolve(gain_loss.dimer(S=1), None, np.linspace(0, 3, 60))
    drawn = figures.figure(trajectory)
    assert {line.get_marker() for ax in drawn.axes for line in ax.lines} == {""}
    assert drawn.axes[0].get_xlabel() == "time (1/rate)"
    assert drawn.get_suptitle().endswith("dense: converged")
    states = [replace(state, status="chi_limited") for state in trajectory.states[40:]]
    states = (*trajectory.states[:40], *states)
    part = figures.figure(replace(trajectory, states=states, status=Status.CHI_LIMITED))
    assert "chi_limited at 20 of 60 times (dashed)" in part.get_suptitle()
    solid, dashed = part.axes[0].lines[:2]
    assert np.isfinite(solid.get_ydata()).sum() == 40
    assert np.isfinite(dashed.get_ydata()).sum() == 21  # from the last converged one on
    whole = figures.figure(replace(trajectory, status=Status.CHI_LIMITED))
    assert "chi_limited: " not in whole.get_suptitle()


def test_pgf_needs_tex(tmp_path, monkeypatch):
    monkeypatch.setattr(figures.shutil, "which", lambda program: None)
    with pytest.raises(ArgumentError, match="Writing pgf needs the program xelatex"):
        figures.save_figure(Figure(), tmp_path / "a.pgf")
    assert not list(tmp_path.iterdir())
