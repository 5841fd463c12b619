"""One-site cluster mean field against Appendix B: where the two agree for S to infinity.

A one-site cluster is a quantum master equation in the field of its copies (the Gutzwiller ansatz);
Appendix B also factorises <S_z^2>. Their thresholds meet for S to infinity, and so do their motions
at fixed time, and their steady states wherever the mean-field motion is attracted to a point. In
PPT it is not for S to infinity: damping and noise both fall like 1/S, and the steady states differ.
For large S, in the full form only, the one-site state in PPT is unstable to a perturbation that
alternates from site to site: these points are hollow.
"""

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from scipy.optimize import brentq

from impo import ClusterMeanField, MeanField, evolve, steady_state
from impo.analysis.plot import errorbar_curve, spin_text
from impo.methods.mean_field.equations import mean_field_equations
from impo.model import LindbladModel, Term
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.state import SteadyState
from impo.results.variable import Variable
from models.xy_decay import chain
from runs._tasks import judged, mark_unconverged

COST = {"quick": "15 s", "full": "1 min"}

G = 1.0  # couplings g = h: one site per cell
EDGE = 2 * G  # g + h, threshold for S to infinity
PPT_RATE = 1.1
ATTRACTED = {"loss": 4.0, "field": 1.5}  # AM, pushed off the pole by a field along x
MOMENTS = (0.5, 1.0, 6.0)
STEPS = 8  # times per 1/(2g) at which the motions are compared
START = [[1.0, 0.5, 0.3]]
METHOD = ClusterMeanField(1, tol=1e-6)


def driven(spin: float) -> LindbladModel:
    """Return the chain deep in AM in a transverse field: it has a strongly attracting point."""
    model = chain(spin, G, ATTRACTED["loss"])
    return replace(model, terms=(*model.terms, Term(ATTRACTED["field"], ("Sx", 0, 0))))


def threshold_one_site(spin: float) -> tuple[float, list[SteadyState]]:
    """Return the rate at which the polarised state of a one-site cluster becomes unstable.

    Extrapolated from the slowest modes of two states above, which are returned as well; between
    them it is linear.
    """
    rates = np.array([1.05, 1.15]) * EDGE
    states = [steady_state(chain(spin, G, rate), METHOD, [[0.0, 0.0, -1.0]]) for rate in rates]
    growth = [state.diagnostics["solutions"][0]["growth_rate"] for state in states]
    threshold = rates[0] - growth[0] * (rates[1] - rates[0]) / (growth[1] - growth[0])
    return float(threshold), states


def threshold_factorised(spin: float) -> float:
    """Return the rate at which the polarised state of Appendix B becomes unstable."""

    def growth(rate: float) -> float:
        jacobian = mean_field_equations(chain(spin, G, rate)).jacobian(np.array([0, 0, -spin]))
        return float(np.linalg.eigvals(jacobian).real.max())

    return float(brentq(growth, 0.1 * EDGE, 1.5 * EDGE))


def _steady(models: list[LindbladModel], prefix: str) -> dict[str, Variable]:
    """Return <S_z>/S, Var/S^2 and the transverse spin of both theories; Var of the second is 0."""
    rows, errors, states = [], [], []
    for model in models:
        spin = model.parameters["S"]
        one = steady_state(model, METHOD)
        factorised = steady_state(model, MeanField())
        along, spread, across = one.expect("Sz"), one.variance("Sz"), one.transverse
        other, other_across = factorised.expect("Sz"), factorised.transverse
        rows.append(
            [
                [along.value[0] / spin, across.value[0] / spin, spread.value[0] / spin**2],
                [other.value[0] / spin, other_across.value[0] / spin, 0.0],
            ]
        )
        errors.append(
            [
                [along.error[0] / spin, across.error[0] / spin, spread.error[0] / spin**2],
                [other.error[0] / spin, other_across.error[0] / spin, 0.0],
            ]
        )
        states.append([one, factorised])
    dims = ("S_steady", "theory", "quantity")
    text = "one site, Appendix B: <S_z>/S, S_perp/S, Var(S_z)/S^2"
    return {
        prefix: Variable(dims, np.array(rows), "1", text),
        f"{prefix}_error": Variable(dims, np.array(errors), "1", f"error of {text}"),
        **judged(states, dims[:2], prefix),
    }


def compute(quick: bool) -> Dataset:
    """Return thresholds, steady states with and without an attracting point, and motions."""
    edges = np.array([0.5, 1.0, 2.0, 4.0] if quick else [0.5, 1.0, 2.0, 4.0, 8.0])
    above, polarised = zip(*map(threshold_one_site, edges), strict=True)
    thresholds = np.array([above, [threshold_factorised(S) for S in edges]]).T
    spins = np.array([2.0, 4] if quick else [2.0, 4, 8, 16, 24])
    variables = {
        "S_threshold": Variable(("S_threshold",), edges, "1", "spin quantum number"),
        "threshold": Variable(
            ("S_threshold", "theory"), thresholds / EDGE, "g + h", "threshold: one site, App. B"
        ),
        "theory": Variable(("theory",), np.array(["one site", "Appendix B"]), "1", "theory"),
        **judged(polarised, ("S_threshold", "above"), "threshold"),
        "S_steady": Variable(("S_steady",), spins, "1", "spin quantum number"),
    }
    variables |= _steady([driven(S) for S in spins], "attracted")
    variables |= _steady([chain(S, G, PPT_RATE) for S in spins], "ppt")
    moving = np.array([4.0, 8, 16] if quick else [4.0, 8, 16, 32])
    off, followed = np.empty((len(moving), len(MOMENTS))), []
    for i, spin in enumerate(moving):
        model = chain(spin, G, PPT_RATE)
        times = np.linspace(0, MOMENTS[-1], round(2 * MOMENTS[-1] * STEPS) + 1)
        followed.append([evolve(model, each, START, times) for each in (METHOD, MeanField())])
        one, factorised = (path.expect("Sz").value for path in followed[-1])
        difference = np.abs(one - factorised)[:, 0] / spin
        off[i] = [difference[times <= moment].max() for moment in MOMENTS]
    return Dataset(
        variables
        | {
            "S_moving": Variable(("S_moving",), moving, "1", "spin quantum number"),
            "moment": Variable(("moment",), np.array(MOMENTS), "1/g", "time from the start"),
            "motion": Variable(
                ("S_moving", "moment"), off, "1",
                "largest |<S_z>/S of one site - that of Appendix B| up to a time",
            ),
            **judged(followed, ("S_moving", "theory"), "motion"),
        },
        {
            "title": "One site and Appendix B", "g": G, "ppt_rate": PPT_RATE,
            "attracted": ATTRACTED, "quick": quick,
        },
    )  # fmt: skip


