"""From S = 1/2 to 1000 at fixed rates: iMPO, exact rings, TWA and linearised bosons in one figure.

<S_z>, the variance and the correlation length against 1/S at one point each of the AM, PPT and FM
phase, with gain != loss and g != h.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from impo import ITEBD, TWA, Exact, HolsteinPrimakoff
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import JUDGED, NAMES, mark_unconverged, rows, stacked

COST = {"quick": "1 min", "full": "40 min"}

_PHASES = {"AM": (1.7, 1.45), "PPT": (1.7, 1.1), "FM": (0.9, 0.2)}
_DISORDERED = {"PPT"}  # where linearised bosons have no stable configuration
_G, _H = 1.0, 0.5
_COLOURS = ("C3", "C0")
_DRAWN = ("Sz", "Sz_var", "xi")


def curves(quick: bool) -> dict[str, tuple[Sequence[float], Callable[[float], Any]]]:
    """Return the spins of every curve and the method for each; another one is one more entry."""
    stochastic = TWA(
        cells=50, trajectories=128 if quick else 512, max_time=400 if quick else 2000,
        tol=5e-3 if quick else 2e-3,
    )  # fmt: skip
    large = [2, 8, 32, 1000] if quick else [2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256, 512, 1000]
    return {
        "ring": ([0.5, 1] if quick else [0.5, 1, 1.5], lambda S: Exact(cells=2, periodic=True)),
        "TWA": (large, lambda S: stochastic),
        "HPA": ([4, 8, 32, 1000], lambda S: HolsteinPrimakoff()),
        "iMPO": ([0.5, 1, 2] if quick else [0.5, 1, 2, 4, 8, 16], _impo),
    }


def _impo(S: float) -> ITEBD:
    """Return the settings for the infinite chain; from S = 4 on two digits have to do."""
    return ITEBD(tol=1e-3) if S < 4 else ITEBD(chi_max=128, tol=1e-2)


def compute(quick: bool, directory: Path) -> Dataset:
    """Return what tables hold of every method, with dimensions (phase, S of the method[, site])."""
    out = {
        "phase": Variable(("phase",), np.array(list(_PHASES))),
        "site": Variable(("site",), np.arange(2), long_name="site of the cell"),
    }
    found = curves(quick)
    work = [
        ((label, phase, S), chain(S, _G, _H, *rates), method(S))
        for label, (spins, method) in found.items()
        for phase, rates in _PHASES.items()
        if label != "HPA" or phase not in _DISORDERED
        for S in spins
    ]
    keys, models, methods = zip(*work, strict=True)
    tables = rows([[model] for model in models], methods, directory)
    solved = {key: row for key, (row,) in zip(keys, tables, strict=True)}
    empty = {
        name: np.full_like(values, "" if values.dtype.kind == "U" else np.nan)
        for name, values in tables[0][0].items()
    }
    for label, (spins, _) in found.items():
        dim = f"{label}_S"
        out[dim] = Variable((dim,), np.array(spins, dtype=float), long_name="spin")
        columns = stacked(
            [stacked([solved.get((label, p, S), empty) for S in spins]) for p in _PHASES]
        )
        parts = [name + suffix for name in _DRAWN for suffix in ("", "_error")]
        for key in (*parts, *JUDGED):
            values = columns[key]
            dims = ("phase", dim, "site")[: values.ndim]
            text = NAMES.get(key.removesuffix("_error"), key)
            text = f"{text}, error" if key.endswith("_error") else text
            out[f"{label}_{key}"] = Variable(dims, values, long_name=f"{text}, by {label}")
    rates = {phase: list(pair) for phase, pair in _PHASES.items()}
    return Dataset(out, {"g": _G, "h": _H, "rates": rates, "curves": list(found)})


def _curves(axes: Axes, data: Dataset, label: str, key: str, column: int, style: str) -> None:
    """Draw a quantity by one method in one phase, a curve for every site."""
    inverse = 1 / data[f"{label}_S"]
    status = data[f"{label}_status"][column]
    solid = status == Status.CONVERGED
    values, errors = data[f"{label}_{key}"][column], data[f"{label}_{key}_error"][column]
    sites = [(values, errors, "k")] if key == "xi" else [
        (values[:, site], errors[:, site], _COLOURS[site]) for site in (0, 1)
    ]  # fmt: skip
    for number, (value, error, colour) in enumerate(sites):
        if not np.isfinite(value).any():  # a ring of two cells has no length
            continue
        name = label if number == 0 else None
        if style == "--":
            axes.plot(inverse, value, "--", c=colour, lw=1, label=name)
            mark_unconverged(axes, inverse, value, status)
            continue
        for chosen, fill in ((solid, colour), (~solid, "none")):
            if chosen.any():
                axes.errorbar(
                    inverse[chosen], value[chosen], np.nan_to_num(error[chosen]),
                    fmt=style, c=colour, mfc=fill, ms=4, lw=0.8, label=name,
                )  # fmt: skip
                name = None


def draw(data: Dataset) -> Figure:
    """Draw <S_z>, the variance and xi in rows, the phases in columns; hollow: not converged."""
    phases = list(data["phase"])
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots(3, len(phases), sharex=True, sharey="row")
    styles = dict(zip(data.attributes["curves"], ("s", "o", "--", "^", "D"), strict=False))
    for column, phase in enumerate(phases):
        gain, loss = data.attributes["rates"][str(phase)]
        axes[0, column].set_title(
            rf"{phase}: $\Gamma_g={gain:g}$, $\Gamma_l={loss:g}$", fontsize="medium"
        )
        for label, style in styles.items():
            for row, key in enumerate(("Sz", "Sz_var", "xi")):
                _curves(axes[row, column], data, label, key, column, style)
    for axis, label in zip(
        axes[:, 0], (r"$\langle S^z\rangle/S$", r"Var$(S^z)/S^2$", r"$\xi$ (cells)"), strict=True
    ):
        axis.set_ylabel(label)
    axes[1, 0].set_yscale("log")
    axes[0, 0].set_xscale("log")
    for axis in axes[-1]:
        axis.set_xlabel(r"$1/S$")
    axes[2, -1].legend(fontsize="x-small")
    axes[0, -1].plot([], [], "C3-", label="A (gain)")
    axes[0, -1].plot([], [], "C0-", label="B (loss)")
    axes[0, -1].legend(fontsize="x-small", loc="center")
    return figure
