"""Fig. 7(c): how fast a broken symmetry is restored in the PPT phase, and how that grows with S.

All spins begin along x, with gain = loss = g, h = g/2 and 50 cells. TWA gives the solid lines, mean
field the dashed ones. The restoration time is when S_perp has fallen to 1/e and to 0.1 of S.
"""

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo import TWA, MeanField, evolve
from impo.results.dataset import Dataset
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
    growth = {}
    for key, column in columns.items():
        array = np.array(column)
        if key.startswith("tau"):
            variables[key] = Variable(("S",), array, "1/g", "restoration time")
        else:
            variables[key] = Variable(("S", "time", "site"), array, "S")
    for name in _LEVELS:
        tau, error = variables[f"tau_{name}"].values, variables[f"tau_{name}_error"].values
        # scaled: the scatter about the logarithm counts, not the statistical errors alone
        fit, covariance = np.polyfit(np.log(spins), tau, 1, w=1 / error, cov="unscaled")
        misfit = (tau - np.polyval(fit, np.log(spins))) / error
        covariance = covariance * max(1.0, np.sum(misfit**2) / (len(spins) - 2))
        growth[f"tau_{name}_per_ln_S"] = [float(fit[0]), float(np.sqrt(covariance[0, 0]))]
        pairs = [(i, int(np.argmin(np.abs(spins - 16 * S)))) for i, S in enumerate(spins)]
        growth[f"tau_{name}_ratio_16_S"] = {
            f"{spins[i]:g}": float(tau[j] / tau[i]) for i, j in pairs if spins[j] == 16 * spins[i]
        }
    return Dataset(variables, {"g": 1.0, "h": 0.5, "gain": 1.0, "loss": 1.0, **growth})


def draw(data: Dataset) -> Figure:
    """Draw S_perp and <S_z> in time for S and 16 S, and the restoration times against S."""
    figure = Figure(figsize=(8.5, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    spins, times = data["S"], data["time"]
    small = int(np.argmin(np.abs(spins - 64)))
    large = int(np.argmin(np.abs(spins - 16 * spins[small])))
    for number, width in ((small, 1.0), (large, 2.2)):
        for key, colour, label in (("perp", "C3", r"$S_\perp$"), ("Sz", "C0", r"$S^z_a$")):
            left.plot(times, data[key][number, :, 0], colour, lw=width,
                      label=f"{label}, $S={spins[number]:g}$")  # fmt: skip
            value, error = data[key][number, :, 0], data[f"{key}_error"][number, :, 0]
            left.fill_between(times, value - error, value + error, color=colour, alpha=0.2, lw=0)
    mean_field = {"perp": ("C3--", "mean field"), "Sz": ("C0--", None)}
    for key, (line, label) in mean_field.items():
        left.plot(times, data[f"mean_field_{key}"][large, :, 0], line, label=label)
    for number, theory in ((small, "twa"), (large, "twa"), (large, "mean_field")):
        for key in mean_field:  # a motion is hollow as a whole
            curve = data[key if theory == "twa" else f"mean_field_{key}"][number, :, 0]
            status = np.full(len(times), data[f"{theory}_status"][number])
            mark_unconverged(left, times, curve, status)
    left.set(xlabel=r"time $gt$", ylabel=r"$\langle S\rangle/S$", xlim=(0, 45), ylim=(-0.6, 1.35))
    left.legend(fontsize="x-small", ncols=2, loc="upper right")
    for name, colour, label in (("e", "C2", "1/e"), ("0.1", "C4", "0.1")):
        right.errorbar(spins, data[f"tau_{name}"], data[f"tau_{name}_error"], fmt="o", c=colour,
                       label=f"to {label}")  # fmt: skip
        mark_unconverged(right, spins, data[f"tau_{name}"], data["twa_status"])
        slope, error = data.attributes[f"tau_{name}_per_ln_S"]
        middle = np.log(spins) - np.mean(np.log(spins))
        right.plot(spins, np.mean(data[f"tau_{name}"]) + slope * middle, c=colour, lw=1,
                   label=rf"${slope:.2f}\pm{error:.2f}$ per $\ln S$")  # fmt: skip
    right.set(xscale="log", xlabel="$S$", ylabel=r"restoration time $g\tau$")
    right.legend(fontsize="x-small")
    return figure
