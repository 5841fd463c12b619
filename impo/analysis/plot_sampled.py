"""Figures of functions of times, distances, wave numbers and frequencies."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure

from impo.analysis.plot import band_curve
from impo.analysis.plot_scan import edges
from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.results.sampled import AXES, SampledFunction

_CURVES = 6  # that one panel shows, else it is a map
_FAINT = 1e-3  # of the largest change: smaller ones have linear colours
_HEIGHT = 2.7  # inches of a panel
_WIDTH = 3.4


def sampled(found: SampledFunction) -> Figure:
    """Return the figure of a function of two variables, a panel for each site of a quench.

    Up to six wave numbers, or distances, are curves; more are a map: of the real part if the
    function is one of frequencies, of the absolute value if it is one of times, and of the change
    from the steady state after a quench.

    Raises
    ------
    ArgumentError
        If the function is known at fewer than two places.
    """
    names = list(found.axes)
    places = [np.ravel(found.axes[name]) for name in names]
    shape = [len(one) for one in places]
    along = names.index("omega") if "omega" in names else 0
    if shape[along] < 2:
        raise ArgumentError("There is nothing to draw: a function must have two points or more.")
    values, errors = (np.reshape(part, shape) for part in (found.value, found.error))
    panels = [(values, errors, "")]
    if found.steady is not None:
        values = values - found.steady
        panels = [
            (values[..., n], errors[..., n], f"site {site}") for n, site in enumerate(places[2])
        ]
    drawn = Figure(figsize=(_WIDTH * len(panels), _HEIGHT))
    for ax, (panel, bars, title) in zip(
        drawn.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        ax.set_title(title)
        one = panel if along == 0 else panel.T
        bars = bars if along == 0 else bars.T
        draw = _curves if one.shape[1] <= _CURVES else _map
        draw(ax, found, (names[along], names[1 - along]), one, bars)
    change = "change from the steady state of " if found.steady is not None else ""
    lines = [f"{change}{found.label}", f"{found.origin.get('model')}"]
    drawn.suptitle("\n".join([*lines, f"{found.origin.get('method')}: {found.status}"]))
    return drawn


def _curves(
    ax: Axes, found: SampledFunction, names: tuple[str, str], values: Array, errors: Array
) -> None:
    """Draw real and imaginary parts over the first variable, a colour for each of the second."""
    along, others = (np.ravel(found.axes[name]) for name in names)
    good = np.full(len(along), found.status == "converged")
    parts = [("", np.real(values), 1.0)]
    if np.iscomplexobj(values) and np.any(np.abs(values.imag) > errors):
        parts = [("Re, ", np.real(values), 1.0), ("Im, ", np.imag(values), 0.45)]
    for part, numbers, alpha in parts:
        for n, other in enumerate(others):
            label = f"{part}{names[1]} = {other:.3g}"
            look: dict[str, Any] = {"color": f"C{n}", "alpha": alpha, "label": label}
            band_curve(ax, along, numbers[:, n], errors[:, n], good, **look)
    ax.axhline(0, color="0.6", linewidth=0.8)
    ax.set(xlabel=AXES[names[0]])
    ax.legend()


def _map(
    ax: Axes, found: SampledFunction, names: tuple[str, str], values: Array, errors: Array
) -> None:
    """Draw values as colours, the first variable upwards."""
    up, right = (np.ravel(found.axes[name]) for name in names)
    size = np.abs(values) if names[0] == "time" and np.iscomplexobj(values) else np.real(values)
    look: dict[str, Any] = {}
    least = -float(np.nanmax(errors))
    if np.nanmin(size) < least < np.nanmax(size):  # of both signs beyond the errors
        most = float(np.nanmax(np.abs(size)))
        look = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
        if found.steady is not None and -least < most:  # a light cone has a faint front
            linear = max(-least, _FAINT * most)
            look = {"cmap": "RdBu_r", "norm": SymLogNorm(linear, vmin=-most, vmax=most)}
    order = np.argsort(right, kind="stable")
    mesh = ax.pcolormesh(edges(right[order]), edges(up), size[:, order], **look)
    mesh.set_rasterized(True)
    ax.figure.colorbar(mesh, ax=ax)
    ax.grid(visible=False)
    ax.set(xlabel=AXES[names[1]], ylabel=AXES[names[0]])
