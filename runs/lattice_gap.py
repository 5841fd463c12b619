"""The gap of the infinite lattice against the rate, beside the dimer, rings and linear bosons.

The paper reads its phases off the spectrum of a dimer (Fig. 2c). Here the slowest decay with charge
1 over all wave numbers is found on the infinite chain: an upper bound on the asymptotic rate, as a
mode that no operator on one site sees may be slower. Of dimers and rings charges 0 and 1 are looked
at, and `ring_charge` says which is slower. This study is an addition to the paper.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo import ITEBD, Exact, HolsteinPrimakoff, steady_state
from impo.analysis.plot import errorbar_curve, spin_text
from impo.model import LindbladModel
from impo.results.dataset import Dataset, unconverged
from impo.results.slow_modes import Gap
from impo.results.state import SteadyState
from impo.results.variable import Variable
from models.gain_loss import chain, dimer
from runs._tasks import judged

COST = {"quick": "2 min", "full": "5 min"}

G, H = 1.0, 0.5
CRITICAL = G + H  # mean rate above which AM is stable for S -> infinity
SPINS = (0.5,)
_RATES = {True: (1.5, 2.5), False: (1.5, 1.75, 2.0, 2.5, 3.0)}
_RINGS = {True: (2, 3), False: (2, 3, 4)}  # cells, S = 1/2
CHARGES = (0, 1)  # of clusters
SEEN = (1,)  # of the chain: one-site operators see too little of the slow modes of charge 0
_POINTS = {True: 4, False: 8}


def _line(rates: Sequence[float], spin: float) -> list[LindbladModel]:
    return [chain(spin, G, H, rate, rate) for rate in rates]


def _columns(gaps: Sequence[Sequence[Gap | None]]) -> dict[str, NDArray]:
    """Return rate, error, k, charge and kind of gaps in a table; nan and "" where there is none."""
    shape = (len(gaps), len(gaps[0]) if gaps else 0)
    out = {name: np.full(shape, np.nan) for name in ("gap", "error", "k", "charge")}
    kinds = np.full(shape, "", dtype="<U32")
    for place in np.ndindex(shape):
        if (found := gaps[place[0]][place[1]]) is not None:
            out["gap"][place], out["error"][place] = found.rate.value, found.rate.error
            out["k"][place] = np.angle(np.exp(1j * found.mode.k))
            out["charge"][place] = found.mode.charge
            kinds[place] = found.mode.kind if found.settled else f"{found.mode.kind}, incomplete"
    return {**out, "kind": kinds}


def _variables(
    gaps: Sequence[Sequence[Gap | None]], dims: tuple[str, str], name: str
) -> dict[str, Variable]:
    units = {"gap": "g", "error": "g"}
    texts = {
        "gap": "slowest decay rate seen, an upper bound", "error": "its error",
        "k": "its wave number", "charge": "its charge", "kind": "what it is",
    }  # fmt: skip
    return {
        f"{name}_{key}" if key != "gap" else name: Variable(
            dims, values, units.get(key, "1"), texts[key]
        )
        for key, values in _columns(gaps).items()
    }


def _infinite(
    models: Sequence[Sequence[LindbladModel]], quick: bool, dims: tuple[str, str], name: str
) -> dict[str, Variable]:
    """Return the gaps of the infinite chain, one row for every spin, with the verdicts."""
    method = ITEBD(tol=1e-3)
    states = [[steady_state(model, method) for model in row] for row in models]
    gaps = [[state.gap(SEEN, _POINTS[quick]) for state in row] for row in states]
    return {**_variables(gaps, dims, name), **judged(states, dims, name)}


def _of(
    states: Sequence[Sequence[SteadyState]],
    charges: Sequence[int],
    dims: tuple[str, str],
    name: str,
) -> dict[str, Variable]:
    """Return the gaps of clusters with the verdicts."""
    gaps = [[state.gap(charges) for state in row] for row in states]
    return {**_variables(gaps, dims, name), **judged(states, dims, name)}


def compute(quick: bool) -> Dataset:
    """Return gaps of the infinite chain, dimer, rings and bosons."""
    spins, rates = SPINS, _RATES[quick]
    found = {
        "S": Variable(("S",), np.array(spins), "1", "spin quantum number"),
        "rate": Variable(("rate",), np.array(rates), "g", "gain = loss"),
        "cells": Variable(("cells",), np.array(_RINGS[quick]), "1", "cells of a ring, S = 1/2"),
        **_infinite([_line(rates, spin) for spin in spins], quick, ("S", "rate"), "lattice"),
    }
    dimers = [
        [steady_state(dimer(spin, G, r, r), Exact(gap=False)) for r in rates] for spin in spins
    ]
    found |= _of(dimers, CHARGES, ("S", "rate"), "dimer")
    rings = [
        [steady_state(model, Exact(cells=cells, periodic=True, gap=False))
         for model in _line(rates, 0.5)]
        for cells in _RINGS[quick]
    ]  # fmt: skip
    found |= _of(rings, CHARGES, ("cells", "rate"), "ring")
    # no configuration is stable up to the critical rate
    models = [
        one if r > CRITICAL else None for r, one in zip(rates, _line(rates, 8.0), strict=True)
    ]
    bosons = [one and steady_state(one, HolsteinPrimakoff()) for one in models]
    gaps = [[one and one.gap((1,)) for one in bosons]]
    values = _columns(gaps)["gap"][0]
    found["bosons"] = Variable(("rate",), values, "g", "gap of linear bosons")
    found |= judged(bosons, ("rate",), "bosons")
    return Dataset(
        found, {"g": G, "h": H, "critical": CRITICAL, "quick": quick,
                "title": "Gap of the infinite lattice"},
    )  # fmt: skip


def draw(data: Dataset) -> Figure:
    """Draw the gaps along the line of equal rates."""
    figure = Figure(figsize=(4.6, 3.8), layout="constrained")
    _draw_line(figure.subplots(), data)
    return figure


def _points(axis: Axes, data: Dataset, n: int, along: str, name: str, label: str) -> None:
    """Draw the gaps of one spin; hollow where the slowest mode or another one is not settled."""
    known = np.isin(data[f"{name}_kind"][n], ("isolated", "edge of a continuum"))
    known &= data[f"{name}_status"][n] == "converged"
    errorbar_curve(
        axis, data[along], data[name][n], data[f"{name}_error"][n], known, color=f"C{n}",
        marker="o", linestyle="-", label=label,
    )  # fmt: skip


def _draw_line(axis: Axes, data: Dataset) -> None:
    for n, spin in enumerate(data["S"]):
        text = f"$S={spin_text(spin)}$"
        _points(axis, data, n, "rate", "lattice", f"lattice, {text}")
        errorbar_curve(
            axis, data["rate"], data["dimer"][n], None, ~unconverged(data["dimer_status"][n]),
            color=f"C{n}", linestyle=":", marker=".", label=f"dimer, {text}",
        )  # fmt: skip
    for n, cells in enumerate(data["cells"]):
        errorbar_curve(
            axis, data["rate"], data["ring"][n], None, ~unconverged(data["ring_status"][n]),
            color="0.5", marker="s^d"[n % 3], markersize=3, linestyle="none",
            label=rf"ring of {cells} cells, $S=1/2$",
        )  # fmt: skip
    errorbar_curve(
        axis, data["rate"], data["bosons"], None, ~unconverged(data["bosons_status"]),
        color="0.2", linestyle="--", marker=".", label="linear bosons",
    )  # fmt: skip
    axis.axvline(data.attributes["critical"], color="0.8", lw=1, zorder=0)
    axis.set(xlabel=r"$\bar\Gamma/g$", ylabel="decay rate$/g$", ylim=(0, None))
    axis.legend(fontsize="x-small")
