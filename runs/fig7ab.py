"""Broken symmetry in cluster mean field: larger clusters, larger spins (Fig. 7a, b)."""

import numpy as np
from matplotlib.figure import Figure

from impo.cluster_mean_field import ClusterMeanField, steady_state
from impo.result import Dataset, Variable
from models.xy_decay import chain

COST = {"quick": "50 s", "full": "60 min"}

# g + h = 2g: xy_decay is the chain with h = g, one site per cell
CLUSTERS = {"quick": (1, 2, 3), "full": (1, 2, 3, 4)}
SPINS = {"quick": (0.5, 1.0, 1.5), "full": (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)}
RATES = {"quick": np.linspace(0.2, 2.1, 9), "full": np.linspace(0.1, 2.2, 22)}


def _line(spin: float, sites: int, rates: np.ndarray) -> np.ndarray:
    """Return (mean transverse spin / S, its error, growth rate, converged) for every rate."""
    out = []
    for rate in rates:
        state = steady_state(chain(spin, 1.0, rate), ClusterMeanField(sites))
        transverse = state.transverse
        out.append(
            [
                np.mean(transverse.value) / spin,
                np.max(transverse.error) / spin,
                state.diagnostics["solutions"][0]["growth_rate"],
                state.status == "converged",
            ]
        )
    return np.array(out)


def compute(quick: bool) -> Dataset:
    """Return the transverse spin over the rate, for clusters at S = 3/2 and spins at n_C = 3."""
    size = "quick" if quick else "full"
    rates, clusters, spins = RATES[size], CLUSTERS[size], SPINS[size]
    by_cluster = np.array([_line(1.5, sites, rates) for sites in clusters])
    shared = by_cluster[clusters.index(3)]
    by_spin = np.array([shared if S == 1.5 else _line(S, 3, rates) for S in spins])
    variables = {
        "rate": Variable(("rate",), rates, "g", "gain and loss rate"),
        "sites": Variable(("sites",), np.array(clusters), "1", "sites of the cluster, S = 3/2"),
        "S": Variable(("S",), np.array(spins), "1", "spin quantum number, 3 sites"),
    }
    columns = (
        ("transverse", "1", "mean of sqrt(<Sx>^2 + <Sy>^2)/S over the cluster"),
        ("error", "1", "error bound of it"),
        ("growth_rate", "g", "slowest mode of the fixed point"),
        ("converged", "1", "1 if converged"),
    )
    for axis, table in (("sites", by_cluster), ("S", by_spin)):
        for i, (name, units, text) in enumerate(columns):
            variables[f"{name}_by_{axis}"] = Variable((axis, "rate"), table[..., i], units, text)
    return Dataset(variables, {"title": "Cluster mean field", "g": 1.0, "h": 1.0, "S_a": 1.5})


def draw(data: Dataset) -> Figure:
    """Draw both panels; open symbols did not converge."""
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, axis, label in zip(axes, ("sites", "S"), ("n_C", "S"), strict=True):
        for i, value in enumerate(data[axis]):
            line = data[f"transverse_by_{axis}"][i]
            good = data[f"converged_by_{axis}"][i] > 0
            ax.errorbar(
                data["rate"] / 2, line, data[f"error_by_{axis}"][i], fmt=".-", color=f"C{i}",
                label=f"${label}={value:g}$",
            )  # fmt: skip
            ax.plot(data["rate"][~good] / 2, line[~good], "o", mfc="w", color=f"C{i}")
        ax.set_xlabel(r"$\bar\Gamma/(g+h)$")
        ax.legend(fontsize=8)
    axes[0].set_ylabel(r"$\langle S_\perp\rangle/S$")
    axes[0].set_title("(a) $S=3/2$", fontsize=10)
    axes[1].set_title("(b) $n_C=3$", fontsize=10)
    return figure
