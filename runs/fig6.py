"""Order parameter in mean field and TWA, and the mixed-order potential (Fig. 6).

In the quick form TWA begins at 0.3 of the threshold. In the full form it also goes to smaller
rates, where some points do not equilibrate: they are hollow.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo import TWA, MeanField, steady_state
from impo.analysis.plot import errorbar_curve, spin_text
from impo.results.dataset import Dataset
from impo.results.state import SteadyState
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import draw_curve, judged, mark_unconverged, rows, stacked, variables

COST = {"quick": "35 s", "full": "15 min"}

G, H = 1.0, 0.5
SPINS = (0.5, 1.0, 2.0, 10.0, 100.0)
POTENTIAL_SPIN = 100.0
TWA_SPIN = 1000.0
# rate over threshold by TWA, by quick form
_TWA = {
    True: (0.3, 0.45, 0.6, 0.75, 0.88, 0.92, 1.03, 1.08, 1.15),
    False: np.linspace(0.1, 1.15, 43),
}
DISTANCES = (1.1, 1.0, 0.9)  # rate over threshold in the columns of panel (c)


def _line(spin: float, rates: np.ndarray) -> tuple[np.ndarray, list[SteadyState]]:
    """Return (transverse, Sz on A, error)/S along the symmetry line, growth rates, and the states.

    Every point starts from its neighbour at the larger rate, tilted off the polarised state.
    """
    out, states, start = [], [], None
    for rate in rates[::-1]:
        state = steady_state(chain(spin, G, H, rate, rate), MeanField(), start)
        states.append(state)
        growth = state.diagnostics["solutions"][0]["growth_rate"]
        transverse, along = state.transverse, state.expect("Sz")
        out.append(
            [transverse.value[0] / spin, along.value[0] / spin, along.error[0] / spin, growth]
        )
        z = rate / (2 * (G + H - rate)) if rate < G + H else math.inf
        start = state if z < 0.9 * spin else None
    return np.array(out[::-1]), states[::-1]


def _mean_field_potential(spin: float, rate: float, order: np.ndarray) -> np.ndarray:
    """Return F with d|Delta|/dt = -dF/d|Delta| at gain = loss, Sz following adiabatically.

    With z = <Sz_a> = -<Sz_b> fixed by (g + h) Delta^2 = Gamma [S(S+1) - z(z+1)], the order
    parameter grows at [2(g + h - Gamma) z - Gamma]/(2S) in the equations of Appendix B.
    """
    total = G + H
    root = 0.25 + spin * (spin + 1) - total * order**2 / rate
    z = -0.5 + np.sqrt(np.where(root >= 0, root, np.nan))  # beyond, Sz cannot follow
    slope = -order * (2 * (total - rate) * z - rate) / (2 * spin)
    steps = np.diff(order) * (slope[1:] + slope[:-1]) / 2
    return np.concatenate([[0.0], np.cumsum(steps)])


def _landau_first_order(order: np.ndarray, distance: float) -> np.ndarray:
    """Return the usual Landau potential of a first-order transition at the order 1/2."""
    x = (2 * order) ** 2
    return (x - 2 * x**2 + x**3) + 2 * (distance - 1) * x


def compute(quick: bool, directory: Path) -> Dataset:
    """Return mean field and TWA along gain = loss, and the potentials of panel (c)."""
    points = 14 if quick else 101  # none at the threshold of a spin, where a mode is marginal
    threshold = G + H
    rates = threshold * np.linspace(0.1, 1.15, points)
    lines = [_line(spin, rates) for spin in SPINS]
    table = np.array([values for values, _ in lines])
    distances = np.array(_TWA[quick])
    stochastic = TWA(cells=50, trajectories=64, max_time=800, tol=1e-2)
    if not quick:
        stochastic = replace(stochastic, trajectories=128, max_time=3200, tol=5e-3)
    order = np.linspace(0, 1, 401)
    potentials = [
        _mean_field_potential(POTENTIAL_SPIN, x * threshold, POTENTIAL_SPIN * order)
        / POTENTIAL_SPIN**2
        for x in DISTANCES
    ]
    first_order = [_landau_first_order(order, x) for x in DISTANCES]
    names = ("transverse", "magnetisation", "magnetisation_error", "growth_rate")
    texts = ("|<S->|/S", "<Sz>/S on A", "error of <Sz>/S on A", "slowest mode of the fixed point")
    out = {
        "rate": Variable(("rate",), rates, "g", "gain and loss rate"),
        "S": Variable(("S",), np.array(SPINS), "1", "spin quantum number"),
        "distance": Variable(("distance",), np.array(DISTANCES), "1", "rate over threshold"),
        "order": Variable(("order",), order, "1", "|<S->|/S"),
        "potential": Variable(
            ("distance", "order"), np.array(potentials), "g", "mean-field potential / S^2"
        ),
        "landau": Variable(
            ("distance", "order"), np.array(first_order), "1", "first-order Landau potential"
        ),
        "limit": Variable(
            ("rate",), np.where(rates < threshold, np.sqrt(rates / threshold), 0.0), "1",
            "|<S->|/S for S -> infinity, Eq. (9)",
        ),
    }  # fmt: skip
    for i, (name, text) in enumerate(zip(names, texts, strict=True)):
        units = "g" if name == "growth_rate" else "1"
        out[name] = Variable(("S", "rate"), table[..., i], units, text)
    out |= judged([states for _, states in lines], ("S", "rate"), "mean_field")
    models = [chain(TWA_SPIN, G, H, rate, rate) for rate in threshold * distances]
    (table,) = rows([models], [stochastic], directory)
    out["twa_loss"] = Variable(("twa_loss",), threshold * distances, "g", "gain and loss rate")
    out |= variables(stacked(table), ("twa_loss",), "twa", ("Sz", "Sz_var", "transverse", "xi"))
    return Dataset(
        out, {"title": "Mean-field order and TWA", "g": G, "h": H, "potential_S": POTENTIAL_SPIN}
    )


def draw(data: Dataset) -> Figure:
    """Draw order parameter and magnetisation over the rate, and the potentials."""
    figure = Figure(figsize=(9.6, 4.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.1))
    axes = left.subplots(2, 1, sharex=True)
    _draw_order(axes, data)
    left.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=7
    )
    grid = right.subplots(2, 3, sharex=True, sharey="row")
    _draw_potentials(grid, data)
    for axis, letter in ((axes[0], "(a)"), (axes[1], "(b)"), (grid[0, 0], "(c)")):
        axis.set_title(letter, loc="left", fontsize=9)
    return figure


def _draw_order(axes: NDArray, data: Dataset) -> None:
    """Draw the order parameter (upper panel) and the magnetisation by both theories."""
    threshold = data.attributes["g"] + data.attributes["h"]
    x = data["rate"] / threshold
    for i, spin in enumerate(data["S"]):
        for ax, name, errors in (
            (axes[0], "transverse", None),
            (axes[1], "magnetisation", data["magnetisation_error"][i]),
        ):
            errorbar_curve(
                ax, x, data[name][i], errors, marker="", linestyle="--", color=f"C{i}",
                label=f"MF, $S={spin_text(spin)}$",
            )  # fmt: skip
            mark_unconverged(ax, x, data[name][i], data["mean_field_status"][i])
    for ax, key in zip(axes, ("transverse", "Sz"), strict=True):
        draw_curve(
            ax, data, key, 0, 1 / threshold, color=f"C{len(data['S'])}", linewidth=1.5,
            label=f"TWA, $S={TWA_SPIN:g}$",
        )  # fmt: skip
        ax.set(xlim=(0, 1.02 * x[-1]), ylim=(-0.05, 1.1))
    below = np.linspace(0, 1, 201)
    edge = [*below, 1, x[-1]]
    axes[0].plot(edge, [*np.sqrt(below), 0, 0], "k-", lw=0.8, label=r"Eq. (9), $S\to\infty$")
    axes[1].plot(edge, [*(0 * below), 1, 1], "k-", lw=0.8)
    axes[0].set_ylabel(r"$\langle S_\perp\rangle/S$")
    axes[1].set_ylabel(r"$\langle S^z_a\rangle/S$")
    axes[1].set_xlabel(r"$\bar\Gamma/(g+h)$")


def _draw_potentials(grid: NDArray, data: Dataset) -> None:
    """Draw the potential of a first-order transition (upper row) and that of mean field."""
    order = data["order"]
    for column, distance in enumerate(data["distance"]):
        grid[0, column].plot(order, data["landau"][column], "C0")
        grid[1, column].plot(order, data["potential"][column], "C3")
        grid[0, column].set_title(rf"$\bar\Gamma={distance:g}\,\bar\Gamma_c$", fontsize=9)
        grid[1, column].set_xlabel(r"$|\Delta|/S$")
    for row, name in enumerate(("landau", "potential")):
        values = data[name]
        low = np.nanmin(values)
        top = 0.5 if name == "landau" else np.nanmax(np.abs(values))
        for ax in grid[row]:
            ax.set(ylim=(1.15 * low - 0.05 * top, 1.05 * top))
            ax.axhline(0, color="0.7", lw=0.8)
    grid[0, 0].set_ylabel(r"first order: $F(\Delta)$")
    grid[1, 0].set_ylabel(rf"mixed order: $F/S^2$, $S={data.attributes['potential_S']:g}$")
