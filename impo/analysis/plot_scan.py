"""Parts of figures of scans: curves, families of curves, maps with boundaries of phases."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from scipy.ndimage import distance_transform_edt

from impo.analysis.plot import LABELS, errorbar_curve, scale_of, spin_text
from impo.arrays import Array
from impo.results.dataset import LONGEST_FAMILY, Dataset
from impo.results.estimate import Status
from impo.results.variable import Variable

_MARKERS = "os^Dv<>p"
_ROOM = 2  # cells around the middle of a label
_HALO = 2.5  # points: what separates a black line from any colour behind it


def sites_of(data: Dataset, name: str) -> list[int] | list[None]:
    """Return the numbers of the sites over which a variable runs; [None] for one without sites."""
    item = data.variables[name]
    count = len(data.attributes["axes"])
    return [None] if len(item.dims) == count else list(range(item.values.shape[-1]))


def site_name(data: Dataset, name: str, site: int | None) -> str:
    """Return the site of which a variable speaks; what has no sites speaks of the whole cell."""
    if site is None:
        return ""
    return f"site {data[data.variables[name].dims[-1]][site]}"


def label_of(data: Dataset, name: str, site: int | None) -> str:
    """Return what a panel or an axis shows: an observable, and the site if there are several."""
    several = len(sites_of(data, name)) > 1
    told = (LABELS.get(name, name), site_name(data, name, site) if several else "")
    return ", ".join(filter(None, told))


def ordered(data: Dataset) -> Dataset:
    """Return a scan whose axes rise, in whatever order their values were given."""
    variables = dict(data.variables)
    for dim in (names[0] for names in data.attributes["axes"]):
        order = np.argsort(data[dim], kind="stable")
        for name, item in variables.items():
            if dim in item.dims:
                values = np.take(item.values, order, axis=item.dims.index(dim))
                variables[name] = replace(item, values=values)
    return Dataset(variables, data.attributes)


def differences(scans: Sequence[Dataset]) -> list[str]:
    """Return what tells scans apart, a text for each: the method, and parameters that differ."""
    given = [scan.attributes for scan in scans]
    told = [{"method": one.get("method", {}).get("name", ""), **one.get("parameters", {})}
            for one in given]  # fmt: skip
    differ = [key for key in told[0] if len({str(one.get(key)) for one in told}) > 1]
    return [
        ", ".join(str(one[key]) if key == "method" else f"{key} = {one.get(key)}" for key in differ)
        for one in told
    ]


def ways(data: Dataset) -> list[tuple[str, Dataset]]:
    """Return the tables of both directions with their names, or the one that there is."""
    if "direction" not in data or data.variables["direction"].dims != ("direction",):
        return [("", data)]
    found = []
    for number, way in enumerate(data["direction"]):
        variables = {k: item for k, item in data.variables.items() if k != "direction"}
        found.append((str(way), _at(Dataset(variables, data.attributes), "direction", number)))
    return found


def family(data: Dataset) -> str | None:
    """Return the axis of a scan over two of which every value is a curve; None if none is short."""
    lengths = {names[0]: len(data[names[0]]) for names in data.attributes["axes"]}
    shortest = min(lengths, key=lambda dim: lengths[dim])
    return shortest if lengths[shortest] <= LONGEST_FAMILY else None


def members(data: Dataset, dim: str) -> Iterator[tuple[dict[str, Any], Dataset]]:
    """Yield the look of every curve of a family, and the scan along the other axis."""
    values = data[dim]
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(values)))
    rest = [names for names in data.attributes["axes"] if names[0] != dim]
    for number, value in enumerate(values):
        label = spin_text(value) if dim == "S" and 2 * value % 1 == 0 else f"{value:.6g}"
        look = {"color": colours[number], "marker": _MARKERS[number], "label": label}
        one = _at(data, dim, number)
        yield look, Dataset(one.variables, {**data.attributes, "axes": rest})


def _at(data: Dataset, dim: str, number: int) -> Dataset:
    """Return the data at one place of a dimension."""
    variables = {
        name: _item_at(item, dim, number) if dim in item.dims else item
        for name, item in data.variables.items()
    }
    return Dataset(variables, data.attributes)


def _item_at(item: Variable, dim: str, number: int) -> Variable:
    axis = item.dims.index(dim)
    dims = item.dims[:axis] + item.dims[axis + 1 :]
    return replace(item, dims=dims, values=item.values.take(number, axis=axis))


def curve(ax: Axes, data: Dataset, name: str, site: int | None = None, **look: Any) -> list[Artist]:
    """Draw a variable of a scan along its one axis; points that are not converged are hollow.

    Parameters
    ----------
    ax
        Axes to draw into; they also show where points are missing.
    data
        A scan over one axis, whose values rise.
    name
        The variable.
    site
        Its number, if the variable has sites.
    **look
        Settings of the curve.
    """
    at: Any = (slice(None),) if site is None else (slice(None), site)
    dim = data.variables[name].dims[0]
    along, values = data[dim], data[name][at]
    errors = data[f"{name}_error"][at] if f"{name}_error" in data else None
    artists = errorbar_curve(ax, along, values, errors, data["status"] == Status.CONVERGED, **look)
    ax.set(xlabel=tied(data, dim), ylabel=LABELS.get(name, name), xscale=scale_of(along))
    known = values[np.isfinite(values)]
    if known.size:
        ax.update_datalim([(x, known.mean()) for x in along])  # show what is missing
        ax.autoscale_view()
    return artists


def maps(ax: Axes, data: Dataset, name: str, site: int | None = None) -> list[Artist]:
    """Draw a variable of a scan over two axes in colour; points not converged carry a circle.

    Numbers of both signs are blue and red, others dark to bright; what is missing is grey.
    """
    item = data.variables[name]
    rows, columns = (data[dim] for dim in item.dims[:2])
    values = item.values if site is None else item.values[..., site]
    known = values[np.isfinite(values)]
    look: dict[str, Any] = {}
    if known.size and known.min() < 0 < known.max():
        most = np.abs(known).max()
        look = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
    mesh = ax.pcolormesh(edges(columns), edges(rows), values, **look)
    mesh.set_rasterized(True)
    ax.figure.colorbar(mesh, ax=ax)
    ax.set_facecolor("0.85")
    ax.grid(visible=False)
    artists: list[Artist] = [mesh]
    hollow = np.argwhere((data["status"] != Status.CONVERGED) & np.isfinite(values))
    if len(hollow):
        x, y = columns[hollow[:, 1]], rows[hollow[:, 0]]
        look = {"color": "black", "markerfacecolor": "white", "markeredgewidth": 0.6}
        artists += ax.plot(x, y, "o", markersize=3, **look)
    ax.set(xscale=scale_of(columns), yscale=scale_of(rows))
    ax.set(xlabel=tied(data, item.dims[1]), ylabel=tied(data, item.dims[0]))
    return artists


def boundaries(ax: Axes, data: Dataset) -> list[Artist]:
    """Draw where ordered phases become unstable for S -> infinity, over a map.

    The growth rates of fluctuations about every configuration are in the data if the expansion
    treats the model. An arrow for every spin of the cell stands in the middle of a phase, if there
    is room.
    """
    if "hpa_growth" not in data:
        return []
    rows, columns = (data[names[0]] for names in data.attributes["axes"])
    halo = [withStroke(linewidth=_HALO, foreground="white")]
    artists: list[Artist] = []
    for number, configuration in enumerate(data["configuration"]):
        growth = data["hpa_growth"][..., number]
        stable = growth < 0
        if not stable.any():
            continue
        if not stable.all():
            lines = ax.contour(columns, rows, growth, [0.0], colors="black", linewidths=1)
            lines.set(path_effects=halo)
            artists.append(lines)
        if (middle := _middle(stable)) is None:
            continue
        arrows = str(configuration).translate({ord("+"): "↑", ord("-"): "↓"})
        place = (columns[middle[1]], rows[middle[0]])
        look: dict[str, Any] = {"ha": "center", "va": "bottom", "path_effects": halo}
        look["textcoords"] = "offset points"  # above the circle of a point
        artists.append(ax.annotate(arrows, place, (0, 4), **look))
    return artists


def _middle(inside: Array) -> tuple[int, int] | None:
    """Return a place well inside a region of a grid, or None if it has no room for a label."""
    depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    if depth.max() < _ROOM:
        return None
    deep = np.argwhere(depth > 0.6 * depth.max())
    row, column = deep[np.argmin(np.sum((deep - deep.mean(axis=0)) ** 2, axis=1))]
    return int(row), int(column)


def missing(values: Array) -> str:
    """Return how many numbers are missing, as a title; nothing if none is."""
    count = int(np.sum(~np.isfinite(values)))
    return f"{count} missing" if count else ""


def tied(data: Dataset, dim: str) -> str:
    """Return the axis label: all parameters that vary together."""
    return next(" = ".join(names) for names in data.attributes["axes"] if names[0] == dim)


def edges(values: Array) -> Array:
    """Return the edges of cells around rising values, halfway between them as the axis shows it."""
    logarithmic = scale_of(values) == "log"
    x = np.log(values) if logarithmic else np.asarray(values, dtype=float)
    inner = (x[1:] + x[:-1]) / 2
    ends = np.concatenate([[2 * x[0] - inner[0]], inner, [2 * x[-1] - inner[-1]]])
    return np.exp(ends) if logarithmic else ends
