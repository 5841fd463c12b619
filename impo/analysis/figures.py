"""Figures of whole results, and how they are written."""

import io
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from impo.analysis.plot import (
    LABELS,
    columns,
    compared,
    correlation,
    curves,
    distribution,
    maps,
    motion,
    profile,
)
from impo.arguments import ArgumentError
from impo.results.dataset import Dataset
from impo.results.state import SteadyState
from impo.results.store import write_atomically
from impo.results.trajectory import Trajectory


def figure(result: Any) -> Figure:
    """Return the figure of a state, a trajectory, a scan or a comparison of methods.

    Raises
    ------
    ArgumentError
        If there is no picture of this kind of result, it holds no numbers, or a scan has more than
        two axes.
    """
    if isinstance(result, Dataset) and "axes" in result.attributes:
        return _scan_figure(result)
    if isinstance(result, Dataset) and "methods" in result.attributes:
        return _comparison_figure(result)
    if isinstance(result, SteadyState):
        return _state_figure(result)
    if isinstance(result, Trajectory):
        return _trajectory_figure(result)
    raise ArgumentError(f"There is no picture of a result of kind `{type(result).kind}`.")


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


def _state_figure(state: SteadyState) -> Figure:
    spins = any("Sz" in site.operators for site in state.model.sites)
    drawn = Figure(figsize=(10.2, 2.8))
    first, second, third = drawn.subplots(1, 3)
    profile(first, state, "Sz" if spins else "N")
    distribution(second, state)
    for pair in state.model.sites[0].order_pairs:
        correlation(third, state, *pair)
    if third.has_data():
        third.legend()
    panels = [ax for ax in drawn.axes if ax.has_data()]
    if not panels:
        raise ArgumentError(f"There is nothing to draw: {state.status}: {state.message}")
    grid = GridSpec(1, len(panels), figure=drawn)
    for ax in drawn.axes:  # close the gaps of panels that the method has no numbers for
        if ax in panels:
            ax.set_subplotspec(grid[panels.index(ax)])
        else:
            ax.remove()
    drawn.set_size_inches(3.4 * len(panels), 2.8)
    drawn.suptitle(f"{state.model.label}\n{state.method.name}: {state.status}")
    return drawn


def _trajectory_figure(trajectory: Trajectory) -> Figure:
    """Draw mean and variance of S_z and n on the sites over the time."""
    known = trajectory.readable()
    names = [name for name in LABELS if name in known]
    if not names:
        raise ArgumentError("There is nothing to draw: no state has a number.")
    drawn = Figure(figsize=(3.4 * len(names), 2.8))
    for ax, name in zip(drawn.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        motion(ax, trajectory, name)
    label = f"{trajectory.model.label}\n{trajectory.method.name}: {trajectory.status}"
    drawn.suptitle(label)
    return drawn


def _scan_figure(data: Dataset) -> Figure:
    axes = data.attributes["axes"]
    names = [name for name in LABELS if name in data and np.isfinite(data[name]).any()]
    if not names:
        raise ArgumentError("There is nothing to draw: no point of the scan has a number.")
    if len(axes) == 1:
        drawn = Figure(figsize=(3.4 * len(names), 2.8))
        for ax, name in zip(drawn.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            for way, part in _ways(data):
                curves(ax, part, name, way)
    elif len(axes) == 2 and "direction" not in data:
        panels = [
            (name, site)
            for name in names
            for site in (range(data[name].shape[2]) if data[name].ndim > 2 else [None])
        ]
        rows = -(-len(panels) // 2)
        drawn = Figure(figsize=(6.8, 2.6 * rows))
        for ax, panel in zip(drawn.subplots(rows, 2, squeeze=False).flat, panels, strict=False):
            maps(ax, data, *panel)
    else:
        both = " in two directions" if "direction" in data else ""
        raise ArgumentError(
            "A scan to draw must have one or two axes, or one in two directions, but has "
            f"{len(axes)}{both}."
        )
    model, method = data.attributes.get("model", ""), data.attributes.get("method", {})
    bad = data.unconverged
    verdict = f"{bad} not converged (hollow or missing)" if bad else "all converged"
    drawn.suptitle(f"{model}, {method.get('name', '')}: {verdict}")
    return drawn


def _comparison_figure(data: Dataset) -> Figure:
    """Draw all observables that two methods give, and the differences in combined errors."""
    names = [name for name in LABELS if name in data and np.isfinite(columns(data, name)).any()]
    if not names:
        raise ArgumentError("There is nothing to draw: no two methods give the same observable.")
    drawn = Figure(figsize=(2.6 * len(names), 4.6))
    upper, lower = drawn.subplots(2, len(names), squeeze=False, sharex=True)
    for one, other, name in zip(upper, lower, names, strict=True):
        compared(one, data, name)
        compared(other, data, f"{name}_deviation")
        one.set_title(LABELS.get(name, name))
    drawn.suptitle(data.attributes["label"])
    return drawn


def _ways(data: Dataset) -> list[tuple[str, Dataset]]:
    """Return the tables of both directions with their names, or the one that there is."""
    if "direction" not in data:
        return [("", data)]
    found = []
    for number, way in enumerate(data["direction"]):
        variables = {k: item for k, item in data.variables.items() if k != "direction"}
        for name, item in variables.items():
            if "direction" in item.dims:
                variables[name] = replace(item, dims=item.dims[1:], values=item.values[number])
        found.append((str(way), Dataset(variables, data.attributes)))
    return found
