from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

import impo
from impo import Exact
from impo.analysis import plot
from impo.model import Jump, LindbladModel, Spin, Term
from impo.results.estimate import Estimate, Status
from impo.results.modes import Decay, Mode
from models import gain_loss
from tests.dense import Dense, steady_state


@pytest.fixture
def ax():
    return Figure().add_subplot()


def test_unconverged_points_are_hollow(ax):
    artists = plot.errorbar_curve(
        ax, [1, 2, 3], [4, 5, np.nan], [0.1, np.nan, 0.1], [True, False, True]
    )
    curve, hollow, *bars = artists
    assert curve.get_markevery() == [0, 2]
    np.testing.assert_array_equal(hollow.get_xydata(), [[2, 5]])
    assert hollow.get_markerfacecolor() == "white"
    assert hollow.get_color() == curve.get_color()
    segments = bars[-1].get_segments()
    np.testing.assert_allclose(segments[0][:, 1], [3.9, 4.1])
    ax.figure.canvas.draw()


def test_all_converged_needs_no_hollow_markers(ax):
    artists = plot.errorbar_curve(ax, [1, 2], [4, 5], color="red", label="a")
    assert len(artists) == 1
    assert artists[0].get_color() == "red"
    hollow = plot.errorbar_curve(ax, [1, 2], [4, 5], converged=False)
    assert hollow[0].get_markevery() == []


def test_bars_that_say_nothing_are_not_drawn(ax):
    """Of no length, of the size of rounding, without end, or of an unknown number."""
    errors = [0.0, 1e-13, np.inf, np.nan, 0.1]
    segments = plot.errorbar_curve(ax, range(5), [1, 2, 3, 4, 5], errors)[-1].get_segments()
    np.testing.assert_allclose(segments, [[[4, 4.9], [4, 5.1]]])
    assert len(plot.errorbar_curve(ax, [1, 2], [4, 5], [0.0, 0.0])) == 1


def test_many_points_are_a_line_in_a_band(ax):
    """Dashed from the last point that is converged on."""
    values, errors = np.arange(5.0), np.array([0.1, 0.1, np.inf, 0.2, 0.2])
    converged = np.array([True, True, True, False, False])
    solid, dashed, band = plot.band_curve(ax, range(5), values, errors, converged, label="a")
    np.testing.assert_array_equal(solid.get_ydata(), [0, 1, 2, np.nan, np.nan])
    np.testing.assert_array_equal(dashed.get_ydata(), [np.nan, np.nan, 2, 3, 4])
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    assert solid.get_color() == dashed.get_color()
    assert (solid.get_label(), solid.get_marker()) == ("a", "")
    heights = np.concatenate([path.vertices[:, 1] for path in band.get_paths()])
    assert {-0.1, 0.1, 0.9, 1.1, 2.8, 3.2, 3.8, 4.2} == set(np.round(heights, 12))
    (line, _) = plot.band_curve(ax, range(5), values, errors, ~np.ones(5, bool), label="b")
    assert (line.get_linestyle(), line.get_label()) == ("--", "b")


def test_evenly_spaced_values_choose_the_axis():
    assert plot.scale_of(np.geomspace(0.01, 10, 7)) == "log"
    assert plot.scale_of(np.geomspace(0.01, 10, 7)[::-1]) == "log"
    for values in (np.linspace(0.1, 3, 20), [0.0, 1, 10, 100], [1, 10], [1, 1, 10, 10]):
        assert plot.scale_of(values) == "linear"


def test_profile_and_correlation_of_a_state(ax):
    state = steady_state(gain_loss.dimer(S=1, gain=1.5, loss=0.7), Dense())
    curve = plot.profile(ax, state, "Sz")[0]
    np.testing.assert_allclose(curve.get_ydata(), state.expect("Sz").value.real)
    assert plot.correlation(ax, state, "S+", "S-") == []  # cells are not correlated
    state = replace(state, status=Status.FAILED)
    assert len(plot.profile(ax, state, "Sz")) > len(plot.errorbar_curve(ax, [0], [0]))


def test_connected_correlation(ax, monkeypatch):
    state = steady_state(gain_loss.dimer(S=1, gain=1.5, loss=0.7), Dense())
    known = state.correlation("Sz", "Sz", (0, 0), 5)
    known.value[1:] += [0.1, 0.01, 0.001, 1e-12, 1e-13]
    monkeypatch.setattr(type(state), "correlation", lambda *arguments: known)
    curve = plot.correlation(ax, state, "Sz", "Sz", 5)[0]
    np.testing.assert_allclose(curve.get_xydata(), [[1, 0.1], [2, 0.01], [3, 0.001]])


def test_the_mode_with_the_correlation_length(ax, monkeypatch):
    """The line has the length of the state, and meets the function far away."""
    state = steady_state(gain_loss.dimer(S=1, gain=1.5, loss=0.7), Dense())
    known = state.correlation("S+", "S-", (0, 0), 8)
    r = np.arange(9)
    known.value[:] = 0.3 * np.exp(-r / 2.0) + 0.5 * np.exp(-r / 0.4)
    monkeypatch.setattr(type(state), "correlation", lambda *arguments: known)
    lengths = {"short": Estimate(2.0, 0.031), "exact": Estimate(2.0, 1e-14)}
    for length, told in ((lengths["short"], "2.00(3)"), (lengths["exact"], "2")):
        found = Decay(length, Estimate(0.0, 0.0), "")
        monkeypatch.setattr(type(state), "decay", lambda *_, found=found: found)
        points, *_, mode = plot.correlation(ax, state, "S+", "S-", 8)
        assert points.get_linestyle() == "None"
        assert points.get_label() == rf"$S^+S^-$, $\xi$ = {told}"
        np.testing.assert_allclose(mode.get_ydata(), 0.3 * np.exp(-r[1:] / 2), rtol=1e-4)
        assert mode.get_color() == points.get_color()
    assert ax.get_yscale() == "log"


