"""Correlation length near both sides of the AM-PPT transition, and the exponent nu.

Along gain = loss = Gamma with g = 1, h = 1/2 the transition is at Gamma_c = g + h. xi is that of
S+S- on one sublattice; nu is fitted to log xi against log |Gamma - Gamma_c| over the points that
are converged. The quick form stops farther away from the transition than the full one, in which TWA
does not converge at some of the closest points: they are hollow. On the PPT side large spins have
no single power law: far from the transition their correlations fall faster than any exponential,
and there is no length; nearer to it xi grows much faster than with 1/2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from impo import ITEBD, TWA, HolsteinPrimakoff
from impo.analysis.plot import errorbar_curve, spin_text
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.notation import with_error
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import JUDGED, mark_unconverged, rows, stacked, tell_missing

COST = {"quick": "1 min", "full": "20 min, 3 GB"}

_G, _H = 1.0, 0.5
_CRITICAL = _G + _H


@dataclass(frozen=True)
class Curve:
    """One method at one S: the distances |Gamma/Gamma_c - 1| on the AM and on the PPT side.

    They fall, so that methods that start from the point before come from farther away.
    """

    S: float
    method: Any
    am: Sequence[float]
    ppt: Sequence[float] = ()


def curves(quick: bool) -> dict[str, Curve]:
    """Return what is solved; another method or S is one more entry."""
    stochastic = TWA(
        cells=60 if quick else 100, trajectories=128 if quick else 256,
        max_time=500 if quick else 2000, tol=3e-3 if quick else 2e-3,
    )  # fmt: skip
    am = [0.1, 0.04, 0.02] if quick else [0.2, 0.1, 0.05, 0.03, 0.02, 0.015, 0.01, 0.005]
    ppt = [0.18, 0.15, 0.12, 0.1] if quick else [0.22, 0.17, 0.13, 0.1, 0.08, 0.06, 0.04, 0.02]
    found = {"HPA": Curve(1000, HolsteinPrimakoff(), np.geomspace(0.3, 0.003, 9))}
    for S in (1000,) if quick else (16, 128, 1000):
        found[f"TWA S={S}"] = Curve(S, stochastic, am, ppt)
    near = [0.2, 0.1, 0.04] if quick else [0.2, 0.15, 0.1, 0.07, 0.05, 0.035, 0.025]
    for S in (0.5, 1) if quick else (0.5, 1, 2, 4, 8):
        method = ITEBD(tol=1e-3 if S < 4 else 3e-3 if S < 8 else 1e-2)
        found[f"iMPO S={S:g}"] = Curve(S, method, near, near)
    return found


def exponent(distance: NDArray, length: NDArray, error: NDArray) -> tuple[float, float]:
    """Return nu and its standard error from a weighted fit of log xi = a - nu log distance.

    The error grows with sqrt(chi^2 per degree of freedom) where the points scatter by more than
    their own errors, as they do if there is no single power law. (nan, nan) below three points.
    """
    good = np.isfinite(length) & np.isfinite(error) & (length > 0)
    if good.sum() < 3:
        return np.nan, np.nan
    x, y = np.log(distance[good]), np.log(length[good])
    weight = 1 / np.maximum(error[good] / length[good], 1e-6)
    fit, covariance = np.polyfit(x, y, 1, w=weight, cov="unscaled")
    chi = np.sum((weight * (y - np.polyval(fit, x))) ** 2) / (good.sum() - 2)
    return float(-fit[0]), float(np.sqrt(covariance[0, 0] * max(chi, 1.0)))


def compute(quick: bool, directory: Path) -> Dataset:
    """Return xi on both sides for every curve, and the fitted exponents as attributes."""
    sides = [
        (f"{label} {side}".replace(" ", "_").replace("=", ""), curve, sign, np.array(distances))
        for label, curve in curves(quick).items()
        for side, sign, distances in (("AM", 1, curve.am), ("PPT", -1, curve.ppt))
        if len(distances)
    ]
    chains = [
        [chain(curve.S, _G, _H, rate, rate) for rate in _CRITICAL * (1 + sign * distances)]
        for _, curve, sign, distances in sides
    ]
    found = rows(chains, [curve.method for _, curve, _, _ in sides], directory)
    out: dict[str, Variable] = {}
    exponents: dict[str, list[float | None]] = {}
    for (name, _, _, distances), table in zip(sides, found, strict=True):
        columns, dim = stacked(table), f"{name}_distance"
        xi, error, status = columns["xi"], columns["xi_error"], columns["status"]
        out[dim] = Variable((dim,), distances, long_name="|Gamma/Gamma_c - 1|")
        out[f"{name}_xi"] = Variable((dim,), xi, "cells", "correlation length")
        out[f"{name}_xi_error"] = Variable((dim,), error, "cells", "error of xi")
        out |= {f"{name}_{key}": Variable((dim,), columns[key]) for key in JUDGED}
        used = status == Status.CONVERGED
        nu = exponent(distances[used], xi[used], error[used])
        exponents[name] = [float(x) if np.isfinite(x) else None for x in nu]
    return Dataset(out, {"g": _G, "h": _H, "Gamma_c": _CRITICAL, "nu": exponents})


def draw(data: Dataset) -> Figure:
    """Draw xi against the distance on both sides; hollow points are not converged."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    found = (name.rpartition("_")[0] for name in data.attributes["nu"])
    curves_drawn = list(dict.fromkeys(name for name in found if name != "HPA"))
    for axis, side, title in zip(
        axes, ("PPT", "AM"), (r"PPT, $\bar\Gamma<\bar\Gamma_c$", r"AM, $\bar\Gamma>\bar\Gamma_c$"),
        strict=True,
    ):  # fmt: skip
        names = [name for name in data.attributes["nu"] if name.endswith(f"_{side}")]
        for name in names:
            curve = name.removesuffix(f"_{side}")
            where, value = data[f"{name}_distance"], data[f"{name}_xi"]
            nu, error = data.attributes["nu"][name]
            method, _, spin = curve.partition("_S")
            label = f"{method}, $S={spin_text(float(spin))}$" if spin else method
            if nu is not None:  # small spins have no transition: their slope is no exponent
                symbol = "slope $" if "iMPO" in name else r"$\nu="
                label += f": {symbol}{with_error(nu, error)}$"
            if curve == "HPA":
                axis.plot(where, value, "k--", lw=1, label=label)
                mark_unconverged(axis, where, value, data[f"{name}_status"])
                continue
            colour, marker = f"C{curves_drawn.index(curve)}", "s" if "iMPO" in name else "o"
            settled = data[f"{name}_status"] == Status.CONVERGED
            errorbar_curve(
                axis, where, value, data[f"{name}_xi_error"], settled,
                color=colour, marker=marker, linestyle="none", label=label,
            )  # fmt: skip
        axis.set(xscale="log", yscale="log", title=title)
        axis.set_xlabel(r"$|\bar\Gamma/\bar\Gamma_c-1|$")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        lengths = {
            name.replace("_S", ", $S=").replace(f"_{side}", "$"): data[f"{name}_xi"]
            for name in names
            if name != f"HPA_{side}"
        }
        tell_missing(axis, lengths, r"$\xi$", 0.4, 0.68)
        if names:
            axis.legend(fontsize="x-small", loc="upper right")
    axes[0].set_ylabel(r"$\xi$ (cells)")
    return figure
