"""Parts of the figure of a comparison: values by method, and differences in combined errors."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from impo.analysis.judgement import AGREE
from impo.analysis.plot import LABELS, errorbar_curve
from impo.arrays import Array
from impo.results.dataset import Dataset
from impo.results.estimate import Status

_SPREAD = 0.3  # part of the place of a method over which sites, or observables, are spread
_MARKERS = "os^Dv<>pP*XhdH"


def columns(data: Dataset, name: str) -> Array:
    """Return a variable of a comparison as real numbers, one column for every site or bond."""
    values = data[name]
    values = np.abs(values) if np.iscomplexobj(values) else values
    return values.reshape(len(values), -1)


def compared(ax: Axes, data: Dataset, name: str) -> list[Artist]:
    """Draw an observable of a comparison for every method; those not converged are hollow.

    Of a complex number the modulus is drawn. Sites, or bonds, differ in colour and marker. Bands
    are certified intervals.
    """
    values, errors, artists = columns(data, name), columns(data, f"{name}_error"), []
    converged, dims = data["status"] == Status.CONVERGED, data.variables[name].dims[1:]
    for column, shift in enumerate(_shifts(values.shape[1])):
        kind = dims[0].rpartition("_")[2] if dims else ""
        label = f"{kind} {data[dims[0]][column]}" if dims else None
        place = np.arange(len(values)) + shift
        artists += errorbar_curve(
            ax, place, values[:, column], errors[:, column], converged,
            label=label, linestyle="none", color=f"C{column}", marker=_MARKERS[column % 14],
        )  # fmt: skip
        if f"{name}_lower" in data:
            ends = (data[f"{name}_{end}"][column] for end in ("lower", "upper"))
            look: dict[str, Any] = {"color": f"C{column}", "alpha": 0.2, "linewidth": 0}
            artists.append(ax.axhspan(*ends, zorder=0, **look))
    ax.set_title(LABELS.get(name, name), loc="left", fontsize="medium", pad=3)
    if values.shape[1] > 1:  # in the line of the title, where no number stands
        look = {"borderaxespad": 0.1, "handletextpad": 0.1, "columnspacing": 0.8}
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, **look)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.margins(y=0.15)
    methods_axis(ax, data)
    return artists


def deviations(ax: Axes, data: Dataset, names: Sequence[str]) -> list[Artist]:
    """Draw the differences of observables to the first method that gives them, in combined errors.

    The axis is logarithmic beyond the errors, and the grey band is agreement. Methods that leave
    something out of their error bars are shaded, with its relative size where it is known: there,
    a difference beyond the band need not be an error of the numerics.
    """
    artists: list[Artist] = [
        ax.axhspan(-AGREE, AGREE, color="0.88", zorder=0, label=f"within {AGREE:g} errors")
    ]
    for number, (name, shift) in enumerate(zip(names, _shifts(len(names)), strict=True)):
        values = columns(data, f"{name}_deviation")
        place = np.repeat(np.arange(len(values)), values.shape[1]) + shift
        converged = np.repeat(data["status"] == Status.CONVERGED, values.shape[1])
        artists += errorbar_curve(
            ax, place, values.ravel(), None, converged, label=LABELS.get(name, name),
            linestyle="none", color=f"C{number % 7}", marker=_MARKERS[number % 14],
        )  # fmt: skip
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_yscale("symlog", linthresh=AGREE)
    most = max([10.0, *(abs(limit) for limit in ax.get_ylim())])
    ax.set(ylim=(-2 * most, 2 * most), ylabel="difference / errors")
    ax.set_yticks(ticks := _ticks(most), [f"{x:g}".replace("-", "\N{MINUS SIGN}") for x in ticks])
    ax.minorticks_off()
    shaded: list[Artist] = []
    for number, told in enumerate(data.attributes["methods"]):
        gives = any(np.isfinite(columns(data, name)[number]).any() for name in names)
        if gives and told["omitted"] != 0:
            told_once = None if shaded else "leaves something out"
            look: dict[str, Any] = {"color": "#E69F00", "alpha": 0.15, "label": told_once}
            place = (number - 0.5, number + 0.5)
            shaded.append(ax.axvspan(*place, linewidth=0, zorder=0, **look))
            size = _percent(told["omitted"])
            ax.text(number, 1.7 * most, size, ha="center", va="top", fontsize="x-small")
    infinite = sum(int(np.isinf(columns(data, f"{name}_deviation")).sum()) for name in names)
    if infinite:
        ax.set_title(f"{infinite} infinite (no errors)", loc="left", fontsize="medium", pad=3)
    methods_axis(ax, data)
    return artists + shaded


def methods_axis(ax: Axes, data: Dataset) -> None:
    """Let the methods stand along an axis, and say which have failed."""
    pairs = zip(data["solver"], data["status"], strict=True)
    labels = [f"{label}\n(failed)" if status == Status.FAILED else label for label, status in pairs]
    ax.set_xticks(range(len(labels)), labels)
    ax.set_xlim(-0.5, len(labels) - 0.5)
    ax.grid(visible=False, axis="x")


def _percent(size: float | None) -> str:
    """Return a relative size in words; nothing if it is not known."""
    if size is None or math.isnan(size):
        return ""
    return f"{100 * size:.2g} %" if size < 0.995 else f"{100 * size:.0f} %"


def _shifts(count: int) -> Array:
    """Return where things that stand side by side at one method are drawn."""
    step = min(0.15, 2 * _SPREAD / max(count - 1, 1))
    shifts: Array = step * (np.arange(count) - (count - 1) / 2)
    return shifts


def _ticks(most: float) -> list[float]:
    """Return few round numbers up to a size, of both signs: zero, the errors and powers of ten."""
    powers = range(1, math.floor(math.log10(most)) + 1)
    step = 1 + len(powers) // 4
    upper = [AGREE, *(10.0**n for n in powers[::step])]
    return [*(-x for x in upper[::-1]), 0.0, *upper]
