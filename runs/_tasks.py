"""Points of the longer studies: solved on all cores, kept on disk, reduced to what is drawn."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from impo import ITEBD
from impo.analysis.plot import errorbar_curve
from impo.model import LindbladModel
from impo.results.dataset import Dataset, unconverged
from impo.results.state import SteadyState
from impo.results.variable import Variable
from impo.scans.executors import embedded
from impo.scans.scan import scan

LARGE = 8  # the spin from which iMPO needs several gigabytes
NAMES = {
    "Sz": "<S_z>/S",
    "Sz_var": "Var(S_z)/S^2",
    "transverse": "S_perp/S",
    "xi": "correlation length of S+S- between A sites, in cells",
}

JUDGED = ("status", "message")  # what every point of a study keeps of its result
_TEXTS = {"status": "verdict", "message": "why the verdict is what it is"}

Row = dict[str, NDArray]


def judged(
    states: NDArray | Sequence[Any], dims: tuple[str, ...], prefix: str
) -> dict[str, Variable]:
    """Return the verdicts on results, and why, as `<prefix>_status` and `<prefix>_message`.

    Parameters
    ----------
    states
        Results with a verdict, nested as `dims` say; None where nothing was to be solved.
    dims
        Dimensions of the variables.
    prefix
        What the results are called in the file.
    """
    flat = np.array(states, dtype=object)
    found = {
        name: np.array(["" if one is None else str(getattr(one, name)) for one in flat.flat])
        for name in JUDGED
    }
    return {
        f"{prefix}_{name}": Variable(dims, values.reshape(flat.shape), "1", _TEXTS[name])
        for name, values in found.items()
    }


def measured(state: SteadyState) -> Row:
    """Return what studies draw of a steady state whose sites have the same spin S.

    Returns
    -------
    dict
        Scaled by S or S^2 and each with an `..._error`, nan where there is none: `Sz`, `Sz_var` and
        `transverse` = sqrt(<S_x>^2 + <S_y>^2)/S (site,), `xi` of S+S- on site 0 (); then `status`,
        `message`, `residual` and the `time` evolved.
    """
    spin, sites = float(state.model.sites[0].S), (len(state.model.sites),)
    length = state.correlation_length("S+", "S-", (0, 0))
    found = {
        "Sz": (state.expect("Sz"), spin, sites),
        "Sz_var": (state.variance("Sz"), spin**2, sites),
        "transverse": (state.expect("S+"), spin, sites),
        "xi": (length, 1.0, ()),
    }
    out = {
        "status": np.array(str(state.status)),
        "message": np.array(state.message),
        "residual": np.array(np.nan if state.residual is None else state.residual),
        "time": np.array(state.diagnostics.get("time", np.nan)),
    }
    for name, (estimate, scale, shape) in found.items():
        value = error = np.full(shape, np.nan)
        if estimate is not None:
            value = np.abs(estimate.value) if name == "transverse" else np.real(estimate.value)
            error = np.asarray(estimate.error)
        out[name], out[f"{name}_error"] = value / scale, error / scale
    return out


def rows(
    chains: Sequence[Sequence[LindbladModel]],
    methods: Sequence[Any],
    directory: Path,
    read: Callable[[SteadyState], Row] = measured,
) -> list[list[Row]]:
    """Return what is `read` of the states of models in chains of neighbours.

    All cores share the work, but chains that need much memory come after the others, one at a time.

    Parameters
    ----------
    chains, methods
        As of `impo.scans.scan.scan`: one method for each chain.
    directory
        Where finished points are kept: a study that was killed goes on from there.
    read
        Returns what is kept of a state.
    """
    sizes = [
        max(site.dimension for site in line[0].sites) if isinstance(method, ITEBD) else 0
        for line, method in zip(chains, methods, strict=True)
    ]
    out: list[list[Row]] = [[] for _ in chains]
    for wanted, workers in ((False, None), (True, 1)):
        numbers = [n for n, size in enumerate(sizes) if (size > 2 * LARGE) == wanted]
        numbers.sort(key=lambda n: -sizes[n])  # chains that take long begin first
        pairs = [[(model, methods[number]) for model in chains[number]] for number in numbers]
        if not pairs:
            continue
        states = scan(pairs, None, directory, embedded(workers))
        found = {number: read(state) for number, state in states}
        ordered = iter([found[number] for number in sorted(found)])
        for number in numbers:
            out[number] = list(islice(ordered, len(chains[number])))
    return out


def stacked(table: Sequence[Row]) -> Row:
    """Return rows, or columns of equal length, as arrays with one more axis in front."""
    return {name: np.array([row[name] for row in table]) for name in table[0]}


def variables(
    columns: Row, dims: tuple[str, ...], prefix: str, names: Iterable[str]
) -> dict[str, Variable]:
    """Return columns as variables `<prefix>_<name>`; a last axis beyond `dims` is the site.

    Those of `NAMES` come with their errors; verdict and message come unasked.
    """
    out = {}
    for name in (*names, *JUDGED):
        errors = [f"{name}_error"] if name in NAMES else []
        for key in [name, *errors]:
            values = columns[key]
            label = {**NAMES, **_TEXTS}.get(name, name)
            out[f"{prefix}_{key}"] = Variable(
                (*dims, "site")[: values.ndim],
                values,
                "g" if name == "residual" else "1",
                f"error of {label}" if key in errors else label,
            )
    return out


def draw_curve(
    axes: Axes,
    data: Dataset,
    key: str,
    site: int | None = None,
    scale: float = 1.0,
    prefix: str = "twa",
    **line,
) -> None:
    """Draw `<prefix>_<key>` over `<prefix>_loss` * scale; hollow points are not converged.

    `site` picks a site where there is one; `line` goes to `impo.analysis.plot.errorbar_curve`.
    """
    value, error = data[f"{prefix}_{key}"], data[f"{prefix}_{key}_error"]
    if site is not None:
        value, error = value[:, site], error[:, site]
    errorbar_curve(
        axes, data[f"{prefix}_loss"] * scale, value, error,
        ~unconverged(data[f"{prefix}_status"]),
        **{"markersize": 3, "linewidth": 1, **line},
    )  # fmt: skip


def tell_missing(axes: Axes, curves: Mapping[str, Any], what: str, x: float, y: float) -> None:
    """Write how many values of each curve are not known, if any, at x, y of the panel's area.

    Parameters
    ----------
    axes
        The panel, which leaves these points out.
    curves
        Values by the name of the curve.
    what
        Their symbol.
    x, y
        Upper right corner of the text, in parts of the panel.
    """
    lines = []
    for name, values in curves.items():
        missing = int(np.sum(~np.isfinite(values)))
        if missing:
            lines.append(f"{name}: {missing} of {np.size(values)}")
    if lines:
        text = "\n".join([f"points without {what}", *lines])
        axes.text(
            x, y, text, transform=axes.transAxes, ha="right", va="top", fontsize="x-small",
            color="0.3",
        )  # fmt: skip


def legend_keys(looks: Mapping[str, Mapping[str, Any]]) -> list[Line2D]:
    """Return entries of a legend, grey, for what a look means in every curve.

    `looks` are settings of a line (`marker`, `linestyle` ...) by what they mean.
    """
    plain = {"color": "0.4", "marker": "", "linestyle": ""}
    return [Line2D([], [], label=name, **{**plain, **look}) for name, look in looks.items()]


def mirrored(status: NDArray) -> NDArray:
    """Return verdicts on a plane, of which one half was solved, on both sides of its diagonal."""
    return np.where(status == "", np.swapaxes(status, -1, -2), status)


def cell_edges(places: NDArray, low: float, high: float) -> NDArray:
    """Return the edges of cells around places, of which the outer ones are given."""
    return np.concatenate([[low], (places[1:] + places[:-1]) / 2, [high]])


def mark_unconverged(axes: Axes, x: Any, y: Any, status: NDArray) -> None:
    """Draw hollow circles over the points of a curve, or of a plane, that are not converged.

    Parameters
    ----------
    axes
        Where the points are drawn already.
    x, y
        Their places, of the shape of `status` or broadcast to it.
    status
        Their verdicts.
    """
    status = np.asarray(status)
    poor = unconverged(status)
    x, y = (np.broadcast_to(np.asarray(values, dtype=float), status.shape) for values in (x, y))
    if poor.any():
        axes.plot(
            x[poor], y[poor], marker="o", markersize=5, color="0.4", markerfacecolor="white",
            linestyle="none", zorder=5,
        )  # fmt: skip
