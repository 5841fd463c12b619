"""Broken symmetry in cluster mean field: larger clusters, larger spins (Fig. 7a, b).

The transverse spin of a cluster in its own field is followed over the rate: for clusters of up to
four sites at S = 3/2, and for growing spins on three sites. Larger clusters break the symmetry
less, larger spins more. At small rates, in the full form only, some unbroken solutions are unstable
in directions that the start, along x, excludes: these points are hollow.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from impo import ClusterMeanField, steady_state
from impo.analysis.plot import errorbar_curve, spin_text
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.variable import Variable
from models.xy_decay import chain
from runs._tasks import judged

COST = {"quick": "30 s", "full": "25 min"}

# g + h = 2g: xy_decay is the chain with h = g, one site per cell
CLUSTERS = {"quick": (1, 2, 3), "full": (1, 2, 3, 4)}
SPINS = {"quick": (0.5, 1.0, 1.5), "full": (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)}
RATES = {
    "quick": np.linspace(0.6, 2.1, 6),
    "full": np.array([0.3, 0.7, 1.0, 1.2, 1.35, 1.5, 1.6, 1.7, 1.8, 1.9, 2.1]),
}
TOL = 1e-6
_BROKEN = 0.05  # transverse spin / S from which a state is a start for its neighbour


def _line(spin: float, sites: int, rates: np.ndarray) -> list[tuple[float, float, float, Any]]:
    """Return (mean transverse spin / S, its error, growth rate, state) for every rate.

    Each point starts from its neighbour at the larger rate if that is broken, else in the plane.
    """
    out, start = [], None
    for rate in rates[::-1]:
        state = steady_state(chain(spin, 1.0, rate), ClusterMeanField(sites, TOL), start)
        value = float(np.mean(state.transverse.value)) / spin
        growth = state.diagnostics["solutions"][0]["growth_rate"]
        error = float(np.max(state.transverse.error)) / spin
        out.append((value, error, np.nan if growth is None else growth, state))
        start = state if value > _BROKEN and state.status == Status.CONVERGED else None
    return out[::-1]


def compute(quick: bool) -> Dataset:
    """Return the transverse spin over the rate, for clusters at S = 3/2 and spins at n_C = 3."""
    size = "quick" if quick else "full"
    rates, clusters, spins = RATES[size], CLUSTERS[size], SPINS[size]
    by_cluster = [_line(1.5, sites, rates) for sites in clusters]
    shared = by_cluster[clusters.index(3)]
    by_spin = [shared if S == 1.5 else _line(S, 3, rates) for S in spins]
    variables = {
        "rate": Variable(("rate",), rates, "g", "gain and loss rate"),
        "sites": Variable(("sites",), np.array(clusters), "1", "sites of the cluster, S = 3/2"),
        "S": Variable(("S",), np.array(spins), "1", "spin quantum number, 3 sites"),
    }
    columns = (
        ("transverse", "1", "mean of sqrt(<Sx>^2 + <Sy>^2)/S over the cluster"),
        ("error", "1", "error bound of it"),
        ("growth_rate", "g", "slowest mode of the fixed point"),
    )
    for axis, table in (("sites", by_cluster), ("S", by_spin)):
        for i, (name, units, text) in enumerate(columns):
            values = np.array([[point[i] for point in line] for line in table])
            label = f"by_{axis}_{name}"
            variables[label] = Variable((axis, "rate"), values, units, text)
        states = [[point[-1] for point in line] for line in table]
        variables |= judged(states, (axis, "rate"), f"by_{axis}")
    return Dataset(variables, {"title": "Cluster mean field", "g": 1.0, "h": 1.0, "S_a": 1.5})


def draw(data: Dataset) -> Figure:
    """Draw both panels; hollow symbols are not converged."""
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, axis, label in zip(axes, ("sites", "S"), ("n_C", "S"), strict=True):
        for i, value in enumerate(data[axis]):
            errorbar_curve(
                ax, data["rate"] / 2, data[f"by_{axis}_transverse"][i],
                data[f"by_{axis}_error"][i], data[f"by_{axis}_status"][i] == Status.CONVERGED,
                color=f"C{i}", markersize=6 - i, linewidth=2.5 - 0.5 * i,  # thin over thick
                label=f"${label}={spin_text(value)}$",
            )  # fmt: skip
        ax.set(xlabel=r"$\bar\Gamma/(g+h)$", xlim=(0, None))
        ax.legend(fontsize=8)
    axes[0].set_ylabel(r"$\langle S_\perp\rangle/S$")
    axes[0].set_title("(a) $S=3/2$", fontsize=10)
    axes[1].set_title("(b) $n_C=3$", fontsize=10)
    return figure
