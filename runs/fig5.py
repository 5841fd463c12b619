"""Magnetisation, fluctuations and correlation length of the infinite chain (Fig. 5)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from impo import ITEBD, TWA, HolsteinPrimakoff, Status, SteadyState, steady_state
from impo.model import LindbladModel
from impo.plot import points, spin_text
from impo.result import Dataset, Variable
from impo.sweep import sweep
from models.gain_loss import chain
from runs._twa_curves import along_loss, draw_curve

COST = {"quick": "3 min", "full": "1 h"}

G, H = 1.0, 0.5
GAIN = 1.5  # of path (i)
SPINS = (0.5, 1.0, 2.0)
LARGE_SPIN = 1000.0  # of the semiclassical lines, the only one of `along_loss`
QUANTITIES = {
    "Sz": (("path", "site"), "<Sz>/S"),
    "Sz_var": (("path", "site"), "Var(Sz)/S^2"),
    "xi": (("path",), "correlation length of <S+ S-> between A sites"),
}


def _paths(spin: float, losses: Sequence[float], rates: Sequence[float]) -> list[list]:
    """Return the models of path (i), fixed gain, and path (ii), gain = loss."""
    return [
        [chain(spin, G, H, GAIN, loss) for loss in losses],
        [chain(spin, G, H, rate, rate) for rate in rates],
    ]


def _row(state: SteadyState) -> dict[str, np.ndarray]:
    """Return the plotted quantities of one state, in units of S, with errors; nan where none."""
    spin = float(state.model.parameters["S"])
    out = {"status": np.array(str(state.status)), "residual": np.array(np.nan)}
    measured = {
        "Sz": (state.expect("Sz"), spin, (2,)),
        "Sz_var": (state.variance("Sz"), spin**2, (2,)),
        "xi": (state.correlation_length("S+", "S-", (0, 0)), 1.0, ()),
    }
    for name, (estimate, scale, shape) in measured.items():
        empty = np.full(shape, np.nan)
        out[name] = empty if estimate is None else np.real(estimate.value) / scale
        out[name + "_error"] = empty if estimate is None else np.asarray(estimate.error) / scale
    if state.residual is not None:
        out["residual"] = np.array(state.residual)
    return out


def _columns(states: Iterator[SteadyState]) -> dict[str, np.ndarray]:
    rows = [_row(state) for state in states]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _chains(models: Sequence[Sequence[LindbladModel]], method: ITEBD) -> list[list[SteadyState]]:
    """Return the steady states of chains of neighbouring models."""
    found = dict(sweep(models, method))
    ends = np.cumsum([len(chain_of) for chain_of in models])
    return [
        [found[n] for n in range(end - len(chain_of), end)]
        for chain_of, end in zip(models, ends, strict=True)
    ]


def _twa_curves(quick: bool) -> dict[str, Variable]:
    """Return TWA on both paths; correlation lengths, on path (ii), want more samples."""
    losses, rates = np.linspace(0.05, 3, 50), np.linspace(0.4, 2.1, 35)
    if quick:
        losses = np.array(
            [0.05, 0.12, 0.2, 0.35, 0.55, 0.8, 1.1, 1.3, 1.43, 1.56, 1.8, 2.2, 2.6, 3]
        )
        rates = np.array([0.6, 1.0, 1.25, 1.4, 1.55, 1.65, 1.85])
    one = TWA(cells=50, trajectories=64, dt=0.1, max_time=400 if quick else 4000, tol=1e-9)
    two = replace(one, trajectories=256, max_time=800 if quick else 4000)
    first = along_loss(losses, one, GAIN, prefix="twa_i")
    return first | along_loss(rates, two, prefix="twa_ii")


def compute(quick: bool) -> Dataset:
    """Return curves on both paths: iMPO for S = 1/2, 1, 2; TWA and Holstein-Primakoff lines.

    The three have grids of their own: `loss` and `rate`, `twa_i_loss` and `twa_ii_loss`, and
    `hpa_loss` and `hpa_rate`.
    """
    losses = np.linspace(0.05, 3, 10 if quick else 60)
    rates = np.linspace(0.1, 3, 10 if quick else 59)
    method = ITEBD(tol=1e-3) if quick else ITEBD(tol=1e-4)
    variables = {
        "loss": Variable(("loss",), losses, "g", "loss rate on path (i), gain = 1.5 g"),
        "rate": Variable(("rate",), rates, "g", "gain and loss rate on path (ii)"),
        "S": Variable(("S",), np.array(SPINS), "1", "spin quantum number"),
    }
    models = [path for spin in SPINS for path in _paths(spin, losses, rates)]
    chains = [_columns(iter(states)) for states in _chains(models, method)]
    fine = 80 if quick else 400
    hpa_losses, hpa_rates = np.linspace(0.02, 3, fine), np.linspace(0.02, 3, fine)
    lines = [
        _columns(steady_state(model, HolsteinPrimakoff()) for model in path)
        for path in _paths(LARGE_SPIN, hpa_losses, hpa_rates)
    ]
    variables["hpa_loss"] = Variable(("hpa_loss",), hpa_losses, "g", "loss rate on path (i)")
    variables["hpa_rate"] = Variable(("hpa_rate",), hpa_rates, "g", "both rates on path (ii)")
    variables |= _twa_curves(quick)
    for path, (label, dim) in enumerate((("i", "loss"), ("ii", "rate"))):
        stacked = {
            name: np.stack([chains[2 * s + path][name] for s in range(len(SPINS))])
            for name in chains[0]
        }
        for name, (axes, text) in QUANTITIES.items():
            dims = (dim, *axes[1:])
            for suffix in ("", "_error"):
                long_name = ("error of " if suffix else "") + text
                variables[f"{name}{suffix}_{label}"] = Variable(
                    ("S", *dims), stacked[name + suffix], "1", long_name
                )
                variables[f"hpa_{name}{suffix}_{label}"] = Variable(
                    (f"hpa_{dim}", *axes[1:]),
                    lines[path][name + suffix],
                    "1",
                    f"{long_name} (HPA, S = {LARGE_SPIN:g})",
                )
        variables[f"path_{label}_status"] = Variable(("S", dim), stacked["status"], "1", "verdict")
        variables[f"residual_{label}"] = Variable(
            ("S", dim), stacked["residual"], "g", "residual of the master equation"
        )
    return Dataset(variables, {"g": G, "h": H, "gain": GAIN, "tol": method.tol})


def draw(data: Dataset) -> Figure:
    """Draw the four panels of Fig. 5; unconverged points are hollow."""
    figure = Figure(figsize=(7.2, 5.4), layout="constrained")
    axes = figure.subplots(2, 2)
    _curves(axes[0, 0], data, "Sz", "i", (0, 1))
    axes[0, 0].set(xlabel=r"$\Gamma_l/g$", ylabel=r"$\langle S^z_{a,b}\rangle/S$", title="(a)")
    _curves(axes[0, 1], data, "Sz_var", "i", (0, 1))
    axes[0, 1].set(xlabel=r"$\Gamma_l/g$", ylabel=r"$(\Delta S^z_{a,b})^2/S^2$", title="(b)")
    _phases(axes[1, 0], data)
    _curves(axes[1, 1], data, "xi", "ii", (None,))
    axes[1, 1].set(xlabel=r"$\bar\Gamma/g$", ylabel=r"$\xi$ (unit cells)", title="(d)")
    axes[1, 1].set_ylim(0, 3 * np.nanmax(data["xi_ii"], initial=0.5))
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=len(handles[0]))
    return figure


def _curves(ax: Axes, data: Dataset, name: str, label: str, sites: Sequence[int | None]) -> None:
    """Draw one quantity along a path, for all spins, with the semiclassical line."""
    x = data["loss" if label == "i" else "rate"]
    marks = {0: "o", 1: "s", None: "o"}
    for number, spin in enumerate(data["S"]):
        good = data[f"path_{label}_status"][number] == Status.CONVERGED
        for site in sites:
            values, errors = data[f"{name}_{label}"][number], data[f"{name}_error_{label}"][number]
            if site is not None:
                values, errors = values[:, site], errors[:, site]
            text = None
            if site in (0, None):
                text = f"iMPO, $S={spin_text(spin)}$"
            points(
                ax, x, values, errors, good,
                label=text, color=f"C{number}", marker=marks[site], linestyle="--",
            )  # fmt: skip
    hpa_x = data["hpa_loss" if label == "i" else "hpa_rate"]
    for site in sites:
        named = site in (0, None)
        draw_curve(
            ax, data, name, site, prefix=f"twa_{label}", color="C3", marker=marks[site],
            label=f"TWA, $S={LARGE_SPIN:g}$" if named else None,
        )  # fmt: skip
        line = data[f"hpa_{name}_{label}"]
        line = line if site is None else line[:, site]
        ax.plot(hpa_x, line, color="black", lw=0.7, marker="", label="HPA" if named else None)
    g, h, gain = (data.attributes[key] for key in ("g", "h", "gain"))
    edges = [(g - h) ** 2 / gain, (g + h) ** 2 / gain] if label == "i" else [g - h, g + h]
    for edge in edges:
        ax.axvline(edge, color="0.7", lw=0.8, zorder=0)


def _phases(ax: Axes, data: Dataset) -> None:
    """Draw the phase diagram of S -> infinity with both paths."""
    g, h, gain = (data.attributes[key] for key in ("g", "h", "gain"))
    rate = np.linspace(0.02, 3, 400)
    lower, upper = (g - h) ** 2 / rate, (g + h) ** 2 / rate
    ax.fill_between(rate, lower, np.minimum(upper, 3), where=lower < 3, color="0.9", lw=0)
    for edge in (lower, upper):
        ax.plot(rate, edge, color="black", lw=1)
    ax.plot([0, g - h], [0, g - h], color="black", lw=1)
    ax.plot([gain, gain], [data["loss"][0], data["loss"][-1]], color="C4", lw=1.5)
    ax.plot([0, 3], [0, 3], color="C5", lw=1.5, ls=":")
    for x, y, text in (
        (2.2, 1.75, "AM"), (0.75, 1.35, "PPT"), (0.55, 0.1, r"FM $\uparrow$"),
        (0.03, 0.58, r"FM $\downarrow$"), (gain + 0.05, 0.3, "(i)"), (2.35, 2.6, "(ii)"),
    ):  # fmt: skip
        ax.text(x, y, text, fontsize=8)
    ax.set(
        xlim=(0, 3), ylim=(0, 3), title="(c)",
        xlabel=r"$\Gamma_g/g$", ylabel=r"$\Gamma_l/g$",
    )  # fmt: skip
