"""Order parameter and fluctuations over the plane of rates, beside Fig. 1(c) of the paper.

M_z = (<S_a> + <S_b>)/2S and the total variance (Var S_a + Var S_b)/S^2 of the infinite chain, by
iMPO for small spins and TWA for S = 1000, with the phase boundaries of the Holstein-Primakoff
expansion. Exchanging the sublattices and turning all spins over maps (gain, loss) to (loss, gain)
and M_z to -M_z: half of the plane is computed. TWA takes a time of order S to equilibrate on the
line gain = loss < g - h, and a long one close to the other boundaries. The quick form leaves these
points out; in the full form they may stay without convergence, and are marked.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from impo import ITEBD, TWA
from impo.analysis.plot import spin_text
from impo.results.dataset import Dataset, unconverged
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import (
    JUDGED,
    Row,
    cell_edges,
    legend_keys,
    mark_unconverged,
    mirrored,
    rows,
)  # fmt: skip
from runs.fig1c import EDGE, PHASES, G, H, boundary, smooth

COST = {"quick": "1 min", "full": "5 min, 2 GB"}

LARGE_SPIN = 1000.0
_AXES = {  # of rates, by quick form
    True: np.array([0.25, 0.7, 1.0, 1.8, 2.6, EDGE]),
    False: EDGE * np.arange(1, 17) / 16,
}


def _methods(quick: bool) -> list[tuple[float, ITEBD | TWA]]:
    """Return the spins and the method for each."""
    if quick:
        semiclassical = TWA(cells=20, trajectories=64, dt=0.1, max_time=400, tol=2e-2)
        return [(0.5, ITEBD(tol=3e-3)), (1.0, ITEBD(tol=3e-3)), (LARGE_SPIN, semiclassical)]
    method = ITEBD(tol=2e-3)
    semiclassical = TWA(cells=50, trajectories=64, dt=0.1, max_time=4000, tol=5e-3)
    return [(spin, method) for spin in (0.5, 1.0, 2.0)] + [(LARGE_SPIN, semiclassical)]


def half_plane(axis: NDArray, boundaries: bool = True) -> list[list[tuple[int, int]]]:
    """Return the places (gain, loss) on an axis with loss <= gain, in chains of falling loss.

    Without `boundaries`, those are left out where gain times loss is within a tenth of (g - h)^2 or
    (g + h)^2, or that lie on the line gain = loss < g - h.
    """

    def chosen(n: int, m: int) -> bool:
        close = any(abs(axis[n] * axis[m] / edge**2 - 1) < 0.1 for edge in (G - H, G + H))
        return boundaries or not (close or (n == m and axis[n] < G - H))

    return [[(n, m) for m in range(n + 1)[::-1] if chosen(n, m)] for n in range(len(axis))]


def plane(found: Iterable[Row], places: Iterable[tuple[int, int]], points: int) -> dict[str, Any]:
    """Return M_z and the total variance, with errors and verdicts, as arrays (gain, loss).

    `found` are the points at `places` of `half_plane`, in order. A mirrored point has no verdict of
    its own.
    """
    out: dict[str, NDArray] = {name: np.full((points, points), "", dtype=object) for name in JUDGED}
    for place, row in zip(places, found, strict=True):
        for name in JUDGED:
            out[name][place] = str(row[name])
        for name, source, scale, sign in (("Mz", "Sz", 0.5, -1), ("variance", "Sz_var", 1.0, 1)):
            for key, other, turned in (
                (name, source, sign),
                (f"{name}_error", f"{source}_error", 1),
            ):
                array = out.setdefault(key, np.full((points, points), np.nan))
                number = scale * row[other].sum()
                array[place[::-1]] = turned * number
                array[place] = number
    return out | {name: out[name].astype(str) for name in JUDGED}


def compute(quick: bool, directory: Path) -> Dataset:
    """Return both quantities on a grid of rates for all spins, and the boundaries."""
    axis, along = _AXES[quick], 25 if quick else 60
    points = len(axis)
    methods = _methods(quick)
    halves = [half_plane(axis, not quick or spin != LARGE_SPIN) for spin, _ in methods]
    lines = [
        ([chain(spin, G, H, axis[n], axis[m]) for n, m in line], method)
        for (spin, method), half in zip(methods, halves, strict=True)
        for line in half
    ]
    found = rows(*zip(*lines, strict=True), directory)
    flat = itertools.chain.from_iterable
    planes = [
        plane(flat(found[n * points : (n + 1) * points]), flat(half), points)
        for n, half in enumerate(halves)
    ]
    gains = np.geomspace(0.05, EDGE, along)
    variables = {
        "S": Variable(("S",), np.array([spin for spin, _ in methods]), "1", "spin quantum number"),
        "gain": Variable(("gain",), axis, "g", "gain rate"),
        "loss": Variable(("loss",), axis, "g", "loss rate"),
        "boundary_gain": Variable(("boundary_gain",), gains, "g", "gain rate"),
    }
    names = {
        "Mz": "<S_a + S_b>/2S", "variance": "(Var S_a + Var S_b)/S^2", "status": "verdict",
        "message": "why the verdict is what it is",
    }  # fmt: skip
    for key in planes[0]:
        label = names[key.removesuffix("_error")]
        label = f"error of {label}" if key.endswith("_error") else label
        stacked = np.stack([one[key] for one in planes])
        variables[key] = Variable(("S", "gain", "loss"), stacked, "1", label)
    for name in PHASES:
        label = f"loss rate at which {name} becomes unstable, S -> infinity"
        variables[f"boundary_{name.replace(' ', '_')}"] = Variable(
            ("boundary_gain",), boundary(name, gains), "g", label
        )
    tolerances = [method.tol for _, method in methods]
    return Dataset(variables, {"g": G, "h": H, "tol": tolerances, "large_spin": LARGE_SPIN})


def draw(data: Dataset) -> Figure:
    """Draw M_z (upper row) and the total variance (lower row); circles are not converged."""
    spins = data["S"]
    figure = Figure(figsize=(2.4 * len(spins) + 0.9, 5.2), layout="constrained")
    axes = figure.subplots(2, len(spins), squeeze=False, sharex=True, sharey=True)
    looks = (
        ("Mz", r"$\langle S^z_a + S^z_b\rangle/2S$", {"cmap": "RdBu_r", "vmin": -1, "vmax": 1}),
        ("variance", r"$(\Delta S_a^2 + \Delta S_b^2)/S^2$", {"cmap": "viridis", "vmin": 0}),
    )
    edges = cell_edges(data["gain"], 0, EDGE)
    grid = np.meshgrid(data["gain"], data["loss"], indexing="ij")
    for row, (name, label, look) in zip(axes, looks, strict=True):
        if name == "variance":
            look["vmax"] = float(np.nanmax(data[name]))
        for n, ax in enumerate(row):
            ax.set_facecolor("white")
            ax.patch.set(hatch="////", edgecolor="0.7")  # seen where there is no value
            ax.grid(visible=False)
            mesh = ax.pcolormesh(edges, edges, data[name][n].T, **look)
            _lines(ax, data)
            mark_unconverged(ax, *grid, mirrored(data["status"][n]))
        figure.colorbar(mesh, ax=row, label=label)
    for n, spin in enumerate(spins):
        method = "TWA" if spin == data.attributes["large_spin"] else "iMPO"
        axes[0, n].set_title(rf"{method}, $S={spin_text(spin)}$")
        axes[1, n].set_xlabel(r"$\Gamma_g/g$")
    for ax in axes[:, 0]:
        ax.set_ylabel(r"$\Gamma_l/g$")
    figure.legend(handles=_keys(data), loc="outside upper left", ncols=3)
    return figure


def _keys(data: Dataset) -> list[Artist]:
    """Return the entries of the legend, with the points that are computed and left out."""
    keys: list[Artist] = [*legend_keys({"boundaries, Eq. (3)": {"linestyle": "-", "color": "k"}})]
    solved = data["status"] != ""
    half = len(data["gain"]) * (len(data["gain"]) + 1) // 2
    for spin, missing in zip(data["S"], half - solved.sum(axis=(1, 2)), strict=True):
        if missing:
            label = rf"$S={spin_text(spin)}$: {missing} of {half} left out, slow to equilibrate"
            keys.append(Patch(facecolor="white", edgecolor="0.7", hatch="////", label=label))
    poor = int(unconverged(data["status"]).sum())
    if poor:
        look = {"marker": "o", "markerfacecolor": "white"}
        keys += legend_keys({f"not converged: {poor} of {solved.sum()}": look})
    return keys


def _lines(ax: Axes, data: Dataset) -> None:
    """Draw the boundaries for S -> infinity."""
    for name in PHASES:
        known = data[f"boundary_{name.replace(' ', '_')}"]
        ax.plot(*smooth(data["boundary_gain"], known), "k-", lw=1)
    end = data.attributes["g"] - data.attributes["h"]
    ax.plot([0, end], [0, end], "k-", lw=1)
    ax.set(xlim=(0, EDGE), ylim=(0, EDGE), aspect="equal")
