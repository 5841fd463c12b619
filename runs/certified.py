"""Certified intervals of the magnetisation and its variance on both paths of Fig. 5, with iMPO.

An interval contains the value of the infinite chain, whatever its state is. Points are iMPO. The
map shows where intervals are narrow: with weak dissipation correlations that a short window does
not see decide the state, and its intervals are wide. This study is an addition to the paper.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo import ITEBD, Term, bounds
from impo.analysis.plot import errorbar_curve, spin_text
from impo.analysis.plot_scan import edges
from impo.model import LindbladModel
from impo.results.dataset import Dataset, unconverged
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import NAMES, legend_keys, rows, stacked, variables

COST = {"quick": "1 min", "full": "2 h"}

G, H, GAIN = 1.0, 0.5, 1.5
_SITES = {"A": ("o", "C3"), "B": ("s", "C0")}
_PATHS = {"i": r"$\Gamma_l/g$ on path (i)", "ii": r"$\bar\Gamma/g$ on path (ii)"}
_QUICK, _FULL = {0.5: 6}, {0.5: 8, 1.0: 6}  # window by spin
_LOSSES = {True: np.linspace(0.05, 3, 8), False: np.linspace(0.05, 3, 30)}  # by quick form
_MAP = {True: np.linspace(0.2, 3, 5), False: np.linspace(0.2, 3, 15)}  # rates of the map


def _paths(spin: float, losses: NDArray) -> dict[str, list[LindbladModel]]:
    """Return the models of path (i), fixed gain, and path (ii), gain = loss."""
    return {
        "i": [chain(spin, G, H, GAIN, loss) for loss in losses],
        "ii": [chain(spin, G, H, rate, rate) for rate in losses],
    }


def certified(model: LindbladModel, sites: int) -> dict[str, NDArray]:
    """Return the ends of intervals of <S_z>/S and Var(S_z)/S^2, shape (site, end)."""
    spin = float(model.sites[0].S)
    asked = {}
    for site in range(len(model.sites)):
        asked[f"mean {site}"] = Term(1 / spin, ("Sz", site, 0))
        if spin > 0.5:
            asked[f"square {site}"] = Term(1 / spin**2, ("Sz", site, 0), ("Sz", site, 0))
    found = bounds(model, asked, sites=sites)
    means, spreads = [], []
    for site in range(len(model.sites)):
        mean = found[f"mean {site}"]
        square = found.get(f"square {site}")
        low, high = (1.0, 1.0) if square is None else (square.lower, square.upper)
        ends = np.array([mean.lower, mean.upper])
        smallest = 0.0 if 0 in mean else np.abs(ends).min()
        means.append(ends)
        spreads.append([max(low - np.abs(ends).max() ** 2, 0.0), high - smallest**2])
    return {"Sz": np.array(means), "Sz_var": np.array(spreads)}


def _intervals(
    windows: dict[float, int], losses: Sequence[float], models: dict[float, dict[str, list]]
) -> dict[str, Variable]:
    """Return `bounds_<path>_<name>` with dimensions (S, loss, site, end)."""
    out = {}
    for path in _PATHS:
        found = [[certified(one, sites) for one in models[spin][path]]
                 for spin, sites in windows.items()]  # fmt: skip
        for name in ("Sz", "Sz_var"):
            values = np.array([[one[name] for one in line] for line in found])
            label = f"certified ends of {NAMES[name]}"
            out[f"bounds_{path}_{name}"] = Variable(
                ("S", "loss", "site", "end"), values, "1", label
            )
    return out


def compute(quick: bool, directory: Path) -> Dataset:
    """Return intervals and iMPO on both paths, and the widths of <S_z> of A over all rates."""
    windows = _QUICK if quick else _FULL
    losses = _LOSSES[quick]
    models = {spin: _paths(spin, losses) for spin in windows}
    method = ITEBD(tol=3e-3) if quick else ITEBD(tol=1e-4)
    lines = [models[spin][path] for spin in windows for path in _PATHS]
    found = rows(lines, [method] * len(lines), directory)
    out = {
        "S": Variable(("S",), np.array(list(windows)), "1", "spin quantum number"),
        "window": Variable(("S",), np.array(list(windows.values())), "1", "sites of the window"),
        "loss": Variable(("loss",), losses, "g", "loss on path (i), gain and loss on path (ii)"),
        "end": Variable(("end",), np.array(["lower", "upper"]), "1", "end of an interval"),
    }
    for n, path in enumerate(_PATHS):
        columns = stacked([stacked(table) for table in found[n :: len(_PATHS)]])
        out |= variables(columns, ("S", "loss"), f"impo_{path}", ("Sz", "Sz_var"))
    out |= _intervals(windows, losses, models)
    rates, sites = _MAP[quick], 6 if quick else 7
    widths = [
        [bounds(chain(0.5, G, H, gain, loss), "Sz", sites=sites).width / 0.5 for gain in rates]
        for loss in rates
    ]
    out["rate"] = Variable(("rate",), rates, "g", "gain, or loss, of the map")
    out["width"] = Variable(
        ("map_loss", "rate"),
        np.array(widths),
        "1",
        "width of the interval of <S_z>/S of A, S = 1/2",
    )
    return Dataset(out, {"g": G, "h": H, "gain": GAIN, "tol": method.tol, "map_window": sites})


def draw(data: Dataset) -> Figure:
    """Draw intervals as bands behind the points of iMPO, and the map of widths."""
    figure = Figure(figsize=(7.6, 6.2), layout="constrained")
    axes = figure.subplots(2, 2)
    for ax, path, name, title in (
        (axes[0, 0], "i", "Sz", "Fig. 5(a)"), (axes[0, 1], "i", "Sz_var", "Fig. 5(b)"),
        (axes[1, 0], "ii", "Sz", ""),
    ):  # fmt: skip
        _bands(ax, data, path, name)
        symbol = r"$\langle S^z\rangle/S$" if name == "Sz" else r"$(\Delta S^z)^2/S^2$"
        ax.set(xlabel=_PATHS[path], ylabel=symbol, xlim=(0, 3.1), title=title)
    ends = edges(data["rate"])
    drawn = axes[1, 1].pcolormesh(ends, ends, np.log10(data["width"]), cmap="viridis_r")
    axes[1, 1].set(xlabel=r"$\Gamma_g/g$", ylabel=r"$\Gamma_l/g$")
    label = rf"$\log_{{10}}$ width, A, {data.attributes['map_window']} sites, $S=1/2$"
    figure.colorbar(drawn, ax=axes[1, 1], label=label)
    looks = {f"sublattice {name}": {"marker": m, "color": c} for name, (m, c) in _SITES.items()}
    for n, (spin, window) in enumerate(zip(data["S"], data["window"], strict=True)):
        text = f"certified, $S={spin_text(spin)}$, {window} sites"
        looks[text] = {"linestyle": "-", "linewidth": 6, "alpha": _alpha(n)}
    figure.legend(handles=legend_keys(looks), loc="outside upper center", ncols=4)
    return figure


def _alpha(number: int) -> float:
    return (0.45, 0.2)[number]


def _bands(ax: Axes, data: Dataset, path: str, name: str) -> None:
    """Draw one quantity along a path: bands, and iMPO with its error bars."""
    for n in reversed(range(len(data["S"]))):
        good = ~unconverged(data[f"impo_{path}_status"][n])
        for site, (mark, colour) in enumerate(_SITES.values()):
            low, high = data[f"bounds_{path}_{name}"][n, :, site].T
            ax.fill_between(data["loss"], low, high, color=colour, alpha=_alpha(n), lw=0)
            errorbar_curve(
                ax, data["loss"], data[f"impo_{path}_{name}"][n, :, site],
                data[f"impo_{path}_{name}_error"][n, :, site], good, color=colour, marker=mark,
                markersize=3, linestyle="-" if n == 0 else ":",
            )  # fmt: skip
