"""From S = 1/2 to 1000 at fixed rates: iMPO, exact rings, TWA and linearised bosons in one figure.

<S_z>, the variance and the correlation length against 1/S at one point each of the AM, PPT and FM
phase, with gain != loss and g != h. Methods agree where both should hold. TWA is off by up to 6 %
of S at S = 2, and a ring of two cells is not the chain. In the full form iMPO reaches S = 16, where
a point takes up to a quarter of an hour and 10 GB. In PPT no ordered configuration is stable, so
there are no linearised bosons.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from impo import ITEBD, TWA, Exact, HolsteinPrimakoff
from impo.analysis.plot import errorbar_curve
from impo.results.dataset import Dataset, unconverged
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import JUDGED, NAMES, legend_keys, rows, stacked, tell_missing

COST = {"quick": "1 min", "full": "40 min"}

_PHASES = {"AM": (1.7, 1.45), "PPT": (1.7, 1.1), "FM": (0.9, 0.2)}
_DISORDERED = {"PPT"}  # where linearised bosons have no stable configuration
_G, _H = 1.0, 0.5
_COLOURS = ("C3", "C0")  # of sites A and B
_LOOKS: dict[str, dict[str, Any]] = {
    "ring": {"marker": "s", "linestyle": ""},
    "TWA": {"marker": "o", "linestyle": ""},
    "HPA": {"linestyle": "--", "linewidth": 1},
    "iMPO": {"marker": "^", "linestyle": ""},
}
_LENGTHS = {"TWA", "iMPO"}  # methods that should have a length in every phase
_DRAWN = ("Sz", "Sz_var", "xi")


def curves(quick: bool) -> dict[str, tuple[Sequence[float], Callable[[float], Any]]]:
    """Return the spins of every curve and the method for each; another one is one more entry."""
    stochastic = TWA(
        cells=50, trajectories=128 if quick else 512, max_time=400 if quick else 2000,
        tol=5e-3 if quick else 2e-3,
    )  # fmt: skip
    large = [2, 8, 32, 1000] if quick else [2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256, 512, 1000]
    return {
        "ring": (
            [0.5, 1] if quick else [0.5, 1, 1.5],
            lambda S: Exact(cells=2, periodic=True, gap=False),
        ),
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


def _curve(axes: Axes, data: Dataset, label: str, key: str, column: int, site: int | None) -> None:
    """Draw a quantity by one method in one phase, on a site if it has one."""
    values, errors = data[f"{label}_{key}"][column], data[f"{label}_{key}_error"][column]
    if site is not None:
        values, errors = values[:, site], errors[:, site]
    if not np.isfinite(values).any():  # a ring of two cells has no length
        return
    look = {"marker": "", **_LOOKS[label]}
    errorbar_curve(
        axes, 1 / data[f"{label}_S"], values, errors if look["marker"] else None,
        ~unconverged(data[f"{label}_status"][column]), markersize=4,
        color="k" if site is None else _COLOURS[site], **look,
    )  # fmt: skip


def draw(data: Dataset) -> Figure:
    """Draw <S_z>, the variance and xi in rows, the phases in columns; hollow: not converged."""
    phases, labels = list(data["phase"]), data.attributes["curves"]
    figure = Figure(figsize=(9, 7.2), layout="constrained")
    axes = figure.subplots(3, len(phases), sharex=True, sharey="row")
    for column, phase in enumerate(phases):
        gain, loss = data.attributes["rates"][str(phase)]
        axes[0, column].set_title(
            rf"{phase}: $\Gamma_g={gain:g}\,g$, $\Gamma_l={loss:g}\,g$", fontsize="medium"
        )
        for label in labels:
            for row, key in enumerate(("Sz", "Sz_var")):
                for site in range(len(_COLOURS)):
                    _curve(axes[row, column], data, label, key, column, site)
            _curve(axes[2, column], data, label, "xi", column, None)
        lengths = {name: data[f"{name}_xi"][column] for name in labels if name in _LENGTHS}
        tell_missing(axes[2, column], lengths, r"$\xi$", 0.97, 0.97)
    for axis, text in zip(
        axes[:, 0], (r"$\langle S^z\rangle/S$", r"Var$(S^z)/S^2$", r"$\xi$ (cells)"), strict=True
    ):
        axis.set_ylabel(text)
    axes[1, 0].set_yscale("log")
    axes[0, 0].set_xscale("log")
    axes[2, 0].set_ylim(0, 1.25 * axes[2, 0].get_ylim()[1])  # room for what is missing
    for axis in axes[-1]:
        axis.set_xlabel(r"$1/S$")
    looks = {name: _LOOKS[name] for name in labels}
    sites = {"A (gain)": {"color": _COLOURS[0]}, "B (loss)": {"color": _COLOURS[1]}}
    looks |= {name: {"linestyle": "-", "linewidth": 3, **look} for name, look in sites.items()}
    figure.legend(handles=legend_keys(looks), loc="outside upper center", ncols=len(looks))
    return figure
