"""Correlation lengths from S = 1/2 to the classical limit: how a transition emerges.

Lengths of S+S- and SzSz between A sites, with g = 1 and h = 1/2, on two lines: gain = loss from the
PT through the PPT to the AM phase, and gain = 2 loss from the FM to the PPT phase. Small spins have
no transition, but the length of S+S- has a maximum on the first line. Its height grows with S and
its position approaches g + h, where linearised bosons have a diverging length. The quick form has
fewer points and spins up to 3/2. In the full form TWA does not equilibrate next to the transition,
and S = 16 has three points there.

`python -m runs.lengths DATA PAGE` writes a table of the lengths in all phases into a page.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

from impo import ITEBD, TWA, HolsteinPrimakoff
from impo.analysis.plot import errorbar_curve, spin_text
from impo.results.dataset import Dataset, unconverged
from impo.results.estimate import Estimate, Status
from impo.results.state import SteadyState
from impo.results.store import load
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._maximum import maximum
from runs._scaling import local_exponents
from runs._tasks import (
    JUDGED,
    Row,
    legend_keys,
    mark_unconverged,
    rows,
    stacked,
    tell_missing,
)

COST = {"quick": "1 min", "full": "35 min, 13 GB"}

G, H = 1.0, 0.5
PAIRS = {"transverse": ("S+", "S-"), "along": ("Sz", "Sz")}
_SYMBOLS = {"transverse": r"$\xi(S^+S^-)$ (cells)", "along": r"$\xi(S^zS^z)$ (cells)"}
_RATIOS = {"equal": 1.0, "twice": 2.0}  # gain / loss on a line
_EDGES = {"equal": (G - H, G + H), "twice": ((G - H) / np.sqrt(2),)}  # for S to infinity
_AXES = {"equal": r"$\bar\Gamma/g$ (gain = loss)", "twice": r"$\Gamma_l/g$ (gain = 2 loss)"}
_CLASSICAL = 1000.0
_TOLD = {  # places in the table: line and loss rate
    "FM, gain 0.5, loss 0.25": ("twice", 0.25), "PT, gain = loss = 0.4": ("equal", 0.4),
    "PPT, gain = loss = 1.2": ("equal", 1.2), "PPT, gain 0.8, loss 0.4": ("twice", 0.4),
    "edge, gain = loss = 1.5": ("equal", 1.5), "AM, gain = loss = 1.7": ("equal", 1.7),
}  # fmt: skip
_PLACE = re.compile(r"(?<=<!-- lengths -->\n).*?(?=\n<!-- end of lengths -->)", re.DOTALL)


@dataclass(frozen=True)
class Curve:
    """One method at one S: the loss rates on both lines."""

    S: float
    method: Any
    equal: Sequence[float]
    twice: Sequence[float]


def curves(quick: bool) -> dict[str, Curve]:
    """Return what is solved; another method or S is one more entry."""
    equal = np.array([0.4, 0.8, 1.0, 1.2, 1.3, 1.4, 1.5, 1.7, 2.0])
    twice = np.array([0.15, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7])
    ordered = np.geomspace(0.005, 1 / 3, 13)  # distances from the transition
    found = {
        "HPA": Curve(_CLASSICAL, HolsteinPrimakoff(), (G + H) * (1 + ordered),
                     _EDGES["twice"][0] * (1 - ordered)),
    }  # fmt: skip
    semiclassical = TWA(cells=60, trajectories=128, max_time=500, tol=3e-3)
    if quick:
        found["TWA S=1000"] = Curve(_CLASSICAL, semiclassical, (1.6, 1.7), ())
        for S, tol in ((0.5, 1e-3), (1.0, 1e-3), (1.5, 3e-3)):
            found[f"iMPO S={S:g}"] = Curve(S, ITEBD(tol=tol), equal, twice[::3])
        return found
    near = [1.3, 1.4, 1.45, 1.5, 1.55, 1.6, 1.7, 2.0]
    found["TWA S=32"] = Curve(32.0, semiclassical, near, (0.25, 0.3, 0.4, 0.5))
    found["TWA S=1000"] = Curve(_CLASSICAL, semiclassical, near[-4:], (0.25, 0.3))
    equal = np.sort(np.append(equal, (0.3, 0.5, 0.6, 0.7, 0.9, 1.1, 1.35, 1.45, 1.55, 1.6, 1.8)))
    for S in (0.5, 1.0, 1.5, 2.0):
        found[f"iMPO S={S:g}"] = Curve(S, ITEBD(tol=1e-4 if S < 1.5 else 1e-3), equal, twice)
    for S, tol in ((4.0, 5e-3), (8.0, 1e-2)):
        method = ITEBD(chi_max=128, tol=tol)
        found[f"iMPO S={S:g}"] = Curve(S, method, [1.0, 1.2, *near], twice)
    found["iMPO S=16"] = Curve(16.0, ITEBD(chi_max=128, tol=1e-2), [1.45, 1.5, 1.55], ())
    return found


def lengths(state: SteadyState) -> Row:
    """Return lengths, wavenumbers and reasons of both pairs on site 0, and the verdict."""
    out = {name: np.array(str(getattr(state, name))) for name in JUDGED}
    for name, pair in PAIRS.items():
        decay = state.decay(*pair)
        wave = decay.wavenumber
        out[name], out[f"{name}_error"] = np.array(decay.value), np.array(decay.error)
        out[f"{name}_wavenumber"] = np.array(np.nan if wave is None else wave.value)
        out[f"{name}_reason"] = np.array(decay.reason)
    return out


def compute(quick: bool, directory: Path) -> Dataset:
    """Return the lengths of every curve on both lines, and maxima and exponents of the first."""
    found = curves(quick)
    work = [
        (name, line, curve, np.array(getattr(curve, line)))
        for name, curve in found.items()
        for line in _RATIOS
        if len(getattr(curve, line))
    ]
    chains = [
        [chain(curve.S, G, H, _RATIOS[line] * loss, loss) for loss in losses]
        for _, line, curve, losses in work
    ]
    tables = rows(chains, [curve.method for _, _, curve, _ in work], directory, lengths)
    out: dict[str, Variable] = {}
    for (name, line, _, losses), table in zip(work, tables, strict=True):
        prefix = _prefix(name, line)
        out[f"{prefix}_loss"] = Variable((f"{prefix}_loss",), losses, "g", "loss rate")
        for key, values in stacked(table).items():
            unit = "cells" if key.removesuffix("_error") in PAIRS else "1"
            out[f"{prefix}_{key}"] = Variable((f"{prefix}_loss",), values, unit)
    out |= _maxima(out, {curve.S: name for name, curve in found.items() if "iMPO" in name})
    attributes = {"g": G, "h": H, "curves": list(found), "exponents": _exponents(out)}
    return Dataset(out, attributes)


def _prefix(name: str, line: str) -> str:
    """Return what begins the names of the variables of a curve on a line."""
    return f"{name.replace(' ', '_').replace('=', '')}_{line}"


def _maxima(columns: dict[str, Variable], names: dict[float, str]) -> dict[str, Variable]:
    """Return height and position of the largest length of S+S- for gain = loss, where known."""
    known = []
    for spin, name in names.items():
        prefix = _prefix(name, "equal")
        parts = ("loss", "transverse", "transverse_error")
        losses, xi, error = (np.array(columns[f"{prefix}_{part}"].values) for part in parts)
        settled = columns[f"{prefix}_status"].values == Status.CONVERGED
        best = maximum(losses, np.where(settled, xi, np.nan), error)
        if best is not None:
            height, position = best.height, best.position
            known.append((spin, height.value, height.error, position.value, position.error))
    spins, *table = np.reshape(known, (-1, 5)).T  # even if there is none
    out = {"S": Variable(("S",), spins, "1", "spin quantum number")}
    labels = {"height": ("cells", "largest length of S+S-"), "position": ("g", "its rate")}
    for n, (name, (unit, text)) in enumerate(labels.items()):
        out[name] = Variable(("S",), table[2 * n], unit, text)
        out[f"{name}_error"] = Variable(("S",), table[2 * n + 1], unit, f"error of {text}")
    return out


def _exponents(columns: dict[str, Variable]) -> list[list[float]]:
    """Return S, d ln(height)/d ln S and its error between neighbouring spins."""
    spins, height, error = (columns[key].values for key in ("S", "height", "height_error"))
    middle, falling = local_exponents(spins, height)
    shares = error / height
    errors = np.hypot(shares[1:], shares[:-1]) / np.diff(np.log(spins))
    return np.stack([middle, -falling, errors], axis=1).tolist()


def draw(data: Dataset) -> Figure:
    """Draw lengths on both lines, and what becomes of their maximum; hollow: not converged."""
    figure = Figure(figsize=(10.5, 6.4), layout="constrained")
    axes = figure.subplots(2, 3)
    looks = _looks(data.attributes["curves"])
    for row, line in enumerate(_RATIOS):
        for column, pair in enumerate(PAIRS):
            _draw_line(axes[row, column], data, line, pair, looks)
    _draw_maxima(axes[0, 2], axes[1, 2], data)
    figure.legend(handles=legend_keys(looks), loc="outside upper center", ncols=len(looks))
    return figure


def _looks(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return how each curve is drawn, by its label."""
    looks: dict[str, dict[str, Any]] = {}
    small = 0
    for name in names:
        method, _, spin = name.partition(" S=")
        if method == "HPA":
            looks[name] = {"color": "k", "linestyle": "--", "linewidth": 1}
            continue
        label = f"{method}, $S={spin_text(float(spin))}$"
        classical = method == "TWA"
        shade = "0.55" if classical and float(spin) == _CLASSICAL else "0.3"
        looks[label] = {
            "color": shade if classical else f"C{small}", "markersize": 4,
            "marker": "o" if classical else "^", "linestyle": "" if classical else "-",
            "linewidth": 0.8,
        }  # fmt: skip
        small += not classical
    return looks


