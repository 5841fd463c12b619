"""The gap of the infinite lattice against the rate, beside the dimer, rings and linear bosons.

The paper reads its phases off the spectrum of a dimer (Fig. 2c). Here the slowest decay with charge
1 over all wave numbers is found on the infinite chain: an upper bound on the asymptotic rate, as a
mode that no operator on one site sees may be slower. Of dimers and rings charges 0 and 1 are looked
at, and `ring_charge` says which is slower. The second panel has S times the gap at the transition
of the lattice, gain = loss = g + h, and at that of the dimer, gain = loss = g: it is constant where
the gap closes like 1/S. The third, in the full form only, has the gaps of charge 0 and 1 from the
line between the FM phases into one of them. This study is an addition to the paper.
"""

from collections.abc import Sequence
from pathlib import Path

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
from runs._tasks import JUDGED, Row, judged, rows, stacked

COST = {"quick": "1 min", "full": "70 min, 2 GB"}

G, H = 1.0, 0.5
CRITICAL = G + H  # mean rate above which AM is stable for S -> infinity
_RATES = {True: (1.5, 2.5), False: (1.5, 2.0, 2.5)}
_CHAINS = {  # spins of the infinite chain, at which rates, and the tolerance
    True: {0.5: ((1.5, 2.5), 1e-3)},
    False: {0.5: (_RATES[False], 1e-3), 1.0: ((1.5, 2.5), 5e-3), 2.0: ((1.5, 2.5), 5e-3),
            4.0: ((1.5, 2.5), 2e-3)},
}  # fmt: skip
_CHI_MAX = 120  # more than 40 states are of use to S = 4 alone
_DIMERS = {True: (0.5, 1.0, 2.0), False: (0.5, 1.0, 2.0, 4.0)}  # at their transition
_RINGS = {True: (2, 3), False: (2, 3, 4)}  # cells, S = 1/2
CHARGES = (0, 1)  # of clusters, and of the chain across FM
SEEN = (1,)  # of the chain: one-site operators see too little of the slow modes of charge 0
_POINTS = 4
SUM = 0.6  # of the rates from one FM phase to the other
_ACROSS = {0.5: ((0.3, 0.375, 0.45), 1e-3), 1.0: ((0.3,), 3e-3)}  # spins, gains and tolerances

_NUMBERS = ("gap", "error", "k", "charge")
_SETTLED = ("isolated", "edge of a continuum")


def _line(rates: Sequence[float], spin: float) -> list[LindbladModel]:
    return [chain(spin, G, H, rate, rate) for rate in rates]


def _columns(gaps: Sequence[Sequence[Gap | None]]) -> dict[str, NDArray]:
    """Return what is kept of gaps in a table."""
    return stacked([stacked([_column(gap) for gap in row]) for row in gaps])


def _column(gap: Gap | None) -> Row:
    """Return rate, error, k, charge and kind of a gap; nan and "" if there is none."""
    if gap is None:
        return {**dict.fromkeys(_NUMBERS, np.array(np.nan)), "kind": np.array("")}
    k = np.angle(np.exp(1j * gap.mode.k))
    values = (gap.rate.value, gap.rate.error, k, gap.mode.charge)
    kind = gap.mode.kind if gap.settled else f"{gap.mode.kind}, incomplete"
    return {
        **{name: np.array(float(x)) for name, x in zip(_NUMBERS, values, strict=True)},
        "kind": np.array(kind),
    }


def _variables(
    columns: dict[str, NDArray], dims: tuple[str, ...], name: str
) -> dict[str, Variable]:
    units = {"gap": "g", "error": "g"}
    texts = {
        "gap": "slowest decay rate seen, an upper bound", "error": "its error",
        "k": "its wave number", "charge": "its charge", "kind": "what it is",
        "status": "verdict", "message": "why the verdict is what it is",
    }  # fmt: skip
    return {
        f"{name}_{key}" if key != "gap" else name: Variable(
            dims, values, units.get(key, "1"), texts[key]
        )
        for key, values in columns.items()
    }


