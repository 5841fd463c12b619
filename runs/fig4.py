"""The dissipative Kerr oscillator: a first-order transition with coexistence (Fig. 4).

Decay rates, purity and distributions of the number of quanta, beside the closed form of Drummond
and Walls. At the transition one decay rate closes exponentially with the size D. The next one stays
open.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from impo import Exact, spectrum, steady_state
from impo.results.dataset import Dataset
from impo.results.variable import Variable
from models.kerr import drummond_walls, oscillator
from runs._tasks import judged, mark_unconverged

COST = {"quick": "20 s", "full": "1 min"}
_EIGENVALUES = 6
_FIXED = {"U": 10.0, "delta": 10.0, "gamma": 1.0}
TRANSITION = 1.76


def _closed_purity(D: float, F: float) -> float:
    cutoff = oscillator(D, F, **_FIXED).sites[0].cutoff
    return float(np.sum(np.abs(drummond_walls(D, F, **_FIXED, cutoff=cutoff)) ** 2))


def compute(quick: bool) -> Dataset:
    """Return eigenvalues over F, the gap over D, purities and number distributions.

    Rates are in units of gamma. Purities and distributions are given twice: from the null space of
    the Liouvillian (nan, and `failed`, where it is degenerate to working precision) and in closed
    form.
    """
    shown = 20.0 if quick else 50.0
    drive = np.linspace(1.2, 2.4, 7)
    if not quick:  # denser around the transition
        drive = np.array(
            [*np.arange(12, 16) / 10, *np.arange(64, 77) / 40, *np.arange(20, 25) / 10]
        )
    rates = np.empty((len(drive), _EIGENVALUES))
    for i, F in enumerate(drive):
        found = spectrum(oscillator(shown, F, **_FIXED), Exact(), None, count=_EIGENVALUES)
        rates[i] = found.decay_rates[:_EIGENVALUES]
    sizes = np.array([5.0, 10, 20] if quick else [5.0, 10, 20, 50])
    fine = np.linspace(drive[0], drive[-1], 121)
    closed = np.array([[_closed_purity(D, F) for F in fine] for D in sizes])
    solved_drive = drive[:: 1 if quick else 2]
    solved = np.full((len(sizes), len(solved_drive)), np.nan)
    states = np.empty(solved.shape, dtype=object)
    for i, D in enumerate(sizes):
        for j, F in enumerate(solved_drive):
            state = steady_state(oscillator(D, F, **_FIXED), Exact(gap=False))
            states[i, j] = state
            if state.density is not None:
                solved[i, j] = state.extras["purity"]
    scales = np.array([5.0, 10, 15] if quick else [5.0, 10, 15, 20, 25, 30, 35, 40, 45, 50])
    gaps = np.empty((len(scales), 2))
    for i, D in enumerate(scales):
        found = spectrum(oscillator(D, TRANSITION, **_FIXED), Exact(), count=3)
        gaps[i] = found.decay_rates[1:3]
    growth = np.polyfit(scales[-3:], np.log(gaps[-3:, 0]), 1)[0]
    points = np.array([1.6, TRANSITION, 1.9])
    top = oscillator(shown, points[-1], **_FIXED).sites[0].cutoff
    number = np.zeros((len(points), top + 1))
    exact, number_states = np.zeros_like(number), []
    for i, F in enumerate(points):
        model = oscillator(shown, F, **_FIXED, cutoff=top)
        state = steady_state(model, Exact(gap=False))
        number_states.append(state)
        distribution = state.distribution([(0, 0)])
        number[i] = np.nan if distribution is None else distribution
        exact[i] = np.diag(drummond_walls(shown, F, **_FIXED, cutoff=top)).real
    return Dataset(
        {
            "F": Variable(("F",), drive, "gamma", "drive"),
            "decay_rates": Variable(("F", "mode"), rates, "gamma", "-Re of the first eigenvalues"),
            "D": Variable(("D",), sizes, "1", "effective dimension"),
            "F_solved": Variable(("F_solved",), solved_drive, "gamma", "drive"),
            "purity": Variable(("D", "F_solved"), solved, "1", "Tr rho^2"),
            **judged(states, ("D", "F_solved"), "purity"),
            "F_closed": Variable(("F_closed",), fine, "gamma", "drive"),
            "purity_closed": Variable(("D", "F_closed"), closed, "1", "Tr rho^2 in closed form"),
            "D_gap": Variable(("D_gap",), scales, "1", "effective dimension"),
            "gap": Variable(("D_gap", "mode_gap"), gaps, "gamma", "two slowest decay rates"),
            "gap_exponent": Variable(
                ("exponent",), np.array([-growth]), "1", "c of gap ~ exp(-c D), three largest D"
            ),
            "F_point": Variable(("F_point",), points, "gamma", "drive"),
            "n": Variable(("n",), np.arange(top + 1), "1", "number of quanta"),
            "number": Variable(("F_point", "n"), number, "1", "P(n)"),
            **judged(number_states, ("F_point",), "number"),
            "number_closed": Variable(("F_point", "n"), exact, "1", "P(n) in closed form"),
        },
        {"title": "Kerr oscillator, U = Delta = 10 gamma", "D": shown, "quick": quick},
    )


def draw(data: Dataset) -> Figure:
    """Draw eigenvalues, purity and number distributions, and beside them the closing of the gap."""
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplots(2, 2)
    _draw_rates(axes[0, 0], data)
    _draw_purity(axes[0, 1], data)
    _draw_numbers(axes[1, 0], data)
    _draw_gap(axes[1, 1], data)
    for axis, title in zip(axes.flat, ("(a)", "(b)", "(c)", "not in the paper"), strict=True):
        axis.set_title(title, loc="left", fontsize="medium")
    return figure


def _draw_rates(axis: Axes, data: Dataset) -> None:
    """Draw the decay rates over the drive; the dashed line is the transition."""
    axis.plot(data["F"], data["decay_rates"], "C0-", lw=1)
    axis.axvline(TRANSITION, color="k", ls="--", lw=1)
    axis.set(
        xlabel=r"$F/\gamma$", ylabel=r"$-\mathrm{Re}\,\lambda_n/\gamma$",
        title=f"$D={data.attributes['D']:g}$",
    )  # fmt: skip


def _draw_purity(axis: Axes, data: Dataset) -> None:
    """Draw the purity over the drive, with the closed form."""
    for i, D in enumerate(data["D"]):
        axis.plot(data["F_closed"], data["purity_closed"][i], f"C{i}-", lw=1)
        axis.plot(data["F_solved"], data["purity"][i], f"C{i}o", ms=3, label=f"$D={D:g}$")
        mark_unconverged(axis, data["F_solved"], data["purity"][i], data["purity_status"][i])
    axis.plot([], [], "k-", lw=1, label="closed form")
    axis.axvline(TRANSITION, color="k", ls="--", lw=1)
    axis.set(xlabel=r"$F/\gamma$", ylabel=r"purity $\mathrm{Tr}\,\rho_0^2$", ylim=(0, 1.05))
    axis.legend(fontsize="small", loc="lower left")


def _draw_numbers(axis: Axes, data: Dataset) -> None:
    """Draw the distributions of the number of quanta, with the closed form."""
    n = data["n"]
    for i, F in enumerate(data["F_point"]):
        axis.plot(n, data["number_closed"][i], f"C{i}-", lw=1)
        axis.plot(n, data["number"][i], f"C{i}o", ms=3, label=rf"$F={F:g}\,\gamma$")
        status = np.full(len(n), data["number_status"][i])
        mark_unconverged(axis, n, data["number"][i], status)
    axis.plot([], [], "k-", lw=1, label="closed form")
    axis.set(
        xlabel="$n$", ylabel="$P(n)$", yscale="log", ylim=(1e-5, 1),
        xlim=(-0.5, 1.2 * data.attributes["D"]),
    )  # fmt: skip
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(fontsize="small", loc="upper right")


def _draw_gap(axis: Axes, data: Dataset) -> None:
    """Draw the two slowest decay rates at the transition over D."""
    rate = data["gap_exponent"][0]
    for column, (mark, label) in enumerate((("o-", "slowest"), ("s-", "second"))):
        axis.semilogy(data["D_gap"], data["gap"][:, column], f"C{column}{mark}", ms=4, label=label)
    axis.set(
        xlabel="$D$", ylabel=r"decay rates$/\gamma$",
        title=rf"$F={TRANSITION}\,\gamma$: gap $\sim e^{{-{rate:.2f}D}}$",
    )  # fmt: skip
    axis.legend(fontsize="small")