def _draw_line(
    axes: Axes, data: Dataset, line: str, pair: str, looks: dict[str, dict[str, Any]]
) -> None:
    """Draw the length of a pair on a line by all methods, and say how many have none."""
    missing: dict[str, NDArray] = {}
    for name, (label, look) in zip(data.attributes["curves"], looks.items(), strict=True):
        prefix = _prefix(name, line)
        if f"{prefix}_loss" not in data:
            continue
        values, errors = data[f"{prefix}_{pair}"], data[f"{prefix}_{pair}_error"]
        bare = name == "HPA"
        errorbar_curve(
            axes, data[f"{prefix}_loss"], values, None if bare else errors,
            ~unconverged(data[f"{prefix}_status"]), **({"marker": ""} if bare else {}), **look,
        )  # fmt: skip
        if bare:
            status = data[f"{prefix}_status"]
            mark_unconverged(axes, data[f"{prefix}_loss"], values, status)
        else:
            missing[label] = values
    for edge in _EDGES[line]:
        axes.axvline(edge, color="0.7", linewidth=0.8, linestyle=":", zorder=0)
    axes.set(yscale="log", xlabel=_AXES[line], ylabel=_SYMBOLS[pair])
    axes.set_ylim(0.08, 20)
    # where lengths are short: on the left of the first line, on the right of the second
    tell_missing(axes, missing, r"$\xi$", 0.42 if line == "equal" else 0.97, 0.97)