def _read(state: SteadyState) -> Row:
    told = {name: np.array(str(getattr(state, name))) for name in JUDGED}
    return {**_column(state.gap(SEEN, _POINTS)), **told}


def _across(directory: Path) -> dict[str, Variable]:
    """Return the gaps of charge 0 and 1 from one FM phase to the other, with the verdicts.

    Exchanging the sublattices and turning all spins over gives the other half.
    """
    gains = _ACROSS[0.5][0]
    lines = [[chain(spin, G, H, gain, SUM - gain) for gain in here]
             for spin, (here, _) in _ACROSS.items()]  # fmt: skip
    methods = [ITEBD(tol=tol, chi_max=40) for _, tol in _ACROSS.values()]
    solved = rows(lines, methods, directory, _by_charge)
    none = {**stacked([_column(None)] * len(CHARGES)), **dict.fromkeys(JUDGED, np.array(""))}
    found = _filled(gains, [here for here, _ in _ACROSS.values()], solved, none)
    judgements = {name: found.pop(name) for name in JUDGED}
    dims = ("across_S", "gain")
    return {
        "across_S": Variable(dims[:1], np.array(list(_ACROSS)), "1", "spin, across FM"),
        "gain": Variable(dims[1:], np.array(gains), "g", "gain; the sum of the rates is fixed"),
        "of_charge": Variable(("of_charge",), np.array(CHARGES), "1", "charge"),
        **_variables(found, (*dims, "of_charge"), "across"),
        **_variables(judgements, dims, "across"),
    }


def _by_charge(state: SteadyState) -> Row:
    told = {name: np.array(str(getattr(state, name))) for name in JUDGED}
    return {**stacked([_column(state.gap((charge,), _POINTS)) for charge in CHARGES]), **told}


def _infinite(quick: bool, directory: Path) -> dict[str, Variable]:
    """Return the gaps of the infinite chain with the verdicts; none where none is asked for."""
    chains = [_line(rates, spin) for spin, (rates, _) in _CHAINS[quick].items()]
    methods = [
        ITEBD(tol=tol, chi_max=_CHI_MAX if spin > 2 else 40)
        for spin, (_, tol) in _CHAINS[quick].items()
    ]
    solved = rows(chains, methods, directory, _read)
    none = {**_column(None), **dict.fromkeys(JUDGED, np.array(""))}
    found = _filled(_RATES[quick], [rates for rates, _ in _CHAINS[quick].values()], solved, none)
    return _variables(found, ("S", "rate"), "lattice")


def _filled(
    places: Sequence[float], asked: Sequence[Sequence[float]], solved: Sequence[Sequence[Row]],
    none: Row,
) -> Row:  # fmt: skip
    """Return rows at all places, `none` where a spin was not asked for."""
    found = [dict(zip(here, row, strict=True)) for here, row in zip(asked, solved, strict=True)]
    return stacked([stacked([known.get(place, none) for place in places]) for known in found])


def _of(
    states: Sequence[Sequence[SteadyState]],
    charges: Sequence[int],
    dims: tuple[str, str],
    name: str,
) -> dict[str, Variable]:
    """Return the gaps of clusters with the verdicts."""
    gaps = [[state.gap(charges) for state in row] for row in states]
    return {**_variables(_columns(gaps), dims, name), **judged(states, dims, name)}


