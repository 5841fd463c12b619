"""Parts of figures: functions that draw results into axes and return artists."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from impo.arrays import Array
from impo.operators.local import local_operators, state_charges
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.state import SteadyState
from impo.results.trajectory import Trajectory

_STYLE = Path(__file__).with_name("impo.mplstyle")
LABELS = {
    "Sz": r"$\langle S^z \rangle$",
    "Sz_var": r"$\mathrm{Var}\,S^z$",
    "N": r"$\langle n \rangle$",
    "N_var": r"$\mathrm{Var}\,n$",
    "xi_S+S-": r"$\xi$ of $S^+S^-$ (cells)",
    "xi_SzSz": r"$\xi$ of $S^zS^z$ (cells)",
    "xi_BdB": r"$\xi$ of $b^\dagger b$ (cells)",
    "xi_NN": r"$\xi$ of $nn$ (cells)",
    "S+S-": r"$|\langle S^+S^- \rangle|$ of neighbours",
    "SzSz": r"$\langle S^zS^z \rangle$ of neighbours",
    "BdB": r"$|\langle b^\dagger b \rangle|$ of neighbours",
    "NN": r"$\langle nn \rangle$ of neighbours",
    "purity_density": r"$-\ln \mathrm{Tr}\,\rho^2$ per cell",
}


@contextmanager
def style() -> Iterator[None]:
    """Use the style of the package for what is drawn and saved inside."""
    with matplotlib.style.context(_STYLE):
        yield


def spin_text(S: float) -> str:
    """Return a spin quantum number as it is written: 1/2, 1, 3/2."""
    return str(Fraction(float(S)))


def errorbar_curve(
    ax: Axes,
    x: ArrayLike,
    values: ArrayLike,
    errors: ArrayLike | None = None,
    converged: ArrayLike | bool = True,
    **line: Any,
) -> list[Artist]:
    """Draw a curve with error bars; points that are not converged are hollow.

    Parameters
    ----------
    ax
        Axes to draw into.
    x, values
        Arrays of one length; what is not finite is left out.
    errors
        Of the same length, or None; what is not finite draws no bar.
    converged
        Whether each point is converged.
    **line
        Settings of the curve (`color`, `label`, `linestyle`, `marker` ...).

    Returns
    -------
    list
        The curve, the markers of the points that are not converged, and the error bars.
    """
    x, values = np.asarray(x, dtype=float), np.asarray(values, dtype=float)
    hollow = ~np.broadcast_to(np.asarray(converged, dtype=bool), values.shape)
    line = {"marker": "o", **line}
    (curve,) = ax.plot(x, values, markevery=list(np.flatnonzero(~hollow)), **line)
    artists: list[Artist] = [curve]
    if hollow.any():
        artists += ax.plot(
            x[hollow], values[hollow], marker=line["marker"], markerfacecolor="white",
            color=curve.get_color(), linestyle="none", zorder=curve.get_zorder() + 0.1,
        )  # fmt: skip
    if errors is not None:
        bars = np.nan_to_num(np.asarray(errors, dtype=float), posinf=0.0)
        artists += ax.errorbar(x, values, bars, fmt="none", ecolor=curve.get_color()).get_children()
    return artists


def profile(ax: Axes, state: SteadyState, op: str) -> list[Artist]:
    """Draw the expectation of an operator on the sites of the unit cell that have it."""
    measured = state.expect(op)
    if measured is None:
        return []
    sites = [i for i, site in enumerate(state.model.sites) if op in site.operators]
    ax.set(xlabel="site of the unit cell", ylabel=LABELS.get(op, op))
    ax.set_xticks(range(len(state.model.sites)))
    ax.axhline(0, color="0.6", linewidth=0.8)
    values, converged = np.real(measured.value), state.status == Status.CONVERGED
    return errorbar_curve(ax, sites, values, measured.error, converged, linestyle="none")


def distribution(ax: Axes, state: SteadyState) -> list[Artist]:
    """Draw the probabilities of the levels m (or n) of every site of the unit cell."""
    artists: list[Artist] = []
    converged = state.status == Status.CONVERGED
    for number, site in enumerate(state.model.sites):
        here = (number, 0 if state.model.dimension == 1 else (0,) * state.model.dimension)
        weights, levels, label = state.distribution([here]), state_charges(site), f"site {number}"
        if weights is not None:
            artists += errorbar_curve(ax, levels, weights, None, converged, label=label)
    if artists:
        ax.set(xlabel="level of the site", ylabel="probability")
        ax.legend()
    return artists


def correlation(
    ax: Axes, state: SteadyState, op_a: str, op_b: str, max_cells: int = 20, **line: Any
) -> list[Artist]:
    """Draw |<A_0 B_r> - <A><B>| of the first site, r = 1 ... max_cells, on a logarithmic axis.

    Distances whose value does not exceed its error are left out.
    """
    measured = state.correlation(op_a, op_b, (0, 0), max_cells)
    one, two = state.expect(op_a), state.expect(op_b)
    if measured is None or one is None or two is None:
        return []
    means = one.value[0] * two.value[0]
    if not getattr(state.method, "periodic", True):
        alone = _means_of_cells(state, op_a, op_b, len(measured.value))
        means = means if alone is None else alone
    size = np.abs(measured.value - means)
    error = measured.error + abs(one.value[0]) * two.error[0] + abs(two.value[0]) * one.error[0]
    cells = 1 + np.flatnonzero((size > np.nan_to_num(error))[1:])
    if not len(cells):
        return []
    ax.set(xlabel="distance (cells)", ylabel="connected correlation", yscale="log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    line = {"label": f"{op_a} {op_b}", **line}
    converged = state.status == Status.CONVERGED
    return errorbar_curve(ax, cells, size[cells], error[cells], converged, **line)


def _means_of_cells(state: SteadyState, op_a: str, op_b: str, count: int) -> Array | None:
    """Return <A_0><B_r> of an open cluster, whose cells differ; None if they are not known."""
    zeros = (0,) * (state.model.dimension - 1)
    places: Any = [(0, (r, *zeros) if zeros else r) for r in range(count)]
    states = [state.density_matrix([place]) for place in places]
    site = local_operators(state.model.sites[0])
    known = [rho for rho in states if rho is not None]
    a, b = (np.array([np.trace(rho @ site[op]) for rho in known]) for op in (op_a, op_b))
    return a[0] * b if len(known) == count else None


def curves(ax: Axes, data: Dataset, name: str, way: str = "") -> list[Artist]:
    """Draw a variable of a scan along its one axis, one curve for every site.

    `way` is the direction in which warm starts followed the axis, if that is to be told.
    """
    item = data.variables[name]
    along = data.variables[item.dims[0]]
    values = item.values.reshape(len(along.values), -1)
    errors = data[f"{name}_error"].reshape(values.shape) if f"{name}_error" in data else None
    labels = [f"site {site}" for site in data[item.dims[1]]] if len(item.dims) > 1 else [""]
    line: dict[str, Any] = {"linestyle": "--"} if way == "backward" else {}
    converged = data["status"] == Status.CONVERGED
    artists = []
    for column, label in enumerate(labels):
        error = None if errors is None else errors[:, column]
        line["label"] = ", ".join(filter(None, (label, way))) or None
        artists += errorbar_curve(ax, along.values, values[:, column], error, converged, **line)
    ax.set(xlabel=_tied(data, item.dims[0]), ylabel=LABELS.get(name, name))
    known = values[np.isfinite(values)]
    if known.size:
        ax.update_datalim([(x, known.mean()) for x in along.values])  # show what is missing
        ax.autoscale_view()
    if len(labels) > 1 or way:
        ax.legend()
    return artists


def maps(ax: Axes, data: Dataset, name: str, site: int | None = None) -> list[Artist]:
    """Draw a variable of a scan over two axes in colour; points not converged carry a circle."""
    item = data.variables[name]
    rows, columns = (data[dim] for dim in item.dims[:2])
    values = item.values if site is None else item.values[..., site]
    mesh = ax.pcolormesh(columns, rows, values, shading="nearest")
    ax.figure.colorbar(mesh, ax=ax)
    artists: list[Artist] = [mesh]
    hollow = np.argwhere(data["status"] != Status.CONVERGED)
    if len(hollow):
        x, y = columns[hollow[:, 1]], rows[hollow[:, 0]]
        artists += ax.plot(x, y, "o", color="white", markerfacecolor="none", markersize=3)
    label = LABELS.get(name, name)
    ax.set(xlabel=_tied(data, item.dims[1]), ylabel=_tied(data, item.dims[0]))
    ax.set_title(label if site is None else f"{label}, site {data[item.dims[2]][site]}")
    return artists


def compared(ax: Axes, data: Dataset, name: str) -> list[Artist]:
    """Draw an observable of a comparison for every method; those not converged are hollow.

    Of a complex number the modulus is drawn. Differences in combined errors (`..._deviation`) get
    a logarithmic axis beyond the errors.
    """
    labels, converged = data["solver"], data["status"] == Status.CONVERGED
    values, artists = columns(data, name), []
    errors = columns(data, f"{name}_error") if f"{name}_error" in data else None
    dims = data.variables[name].dims[1:]
    count = values.shape[1]
    for column in range(count):
        place = np.arange(len(labels)) + 0.12 * (column - (count - 1) / 2)
        bars = None if errors is None else errors[:, column]
        label = f"{dims[0].replace('_', ' ')} {data[dims[0]][column]}" if dims else None
        line = {"label": label, "linestyle": "none"}
        artists += errorbar_curve(ax, place, values[:, column], bars, converged, **line)
    ax.set_xticks(range(len(labels)), labels, rotation=45)
    ax.set_xlim(-0.5, len(labels) - 0.5)
    if errors is None:
        ax.axhspan(-3, 3, color="0.9", zorder=0)
        ax.set_yscale("symlog", linthresh=3)
        low, high = ax.get_ylim()
        ax.set(ylim=(min(low, -10), max(high, 10)), ylabel="difference / errors")
    elif count > 1:
        ax.legend()
    return artists


def motion(ax: Axes, trajectory: Trajectory, name: str) -> list[Artist]:
    """Draw an observable of a trajectory over the time, one curve for every site.

    The curves of a trajectory that is not converged are hollow.
    """
    known = trajectory.readable()
    item, errors = known[name], known[f"{name}_error"].values
    sites, converged = known[item.dims[1]].values, trajectory.status == Status.CONVERGED
    artists = []
    for column, site in enumerate(sites):
        values, bars = item.values[:, column], errors[:, column]
        line = {"label": f"site {site}", "marker": "o"}
        artists += errorbar_curve(ax, trajectory.times, values, bars, converged, **line)
    ax.set(xlabel="time", ylabel=LABELS.get(name, name))
    if len(sites) > 1:
        ax.legend()
    return artists


def columns(data: Dataset, name: str) -> Array:
    """Return a variable of a comparison as real numbers, one column for every site or bond."""
    values = data[name]
    values = np.abs(values) if np.iscomplexobj(values) else values
    return values.reshape(len(values), -1)


def _tied(data: Dataset, dim: str) -> str:
    """Return the axis label: all parameters that vary together."""
    return next(" = ".join(names) for names in data.attributes["axes"] if names[0] == dim)