def _draw_maxima(height: Axes, position: Axes, data: Dataset) -> None:
    """Draw the largest length of S+S- on the line gain = loss, and where it lies, against S."""
    look = {"marker": "^", "markersize": 4, "color": "C0"}
    errorbar_curve(height, data["S"], data["height"], data["height_error"], **look)
    for S, slope, error in data.attributes["exponents"]:
        level = np.exp(np.interp(np.log(S), np.log(data["S"]), np.log(data["height"])))
        height.annotate(
            f"{slope:.2f}" if error < 0.05 else f"{slope:.1f}", (S, level), (4, -9),
            textcoords="offset points", fontsize="x-small", color="0.3",
        )  # fmt: skip
    scale = "log" if np.isfinite(data["height"]).any() else "linear"
    height.set(xscale="log", yscale=scale, xlabel="$S$", ylabel=r"largest $\xi(S^+S^-)$ (cells)")
    height.set_xticks(data["S"], [spin_text(S) for S in data["S"]])
    height.set_xticks([], minor=True)
    height.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))
    height.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    height.text(
        0.04, 0.96, r"numbers: d$\,\ln\xi$/d$\,\ln S$", transform=height.transAxes, va="top",
        fontsize="x-small", color="0.3",
    )  # fmt: skip
    errorbar_curve(position, 1 / data["S"], data["position"], data["position_error"], **look)
    position.axhline(G + H, color="0.7", linewidth=0.8, linestyle=":", zorder=0)
    position.set(
        xlabel="$1/S$", ylabel=r"$\bar\Gamma/g$ of the largest $\xi(S^+S^-)$", xlim=(0, None)
    )


def table(data: Dataset) -> str:
    """Return lengths with errors, in cells, by phase and spin, as tables of a page."""
    names = [name for name in data.attributes["curves"] if name != "HPA"]
    labels = [
        f"{method}, {spin_text(float(spin))}"
        for method, _, spin in (name.partition(" S=") for name in names)
    ]
    parts = []
    for key, pair in PAIRS.items():
        head = [f"ξ({' '.join(pair)})", *labels]
        lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        for place, (line, loss) in _TOLD.items():
            told = [_told(data, _prefix(name, line), key, loss) for name in names]
            lines.append("| " + " | ".join([place, *told]) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _told(data: Dataset, prefix: str, key: str, loss: float) -> str:
    """Return a length with its error, `none` if there is none, nothing where none was computed."""
    where = (
        np.flatnonzero(np.isclose(data[f"{prefix}_loss"], loss)) if f"{prefix}_loss" in data else []
    )
    if not len(where):
        return ""
    n = int(where[0])
    length = Estimate(float(data[f"{prefix}_{key}"][n]), float(data[f"{prefix}_{key}_error"][n]))
    if not np.isfinite(length.value):
        return "none"
    settled = data[f"{prefix}_status"][n] == Status.CONVERGED
    return f"{length}" if settled else f"({length})"


def main(data: str, page: str) -> None:
    """Write the tables of a result file into a page, between its two marks."""
    path = Path(page)
    path.write_text(
        _PLACE.sub(table(load(data)), path.read_text(encoding="utf-8")), encoding="utf-8"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
