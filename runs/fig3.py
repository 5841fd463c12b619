"""The transition between the two ferromagnetic phases of a dimer: no coexistence (Fig. 3).

At a mean rate of g/2, decay rates, purity and the distribution of both magnetisations are followed
from one ferromagnetic state to the other. In the middle the state is spread over all
magnetisations, but is not fully mixed: the number of the paper is the participation of the
diagonal. Impurity and participation are extrapolated to 1/S = 0.
"""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from impo import Exact, HolsteinPrimakoff, spectrum, steady_state
from impo.methods.exact.state import ExactState
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.notation import with_error
from impo.results.state import SteadyState
from impo.results.variable import Variable
from models.gain_loss import dimer
from runs._scaling import large_spin_limit
from runs._tasks import judged, mark_unconverged

COST = {"quick": "20 s", "full": "5 min"}
_MEAN = 0.5  # (gain + loss) / 2 in units of g
_EIGENVALUES = 8
_LARGE_SPIN = 1000.0  # of linearised bosons, whose state does not depend on it


def _model(spin: float, imbalance: float):
    return dimer(spin, gain=_MEAN + imbalance / 2, loss=_MEAN - imbalance / 2)


def purity_large_spin(gain: float, loss: float) -> float:
    """Return Tr rho^2 of the dimer for S to infinity: that of linearised bosons, Eq. (A24).

    At gain = loss, where no ferromagnetic configuration is stable, it is 0.
    """
    state = _linearised(gain, loss)
    return _purity(state)


def _linearised(gain: float, loss: float) -> SteadyState | None:
    """Return the state of linearised bosons for a large spin; None at gain = loss."""
    if math.isclose(gain, loss):
        return None
    return steady_state(dimer(_LARGE_SPIN, gain=gain, loss=loss), HolsteinPrimakoff())


def _purity(state: SteadyState | None) -> float:
    density = None if state is None else state.purity_density
    return 0.0 if density is None else math.exp(-density.value)


def _solved(spin: float, imbalance: float, **settings: Any) -> ExactState:
    return steady_state(_model(spin, imbalance), Exact(gap=False, **settings))


def _slowest(spin: float, imbalance: float, charge: int) -> np.ndarray:
    """Return -Re of the eigenvalues closest to zero in a charge sector, ascending."""
    found = spectrum(_model(spin, imbalance), Exact(), charge, count=_EIGENVALUES)
    return found.decay_rates[:_EIGENVALUES]


def compute(quick: bool) -> Dataset:
    """Return eigenvalues and purity over gain - loss, P(m_a, m_b), and how mixed the centre is.

    Rates are in units of g. Eigenvalues and purity are even in gain - loss, because exchanging the
    sites while flipping both spins exchanges the rates; only one side is solved. Impurity and
    diagonal participation at gain = loss, divided by the dimension, are extrapolated to 1/S = 0.
    """
    spin = 4 if quick else 16
    imbalance = np.linspace(0, 0.5, 6 if quick else 16)
    spins = np.array([2.0, 4, 6] if quick else [4.0, 8, 12, 18])
    states = [[_solved(s, d) for d in imbalance] for s in spins]
    purity = np.array([[state.extras["purity"] for state in row] for row in states])
    rates = np.array([[_slowest(spin, d, charge) for d in imbalance] for charge in (0, 1)])
    mirrored = -imbalance[1]
    if not (
        np.isclose(_solved(spins[0], mirrored).extras["purity"], purity[0, 1], rtol=1e-9)
        and np.allclose(_slowest(spin, mirrored, 1), rates[1, 1], rtol=1e-6)
    ):
        raise AssertionError("Exchange of gain and loss changes purity or eigenvalues.")
    both = np.concatenate([-imbalance[:0:-1], imbalance])
    purity = np.concatenate([purity[:, :0:-1], purity], axis=1)
    states = [row[:0:-1] + row for row in states]
    rates = np.concatenate([rates[:, :0:-1], rates], axis=1)
    shown = 6 if quick else 12
    m = shown - np.arange(2 * shown + 1.0)
    points = np.array([-0.1, 0.0, 0.1])
    in_points = [_solved(shown, d) for d in points]
    joint = np.array([state.distribution([(0, 0), (1, 0)]) for state in in_points])
    mixed_spins = np.array([2.0, 4, 6, 8, 12] if quick else [2.0, 4, 8, 12, 16, 24, 32])
    mixed, mixed_states = np.empty((len(mixed_spins), 2)), []
    for i, s in enumerate(mixed_spins):
        state = _solved(s, 0.0, k_max="auto", tol=1e-6)
        mixed[i] = state.extras["impurity_per_dimension"], state.extras["diagonal_participation"]
        mixed_states.append(state)
    limit = np.array([large_spin_limit(mixed_spins, column) for column in mixed.T])
    fine = np.linspace(-0.5, 0.5, 101 if quick else 401)
    linearised = [_linearised(_MEAN + d / 2, _MEAN - d / 2) for d in fine]
    limits = np.array([_purity(state) for state in linearised])
    return Dataset(
        {
            "imbalance": Variable(("imbalance",), both, "g", "gain - loss"),
            "charge": Variable(("charge",), np.arange(2), "1", "charge of the sector"),
            "decay_rates": Variable(
                ("charge", "imbalance", "mode"), rates, "g", "-Re of the first eigenvalues"
            ),
            "S": Variable(("S",), spins, "1", "spin quantum number"),
            "purity": Variable(("S", "imbalance"), purity, "1", "Tr rho^2"),
            **judged(states, ("S", "imbalance"), "purity"),
            "fine_imbalance": Variable(("fine_imbalance",), fine, "g", "gain - loss"),
            "purity_limit": Variable(("fine_imbalance",), limits, "1", "Tr rho^2, S to infinity"),
            **judged(linearised, ("fine_imbalance",), "purity_limit"),
            "m": Variable(("m",), m, "1", "m"),
            "point": Variable(("point",), points, "g", "gain - loss"),
            "joint": Variable(("point", "m_a", "m_b"), joint, "1", "P(m_a, m_b)"),
            **judged(in_points, ("point",), "joint"),
            "S_mixed": Variable(("S_mixed",), mixed_spins, "1", "spin quantum number"),
            "mixed": Variable(
                ("S_mixed", "measure"), mixed, "1", "impurity, diagonal participation / dimension"
            ),
            **judged(mixed_states, ("S_mixed",), "mixed"),
            "mixed_limit": Variable(
                ("measure", "value_error"), limit, "1", "limit S to infinity and its error"
            ),
        },
        {"title": f"Spin dimer, mean rate {_MEAN} g", "S": spin, "S_joint": shown, "quick": quick},
    )


