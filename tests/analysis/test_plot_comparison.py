"""The figure of a comparison: nothing overlaps, and what explains a difference is told."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from impo.analysis import figures, plot
from impo.analysis.plot_comparison import compared, deviations
from impo.results.dataset import Dataset
from impo.results.variable import Variable

METHODS = ["itebd", "exact", "twa", "hpa", "cmf"]
NAMES = ["Sz", "Sz_var", "xi_S+S-", "S+S-", "SzSz", "purity_density"]
OMITTED = [0.0, None, 2.0, 0.05, None]


@pytest.fixture
def data():
    """Five methods and six observables, two of them on sites and two on bonds."""
    generator = np.random.default_rng(5)
    variables = {
        "solver": Variable(("solver",), np.array(METHODS)),
        "status": Variable(("solver",), np.array(["converged"] * 3 + ["failed", "unphysical"])),
        "spin_site": Variable(("spin_site",), np.arange(2)),
        "bond": Variable(("bond",), np.array(["0-1", "1-0'"])),
    }
    dims = {"Sz": "spin_site", "Sz_var": "spin_site", "S+S-": "bond", "SzSz": "bond"}
    for name in NAMES:
        mine = (dims[name],) if name in dims else ()
        values = generator.normal(size=(5, 2) if mine else 5)
        values[3] = np.nan
        for ending, numbers in (
            ("", values), ("_error", np.abs(values) / 20), ("_deviation", 100 * values),
        ):  # fmt: skip
            variables[name + ending] = Variable(("solver", *mine), numbers.copy())
    told = [{"omitted": size} for size in OMITTED]
    return Dataset(variables, {"label": "models.gain_loss:chain(S=1)", "methods": told})


def test_values_stand_over_their_methods(data):
    ax = Figure().add_subplot()
    compared(ax, data, "S+S-")
    labels = ["itebd", "exact", "twa", "hpa\n(failed)", "cmf"]
    assert [label.get_text() for label in ax.get_xticklabels()] == labels
    lines = {line.get_label(): line for line in ax.lines}
    for column, bond in enumerate(("0-1", "1-0'")):
        x, y = lines[f"bond {bond}"].get_data()
        np.testing.assert_array_equal(np.round(x), range(5))
        np.testing.assert_array_equal(y, data["S+S-"][:, column])
        assert lines[f"bond {bond}"].get_markevery() == [0, 1, 2]
    assert lines["bond 0-1"].get_marker() != lines["bond 1-0'"].get_marker()


def test_what_a_method_leaves_out_is_shaded(data):
    """With its size, where that is known; a method without numbers needs no excuse."""
    ax = Figure().add_subplot()
    _, *curves = deviations(ax, data, NAMES)
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches[1:]]
    assert spans == [(0.5, 1.5), (1.5, 2.5), (3.5, 4.5)]
    assert [text.get_text() for text in ax.texts] == ["", "200 %", ""]
    data.attributes["methods"][1]["omitted"] = 0.0012
    ax = Figure().add_subplot()
    deviations(ax, data, NAMES)
    assert ax.texts[0].get_text() == "0.12 %"
    first = curves[0]
    assert first.get_label() == plot.LABELS["Sz"]
    np.testing.assert_array_equal(first.get_ydata(), data["Sz_deviation"].ravel())
    labels = [plot.LABELS[name] for name in NAMES]
    told = ax.get_legend_handles_labels()[1]
    assert sorted(told) == sorted(["within 3 errors", "leaves something out", *labels])
    assert ax.get_ylim()[1] > np.nanmax(np.abs(data["Sz_deviation"]))


def test_differences_without_errors_are_counted(data):
    data["Sz_deviation"][1, 0], data["SzSz_deviation"][2, 1] = np.inf, -np.inf
    ax = Figure().add_subplot()
    deviations(ax, data, NAMES)
    assert ax.get_title(loc="left") == "2 infinite (no errors)"
    assert np.all(np.isfinite(ax.get_ylim()))


def test_no_text_covers_another(data):
    """In the size in which it is printed: as wide as a column."""
    with plot.style():
        drawn = figures.figure(data)
        assert drawn.get_figwidth() < 4
        drawn.draw_without_rendering()
        texts = [drawn._suptitle]
        for ax in drawn.axes:
            texts += [ax.xaxis.label, ax.yaxis.label, ax._left_title, *ax.texts]
            low, high = ax.get_ylim()
            texts += [
                text for text in ax.get_yticklabels() if low <= text.get_position()[1] <= high
            ]
            texts += ax.get_legend().get_texts() if ax.get_legend() else []
        texts += drawn.axes[-1].get_xticklabels() + drawn.legends[0].get_texts()
        texts = [text for text in texts if text.get_text()]
        boxes = [text.get_window_extent().padded(-1) for text in texts]  # extents have margins
    assert len(boxes) > 40
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:number]), texts[number]


def test_certified_intervals_are_bands(data):
    ends = {"lower": [-0.3, 0.1], "upper": [0.2, 0.4]}
    more = {f"Sz_{end}": Variable(("spin_site",), np.array(given)) for end, given in ends.items()}
    ax = Figure().add_subplot()
    before = len(compared(ax, data, "Sz"))
    ax = Figure().add_subplot()
    artists = compared(ax, Dataset({**data.variables, **more}, data.attributes), "Sz")
    assert len(artists) == before + 2
    bands = [
        (band.get_y(), band.get_y() + band.get_height()) for band in artists if band in ax.patches
    ]
    assert bands == [pytest.approx((-0.3, 0.2)), pytest.approx((0.1, 0.4))]
