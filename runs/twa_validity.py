"""How far TWA is off, over the phases and from S = 1/2 to 8: against the infinite chain by iMPO.

Spins 1/2 are there in the hybrid scheme as well. The last panel has two spins that decay together,
with a complex matrix of rates, against the exact master equation: what TWA leaves out there falls
like 1/S.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from impo import ITEBD, TWA, Exact, evolve, jumps_from_rates
from impo.analysis.plot import errorbar_curve, spin_text
from impo.model import LindbladModel, Spin, Term
from impo.operators.product_state import Coherent
from impo.results.dataset import Dataset, unconverged
from impo.results.state import SteadyState
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import JUDGED, Row, judged, mark_unconverged, measured, rows, stacked

COST = {"quick": "1 min", "full": "10 min"}

_POINTS = {
    "AM": (2.6, 1.9), "near AM": (1.7, 1.45), "PPT": (1.7, 1.1), "weak PPT": (0.9, 0.7),
    "FM": (0.9, 0.2),
}  # fmt: skip
_QUANTITIES = {
    "Sz": r"$|\Delta\langle S^z\rangle|/S$",
    "Sz_var": r"$|\Delta$Var$(S^z)|/$Var$(S^z)$",
    "pair": r"$|\Delta\langle S^+S^-\rangle|/|\langle S^+S^-\rangle|$",
}
_SPINS = {True: (0.5, 1.0, 2.0, 4.0), False: (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0)}  # by quick form
_PAIRS = {True: (2.5, 5, 10), False: (2.5, 5, 10, 20)}  # of the two spins
_TIMES = (0.25, 0.5, 1.0, 2.0)  # of the two spins


def _read(state: SteadyState) -> Row:
    """Return the usual row, and S+S- of the two sites of a cell over S^2."""
    spin, found = float(state.model.sites[0].S), measured(state)
    pair = state.correlation("S+", "S-", (0, 1), 0)
    found["pair"] = np.array(np.nan if pair is None else pair.value[0] / spin**2)
    found["pair_error"] = np.array(np.nan if pair is None else pair.error[0] / spin**2)
    return found


def _impo(S: float) -> ITEBD:
    """Return the settings for the infinite chain; from S = 4 on two digits have to do."""
    return ITEBD(tol=1e-3) if S < 4 else ITEBD(chi_max=128, tol=1e-2)


def _hybrid(found: Row, reference: Row) -> dict[str, Variable]:
    """Return spins 1/2 in the hybrid scheme, and how far they are off, at every point."""
    out = {}
    for key in (*_QUANTITIES, *(f"{key}_error" for key in _QUANTITIES), *JUDGED):
        out[f"hybrid_{key}"] = Variable(("point", "site")[: found[key].ndim], found[key])
    for key, label in _QUANTITIES.items():
        for part, value in zip(("", "_error"), _off(found, reference, key), strict=True):
            out[f"hybrid_off_{key}{part}"] = Variable(("point",), value, "1", label + part)
    return out


def _off(found: Row, reference: Row, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest difference on a site, with its error: absolute of <S_z>, or relative."""
    scale = np.abs(reference[key]) if key != "Sz" else np.ones_like(found[key], dtype=float)
    off = np.abs(found[key] - reference[key]) / scale
    error = np.hypot(found[f"{key}_error"], reference[f"{key}_error"]) / scale
    if key == "pair":  # of no site
        return off, error
    worst = off.argmax(axis=-1)[..., None]
    return tuple(np.take_along_axis(x, worst, -1)[..., 0] for x in (off, error))


def pair(S: float) -> LindbladModel:
    """Return two spins with losses that they share, and a coupling between them."""
    rates = np.array([[1.0, 0.5 - 0.6j], [0.5 + 0.6j, 0.9]]) / S
    return LindbladModel(
        (Spin(S), Spin(S)),
        (Term(0.3 / S, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),),
        jumps_from_rates(rates, [("S-", 0, 0), ("S-", 1, 0)]),
        name="runs.twa_validity:pair",
        parameters={"S": S},
    )


def _pairs(spins: Sequence[float], cells: int) -> dict[str, Variable]:
    """Return how far <S_z>/S of two spins that start up is off, at some times."""
    start, method = [Coherent(0.0)] * 2, TWA(cells=cells, trajectories=256, tol=1)
    exact = [evolve(pair(S), Exact(), start, np.array(_TIMES)) for S in spins]
    found = [evolve(pair(S), method, start, np.array(_TIMES)) for S in spins]
    off, errors = [], []
    for S, one, two in zip(spins, found, exact, strict=True):
        off.append((one.expect("Sz").value - two.expect("Sz").value) / S)
        errors.append(one.expect("Sz").error / S)
    dims = ("pair_S", "pair_time", "site")
    return {
        "pair_S": Variable(("pair_S",), np.array(spins, dtype=float), long_name="spin"),
        "pair_time": Variable(("pair_time",), np.array(_TIMES), "1/g", "time"),
        "decay_off": Variable(dims, np.array(off), "1", "<S_z>/S of two spins, TWA - exact"),
        "decay_off_error": Variable(dims, np.array(errors), "1", "its standard error"),
        **judged(exact, ("pair_S",), "decay_exact"),
        **judged(found, ("pair_S",), "decay_TWA"),
    }