def compute(quick: bool, directory: Path) -> Dataset:
    """Return gaps of the infinite chain, dimer, rings and bosons."""
    spins, rates = tuple(_CHAINS[quick]), _RATES[quick]
    found = {
        "S": Variable(("S",), np.array(spins), "1", "spin quantum number"),
        "rate": Variable(("rate",), np.array(rates), "g", "gain = loss"),
        "cells": Variable(("cells",), np.array(_RINGS[quick]), "1", "cells of a ring, S = 1/2"),
        **_infinite(quick, directory),
    }
    dimers = [
        [steady_state(dimer(spin, G, r, r), Exact(gap=False)) for r in rates] for spin in spins
    ]
    found |= _of(dimers, CHARGES, ("S", "rate"), "dimer")
    closing = [[steady_state(dimer(spin, G, G, G), Exact(gap=False)) for spin in _DIMERS[quick]]]
    found["spin"] = Variable(("spin",), np.array(_DIMERS[quick]), "1", "spin of a dimer")
    found |= _of(closing, CHARGES, ("transition", "spin"), "closing")
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
    if not quick:
        found |= _across(directory)
    return Dataset(
        found, {"g": G, "h": H, "critical": CRITICAL, "quick": quick,
                "title": "Gap of the infinite lattice"},
    )  # fmt: skip


def draw(data: Dataset) -> Figure:
    """Draw the gaps of equal rates, S times the gap at the transitions, and gaps across FM."""
    across = "across" in data.variables
    figure = Figure(figsize=(8.0 + 3.0 * across, 3.8), layout="constrained")
    axes = figure.subplots(1, 2 + across, width_ratios=(3, 2, 2)[: 2 + across])
    _draw_line(axes[0], data)
    _draw_closing(axes[1], data)
    if across:
        _draw_across(axes[2], data)
    return figure


def _draw_across(axis: Axes, data: Dataset) -> None:
    good = ~unconverged(data["across_status"])
    for n, spin in enumerate(data["across_S"]):
        for m, charge in enumerate(data["of_charge"]):
            known = good[n] & np.isin(data["across_kind"][n, :, m], _SETTLED)
            errorbar_curve(
                axis, data["gain"], data["across"][n, :, m], data["across_error"][n, :, m], known,
                color=f"C{n}", marker="os"[m], linestyle="-",
                label=rf"$S={spin_text(spin)}$, charge {charge}",
            )  # fmt: skip
    text = rf"$\Gamma_g/g$ at $\Gamma_g+\Gamma_l={SUM:g}\,g$"
    axis.set(xlabel=text, ylabel="decay rate$/g$", ylim=(0, None))
    axis.legend(fontsize="x-small")


def _draw_closing(axis: Axes, data: Dataset) -> None:
    at = int(np.argmin(np.abs(data["rate"] - data.attributes["critical"])))
    for name, spins, place, label in (
        ("lattice", data["S"], (slice(None), at), r"lattice, $\bar\Gamma=g+h$"),
        ("closing", data["spin"], (0, slice(None)), r"dimer, $\bar\Gamma=g$"),
    ):
        known = ~unconverged(data[f"{name}_status"][place])
        if name == "lattice":
            known &= np.isin(data["lattice_kind"][place], _SETTLED)
        errorbar_curve(
            axis, spins, spins * data[name][place], spins * data[f"{name}_error"][place], known,
            marker="o", linestyle="-", label=label,
        )  # fmt: skip
    axis.set(xscale="log", xlabel="$S$", ylabel="$S$ times decay rate$/g$", ylim=(0, None))
    axis.set_xticks(data["spin"], [f"${spin_text(spin)}$" for spin in data["spin"]])
    axis.minorticks_off()
    axis.legend(fontsize="x-small")


def _points(axis: Axes, data: Dataset, n: int, along: str, name: str, label: str) -> None:
    """Draw the gaps of one spin; hollow where the slowest mode or another one is not settled."""
    known = np.isin(data[f"{name}_kind"][n], _SETTLED)
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
    top = 1.4 * axis.get_ylim()[1]  # above the curves is room for the legend
    axis.set(xlabel=r"$\bar\Gamma/g$", ylabel="decay rate$/g$", ylim=(0, top))
    axis.legend(fontsize="x-small", ncols=2)
