"""Correlation length near both sides of the AM-PPT transition, and the exponent nu.

Along gain = loss = Gamma with g = 1, h = 1/2 the transition is at Gamma_c = g + h. xi is that of
S+S- on one sublattice; nu is fitted to log xi against log |Gamma - Gamma_c| over the points that
are equilibrated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo import ITEBD, holstein_primakoff, steady_state, twa
from impo.model import LindbladModel
from impo.plot import concise, points, spin_text
from impo.result import Dataset, Status, SteadyState, Variable
from models.gain_loss import chain
from runs._twa_curves import verdict

COST = {"quick": "1 min", "full": "1.5 h"}

_G, _H = 1.0, 0.5
_CRITICAL = _G + _H


@dataclass(frozen=True)
class Curve:
    """One method at one S: the distances |Gamma/Gamma_c - 1| on the AM and on the PPT side."""

    S: float
    solve: Callable[[LindbladModel], SteadyState]
    am: Sequence[float]
    ppt: Sequence[float] = ()


def curves(quick: bool) -> dict[str, Curve]:
    """Return what is solved; another method or S is one more entry."""
    stochastic = twa.TWA(
        cells=60 if quick else 100, trajectories=128 if quick else 256,
        max_time=500 if quick else 2000, tol=1e-9,
    )  # fmt: skip
    am = [0.01, 0.02, 0.04, 0.1] if quick else [0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2]
    ppt = [0.06, 0.1, 0.15, 0.22] if quick else [0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.17, 0.22]

    def solve_twa(model: LindbladModel) -> SteadyState:
        return twa.steady_state(model, stochastic)

    def solve_hpa(model: LindbladModel) -> SteadyState:
        return holstein_primakoff.steady_state(model, holstein_primakoff.HolsteinPrimakoff())

    found = {"HPA": Curve(1000, solve_hpa, np.geomspace(0.003, 0.3, 9))}
    for S in (1000,) if quick else (16, 128, 1000):
        found[f"TWA S={S}"] = Curve(S, solve_twa, am, ppt)
    near = [0.2, 0.1, 0.04] if quick else [0.2, 0.15, 0.1, 0.07, 0.05, 0.035, 0.025]
    for S in (0.5, 1, 2) if quick else (0.5, 1, 2, 4, 8):
        method = ITEBD(tol=1e-3 if S < 4 else 3e-3 if S < 8 else 1e-2)
        found[f"iMPO S={S:g}"] = Curve(S, _neighbours(method), near, near)
    return found


def _neighbours(method: ITEBD) -> Callable[[LindbladModel], SteadyState]:
    """Return a solver that starts every point from the one solved before."""
    previous: SteadyState | None = None

    def solve(model: LindbladModel) -> SteadyState:
        nonlocal previous
        previous = steady_state(model, method, previous)
        return previous

    return solve


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


def compute(quick: bool) -> Dataset:
    """Return xi on both sides for every curve, and the fitted exponents as attributes."""
    variables: dict[str, Variable] = {}
    exponents: dict[str, list[float | None]] = {}
    found = curves(quick)
    for label, curve in found.items():
        for side, sign, distances in (("AM", 1, curve.am), ("PPT", -1, curve.ppt)):
            if not len(distances):
                continue
            rows, verdicts = [], []
            for distance in distances:
                rate = _CRITICAL * (1 + sign * distance)
                state = curve.solve(chain(curve.S, _G, _H, rate, rate))
                length = state.correlation_length("S+", "S-", (0, 0))
                pair = (np.nan, np.nan) if length is None else (length.value, length.error)
                rows.append(pair)
                verdicts.append(verdict(state))
            values, errors = np.array(rows).T
            status = np.array(verdicts)
            name = f"{label} {side}".replace(" ", "_").replace("=", "")
            dim = f"{name}_distance"
            where = np.array(distances, dtype=float)
            variables[dim] = Variable((dim,), where, long_name="|Gamma/Gamma_c - 1|")
            variables[f"{name}_xi"] = Variable((dim,), values, "cells", "correlation length")
            variables[f"{name}_xi_error"] = Variable((dim,), errors, "cells", "error of xi")
            variables[f"{name}_status"] = Variable((dim,), status, long_name="verdict")
            used = status == Status.CONVERGED
            nu = exponent(where[used], values[used], errors[used])
            exponents[name] = [float(x) if np.isfinite(x) else None for x in nu]
    return Dataset(variables, {"g": _G, "h": _H, "Gamma_c": _CRITICAL, "nu": exponents})


def draw(data: Dataset) -> Figure:
    """Draw xi against the distance on both sides; hollow points are not equilibrated."""
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
                label += f": {symbol}{concise(nu, error)}$"
            if curve == "HPA":
                axis.plot(where, value, "k--", lw=1, label=label)
                continue
            colour, marker = f"C{curves_drawn.index(curve)}", "s" if "iMPO" in name else "o"
            settled = data[f"{name}_status"] == Status.CONVERGED
            points(
                axis, where, value, data[f"{name}_xi_error"], settled,
                color=colour, marker=marker, linestyle="none", label=label,
            )  # fmt: skip
        axis.set(xscale="log", yscale="log", title=title)
        axis.set_xlabel(r"$|\bar\Gamma/\bar\Gamma_c-1|$")
        if names:
            axis.legend(fontsize="x-small")
    axes[0].set_ylabel(r"$\xi$ (cells)")
    return figure