def draw(data: Dataset) -> Figure:
    """Draw eigenvalues, purity and three joint distributions, and beside them the mixed centre."""
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    axes = figure.subplots(2, 3)
    _draw_rates(axes[0, 0], data)
    _draw_purity(axes[0, 1], data)
    _draw_mixed(axes[0, 2], data)
    _draw_joint(axes[1], data)
    titles = zip(axes.flat, ("(a)", "(b)", "not in the paper", "(c)"), strict=False)
    for axis, title in titles:
        axis.set_title(title, loc="left", fontsize="medium")
    return figure


def _draw_rates(axis: Axes, data: Dataset) -> None:
    """Draw the decay rates of two sectors over the imbalance."""
    for charge, style in ((0, "-"), (1, ":")):
        lines = axis.plot(data["imbalance"], data["decay_rates"][charge], f"C{charge}{style}", lw=1)
        lines[0].set_label(f"$|q|={charge}$")
    axis.set(
        xlabel=r"$\delta\Gamma/g$", ylabel=r"$-\mathrm{Re}\,\lambda_n/g$", ylim=(0, None),
        title=f"$S={data.attributes['S']}$",
    )  # fmt: skip
    axis.legend(fontsize="small", loc="upper center")


def _draw_purity(axis: Axes, data: Dataset) -> None:
    """Draw the purity over the imbalance, with its limit for large spins."""
    x = data["imbalance"]
    for i, spin in enumerate(data["S"]):
        axis.semilogy(x, data["purity"][i], f"C{i}.-", label=f"$S={spin:g}$")
        mark_unconverged(axis, x, data["purity"][i], data["purity_status"][i])
    limit = np.where(data["purity_limit"] > 0, data["purity_limit"], np.nan)
    axis.semilogy(data["fine_imbalance"], limit, "k--", lw=1, label=r"$S\to\infty$ (HPA)")
    mark_unconverged(axis, data["fine_imbalance"], limit, data["purity_limit_status"])
    axis.set(xlabel=r"$\delta\Gamma/g$", ylabel=r"purity $\mathrm{Tr}\,\rho_0^2$")
    axis.legend(fontsize="small", loc="lower left")


def _draw_mixed(axis: Axes, data: Dataset) -> None:
    """Draw impurity and participation over their largest values against 1/S."""
    for i, name in enumerate(("impurity", "diagonal participation")):
        value, error = data["mixed_limit"][i]
        axis.plot(1 / data["S_mixed"], data["mixed"][:, i], f"C{i}o-", ms=3, label=name)
        mark_unconverged(axis, 1 / data["S_mixed"], data["mixed"][:, i], data["mixed_status"])
        axis.errorbar([0], [value], [error], fmt=f"C{i}s", capsize=3, clip_on=False)
        axis.annotate(
            with_error(value, error), (0, value), (6, -4), textcoords="offset points", va="top",
            fontsize="small",
        )  # fmt: skip
    axis.set(
        xlabel="$1/S$", ylabel=r"per dimension, $\delta\Gamma=0$", xlim=(0, None), ylim=(0, 1.05)
    )
    axis.legend(fontsize="small", loc="lower right")


def _draw_joint(axes: NDArray, data: Dataset) -> None:
    """Draw the distributions of both magnetisations on one scale of colours."""
    m, top = data["m"], data["joint"].max()
    for axis, point, joint, status in zip(
        axes, data["point"], data["joint"], data["joint_status"], strict=True
    ):
        mesh = axis.pcolormesh(m, m, joint.T, shading="nearest", cmap="magma", vmin=0, vmax=top)
        axis.set(
            xlabel=r"$m_a$", ylabel=r"$m_b$", aspect="equal",
            title=rf"$\delta\Gamma={point:g}\,g$, $S={data.attributes['S_joint']}$",
        )  # fmt: skip
        for line in (axis.xaxis, axis.yaxis):
            line.set_major_locator(MaxNLocator(integer=True, nbins=7))
        if status != Status.CONVERGED:  # a plane has no points that could be hollow
            axis.set_title(f"{axis.get_title()} ({status})")
    axes[0].figure.colorbar(mesh, ax=list(axes), label=r"$P(m_a,m_b)$")
