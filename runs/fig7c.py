"""Fig. 7(c): how fast a broken symmetry is restored in the PPT phase, and how that grows with S.

All spins begin along x, with gain = loss = g, h = g/2 and 50 cells. TWA gives the solid lines, mean
field the dashed ones. The restoration time is when S_perp has fallen to 1/e and to 0.1 of S.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo import TWA, MeanField, evolve
from impo.analysis.plot import errorbar_curve
from impo.results.dataset import Dataset, unconverged
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import judged, mark_unconverged

COST = {"quick": "25 s", "full": "5 min"}

_LEVELS = {"e": np.exp(-1), "0.1": 0.1}


def restoration_time(times: NDArray, transverse: NDArray, level: float) -> NDArray:
    """Return the first time when curves, shape (..., times), fall below `level`, or nan."""
    flat = transverse.reshape(-1, len(times))
    out = np.full(len(flat), np.nan)
    for number, curve in enumerate(flat):
        below = np.flatnonzero(curve < level)
        if len(below) and below[0] > 0:
            right = below[0]
            left = right - 1
            part = (curve[left] - level) / (curve[left] - curve[right])
            out[number] = times[left] + part * (times[right] - times[left])
    return out.reshape(transverse.shape[:-1])


def growth(
    spins: NDArray, tau: NDArray, error: NDArray
) -> tuple[tuple[NDArray, NDArray], list[float]]:
    """Return how times grow with ln S.

    Returns
    -------
    tuple
        d tau / d ln S between neighbouring spins, and their errors.
    list
        Chi^2 over the degrees of freedom of tau = a + b ln S through all points, and their number.
    """
    x = np.log(spins)
    step = np.diff(x)
    fit = np.polyfit(x, tau, 1, w=1 / error)
    freedom = len(x) - 2
    misfit = float(np.sum(((tau - np.polyval(fit, x)) / error) ** 2) / freedom)
    return (np.diff(tau) / step, np.hypot(error[1:], error[:-1]) / step), [misfit, freedom]


def compute(quick: bool) -> Dataset:
    """Return the decay of S_perp and <S_z> for several S, and the restoration times."""
    spins = np.array([64.0, 256.0, 1024.0] if quick else [16.0, 32.0, 64.0, 128.0, 256.0, 512.0,
                                                         1024.0, 2048.0, 4096.0])  # fmt: skip
    times = np.arange(0, 45.1 if quick else 75.1, 0.5 if quick else 0.25)
    method = TWA(cells=50, trajectories=256 if quick else 2048, tol=0.05)
    start = [[1.0, 0.0, 0.0]] * 2
    columns: dict[str, list] = {}
    states: dict[str, list] = {"twa": [], "mean_field": []}
    for number, S in enumerate(spins):
        model = chain(S, 1.0, 0.5, gain=1.0, loss=1.0)
        settings = replace(method, seed=number)
        state = evolve(model, settings, start, times)
        plus, sz = state.expect("S+"), state.expect("Sz")
        values = {"perp": np.abs(plus.value) / S, "perp_error": plus.error / S,
                  "Sz": sz.value / S, "Sz_error": sz.error / S}  # fmt: skip
        classical = evolve(model, MeanField(), start, times)
        states["twa"].append(state)
        states["mean_field"].append(classical)
        values["mean_field_perp"] = np.abs(classical.expect("S+").value) / S
        values["mean_field_Sz"] = classical.expect("Sz").value / S
        # the time from the mean of all groups, its error by the jackknife
        moments = [one.moments.first for one in state.states]
        groups = np.stack(moments, axis=1)[..., :2] / S
        left_out = (groups.sum(axis=0) - groups) / (len(groups) - 1)
        for name, level in _LEVELS.items():
            whole = restoration_time(
                times, np.linalg.norm(groups.mean(axis=0), axis=-1).mean(axis=1), level
            )
            parts = restoration_time(times, np.linalg.norm(left_out, axis=-1).mean(axis=2), level)
            values[f"tau_{name}"] = whole
            values[f"tau_{name}_error"] = np.sqrt(len(parts) - 1) * np.std(parts)
        for key, value in values.items():
            columns.setdefault(key, []).append(value)
    variables = {
        "S": Variable(("S",), spins, long_name="spin"),
        "time": Variable(("time",), times, "1/g", "time"),
        "site": Variable(("site",), np.arange(2), long_name="site of the cell"),
    }
    for name, found in states.items():
        variables |= judged(found, ("S",), name)
    for key, column in columns.items():
        array = np.array(column)
        if key.startswith("tau"):
            variables[key] = Variable(("S",), array, "1/g", "restoration time")
        else:
            variables[key] = Variable(("S", "time", "site"), array, "S")
    told: dict[str, Any] = {}
    middle = np.sqrt(spins[1:] * spins[:-1])
    variables["S_between"] = Variable(("S_between",), middle, long_name="between two spins")
    for name in _LEVELS:
        tau, error = variables[f"tau_{name}"].values, variables[f"tau_{name}_error"].values
        slopes, told[f"tau_{name}_one_logarithm"] = growth(spins, tau, error)
        for key, array in zip((f"slope_{name}", f"slope_{name}_error"), slopes, strict=True):
            variables[key] = Variable(("S_between",), array, "1/g", "d tau / d ln S")
        pairs = [(i, int(np.argmin(np.abs(spins - 16 * S)))) for i, S in enumerate(spins)]
        told[f"tau_{name}_ratio_16_S"] = {
            f"{spins[i]:g}": float(tau[j] / tau[i]) for i, j in pairs if spins[j] == 16 * spins[i]
        }
    return Dataset(variables, {"g": 1.0, "h": 0.5, "gain": 1.0, "loss": 1.0, **told})


def draw(data: Dataset) -> Figure:
    """Draw S_perp and <S_z> in time for S and 16 S, the restoration times, and their growth."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.4, 1, 1))
    _draw_motion(left, data)
    for name, colour, label in (("e", "C2", "1/e"), ("0.1", "C4", "0.1")):
        errorbar_curve(
            middle, data["S"], data[f"tau_{name}"], data[f"tau_{name}_error"],
            ~unconverged(data["twa_status"]), color=colour, linestyle=":", label=f"to {label}",
        )  # fmt: skip
        misfit, _ = data.attributes[f"tau_{name}_one_logarithm"]
        errorbar_curve(
            right, data["S_between"], data[f"slope_{name}"], data[f"slope_{name}_error"],
            color=colour, linestyle=":",
            label=rf"one logarithm: reduced $\chi^2={misfit:.0f}$",
        )  # fmt: skip
    middle.set(ylabel=r"restoration time $g\tau$", title="not in the paper")
    right.set(ylabel=r"$g\,d\tau/d\ln S$ between two spins", title="not in the paper")
    for axis in (middle, right):
        ends = data["S"][[0, -1]] * (0.8, 1.25)
        axis.set(xscale="log", xlabel="$S$", xlim=ends, ylim=(0, None))
    middle.legend(fontsize="small", loc="lower right")
    right.legend(fontsize="small", loc="upper left")
    right.set_ylim(0, 1.3 * right.get_ylim()[1])
    return figure