def compute(quick: bool, directory: Path) -> Dataset:
    """Return <S_z>, Var and S+S- by both methods, with dimensions (point, S[, site])."""
    spins = _SPINS[quick]
    twa = TWA(
        cells=40, trajectories=128, max_time=400 if quick else 2000, tol=5e-3 if quick else 2e-3
    )
    models = [chain(S, 1.0, 0.5, *rates) for rates in _POINTS.values() for S in spins]
    work = [(model, method) for model in models
            for method in (_impo(float(model.parameters["S"])), twa)]  # fmt: skip
    half = [model for model in models if model.parameters["S"] == 0.5]
    work += [(model, replace(twa, scheme="hybrid")) for model in half]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "TWA is meant for large S")
        chains, methods = [[model] for model, _ in work], [method for _, method in work]
        found = [row for (row,) in rows(chains, methods, directory, _read)]
    both, hybrid = found[: 2 * len(models)], stacked(found[2 * len(models) :])
    shape = len(_POINTS), len(spins)
    columns = {
        name: {key: x.reshape(*shape, *x.shape[1:]) for key, x in stacked(both[start::2]).items()}
        for start, name in enumerate(("iMPO", "TWA"))
    }
    out = {
        "point": Variable(("point",), np.array(list(_POINTS))),
        "S": Variable(("S",), np.array(spins), long_name="spin"),
        "site": Variable(("site",), np.arange(2), long_name="site of the cell"),
    }
    for name, column in columns.items():
        for key in (*_QUANTITIES, *(f"{key}_error" for key in _QUANTITIES), *JUDGED):
            out[f"{name}_{key}"] = Variable(("point", "S", "site")[: column[key].ndim], column[key])
    out |= _hybrid(hybrid, {key: x[:, 0] for key, x in columns["iMPO"].items()})
    for key, label in _QUANTITIES.items():
        values = _off(columns["TWA"], columns["iMPO"], key)
        for part, value in zip(("", "_error"), values, strict=True):
            out[f"off_{key}{part}"] = Variable(("point", "S"), value, "1", label + part)
    out |= _pairs(_PAIRS[quick], 200 if quick else 2000)
    return Dataset(out, {"g": 1.0, "h": 0.5, "rates": {k: list(v) for k, v in _POINTS.items()}})


def _map(axes: Axes, data: Dataset, key: str) -> None:
    """Draw how far a quantity is off as a map with numbers; circled if not converged.

    The first column has spins 1/2 in the hybrid scheme.
    """
    values, errors, told = (
        np.column_stack([data[f"hybrid_{name}"], data[f"{other}{name}"]])
        for name, other in ((f"off_{key}", ""), (f"off_{key}_error", ""), ("status", "TWA_"))
    )
    axes.imshow(np.log10(np.maximum(values, 1e-3)), aspect="auto", cmap="YlOrRd", vmin=-3, vmax=0)
    axes.grid(visible=False)
    for (row, column), value in np.ndenumerate(values):
        known, limit = value > 2 * errors[row, column], 2 * errors[row, column]
        axes.text(
            column, row, f"{value:.2g}" if known else f"< {limit:.1g}", ha="center", va="center",
            fontsize="small", color="white" if value > 0.3 else "black",
        )  # fmt: skip
    known = data["iMPO_status"][:, [0, *range(len(data["S"]))]]
    status = np.where(known == "converged", told, known)
    x, y = np.meshgrid(np.arange(values.shape[1]), np.arange(values.shape[0]))
    mark_unconverged(axes, x + 0.35, y - 0.3, status)
    names = ["1/2\nhybrid", *(spin_text(S) for S in data["S"])]
    axes.set_xticks(range(len(names)), names)
    axes.axvline(0.5, color="white", linewidth=3)
    axes.set_yticks(range(len(data["point"])), [
        f"{point}\n{gain:g}, {loss:g}"
        for point, (gain, loss) in zip(
            data["point"], map(data.attributes["rates"].get, map(str, data["point"])), strict=True
        )
    ], fontsize="x-small")  # fmt: skip
    axes.set_xlabel(r"$S$")
    axes.set_title(_QUANTITIES[key], fontsize="medium")


def draw(data: Dataset) -> Figure:
    """Draw three maps of what TWA is off, and the bias of two spins that decay together."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    for axis, key in zip(axes, _QUANTITIES, strict=False):
        _map(axis, data, key)
    spins, worst = data["pair_S"], np.abs(data["decay_off"])
    poor = unconverged(data["decay_exact_status"]) | unconverged(data["decay_TWA_status"])
    for number, time in enumerate(data["pair_time"]):
        place = worst[:, number].argmax(axis=-1)[:, None]
        value, error = (
            np.take_along_axis(x[:, number], place, -1)[:, 0]
            for x in (worst, data["decay_off_error"])
        )
        errorbar_curve(axes[3], 1 / spins, value, error, ~poor,
                       marker="o", markersize=4, label=f"t = {time:g}")  # fmt: skip
    axes[3].plot(1 / spins, 0.045 / spins, "k--", linewidth=1, label="0.045 / S")
    axes[3].set_xscale("log")
    axes[3].set_yscale("log")
    axes[3].set_xlabel(r"$1/S$")
    axes[3].set_title(r"two spins that decay together: $|\Delta\langle S^z\rangle|/S$",
                      fontsize="medium")  # fmt: skip
    axes[3].legend(fontsize="x-small")
    return figure
