"""The cavity implementation against its two effective spin models (Fig. 9).

The full models, three modes beside two spins, stay `k_limited` in both forms: with larger cutoffs
they are too much work for `Exact` to bound what the cutoffs change. The errors of the distances
tell it: full models of several cutoffs are compared.
"""

import numpy as np
from matplotlib.figure import Figure

from impo import Exact, steady_state
from impo.analysis.plot import errorbar_curve, spin_text
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.variable import Variable
from models import cavity
from runs._tasks import judged

COST = {"quick": "30 s", "full": "1 min"}
_RATIO = 0.5  # rate 2 G^2 / gamma over g = Gc^2 / delta
_SPINS = (0.5, 1.0)
_GAMMA_C = 0.1  # in units of Gc


def parameters(separation: float) -> dict[str, float]:
    """Return delta, Gc, G and gamma with delta / Gc = `separation` and gamma / G growing with it.

    Gc = gamma = 1. The dimensionless ratio of dissipation to coupling stays fixed, so that only the
    quality of the elimination changes.
    """
    rate = _RATIO / separation  # g = 1 / separation
    return {"delta": separation, "Gc": 1.0, "G": np.sqrt(rate / 2), "gamma": 1.0}


def _distance(left: np.ndarray, right: np.ndarray) -> float:
    """Return the trace distance of two density matrices."""
    return float(np.abs(np.linalg.eigvalsh(left - right)).sum() / 2)


def compute(quick: bool) -> Dataset:
    """Return <S_z> of the full and effective models, and trace distances, over the separation.

    The error of a distance is its change when c_a and c_b may hold one quantum less, in the full
    form together with its change when c may hold one more. Slopes are between neighbouring
    separations.
    """
    spins = np.array(_SPINS)
    separation = np.array([5.0, 40] if quick else [5.0, 10, 20, 40, 80, 160])
    places = [(0, 0), (1, 0)]
    magnetisation = np.empty((len(spins), len(separation), 3, 2))
    distance = np.empty((len(spins), len(separation), 2))
    error = np.empty_like(distance)
    forms = [(1, 3), (1, 2), (2, 2)][: 2 if quick else 3]  # cutoffs of c, and of a and b
    solved = np.empty((len(spins), len(separation), len(forms) + 2), dtype=object)
    for i, spin in enumerate(spins):
        for j, scale in enumerate(separation):
            given = parameters(scale)
            effective = [cavity.effective_dimer(spin, **given, stark=x) for x in (True, False)]
            full = [
                cavity.dimer(spin, **given, gamma_c=_GAMMA_C, cutoff_c=c, cutoff_ab=ab)
                for c, ab in forms
            ]
            states = [steady_state(model, Exact(gap=False)) for model in (*full, *effective)]
            solved[i, j] = states
            rho = [state.density_matrix(places) for state in states]
            from_full = [[_distance(one, other) for other in rho[-2:]] for one in rho[:-2]]
            distance[i, j] = from_full[0]
            error[i, j] = np.abs(np.diff(from_full, axis=0)).sum(axis=0)
            chosen = (states[0], *states[-2:])
            magnetisation[i, j] = [state.expect("Sz").value / spin for state in chosen]
    slope = np.diff(np.log(distance), axis=1) / np.diff(np.log(separation))[None, :, None]
    return Dataset(
        {
            "S": Variable(("S",), spins, "1", "spin quantum number"),
            "separation": Variable(("separation",), separation, "1", "delta / Gc"),
            "magnetisation": Variable(
                ("S", "separation", "model", "site"),
                magnetisation,
                "1",
                "<S_z>/S: full model, effective with Stark terms, effective without",
            ),
            "distance": Variable(
                ("S", "separation", "effective"),
                distance,
                "1",
                "trace distance to the full model: with Stark terms, without",
            ),
            "distance_error": Variable(("S", "separation", "effective"), error, "1", "error"),
            "solved": Variable(
                ("solved",),
                np.array([f"full, {c} and {ab} quanta" for c, ab in forms] + ["Stark", "no Stark"]),
                "1",
                "model, and how many quanta c and both of c_a, c_b may hold",
            ),
            **judged(solved, ("S", "separation", "solved"), "model"),
            "slope": Variable(
                ("S", "step", "effective"), slope, "1", "d ln distance / d ln separation"
            ),
        },
        {"title": "Cavity implementation of a dimer", "gamma_c": _GAMMA_C, "quick": quick},
    )


def draw(data: Dataset) -> Figure:
    """Draw magnetisations and trace distances over the separation of scales."""
    spins, x = data["S"], data["separation"]
    figure = Figure(figsize=(4.5 * len(spins), 6.5), layout="constrained")
    poor = f"{data.unconverged} of {data.verdicts} results are not converged (hollow)"
    figure.suptitle(f"Setup of Fig. 9; these panels are not in the paper. {poor}", fontsize=9)
    axes = figure.subplots(2, len(spins), squeeze=False)
    styles = (
        ("full model", {"color": "k", "marker": "D", "linestyle": "none"}),
        ("with Stark terms", {"color": "C0", "marker": ""}),
        ("without", {"color": "C1", "marker": "", "linestyle": "--"}),
    )
    for i, spin in enumerate(spins):
        for model, (label, style) in enumerate(styles):
            for site in range(2):
                good = data["model_status"][i, :, (0, -2, -1)[model]] == Status.CONVERGED
                errorbar_curve(
                    axes[0, i], x, data["magnetisation"][i, :, model, site], None, good,
                    **style, label=label if site == 0 else None,
                )  # fmt: skip
        axes[0, i].set(
            xlabel=r"$\delta/G_c$",
            ylabel=r"$\langle S_z\rangle/S$ of a and b",
            title=f"$S={spin_text(spin)}$",
        )
        axes[0, i].legend(fontsize="small")
        for axis in axes[:, i]:
            axis.set_xscale("log")
            axis.set_xticks(x, [f"{value:g}" for value in x])
            axis.minorticks_off()
        for which, (label, style) in enumerate(styles[1:]):
            last = data["slope"][i, -1, which]
            # a distance and its error need all states
            good = np.all(data["model_status"][i] == Status.CONVERGED, axis=-1)
            errorbar_curve(
                axes[1, i], x, data["distance"][i, :, which], data["distance_error"][i, :, which],
                good, **{**style, "marker": "o"},
                label=f"{label}, last slope {last:.2f}",
            )  # fmt: skip
        axes[1, i].plot(x, data["distance"][i, 0, 0] * x[0] / x, "0.7", lw=1, label="slope -1")
        axes[1, i].set(
            xlabel=r"$\delta/G_c$", ylabel="trace distance to the full model",
            yscale="log",
        )  # fmt: skip
        axes[1, i].legend(fontsize="small")
    return figure
