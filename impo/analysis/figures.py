"""Figures of whole results, and how they are written."""

import io
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from impo.analysis import plot, plot_scan
from impo.analysis.plot import LABELS
from impo.analysis.plot_comparison import columns, compared, deviations
from impo.analysis.plot_sampled import sampled
from impo.arguments import ArgumentError
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.failure import Failure
from impo.results.sampled import SampledFunction
from impo.results.state import SteadyState
from impo.results.store import write_atomically
from impo.results.trajectory import Trajectory

_COLUMN, _PAGE = 3.4, 7.0  # inches: the width of a column of a journal, and of two
_WAYS = {
    "backward": {"marker": "s", "markersize": 7, "linestyle": "--", "alpha": 0.5, "zorder": 1.9}
}
"""How curves of a direction look: those backward lie below, and stick out."""
_LOOKS: list[dict[str, Any]] = [
    {"marker": "o"},
    {"marker": "s", "linestyle": "--"},
    {"marker": "^", "linestyle": ":"},
    {"marker": "D", "linestyle": "-."},
]
"""How scans look that are drawn together."""
_LETTERS = 14  # of a title in an inch


def figure(result: Any) -> Figure:
    """Return the figure of a state, a trajectory, a function, a scan or a comparison.

    Raises
    ------
    ArgumentError
        If there is no picture of this kind of result, it holds no numbers, or a scan has too many
        axes.
    """
    if isinstance(result, Dataset) and "axes" in result.attributes:
        return _scan_figure(result)
    if isinstance(result, Dataset) and "methods" in result.attributes:
        return _comparison_figure(result)
    if isinstance(result, SteadyState):
        return _state_figure(result)
    if isinstance(result, Trajectory):
        return _trajectory_figure(result)
    if isinstance(result, SampledFunction):
        return sampled(result)
    raise ArgumentError(f"There is no picture of a result of kind `{type(result).kind}`.")


def together(scans: Sequence[Any]) -> Figure:
    """Return one figure of several scans along the same axis, as by different methods.

    Colours tell the sites apart if there are several, markers and lines the scans.

    Raises
    ------
    ArgumentError
        If one is no scan over one axis in one direction, the axes differ, or nothing is known.
    """
    axes = [scan.attributes.get("axes") if isinstance(scan, Dataset) else None for scan in scans]
    if any(one is None or len(one) != 1 or one != axes[0] for one in axes) or any(
        len(plot_scan.ways(scan)) > 1 for scan in scans
    ):
        raise ArgumentError("Results to draw together must be scans along the same single axis.")
    scans = [plot_scan.ordered(scan) for scan in scans]
    known = [
        {name for name in scan.variables if name in LABELS and np.isfinite(scan[name]).any()}
        for scan in scans
    ]
    names = [name for name in LABELS if sum(name in one for one in known) > 1]
    if not names:
        raise ArgumentError("There is nothing to draw: no two scans have the same observable.")
    drawn, panels = _panels(len(names))
    labels = plot_scan.differences(scans)
    several = max(len(plot_scan.sites_of(scans[0], n)) for n in names if n in scans[0]) > 1
    for ax, name in zip(panels, names, strict=True):
        for number, (scan, label) in enumerate(zip(scans, labels, strict=True)):
            if name not in known[number]:
                continue
            for site in plot_scan.sites_of(scan, name):
                colour = f"C{site or 0}" if several else f"C{number}"
                told = plot_scan.site_name(scan, name, site) if several else ""
                look = {"color": colour, "label": ", ".join(filter(None, (label, told)))}
                plot_scan.curve(ax, scan, name, site, **look, **_LOOKS[number % len(_LOOKS)])
    _legend(drawn)
    verdicts = [scan["status"] == Status.CONVERGED for scan in scans]
    bad = int(sum(np.sum(~good) for good in verdicts))
    verdict = f"{bad} not converged (hollow or missing)" if bad else "all converged"
    _title(drawn, f"{scans[0].attributes.get('model', '')}: {verdict}")
    return drawn


def spectrum(state: Any) -> Figure:
    """Return the figure of the transfer spectrum of a state: decay over wavenumber of its modes.

    Raises
    ------
    ArgumentError
        If the result has no transfer matrix, or no modes.
    """
    if isinstance(state, Failure):
        raise ArgumentError(f"There is nothing to draw: {state.status}: {state.message}")
    if not hasattr(state, "transfer_spectrum"):
        method = getattr(getattr(state, "method", None), "name", type(state).kind)
        raise ArgumentError(
            f"Only a steady state by `itebd` has a transfer spectrum, but this is one by {method}."
        )
    drawn = Figure(figsize=(_COLUMN, 2.9))
    ax = drawn.subplots()
    if not plot.spectrum(ax, state):
        raise ArgumentError(f"There is nothing to draw: {state.status}: {state.message}")
    drawn.legend(loc="outside lower center", ncols=2)
    _title(drawn, state.model.label, f"{state.method.name}: {state.status}")
    return drawn


