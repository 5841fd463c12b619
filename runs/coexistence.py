"""Up and down scans across three phase boundaries: no hysteresis at finite spin.

Every point starts from the steady state of the one before. Paths: from one FM phase to the other at
a fixed small sum of rates (the line gain = loss < g - h, of first order for S -> infinity), from FM
to PPT, and from PPT to AM, both at fixed gain. Where phases coexisted, the two directions would
disagree; what they differ by is given in units of their combined error bars.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo import ITEBD, Status
from impo.analysis.plot import errorbar_curve, spin_text
from impo.model import LindbladModel
from impo.results.dataset import Dataset
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import legend_keys, rows, stacked

COST = {"quick": "45 s", "full": "15 min, 2 GB"}

G, H = 1.0, 0.5
SUM = 0.6  # of the rates on the first path
GAIN = 1.5  # on the others
PATHS = ("FM-FM", "FM-PPT", "AM-PPT")
DIRECTIONS = ("up", "down")
_SIZES = {True: ((0.5, 1.0), 5), False: ((0.5, 1.0, 2.0), 13)}  # spins, points; by quick form
_LEAST = 1e-7  # what is drawn of a smaller difference
SYMBOLS = {"Sz": r"$\langle S^z\rangle/S$", "Sz_var": r"$(\Delta S^z)^2/S^2$"}


def rates(path: str, count: int) -> tuple[NDArray, NDArray]:
    """Return the gain and loss rates along a path; `up` goes in this order."""
    if path == "FM-FM":
        loss = np.linspace(0.2 * SUM, 0.8 * SUM, count)
        return SUM - loss, loss
    edge = ((G - H) if path == "FM-PPT" else (G + H)) ** 2 / GAIN
    reach = 0.7 * edge if path == "FM-PPT" else 0.3 * edge
    return np.full(count, GAIN), np.linspace(edge - reach, edge + reach, count)


def models(spin: float, path: str, count: int) -> list[LindbladModel]:
    """Return the models along a path."""
    return [chain(spin, G, H, *pair) for pair in zip(*rates(path, count), strict=True)]


def compute(quick: bool, directory: Path) -> Dataset:
    """Return <S_z> and its variance on all paths in both directions, and their differences."""
    spins, count = _SIZES[quick]
    method = ITEBD(tol=2e-3) if quick else ITEBD(tol=3e-4)
    chains = []
    for spin in spins:
        for path in PATHS:
            forward = models(spin, path, count)
            chains += [forward, forward[::-1]]
    columns = stacked([stacked(t) for t in rows(chains, [method] * len(chains), directory)])
    shape = (len(spins), len(PATHS), len(DIRECTIONS), count)
    dims = ("S", "path", "direction", "point")
    along = np.array([rates(path, count) for path in PATHS])
    variables = {
        "S": Variable(("S",), np.array(spins), "1", "spin quantum number"),
        "path": Variable(("path",), np.array(PATHS), "1", "phases on both sides of the boundary"),
        "direction": Variable(("direction",), np.array(DIRECTIONS), "1", "direction of the scan"),
        "gain": Variable(("path", "point"), along[:, 0], "g", "gain rate"),
        "loss": Variable(("path", "point"), along[:, 1], "g", "loss rate"),
    }
    names = {
        "Sz": "<S_z>/S", "Sz_var": "Var(S_z)/S^2", "status": "verdict",
        "message": "why the verdict is what it is", "time": "time evolved, in units of 1/g",
    }  # fmt: skip
    for key in ("status", "message", "time", "Sz", "Sz_error", "Sz_var", "Sz_var_error"):
        values = columns[key].reshape(*shape, *columns[key].shape[2:])
        values[:, :, 1] = values[:, :, 1, ::-1].copy()  # points in the same order as upwards
        label = names[key.removesuffix("_error")]
        variables[key] = Variable(
            (*dims, "site")[: values.ndim], values, "1",
            f"error of {label}" if key.endswith("_error") else label,
        )  # fmt: skip
    largest = {}
    for name in SYMBOLS:
        values, errors = variables[name].values, variables[f"{name}_error"].values
        change = values[:, :, 0] - values[:, :, 1]
        apart = change / np.hypot(errors[:, :, 0], errors[:, :, 1])
        for key, array, label in (
            (f"{name}_difference", change, f"up - down of {names[name]}"),
            (f"{name}_deviation", apart, f"up - down of {names[name]} over the combined errors"),
        ):
            variables[key] = Variable(("S", "path", "point", "site"), array, "1", label)
            largest[key] = np.abs(array).max(axis=(2, 3)).tolist()
    return Dataset(variables, {"g": G, "h": H, "tol": method.tol, "largest": largest})


def draw(data: Dataset) -> Figure:
    """Draw <S_z> of both directions (upper row) and all differences (lower row)."""
    paths = data["path"]
    figure = Figure(figsize=(3.0 * len(paths), 4.8), layout="constrained")
    upper, lower = figure.subplots(2, len(paths), sharex="col", sharey="row")
    for n, path in enumerate(paths):
        x = data["loss"][n]
        for i, spin in enumerate(data["S"]):
            text = rf"$S={spin_text(spin)}$"
            for way, marker in enumerate(("^", "v")):
                good = data["status"][i, n, way] == Status.CONVERGED
                for site in (0, 1):
                    errorbar_curve(
                        upper[n], x, data["Sz"][i, n, way, :, site],
                        data["Sz_error"][i, n, way, :, site], good, color=f"C{i}", marker=marker,
                        markersize=4, linestyle="-" if site == 0 else ":", linewidth=0.8,
                        label=f"{text}, {data['direction'][way]}" if site == 0 else None,
                    )  # fmt: skip
            good = np.all(data["status"][i, n] == Status.CONVERGED, axis=0)
            for name, marker in zip(SYMBOLS, "os", strict=True):
                for site in (0, 1):
                    apart = np.abs(data[f"{name}_deviation"][i, n, :, site])
                    errorbar_curve(
                        lower[n], x, np.maximum(apart, _LEAST), None, good,
                        color=f"C{i}", marker=marker, markersize=3, linestyle="none",
                    )  # fmt: skip
        lower[n].axhspan(_LEAST, 1, color="0.9", zorder=0)
        lower[n].set_xlabel(r"$\Gamma_l/g$")
        fixed = rf"$\Gamma_g+\Gamma_l={SUM}\,g$" if path == "FM-FM" else rf"$\Gamma_g={GAIN}\,g$"
        upper[n].set_title(f"{path}, {fixed}")
    upper[0].set_ylabel(r"$\langle S^z_{a,b}\rangle/S$")
    lower[0].set_ylabel("|up - down| / combined error")
    lower[0].set(yscale="log", ylim=(_LEAST, 10))
    handles, _ = upper[0].get_legend_handles_labels()
    handles += legend_keys({"A": {"linestyle": "-"}, "B": {"linestyle": ":"}})
    handles += legend_keys(
        {
            f"difference of {symbol}": {"marker": marker}
            for symbol, marker in zip(SYMBOLS.values(), "os", strict=True)
        }
    )
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=7)
    return figure
