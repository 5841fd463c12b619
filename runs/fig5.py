"""Magnetisation, fluctuations and correlation length of the infinite chain (Fig. 5).

The quick form stops short of the full one: fewer points, iMPO up to S = 2, and no TWA next to the
transitions of path (i), where it relaxes slowly. In the full form some points are hollow: TWA next
to the transitions and at small rates does not equilibrate, and at S = 16 bond dimension and rank
limit two points of iMPO. Linearised bosons stand where an ordered configuration is stable.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo import ITEBD, TWA, HolsteinPrimakoff, Status, steady_state
from impo.analysis.plot import errorbar_curve, spin_text
from impo.model import LindbladModel
from impo.results.dataset import Dataset
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import (
    Row,
    draw_curve,
    legend_keys,
    mark_unconverged,
    measured,
    rows,
    stacked,
    tell_missing,
    variables,
)  # fmt: skip

COST = {"quick": "2 min", "full": "1.5 h"}

G, H = 1.0, 0.5
GAIN = 1.5  # of path (i)
SPINS = (0.5, 1.0, 2.0)
LARGE_SPINS = (4.0, 8.0, 16.0)  # on few points, in the full form
SEMICLASSICAL_SPIN = 1000.0
_COLOURS = ("C0", "C1", "C2", "C4", "C5", "C6")  # C3 is TWA
_DRAWN = ("Sz", "Sz_var", "xi")
_MARKS = {"A": "o", "B": "s"}


def _paths(spin: float, losses: NDArray, rates: NDArray) -> list[list[LindbladModel]]:
    """Return the models of path (i), fixed gain, and path (ii), gain = loss."""
    return [
        [chain(spin, G, H, GAIN, loss) for loss in losses],
        [chain(spin, G, H, rate, rate) for rate in rates],
    ]


def _coordinates(prefix: str, losses: NDArray, rates: NDArray) -> dict[str, Variable]:
    """Return the rates along both paths as coordinates."""
    one, two = f"{prefix}_i_loss", f"{prefix}_ii_loss"
    return {
        one: Variable((one,), losses, "g", "loss rate on path (i), gain = 1.5 g"),
        two: Variable((two,), rates, "g", "gain and loss rate on path (ii)"),
    }


def _impo_variables(
    prefix: str, spins: Sequence[float], found: Sequence[Sequence[Row]]
) -> dict[str, Variable]:
    """Return both paths of all spins, as `_paths` has them one after the other."""
    dim = f"{prefix}_S"
    out = {dim: Variable((dim,), np.array(spins), "1", "spin quantum number")}
    for n, path in enumerate(("i", "ii")):
        columns = stacked([stacked(table) for table in found[n::2]])
        label = f"{prefix}_{path}"
        out |= variables(columns, (dim, f"{label}_loss"), label, (*_DRAWN, "residual"))
    return out


def _ordered(product: NDArray, ferromagnetic: NDArray | bool, rates: NDArray) -> NDArray:
    """Return the rates at which an ordered configuration is stable for S to infinity, Eq. 3.

    `product` is gain times loss; `ferromagnetic` says where gain and loss differ as FM needs.
    """
    below = (product < (G - H) ** 2) & np.asarray(ferromagnetic)
    return rates[below | (product > (G + H) ** 2)]


def _twa(quick: bool) -> tuple[list[NDArray], list[TWA]]:
    """Return rates and settings of TWA; correlation lengths, on path (ii), want more samples."""
    losses, rates = np.linspace(0.05, 3, 50), np.linspace(0.4, 2.1, 35)
    if quick:
        losses = np.array([0.05, 0.35, 0.55, 0.8, 1.1, 1.25, 1.8, 2.2, 3])
        rates = np.array([0.6, 1.0, 1.25, 1.55, 1.85])
    one = TWA(cells=50, trajectories=64, dt=0.1, max_time=400, tol=1e-2)
    two = replace(one, trajectories=256, max_time=800, tol=3e-3)
    if not quick:
        one, two = replace(one, max_time=4000, tol=2e-3), replace(two, max_time=4000, tol=1e-3)
    return [losses, rates], [one, two]


def compute(quick: bool, directory: Path) -> Dataset:
    """Return curves on both paths: iMPO; TWA and Holstein-Primakoff lines.

    iMPO is there for S = 1/2, 1, 2 (`impo_...`) and, in the full form on fewer points, 4, 8, 16
    (`large_...`); `twa_...` and `hpa_...` are for S = 1000. All have grids of their own.
    """
    losses = np.linspace(0.05, 3, 8 if quick else 60)
    rates = np.linspace(0.1, 3, 8 if quick else 59)
    few = np.array([0.6, 0.9, 1.2, 1.35, 1.5, 1.65, 1.8, 2.1])
    twa_rates, twa_methods = _twa(quick)
    method = ITEBD(tol=1e-3) if quick else ITEBD(tol=1e-4)
    large_spins = () if quick else LARGE_SPINS
    small = [path for spin in SPINS for path in _paths(spin, losses, rates)]
    large = [path for spin in large_spins for path in _paths(spin, few, few)]
    methods = [method] * len(small) + [ITEBD(tol=1e-2, chi_max=128)] * len(large) + twa_methods
    found = rows([*small, *large, *_paths(SEMICLASSICAL_SPIN, *twa_rates)], methods, directory)
    out = _coordinates("impo", losses, rates) | _coordinates("twa", *twa_rates)
    out |= _impo_variables("impo", SPINS, found[: len(small)])
    if large:
        out |= _coordinates("large", few, few)
        out |= _impo_variables("large", LARGE_SPINS, found[len(small) : -2])
    for path, table in zip(("i", "ii"), found[-2:], strict=True):
        label = f"twa_{path}"
        out |= variables(stacked(table), (f"{label}_loss",), label, _DRAWN)
    fine = np.linspace(0.02, 3, 80 if quick else 400)
    ordered = [_ordered(GAIN * fine, fine < GAIN, fine), _ordered(fine**2, False, fine)]
    out |= _coordinates("hpa", *ordered)
    for path, line in zip(("i", "ii"), _paths(SEMICLASSICAL_SPIN, *ordered), strict=True):
        table = [measured(steady_state(model, HolsteinPrimakoff())) for model in line]
        out |= variables(stacked(table), (f"hpa_{path}_loss",), f"hpa_{path}", _DRAWN)
    return Dataset(out, {"g": G, "h": H, "gain": GAIN, "tol": method.tol})


def draw(data: Dataset) -> Figure:
    """Draw the four panels of Fig. 5; unconverged points are hollow."""
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    axes = figure.subplots(2, 2)
    _curves(axes[0, 0], data, "Sz", "i", (0, 1))
    axes[0, 0].set(ylabel=r"$\langle S^z_{a,b}\rangle/S$", title="(a)")
    _curves(axes[0, 1], data, "Sz_var", "i", (0, 1))
    axes[0, 1].set(ylabel=r"$(\Delta S^z_{a,b})^2/S^2$", title="(b)")
    for ax in axes[0]:
        ax.set(xlabel=r"$\Gamma_l/g$ on path (i)", xlim=(0, 3.1))
    _phases(axes[1, 0], data)
    _lengths(axes[1, 1], data)
    handles, _ = axes[0, 0].get_legend_handles_labels()
    handles += legend_keys({f"sublattice {name}": {"marker": m} for name, m in _MARKS.items()})
    handles += legend_keys({"Eq. (3)": {"linestyle": "-", "color": "0.7", "linewidth": 0.8}})
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def _lengths(ax: Axes, data: Dataset) -> None:
    """Draw the correlation lengths along path (ii), and say how many of them are missing."""
    _curves(ax, data, "xi", "ii", (None,))
    found = {
        f"iMPO, $S={spin_text(spin)}$": data[f"{prefix}_ii_xi"][number]
        for prefix, number, spin in _solved(data)
    } | {f"TWA, $S={SEMICLASSICAL_SPIN:g}$": data["twa_ii_xi"]}
    tell_missing(ax, found, r"$\xi$", 0.97, 0.97)
    top = max(np.nanmax(values, initial=0.5) for values in found.values())
    ax.set(xlabel=r"$\bar\Gamma/g$ on path (ii)", ylabel=r"$\xi$ (unit cells)", title="(d)")
    ax.set(xlim=(0, 3.1), ylim=(0, 1.2 * top))


def _solved(data: Dataset) -> list[tuple[str, int, float]]:
    """Return the curves of iMPO: prefix, place, S."""
    return [
        (prefix, number, spin)
        for prefix in ("impo", "large")
        if f"{prefix}_S" in data
        for number, spin in enumerate(data[f"{prefix}_S"])
    ]


def _curves(ax: Axes, data: Dataset, name: str, label: str, sites: Sequence[int | None]) -> None:
    """Draw one quantity along a path, for all spins, with the semiclassical line."""
    marks = {0: _MARKS["A"], 1: _MARKS["B"], None: "o"}
    for colour, (prefix, number, spin) in zip(_COLOURS, _solved(data), strict=False):
        line = f"{prefix}_{label}"
        good = data[f"{line}_status"][number] == Status.CONVERGED
        for site in sites:
            values, errors = data[f"{line}_{name}"][number], data[f"{line}_{name}_error"][number]
            if site is not None:
                values, errors = values[:, site], errors[:, site]
            named = site in (0, None)
            errorbar_curve(
                ax, data[f"{line}_loss"], values, errors, good, color=colour,
                marker=marks[site], linestyle="--",
                label=f"iMPO, $S={spin_text(spin)}$" if named else None,
            )  # fmt: skip
    g, h, gain = (data.attributes[key] for key in ("g", "h", "gain"))
    edges = [(g - h) ** 2 / gain, (g + h) ** 2 / gain] if label == "i" else [g - h, g + h]
    for site in sites:
        named = site in (0, None)
        draw_curve(
            ax, data, name, site, prefix=f"twa_{label}", color="C3", marker=marks[site],
            label=f"TWA, $S={SEMICLASSICAL_SPIN:g}$" if named else None,
        )  # fmt: skip
        values = data[f"hpa_{label}_{name}"]
        values = values if site is None else values[:, site]
        where, status = data[f"hpa_{label}_loss"], data[f"hpa_{label}_status"]
        for side, text in ((where > edges[1], "HPA" if named else None), (where < edges[1], None)):
            ax.plot(where[side], values[side], color="black", lw=0.7, marker="", label=text)
        mark_unconverged(ax, where, values, status)
    for edge in edges:
        ax.axvline(edge, color="0.7", lw=0.8, zorder=0)


def _phases(ax: Axes, data: Dataset) -> None:
    """Draw the phase diagram of S -> infinity with both paths."""
    g, h, gain = (data.attributes[key] for key in ("g", "h", "gain"))
    rate = np.linspace(0.02, 3, 400)
    lower, upper = (g - h) ** 2 / rate, (g + h) ** 2 / rate
    ax.fill_between(rate, lower, np.minimum(upper, 3), where=lower < 3, color="0.9", lw=0)
    for edge in (lower, upper):
        ax.plot(rate, edge, color="black", lw=1)
    ax.plot([0, g - h], [0, g - h], color="black", lw=1)
    ax.plot([gain, gain], [data["impo_i_loss"][0], data["impo_i_loss"][-1]], color="0.4", lw=1.5)
    ax.plot([0, 3], [0, 3], color="0.4", lw=1.5, ls=":")
    for x, y, text in (
        (2.2, 1.75, "AM"), (0.75, 1.35, "PPT"), (0.55, 0.1, r"FM $\uparrow$"),
        (0.03, 0.58, r"FM $\downarrow$"), (gain + 0.05, 0.3, "(i)"), (2.35, 2.6, "(ii)"),
    ):  # fmt: skip
        ax.text(x, y, text, fontsize=8)
    ax.set(
        xlim=(0, 3), ylim=(0, 3), title="(c)",
        xlabel=r"$\Gamma_g/g$", ylabel=r"$\Gamma_l/g$",
    )  # fmt: skip