def check_format(path: str | Path) -> str:
    """Return the format that the ending of a name stands for.

    Raises
    ------
    ArgumentError
        If there is no such format, or what writes it is not installed.
    """
    kind = Path(path).suffix.removeprefix(".").lower()
    allowed = Figure().canvas.get_supported_filetypes()
    if kind not in allowed:
        name = Path(path).name
        raise ArgumentError(f"A figure must be one of {', '.join(allowed)}, but is {name!r}.")
    program = matplotlib.rcParams["pgf.texsystem"]
    if kind == "pgf" and shutil.which(program) is None:
        raise ArgumentError(f"Writing pgf needs the program {program}, which is not installed.")
    return kind


def save_figure(drawn: Figure, path: str | Path) -> None:
    """Write a figure atomically; the ending of the name chooses the format."""
    kind = check_format(path)
    buffer = io.BytesIO()
    drawn.savefig(buffer, format=kind)
    write_atomically(path, buffer.getvalue())


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """Return a figure of some panels, at most three in a row, no wider than a page."""
    columns = min(count, 3 if count > 4 else 2) if count != 3 else 3
    rows = -(-count // columns)
    width = _COLUMN if columns == 1 else _PAGE
    drawn = Figure(figsize=(width, rows * (2.7 if columns < 3 else 2.2)))
    axes = list(drawn.subplots(rows, columns, squeeze=False).flat)
    for ax in axes[count:]:
        ax.remove()
    return drawn, axes[:count]


def _title(drawn: Figure, *lines: str) -> None:
    """Put lines over a figure, broken where they are wider than it."""
    width = int(_LETTERS * drawn.get_figwidth())
    drawn.suptitle("\n".join(textwrap.fill(line, width) for line in lines if line))


def _legend(drawn: Figure, title: str | None = None) -> None:
    """Put one legend for all panels beside them, if there is anything to tell apart."""
    handles: dict[str, Any] = {}
    for ax in drawn.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if len(handles) > 1 or title:
        drawn.legend(handles.values(), handles.keys(), loc="outside right upper", title=title)


def _state_figure(state: SteadyState) -> Figure:
    spins = any("Sz" in site.operators for site in state.model.sites)
    drawn = Figure(figsize=(_PAGE, 2.5))
    first, second, third, *more = drawn.subplots(1, 4 if state.observe else 3)
    for ax in more:
        plot.observed(ax, state)
    plot.profile(first, state, "Sz" if spins else "N")
    plot.distribution(second, state)
    for pair in state.model.sites[0].order_pairs:
        plot.correlation(third, state, *pair)
    if third.has_data():
        low, high = third.get_ylim()
        lines = sum(1 + text.count("\n") for text in third.get_legend_handles_labels()[1])
        third.set_ylim(top=high * (high / low) ** (0.175 * lines))  # room for the legend
        third.legend(loc="upper right")
    panels = [ax for ax in drawn.axes if ax.has_data()]
    if not panels:
        raise ArgumentError(f"There is nothing to draw: {state.status}: {state.message}")
    grid = GridSpec(1, len(panels), figure=drawn)
    for ax in drawn.axes:  # close the gaps of panels that the method has no numbers for
        if ax in panels:
            ax.set_subplotspec(grid[panels.index(ax)])
        else:
            ax.remove()
    drawn.set_figwidth(_PAGE * max(len(panels), 3) / 3 if len(panels) > 1 else _COLUMN)
    _title(drawn, state.model.label, f"{state.method.name}: {state.status}")
    return drawn


def _trajectory_figure(trajectory: Trajectory) -> Figure:
    """Draw mean and variance of S_z and n on the sites over the time."""
    known = trajectory.readable()
    names = plot.drawn_names(known)
    if not names:
        raise ArgumentError("There is nothing to draw: no state has a number.")
    drawn, axes = _panels(len(names))
    for ax, name in zip(axes, names, strict=True):
        plot.motion(ax, trajectory, name)
    _legend(drawn)
    verdict = f"{trajectory.method.name}: {trajectory.status}"
    if bad := int(np.sum(~plot.settled(trajectory))):
        look = "hollow" if plot.few_times(trajectory) else "dashed"
        verdict += f" at {bad} of {len(trajectory)} times ({look})"
    _title(drawn, trajectory.model.label, verdict)
    return drawn


def _scan_figure(data: Dataset) -> Figure:
    """Draw a scan over one axis as curves, over a short and a long one as families, else as maps.

    Raises
    ------
    ArgumentError
        If there is no number, or there are more axes than that.
    """
    axes, both = data.attributes["axes"], len(plot_scan.ways(data)) > 1
    known = plot.drawn_names(data.variables)
    names = [name for name in known if np.isfinite(data[name]).any()]
    if not names:
        raise ArgumentError("There is nothing to draw: no point of the scan has a number.")
    mapped = len(axes) == 2 and plot_scan.family(data) is None
    if len(axes) > 2 or (mapped and both):
        raise ArgumentError(
            "A scan to draw must have one or two axes, or in two directions one axis and a short "
            f"one, but has {len(axes)}{' in two directions' if both else ''}."
        )
    data, poor = plot_scan.ordered(data), "hollow"
    if mapped:
        drawn, poor = _mapped(data, names), "circled"
    elif len(axes) == 2:
        drawn = _families(data, names)
    else:
        drawn = _curves(data, names)
    model, method = data.attributes.get("model", ""), data.attributes.get("method", {})
    bad = int(np.sum(data["status"] != Status.CONVERGED))
    verdict = f"{bad} not converged ({poor} or missing)" if bad else "all converged"
    lines = "lines: where ordered phases become unstable for S → ∞ (HPA)"
    lines = lines if mapped and "hpa_growth" in data else ""
    _title(drawn, f"{model}, {method.get('name', '')}: {verdict}", lines)
    return drawn


def _curves(data: Dataset, names: list[str]) -> Figure:
    """Draw all observables along the one axis, a curve for every site and direction."""
    drawn, axes = _panels(len(names))
    tables = plot_scan.ways(data)
    sited = any(plot_scan.sites_of(tables[0][1], name) != [None] for name in names)
    for ax, name in zip(axes, names, strict=True):
        ax.set_title(plot_scan.missing(data[name]))
        for way, part in tables:
            for site in plot_scan.sites_of(part, name):
                told = plot_scan.site_name(part, name, site), way
                label = "" if sited and site is None else ", ".join(filter(None, told))
                look: dict[str, Any] = {"color": f"C{site or 0}", "label": label or None}
                plot_scan.curve(ax, part, name, site, **look, **_WAYS.get(way, {}))
    _legend(drawn)
    return drawn


def _families(data: Dataset, names: list[str]) -> Figure:
    """Draw all observables along the longer axis, a curve for every value of the shorter."""
    dim = plot_scan.family(data)
    assert dim is not None
    title = plot_scan.tied(data, dim)
    tables = plot_scan.ways(data)
    panels = [(name, site) for name in names for site in plot_scan.sites_of(tables[0][1], name)]
    drawn, axes = _panels(len(panels))
    for ax, (name, site) in zip(axes, panels, strict=True):
        for way, part in tables:
            for look, member in plot_scan.members(part, dim):
                if way == "backward":
                    look |= {"label": f"{look['label']}, {way}", **_WAYS[way]}
                plot_scan.curve(ax, member, name, site, **look)
        ax.set_ylabel(plot_scan.label_of(tables[0][1], name, site))
        at = ... if site is None else (..., site)
        ax.set_title(plot_scan.missing(data[name][at]))
    _legend(drawn, title)
    return drawn


def _mapped(data: Dataset, names: list[str]) -> Figure:
    """Draw all observables over the plane of two axes, each site in a panel."""
    panels = [(name, site) for name in names for site in plot_scan.sites_of(data, name)]
    drawn, axes = _panels(len(panels))
    for ax, (name, site) in zip(axes, panels, strict=True):
        plot_scan.maps(ax, data, name, site)
        plot_scan.boundaries(ax, data)
        gaps = plot_scan.missing(data[name][... if site is None else (..., site)])
        ax.set_title(", ".join(filter(None, (plot_scan.label_of(data, name, site), gaps))))
    return drawn


def _comparison_figure(data: Dataset) -> Figure:
    """Draw all observables that two methods give, and the differences in combined errors.

    It is as wide as a column: a row for every observable, and one for all differences.
    """
    names = [name for name in LABELS if name in data and np.isfinite(columns(data, name)).any()]
    if not names:
        raise ArgumentError("There is nothing to draw: no two methods give the same observable.")
    heights = [1.0] * len(names) + [2.2]
    drawn = Figure(figsize=(_COLUMN * 1.15, sum(heights) + 1.0))
    *upper, lower = drawn.subplots(
        len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights}
    )
    for ax, name in zip(upper, names, strict=True):
        compared(ax, data, name)
    deviations(lower, data, names)
    handles, labels = lower.get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower center", ncols=2, fontsize="x-small")
    _title(drawn, data.attributes["label"])
    return drawn
