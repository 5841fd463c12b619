"""FM to PPT: jump of the magnetisation, diverging correlation length, and the case h = g.

Linearised bosons for S = 10 to 10,000 approach the end of the FM phase, where the magnetisation
jumps for S -> infinity. The correlation length diverges with the exponent 1/2. For h = g the FM
phase is unstable everywhere.
"""

import numpy as np
from matplotlib.figure import Figure

from impo import HolsteinPrimakoff, steady_state
from impo.analysis.plot import errorbar_curve
from impo.methods.holstein_primakoff.quadratic import quadratic_bosons
from impo.methods.holstein_primakoff.stability import largest_growth
from impo.results.dataset import Dataset, unconverged
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import judged, legend_keys, mark_unconverged

COST = {"quick": "10 s", "full": "20 s"}

G, H, RATIO = 1.0, 0.5, 2.0  # gain / loss
SPINS = (10.0, 100.0, 1000.0, 10000.0)


def compute(quick: bool) -> Dataset:
    """Return <Sz>/S, xi and its exponent on the FM side, and growth rates around FM for h -> g."""
    count = 12 if quick else 40
    distance = np.geomspace(1e-5 if quick else 1e-6, 0.5, count)
    loss = np.sqrt((G - H) ** 2 * (1 - distance) / RATIO)
    states = [
        steady_state(chain(SPINS[0], G, H, RATIO * x, x), HolsteinPrimakoff("++")) for x in loss
    ]
    occupations = np.array([state.occupations.value for state in states])
    length = [state.correlation_length("S+", "S-") for state in states]
    xi = np.array([x.value for x in length])
    ratio = np.linspace(0.5, 1.0, 6 if quick else 26)
    rates = np.array([0.02, 0.1, 0.3])
    growth = np.array(
        [
            [
                largest_growth(quadratic_bosons(chain(1, G, h, RATIO * x, x), (1, 1)))[0]
                for x in rates
            ]
            for h in ratio * G
        ]
    )
    slope = -np.diff(np.log(xi)) / np.diff(np.log(distance))
    spins = np.array(SPINS)
    polarisation = 1 - occupations[None] / spins[:, None, None]
    # beyond n ~ S the expansion has lost its meaning
    polarisation[occupations[None] > spins[:, None, None] / 4] = np.nan
    return Dataset(
        {
            "distance": Variable(
                ("distance",), distance, "1", "1 - gain loss / (g - h)^2, on the FM side"
            ),
            "S": Variable(("S",), spins, "1", "spin quantum number"),
            "site": Variable(("site",), np.array(["A", "B"]), "1", "sublattice"),
            "polarisation": Variable(("S", "distance", "site"), polarisation, "1", "<Sz>/S"),
            "xi": Variable(("distance",), xi, "1", "correlation length in unit cells"),
            "xi_error": Variable(
                ("distance",), np.array([x.error for x in length]), "1", "its numerical error"
            ),
            **judged(states, ("distance",), "bosons"),
            "midpoint": Variable(
                ("midpoint",), np.sqrt(distance[1:] * distance[:-1]), "1", "distance"
            ),
            "exponent": Variable(("midpoint",), slope, "1", "local exponent nu"),
            "h": Variable(("h",), ratio * G, "g", "coupling between cells"),
            "loss": Variable(("loss",), rates, "g", "loss rate, gain = 2 loss"),
            "growth": Variable(("h", "loss"), growth, "g", "largest growth rate around FM up"),
        },
        {"title": "FM-PPT boundary", "g": G, "h_fixed": H, "gain_over_loss": RATIO},
    )


def draw(data: Dataset) -> Figure:
    """Draw the polarisation, the correlation length and the stability for h -> g."""
    figure = Figure(figsize=(10.0, 3.2), layout="constrained")
    axes = figure.subplots(1, 3)
    for i, spin in enumerate(data["S"]):
        for site, style in ((0, "-"), (1, "--")):
            axes[0].semilogx(
                data["distance"], data["polarisation"][i, :, site], style, color=f"C{i}",
                label=f"$S=10^{{{np.log10(spin):.0f}}}$" if site == 0 else None,
            )  # fmt: skip
            mark_unconverged(
                axes[0], data["distance"], data["polarisation"][i, :, site], data["bosons_status"]
            )
    axes[0].set(
        xlabel=r"$1-\Gamma_g\Gamma_l/(g-h)^2$", ylabel=r"$\langle S^z\rangle/S$",
        ylim=(0.6, 1.01),
    )  # fmt: skip
    handles, _ = axes[0].get_legend_handles_labels()
    handles += legend_keys({"A": {"linestyle": "-"}, "B": {"linestyle": "--"}})
    axes[0].legend(handles=handles, fontsize=8, ncols=3, loc="lower center")
    errorbar_curve(
        axes[1], data["distance"], data["xi"], data["xi_error"],
        ~unconverged(data["bosons_status"]), markersize=3, linestyle="none", label="HPA",
    )  # fmt: skip
    axes[1].set(xscale="log", yscale="log", ylabel=r"$\xi$ (cells)")
    guide = data["xi"][0] * (data["distance"] / data["distance"][0]) ** -0.5
    axes[1].plot(data["distance"], guide, "k--", lw=1, label=r"$\nu=1/2$")
    axes[1].set_xlabel(r"$1-\Gamma_g\Gamma_l/(g-h)^2$")
    axes[1].legend(fontsize=8)
    for i, loss in enumerate(data["loss"]):
        axes[2].plot(data["h"], data["growth"][:, i], ".-", label=rf"$\Gamma_l={loss:g}\,g$")
    axes[2].axhline(0, color="0.6", lw=0.8)
    axes[2].set(xlabel=r"$h/g$", ylabel=r"growth rate around $|\uparrow\uparrow\rangle$ $/g$")
    axes[2].legend(fontsize=8)
    return figure
