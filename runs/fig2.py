"""The dissipative spin dimer: order parameter, magnetisation, gap and its scaling (Fig. 2).

Exact dimers: the order parameter over the plane of rates, and magnetisations and decay rates on the
line gain = loss. At gain = loss = g the slowest modes are followed in 1/S, sector by sector of the
charge; the smallest gap carries a charge. The full form goes to S = 40 with a cut-off of the
multipoles.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from impo import Exact, spectrum, steady_state
from impo.analysis.plot import errorbar_curve
from impo.results.dataset import Dataset
from impo.results.notation import with_error
from impo.results.variable import Variable
from models.gain_loss import dimer
from runs._scaling import exponent_limit, local_exponents, power_law
from runs._tasks import cell_edges, judged, legend_keys, mark_unconverged, mirrored

COST = {"quick": "25 s", "full": "12 min"}
# Spin and points of the plane of rates, spins of the others; all by quick form
_PLANE = {True: (4, 9), False: (12, 24)}
_LINE = {True: (1.0, 2, 4), False: (2.0, 4, 8, 12, 18)}
_TRANSITION = {True: (1.0, 2, 3, 4, 6, 8), False: (2.0, 3, 4, 6, 8, 12, 18, 24, 32, 40)}
_EDGE = 2.0  # of the plane of rates, in units of g
_MODES = {0: 4, 1: 2}  # eigenvalues followed at the transition, by charge; zero left out


def compute(quick: bool) -> Dataset:
    """Return order parameter, magnetisations, gaps, eigenvalues at the transition, and their laws.

    Rates are in units of g. The eigenvalues at the transition have the change under a reduction of
    k_max by a quarter as their error (rounding where nothing is cut). Gaps along the line are those
    at the cut-off that <S_z>/S needed (at S = 18 and four rates they were right to 5e-4 g).
    """
    variables = {}
    for part in (_plane, _line, _transition, _mixing):
        variables.update(part(quick))
    return Dataset(
        variables, {"title": "Spin dimer, g = 1", "S_order": _PLANE[quick][0], "quick": quick}
    )


def _plane(quick: bool) -> dict[str, Variable]:
    """Solve gain >= loss; the rest follows by exchange of the sites with a flip of both spins."""
    spin, count = _PLANE[quick]
    rates = _EDGE * (np.arange(count) + 0.5) / count
    method = Exact(k_max=None if quick else "auto", tol=1e-3, gap=False)
    order, error = np.empty((2, count, count))
    states = np.empty((count, count), dtype=object)
    for i, gain in enumerate(rates):
        for j, loss in enumerate(rates[: i + 1]):
            state = steady_state(dimer(spin, gain=gain, loss=loss), method)
            total = state.expect("Sz")
            states[i, j] = state  # the mirrored point has no verdict of its own
            order[i, j] = np.sum(total.value) / (2 * spin)
            error[i, j] = error[j, i] = np.sum(total.error) / (2 * spin)
            order[j, i] = -order[i, j]
    for i, j in ((0, count - 1), (count // 3, count // 2)):
        solved = steady_state(dimer(spin, gain=rates[i], loss=rates[j]), method).expect("Sz")
        if abs(np.sum(solved.value) / (2 * spin) - order[i, j]) > 1e-8:
            raise AssertionError("Exchange of gain and loss does not reverse the magnetisation.")
    return {
        "gain": Variable(("gain",), rates, "g", "gain"),
        "loss": Variable(("loss",), rates, "g", "loss"),
        "order": Variable(("gain", "loss"), order, "1", "<M_z>/2S"),
        "order_error": Variable(("gain", "loss"), error, "1", "error of <M_z>/2S"),
        **judged(states, ("gain", "loss"), "order"),
    }


def _line(quick: bool) -> dict[str, Variable]:
    spins = np.array(_LINE[quick])
    rates = np.linspace(0.1, 2.0, 11)
    if not quick:  # denser around the transition
        rates = np.concatenate(
            [np.arange(1, 6) / 10, np.arange(12, 29) / 20, np.arange(15, 21) / 10]
        )
    method = Exact(k_max="auto", tol=4e-4)
    magnetisation = np.empty((len(spins), len(rates), 2))
    error, gap = np.empty_like(magnetisation), np.empty_like(magnetisation)
    states = np.empty((len(spins), len(rates)), dtype=object)
    for i, spin in enumerate(spins):
        for j, rate in enumerate(rates):
            state = steady_state(dimer(spin, gain=rate, loss=rate), method)
            along, states[i, j] = state.expect("Sz"), state
            magnetisation[i, j], error[i, j] = along.value / spin, along.error / spin
            gap[i, j] = [state.diagnostics["decay_rates"][q] for q in ("0", "1")]
    return {
        "S": Variable(("S",), spins, "1", "spin quantum number"),
        "rate": Variable(("rate",), rates, "g", "gain = loss"),
        "site": Variable(("site",), np.arange(2), "1", "site: a, b"),
        "charge": Variable(("charge",), np.arange(2), "1", "charge of the sector"),
        "magnetisation": Variable(("S", "rate", "site"), magnetisation, "1", "<S_z>/S"),
        "magnetisation_error": Variable(("S", "rate", "site"), error, "1", "error of <S_z>/S"),
        **judged(states, ("S", "rate"), "magnetisation"),
        "gap": Variable(("S", "rate", "charge"), gap, "g", "slowest decay rate"),
    }


def decay_rates(spin: float, charge: int, count: int, k_max: int | None) -> np.ndarray:
    """Return -Re of the `count` eigenvalues closest to zero at gain = loss = g, without zero."""
    extra = 1 if charge == 0 else 0
    method = Exact(k_max=k_max)
    found = spectrum(dimer(spin), method, charge, count=count + extra).eigenvalues
    return np.sort(-found.real)[extra : extra + count]


def _transition(quick: bool) -> dict[str, Variable]:
    """Follow eigenvalues at gain = loss = g in 1/S, with local exponents and a power law."""
    spins = np.array(_TRANSITION[quick])
    out: dict[str, Variable] = {
        "S_transition": Variable(("S_transition",), spins, "1", "spin quantum number"),
    }
    for charge, count in _MODES.items():
        values, errors = np.empty((len(spins), count)), np.zeros((len(spins), count))
        for i, spin in enumerate(spins):
            cut = None if spin <= 18 else 6 * round(np.sqrt(2 * spin))
            values[i] = decay_rates(spin, charge, count, cut)
            if cut is not None:
                errors[i] = np.abs(values[i] - decay_rates(spin, charge, count, 3 * cut // 4))
        errors = np.maximum(errors, 1e-10 * values)
        middle, local = local_exponents(spins, values[:, 0])
        name = f"q{charge}"
        mode, step = f"mode_{name}", f"S_local_{name}"
        out[f"rates_{name}"] = Variable(
            ("S_transition", mode), values, "g", f"decay rates, charge {charge}"
        )
        out[f"rates_{name}_error"] = Variable(("S_transition", mode), errors, "g", "error")
        out[step] = Variable((step,), middle, "1", "between two spin quantum numbers")
        out[f"local_exponent_{name}"] = Variable(
            (step,), local, "1", f"-d ln gap / d ln S, charge {charge}"
        )
        for label, pair, text in (
            ("exponent", power_law(spins, values[:, 0]), "gap ~ S^-exponent, upper half of S"),
            ("exponent_limit", exponent_limit(middle, local), "local exponent, S to infinity"),
        ):
            out[f"{label}_{name}"] = Variable(
                ("value_error",), np.array(pair), "1", f"{text}, charge {charge}: value and error"
            )
    return out


def _mixing(quick: bool) -> dict[str, Variable]:
    """Measure the distance from the fully mixed state, Eq. (4): it should be linear in the rate."""
    spins = np.array([1.0, 2, 4] if quick else [1.0, 2, 4, 8, 12])
    rates = np.geomspace(0.01, 0.3, 5 if quick else 9)
    distance = np.empty((len(spins), len(rates)))
    states = np.empty(distance.shape, dtype=object)
    for i, spin in enumerate(spins):
        for j, rate in enumerate(rates):
            state = steady_state(dimer(spin, gain=rate, loss=rate), Exact(gap=False))
            states[i, j] = state
            distance[i, j] = np.sqrt(1 / state.extras["impurity_per_dimension"] - 1)
    slope = np.log(distance[:, 1] / distance[:, 0]) / np.log(rates[1] / rates[0])
    return {
        "S_mixing": Variable(("S_mixing",), spins, "1", "spin quantum number"),
        "rate_mixing": Variable(("rate_mixing",), rates, "g", "gain = loss"),
        "distance": Variable(
            ("S_mixing", "rate_mixing"), distance, "1", "|rho - 1/dim| / |1/dim|, Hilbert-Schmidt"
        ),
        **judged(states, ("S_mixing", "rate_mixing"), "distance"),
        "slope": Variable(("S_mixing",), slope, "1", "d ln distance / d ln rate at the smallest"),
    }


def draw(data: Dataset) -> Figure:
    """Draw the four panels of the figure, and beside it local exponents and the law of Eq. (4)."""
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    axes = figure.subplots(2, 3)
    _draw_plane(axes[0, 0], data)
    _draw_line(axes[0, 1], axes[0, 2], data)
    _draw_transition(axes[1, 0], axes[1, 1], data)
    _draw_mixing(axes[1, 2], data)
    for axis, letter in zip(axes.ravel(), "abcdef", strict=True):
        new = " not in the paper" if letter in "ef" else ""
        axis.set_title(f"({letter}){new}", loc="left", fontsize="medium")
    return figure


def _draw_plane(axis: Axes, data: Dataset) -> None:
    """Draw the order parameter over the rates; the dashed lines are the boundaries."""
    edges = cell_edges(data["gain"], 0, _EDGE)
    plane = axis.pcolormesh(edges, edges, data["order"], cmap="RdBu_r", vmin=-1, vmax=1)
    grid = np.meshgrid(data["loss"], data["gain"])
    mark_unconverged(axis, *grid, mirrored(data["order_status"]))
    rates = np.linspace(1 / _EDGE, _EDGE, 200)
    axis.plot(rates, 1 / rates, "k--", lw=1)
    axis.plot([0, 1], [0, 1], "k--", lw=1)
    axis.set(
        xlabel=r"$\Gamma_l/g$", ylabel=r"$\Gamma_g/g$", aspect="equal", xlim=(0, _EDGE),
        ylim=(0, _EDGE),
    )  # fmt: skip
    axis.locator_params(nbins=4)
    axis.set_title(f"$S={data.attributes['S_order']}$", fontsize="medium")
    axis.figure.colorbar(plane, ax=axis, label=r"$\langle M_z\rangle/2S$")


def _draw_line(left: Axes, right: Axes, data: Dataset) -> None:
    """Draw magnetisation and decay rates along gain = loss."""
    rate = data["rate"]
    for i, spin in enumerate(data["S"]):
        status = data["magnetisation_status"][i]
        label = f"$S={spin:g}$"
        for site, line in enumerate(("-", "--")):
            values, errors = (
                data[name][i, :, site] for name in ("magnetisation", "magnetisation_error")
            )
            errorbar_curve(
                left, rate, values, errors, marker="", linestyle=line, color=f"C{i}",
                label=None if site else label,
            )  # fmt: skip
            mark_unconverged(left, rate, values, status)
        for charge, line in enumerate(("-", ":")):
            gap = data["gap"][i, :, charge]
            right.plot(rate, gap, f"C{i}{line}", label=None if charge else label)
            mark_unconverged(right, rate, gap, status)
    left.set(xlabel=r"$\bar\Gamma/g$", ylabel=r"$\langle S_z\rangle/S$", xlim=(0, None))
    right.set(xlabel=r"$\bar\Gamma/g$", ylabel="decay rate$/g$", xlim=(0, None), ylim=(0, None))
    sites = {"a": {"linestyle": "-"}, "b": {"linestyle": "--"}}
    sectors = {"$q=0$": {"linestyle": "-"}, "$|q|=1$": {"linestyle": ":"}}
    for axis, looks in ((left, sites), (right, sectors)):
        handles, _ = axis.get_legend_handles_labels()
        axis.legend(handles=[*handles, *legend_keys(looks)], loc="upper left", fontsize="small")
    left.set_ylim(-1.05, 1.55)


def _draw_transition(left: Axes, right: Axes, data: Dataset) -> None:
    """Draw the decay rates at the transition against 1/S, and local exponents of the gaps."""
    spins = data["S_transition"]
    for charge, marker in ((0, "x"), (1, "o")):
        values, errors = data[f"rates_q{charge}"], data[f"rates_q{charge}_error"]
        law = with_error(*data[f"exponent_q{charge}"])
        look = {"marker": marker, "color": f"C{charge}", "markerfacecolor": "none"}
        for mode in range(values.shape[1]):
            errorbar_curve(
                left, 1 / spins, values[:, mode], errors[:, mode], linestyle="none", markersize=4,
                label=None if mode else rf"$|q|={charge}$: gap $\sim S^{{-{law}}}$", **look,
            )  # fmt: skip
        limit, error = data[f"exponent_limit_q{charge}"]
        right.plot(
            1 / data[f"S_local_q{charge}"], data[f"local_exponent_q{charge}"],
            label=rf"$|q|={charge}$, $S\to\infty$: {with_error(limit, error)}", **look,
        )  # fmt: skip
        right.errorbar([0], [limit], [error], fmt=f"C{charge}s", ms=4, clip_on=False)
    left.set(
        xlabel="$1/S$", ylabel=r"decay rates$/g$ at $\bar\Gamma=g$", xscale="log", yscale="log"
    )
    left.set_xticks(1 / spins, [f"1/{spin:g}" for spin in spins])
    left.xaxis.set_minor_locator(NullLocator())
    right.axhline(1, color="0.7", lw=1)
    right.set(xlabel="$1/S$", ylabel="local exponent of the gap", xlim=(0, None))
    for axis, where in ((left, "lower right"), (right, "best")):
        axis.legend(fontsize="small", loc=where)


def _draw_mixing(axis: Axes, data: Dataset) -> None:
    """Draw the distance from the fully mixed state against the rate."""
    rate = data["rate_mixing"]
    for i, spin in enumerate(data["S_mixing"]):
        label = f"$S={spin:g}$, slope {data['slope'][i]:.2f}"
        axis.loglog(rate, data["distance"][i], f"C{i}o-", ms=3, label=label)
        mark_unconverged(axis, rate, data["distance"][i], data["distance_status"][i])
    axis.set(xlabel=r"$\bar\Gamma/g$", ylabel=r"$\|\rho_0-\mathbb{1}/d^2\|\,/\,\|\mathbb{1}/d^2\|$")
    axis.legend(fontsize="small")