def _draw_motion(axis: Axes, data: Dataset) -> None:
    """Draw both polarisations in time, by truncated Wigner and in mean field."""
    spins, times = data["S"], data["time"]
    small = int(np.argmin(np.abs(spins - 64)))
    large = int(np.argmin(np.abs(spins - 16 * spins[small])))
    for number, width in ((small, 1.0), (large, 2.2)):
        for key, colour, label in (("perp", "C3", r"$S_\perp$"), ("Sz", "C0", r"$S^z_a$")):
            value, error = data[key][number, :, 0], data[f"{key}_error"][number, :, 0]
            axis.plot(times, value, colour, lw=width, label=f"TWA, {label}, $S={spins[number]:g}$")
            axis.fill_between(times, value - error, value + error, color=colour, alpha=0.2, lw=0)
    mean_field = {
        "perp": ("C3--", r"mean field, $S_\perp$"),
        "Sz": ("C0--", r"mean field, $S^z_a$"),
    }
    for key, (line, label) in mean_field.items():
        axis.plot(times, data[f"mean_field_{key}"][large, :, 0], line, lw=1, label=label)
    for number, theory in ((small, "twa"), (large, "twa"), (large, "mean_field")):
        for key in mean_field:  # a motion is hollow as a whole
            curve = data[key if theory == "twa" else f"mean_field_{key}"][number, :, 0]
            status = np.full(len(times), data[f"{theory}_status"][number])
            mark_unconverged(axis, times, curve, status)
    axis.set(
        xlabel=r"time $gt$", ylabel=r"$\langle S\rangle/S$", xlim=(0, 45), ylim=(-0.6, 1.6),
        title="(c)",
    )  # fmt: skip
    axis.legend(fontsize="x-small", ncols=3, loc="upper center")
