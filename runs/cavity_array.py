"""Cavity array of Sec. VI: mediated couplings, and what the dropped local term does (Fig. 9c).

Cavities mediate a local term besides the couplings, which the paper drops. With it AM is stable on
the whole line gain = loss, and the PT and PPT phases are gone there. Maps of stable configurations
are drawn for several strengths of that term.
"""

from dataclasses import replace

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from impo.methods.holstein_primakoff.quadratic import quadratic_bosons
from impo.methods.holstein_primakoff.stability import largest_growth, marginal_rate
from impo.model import Term
from impo.results.dataset import Dataset
from impo.results.variable import Variable
from models.cavity_array import couplings
from models.gain_loss import chain
from runs._tasks import legend_keys
from runs.fig1c import EDGE, PHASES, G, H

COST = {"quick": "30 s", "full": "6 min"}

S = 10.0
_POINTS = {True: 10, False: 70}  # of an axis, by quick form
# local coupling over g. Cavities give delta/J1 > 1.5; smaller values need it partly cancelled.
LOCAL = (0.0, 0.75, 1.25, 2.0)
LABELS = {0: "none", 1: "AM", 2: "FM", 3: "AM and FM"}


def _stable(strength: float, gain: float, loss: float) -> int:
    """Return 1 if AM is stable, plus 2 if one of the FM configurations is."""
    model = chain(S, G, H, gain, loss)
    local = tuple(Term(strength * G / (2 * S), ("S+", site, 0), ("S-", site, 0)) for site in (0, 1))
    model = replace(model, terms=model.terms + local)
    found = set()
    for name, configuration in PHASES.items():
        bosons = quadratic_bosons(model, configuration)
        if largest_growth(bosons)[0] < -marginal_rate(bosons):
            found.add(name)
    return int("AM" in found) + 2 * int(bool(found - {"AM"}))


def compute(quick: bool) -> Dataset:
    """Return the stable configurations for several local terms, and couplings over J1/delta."""
    points = _POINTS[quick]
    axis = EDGE * (np.arange(points) + 0.5) / points
    stable = np.array([[[_stable(x, gain, loss) for loss in axis] for gain in axis] for x in LOCAL])
    ratio = np.linspace(0.02, 0.6, 30)
    rows = [couplings(1.0, 1.0, x, x * H / G) for x in ratio]
    mediated = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    variables = {
        "local": Variable(("local",), np.array(LOCAL), "g", "local coupling"),
        "gain": Variable(("gain",), axis, "g", "gain rate"),
        "loss": Variable(("loss",), axis, "g", "loss rate"),
        "stable": Variable(("local", "gain", "loss"), stable, "1", "1 AM, 2 FM, 3 both, 0 none"),
        "tunnelling": Variable(("tunnelling",), ratio, "delta", "J1, with J2 = J1 h/g"),
    }
    for name, values in mediated.items():
        variables[f"coupling_{name}"] = Variable(
            ("tunnelling",), values, "Gc^2/delta", f"mediated coupling, {name}"
        )
    return Dataset(variables, {"title": "Cavity array", "g": G, "h": H})


def draw(data: Dataset) -> Figure:
    """Draw the stability maps with the analytic AM boundary, and the couplings."""
    figure = Figure(figsize=(11.5, 3.2), layout="constrained")
    axes = figure.subplots(1, len(data["local"]) + 1, width_ratios=[1] * len(data["local"]) + [1.2])
    colours = ["#e8e4da", "#8fb8de", "#f2b880", "#b48ec9"]
    g, h = data.attributes["g"], data.attributes["h"]
    gain, loss = np.meshgrid(data["gain"], data["loss"], indexing="ij")
    for i, strength in enumerate(data["local"]):
        ax = axes[i]
        ax.pcolormesh(
            data["gain"], data["loss"], data["stable"][i].T,
            cmap=ListedColormap(colours), vmin=-0.5, vmax=3.5, shading="nearest",
        )  # fmt: skip
        detuned = gain * loss * (1 + 4 * (strength * g) ** 2 / (gain + loss) ** 2)
        if detuned.min() < (g + h) ** 2 < detuned.max():
            ax.contour(gain, loss, detuned, [(g + h) ** 2], colors="k", linewidths=1.2)
        ax.set(xlabel=r"$\Gamma_g/g$", aspect="equal")
        ax.set_title(f"local term ${strength:g}\\,g$", fontsize=9)
    axes[0].set_ylabel(r"$\Gamma_l/g$")
    patches = [Patch(color=colours[key], label=label) for key, label in LABELS.items()]
    patches += legend_keys({"boundary of AM": {"linestyle": "-", "color": "k"}})
    figure.legend(handles=patches, fontsize=7, loc="outside upper center", ncols=5)
    ax = axes[-1]
    for name, colour in (("g", "C0"), ("h", "C1"), ("local", "C3")):
        ax.plot(data["tunnelling"], -data[f"coupling_{name}_exact"], color=colour, label=f"{name}")
        ax.plot(data["tunnelling"], -data[f"coupling_{name}"], "--", color=colour)
    ax.plot(data["tunnelling"], -data["coupling_next_exact"], color="C4", label="next cell")
    ax.set(xlabel=r"$J_1/\delta$", ylabel=r"coupling / $(-G_c^2/\delta)$", yscale="log")
    ax.set_title("exact (solid), leading order (dashed)", fontsize=8)
    ax.legend(fontsize=7)
    return figure