def test_the_line_through_what_oscillates_is_its_envelope(ax, monkeypatch):
    """The label tells the wavenumber; at pi the size of the function does not oscillate."""
    state = steady_state(gain_loss.dimer(S=1, gain=1.5, loss=0.7), Dense())
    known, r = state.correlation("S+", "S-", (0, 0), 18), np.arange(19)
    known.value[:] = 0.3 * np.exp(-r / 6.0) * np.cos(0.5 * r)
    monkeypatch.setattr(type(state), "correlation", lambda *arguments: known)
    for angle, error, told in (
        (0.5, 0.02, ",\n$k$ = 0.50(2) (envelope)"), (np.pi, 0.02, ""), (0.01, 0.02, ""),
    ):  # fmt: skip
        found = Decay(Estimate(6.0, 0.1), Estimate(angle, error), "")
        monkeypatch.setattr(type(state), "decay", lambda *_, found=found: found)
        points, *_, line = plot.correlation(ax, state, "S+", "S-", 18)
        assert points.get_label() == rf"$S^+S^-$, $\xi$ = 6.00(10){told}"
        above = line.get_ydata() >= points.get_ydata() * (1 - 1e-12)
        assert np.all(above[len(above) // 2 :]) == bool(told)
        if told:
            np.testing.assert_allclose(line.get_ydata(), 0.3 * np.exp(-r[1:] / 6), rtol=0.03)


def test_a_spectrum_tells_charges_and_noise(ax):
    """A marker for each charge; what may be noise is hollow, what is never seen left out."""

    class Spectrum:
        generator = SimpleNamespace(charges=np.ones((1, 2)))

        def transfer_spectrum(self, charge, count):
            if charge == 2:
                raise impo.ArgumentError("no such charge")
            assert count == 5
            sure = Mode(Estimate(2.0 + charge, 0.5), Estimate(0.3, 0.1), charge)
            noise = Mode(Estimate(1.0, np.inf), Estimate(-0.7, np.inf), charge)
            return sure, noise, Mode(Estimate(0.05, 0.0), Estimate(0.0, 0.0), charge)

    plot.spectrum(ax, Spectrum(), 5)
    drawn = [line for line in ax.lines if len(line.get_xdata()) and line.get_marker() in "os^"]
    for charge, marker in enumerate("os"):
        mine = [line for line in drawn if line.get_marker() == marker]
        told = {tuple(np.round(xy, 9)): line for line in mine for xy in line.get_xydata()}
        assert set(told) == {(0.3, round(1 / (2 + charge), 9)), (-0.7, 1.0)}
        assert told[-0.7, 1.0].get_markerfacecolor() == "white"
        assert told[0.3, round(1 / (2 + charge), 9)].get_markerfacecolor() == f"C{charge}"
    _, labels = ax.get_legend_handles_labels()
    assert labels == ["charge 0", r"charge $\pm$1", "may be noise"]
    lengths = [
        np.ptp(path.vertices, axis=0) for item in ax.collections for path in item.get_paths()
    ]
    assert sorted(np.round(np.max(lengths, axis=1), 6)) == [0.111111, 0.2, 0.2, 0.25]


def test_connected_correlation_of_an_open_cluster(ax):
    """Means of the two cells are taken off, not averages over all of them."""
    hop = Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    model = LindbladModel((Spin(0.5),), (hop, Term(0.4, ("Sx", 0, 0))), (Jump(1.0, "S-", 0),))
    local = np.diag([0.5, -0.5])
    for periodic in (False, True):
        state = impo.steady_state(model, Exact(cells=3, periodic=periodic))
        one = [np.trace(state.density_matrix([(0, r)]) @ local).real for r in range(3)]
        values = state.correlation("Sz", "Sz", (0, 0), 2).value
        curve = plot.correlation(ax, state, "Sz", "Sz", 2)[0]
        r, drawn = curve.get_xdata().astype(int), curve.get_ydata()
        np.testing.assert_allclose(drawn, np.abs(values[r] - one[0] * np.array(one)[r]), rtol=1e-6)
        assert (np.ptp(one) > 1e-3) == (not periodic)


def test_distribution_of_the_levels(ax, monkeypatch):
    state = steady_state(gain_loss.dimer(S=1, gain=1.5, loss=0.7), Dense())
    curves = plot.distribution(ax, state)
    assert [curve.get_label() for curve in curves] == ["site 0", "site 1"]
    for curve, mean in zip(curves, state.expect("Sz").value.real, strict=True):
        levels, weights = curve.get_data()
        assert sum(weights) == pytest.approx(1)
        assert levels @ weights == pytest.approx(mean)
    monkeypatch.setattr(type(state), "distribution", lambda self, places: None)
    assert plot.distribution(ax, state) == []


def test_style_is_packaged_and_local():
    import matplotlib

    before = matplotlib.rcParams["font.size"]
    with plot.style():
        assert matplotlib.rcParams["font.size"] == 9
    assert matplotlib.rcParams["font.size"] == before


def test_spins_are_written_as_fractions():
    assert [plot.spin_text(S) for S in (0.5, 1, 1.5, 1000.0)] == ["1/2", "1", "3/2", "1000"]