def draw(data: Dataset) -> Figure:
    """Draw thresholds, both steady states, and the motions, over S."""
    figure = Figure(figsize=(9.6, 6.4), layout="constrained")
    (edge, near), (apart, motion) = figure.subplots(2, 2)
    fine = np.geomspace(0.5, data["S_threshold"][-1], 200)
    edge.axhline(1, color="0.6", lw=1)
    edge.plot(1 / fine, 2 * fine / (2 * fine + 1), color="0.6", lw=1, label=r"$2S/(2S+1)$")
    for theory, (label, marker) in enumerate((("one site", "o"), ("Appendix B", "s"))):
        edge.plot(
            1 / data["S_threshold"], data["threshold"][:, theory], f"C{theory}{marker}", label=label
        )
    poor = np.any(data["threshold_status"] != Status.CONVERGED, axis=1)
    mark_unconverged(edge, 1 / data["S_threshold"], data["threshold"][:, 0], _together(poor))
    edge.set(xlabel="1/S", ylabel=r"threshold$/(g+h)$", title="thresholds", xlim=(0, None))
    spins = data["S_steady"]
    values, errors = data["attracted"], data["attracted_error"]
    for i, name in enumerate((r"$\langle S_z\rangle/S$", r"$\langle S_\perp\rangle/S$")):
        errorbar_curve(
            near, spins, np.abs(values[:, 0, i] - values[:, 1, i]), errors[:, :, i].sum(axis=1),
            (data["attracted_status"] == Status.CONVERGED).all(axis=1),
            color=f"C{2 + i}", label=f"difference of {name}",
        )  # fmt: skip
    errorbar_curve(
        near, spins, values[:, 0, 2], errors[:, 0, 2],
        data["attracted_status"][:, 0] == Status.CONVERGED,
        color="C0", marker="^", label=r"$\mathrm{Var}(S_z)/S^2$ of one site",
    )  # fmt: skip
    _inverse(near, spins, values[-1, 0, 2])
    rates = data.attributes["attracted"]
    near.set(title=rf"AM in a field: $\bar\Gamma={rates['loss']:g}\,g$, ${rates['field']:g}\,gS_x$")
    values, errors = data["ppt"], data["ppt_error"]
    for theory, (label, marker) in enumerate((("one site", "o"), ("Appendix B", "s"))):
        good = data["ppt_status"][:, theory] == Status.CONVERGED
        for quantity, name, line in (
            (1, r"$\langle S_\perp\rangle/S$", "-"), (2, r"$\mathrm{Var}(S_z)/S^2$", "--"),
        ):  # fmt: skip
            errorbar_curve(
                apart, 1 / spins, values[:, theory, quantity], errors[:, theory, quantity], good,
                color=f"C{theory}", marker=marker, linestyle=line, label=f"{label}, {name}",
            )  # fmt: skip
    rate = data.attributes["ppt_rate"]
    apart.set(xlabel="1/S", xlim=(0, None), title=rf"PPT: $\bar\Gamma={rate:g}\,g$")
    for i, moment in enumerate(data["moment"]):
        motion.plot(
            data["S_moving"], data["motion"][:, i], f"C{4 + i}o-", label=rf"$gt\leq{moment:g}$"
        )
        poor = np.any(data["motion_status"] != Status.CONVERGED, axis=1)
        mark_unconverged(motion, data["S_moving"], data["motion"][:, i], _together(poor))
    _inverse(motion, data["S_moving"], data["motion"][-1].max())
    motion.set(title="motion in PPT", ylabel=r"largest difference of $\langle S_z\rangle/S$")
    for axis in (edge, near, apart, motion):
        axis.legend(fontsize="small")
    return figure


def _together(poor: np.ndarray) -> np.ndarray:
    """Return one verdict for each number that several states are needed for."""
    return np.where(poor, Status.NOT_CONVERGED, Status.CONVERGED)


def _inverse(axis, spins: np.ndarray, last: float) -> None:
    """Make both axes logarithmic and draw a line of slope -1 through the last point."""
    axis.plot(spins, last * spins[-1] / spins, color="0.6", lw=1, label=r"$\sim 1/S$")
    axis.set(xscale="log", yscale="log", xlabel="S")
    axis.set_xticks(spins, [spin_text(spin) for spin in spins])
    axis.xaxis.set_minor_locator(NullLocator())
