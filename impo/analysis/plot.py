"""Parts of figures: functions that draw results into axes and return artists."""

from collections.abc import Iterator, Mapping, Sequence
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

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.operators.charges import charges_to_try
from impo.operators.local import local_operators, state_charges
from impo.results.estimate import Estimate, Status
from impo.results.modes import Decay, Mode
from impo.results.notation import with_error
from impo.results.state import SteadyState
from impo.results.trajectory import Trajectory
from impo.results.variable import Variable

_MOST_SITES = 12  # of a unit cell whose distributions are drawn
FEW_TIMES = 40
"""Times of a trajectory up to which each is a point with its error bar."""
_FASTEST = 10.0  # decay per cell: what falls faster is never seen
_SHORTEST_BAR = 1e-6  # of a value: a shorter one is no more than two caps
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


_PAIRS = {"S+S-": "$S^+S^-$", "SzSz": "$S^zS^z$", "BdB": r"$b^\dagger b$", "NN": "$nn$"}


def drawn_names(known: Mapping[str, Variable]) -> list[str]:
    """Return the variables that a figure shows: those of `LABELS`, then all others with errors."""
    further = [
        name for name in known
        if name not in LABELS and f"{name}_error" in known and name.partition("_")[0] != "xi"
    ]  # fmt: skip
    return [*(name for name in LABELS if name in known), *further]


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
        Of the same length, or None; what is not finite, or mere rounding, draws no bar.
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
            markersize=curve.get_markersize(),
            color=curve.get_color(), linestyle="none", zorder=curve.get_zorder() + 0.1,
        )  # fmt: skip
    bars = np.asarray(np.nan if errors is None else errors, dtype=float)
    bars = np.broadcast_to(bars, values.shape)
    known = np.isfinite(bars + values) & (bars > _SHORTEST_BAR * np.abs(values)) & (bars > 0)
    if known.any():
        drawn = ax.errorbar(
            x[known], values[known], bars[known], fmt="none", ecolor=curve.get_color()
        )
        artists += drawn.get_children()
    return artists


def band_curve(
    ax: Axes, x: ArrayLike, values: ArrayLike, errors: ArrayLike, converged: Array, **line: Any
) -> list[Artist]:
    """Draw a curve of many points, its errors as a band; dashed where it is not converged.

    Parameters and returned artists are those of `errorbar_curve`; where an error is not finite
    there is no band.
    """
    x, values = np.asarray(x, dtype=float), np.asarray(values, dtype=float)
    errors = np.asarray(errors, dtype=float)
    poor = ~converged
    poor[:-1] |= poor[1:]  # up to the last converged point, so that there is no gap
    artists: list[Any] = []
    for part, style in ((converged, "-"), (poor, "--")):
        if part.any():
            line |= {"color": artists[0].get_color(), "label": None} if artists else {}
            shown = np.where(part, values, np.nan)
            artists += ax.plot(x, shown, linestyle=style, marker="", **line)
    known = np.where(np.isfinite(errors), errors, np.nan)
    color = artists[0].get_color()
    band = {"color": color, "alpha": 0.25, "linewidth": 0}
    return [*artists, ax.fill_between(x, values - known, values + known, **band)]


def profile(ax: Axes, state: SteadyState, op: str) -> list[Artist]:
    """Draw the expectation of an operator on the sites of the unit cell, or of a finite chain."""
    if (along := state.profile(op)) is not None:
        return _along_the_chain(ax, state, op, along)
    measured = state.expect(op)
    if measured is None:
        return []
    sites = [i for i, site in enumerate(state.model.sites) if op in site.operators]
    ax.set(xlabel="site of the unit cell", ylabel=LABELS.get(op, op))
    ax.set_xticks(range(len(state.model.sites)))
    ax.axhline(0, color="0.6", linewidth=0.8)
    values, converged = np.real(measured.value), state.status == Status.CONVERGED
    return errorbar_curve(ax, sites, values, measured.error, converged, linestyle="none")


def _along_the_chain(ax: Axes, state: SteadyState, op: str, along: Estimate) -> list[Artist]:
    """Draw a profile over the sites of a chain, numbered from 1, that have the operator."""
    unit = [number for number, site in enumerate(state.model.sites) if op in site.operators]
    cells = len(along.value) // len(unit)
    places = [1 + cell * len(state.model.sites) + site for cell in range(cells) for site in unit]
    ax.set(xlabel="site of the chain", ylabel=LABELS.get(op, op))
    ax.axhline(0, color="0.6", linewidth=0.8)
    values, converged = np.real(along.value), state.status == Status.CONVERGED
    return errorbar_curve(ax, places, values, along.error, converged, linestyle="none")


def observed(ax: Axes, state: SteadyState) -> list[Artist]:
    """Draw what a state was asked to observe, on the sites of the unit cell where it begins."""
    artists: list[Artist] = []
    known, converged = state.readable(), state.status == Status.CONVERGED
    for name in drawn_names(known):
        if name.removesuffix("_imag") in state.observe:
            item, bars = known[name], known[f"{name}_error"].values
            sites = known[item.dims[0]].values
            look: dict[str, Any] = {"label": name, "linestyle": "none"}
            artists += errorbar_curve(ax, sites, item.values, bars, converged, **look)
    if artists:
        ax.set(xlabel="site of the unit cell", ylabel="expectation")
        ax.set_xticks(range(len(state.model.sites)))
        ax.legend()
    return artists


def distribution(ax: Axes, state: SteadyState) -> list[Artist]:
    """Draw the probabilities of the levels m (or n) of every site of a unit cell of not many."""
    artists: list[Artist] = []
    converged, most = state.status == Status.CONVERGED, 0
    if len(state.model.sites) > _MOST_SITES:
        return artists
    for number, site in enumerate(state.model.sites):
        here = (number, 0 if state.model.dimension == 1 else (0,) * state.model.dimension)
        weights, levels, label = state.distribution([here]), state_charges(site), f"site {number}"
        if weights is not None:
            artists += errorbar_curve(ax, levels, weights, None, converged, label=label)
            most = max(most, len(levels))
    if artists:
        ax.set(xlabel="level of the site", ylabel="probability")
        if most <= 5:
            ax.set_xticks(levels)
        ax.legend()
    return artists


def correlation(
    ax: Axes, state: SteadyState, op_a: str, op_b: str, max_cells: int = 20, **line: Any
) -> list[Artist]:
    """Draw |<A_0 B_r> - <A><B>| of the first site, r = 1 ... max_cells, on a logarithmic axis.

    Distances whose value does not exceed its error are left out. A line is the mode that falls with
    the correlation length of the state, if it has one: its envelope if it oscillates, as the label
    says.
    """
    measured = state.correlation(op_a, op_b, (0, 0), max_cells)
    one, two = state.expect(op_a), state.expect(op_b)
    if measured is None or one is None or two is None:
        return []
    means = one.value[0] * two.value[0]
    if not getattr(state.method, "periodic", state.profile(op_a) is None):
        alone = _means_of_cells(state, op_a, op_b, len(measured.value))
        means = means if alone is None else alone
    size = np.abs(measured.value - means)
    error = measured.error + abs(one.value[0]) * two.error[0] + abs(two.value[0]) * one.error[0]
    cells = 1 + np.flatnonzero((size > np.nan_to_num(error))[1:])
    if not len(cells):
        return []
    ax.set(xlabel="distance (cells)", ylabel="connected correlation", yscale="log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    decay = state.decay(op_a, op_b, (0, 0))
    length, turns = decay.length, _turns(decay)
    label = _PAIRS.get(f"{op_a}{op_b}", f"{op_a} {op_b}")
    if length is not None:
        label += rf", $\xi$ = {_short(length)}{turns}"
    line = {"label": label, "linestyle": "-" if length is None else "none", **line}
    converged = state.status == Status.CONVERGED
    artists: list[Any] = []
    artists += errorbar_curve(ax, cells, size[cells], error[cells], converged, **line)
    if length is not None:
        draw = _envelope if turns else _decay_mode
        shown = draw(cells, size[cells], error[cells], float(np.real(length.value)))
        color = artists[0].get_color()
        artists += ax.plot(cells, shown, linestyle="-", linewidth=0.8, color=color)
    return artists


def _decay_mode(cells: Array, size: Array, error: Array, length: float) -> Array:
    """Return A exp(-r/length) with A from the far half of a function, where this mode is left."""
    far = slice(len(cells) // 2, None)
    weights = 1 / np.maximum(error[far] / size[far], 1e-3) ** 2
    amplitude = np.average(np.log(size[far]) + cells[far] / length, weights=weights)
    shown: Array = np.exp(amplitude - cells / length)
    return shown


def _envelope(cells: Array, size: Array, error: Array, length: float) -> Array:
    """Return A exp(-r/length) that touches the far half of a function from above."""
    known = np.arange(len(cells)) >= len(cells) // 2
    known &= (3 * error < size) | ~np.any(3 * error[known] < size[known])
    amplitude = np.max(np.log(size[known]) + cells[known] / length)
    return np.asarray(np.exp(amplitude - cells / length))


def _turns(decay: Decay) -> str:
    """Return the wavenumber of a mode that oscillates, for a label; else nothing.

    At the wavenumber pi only the sign of the function oscillates, and not its size.
    """
    if (angle := decay.wavenumber) is None:
        return ""
    off = max(3 * float(angle.error), 1e-6)
    return f",\n$k$ = {_short(angle)} (envelope)" if off < angle.value < np.pi - off else ""


def _short(found: Estimate) -> str:
    """Return a number with its error, or to five digits if it is known better."""
    value, error = float(np.real(found.value)), float(found.error)
    return f"{value:.5g}" if error < 1e-5 * abs(value) else with_error(value, error)


def spectrum(ax: Axes, state: Any, count: int = 8) -> list[Artist]:
    """Draw the decay 1/xi of the slowest modes of a transfer matrix over their wavenumbers.

    Every charge has a marker; that of a mode that may be noise is hollow and has no error bars.

    Parameters
    ----------
    ax
        Axes to draw into.
    state
        A state with a `transfer_spectrum`.
    count
        Number of modes of each charge.
    """
    artists: list[Artist] = []
    charges = charges_to_try(len(state.generator.charges), most=2)
    for number, (charge, marker) in enumerate(zip(charges, "os^Dvp", strict=False)):
        try:
            modes = [
                mode for mode in state.transfer_spectrum(charge, count)
                if mode.length.value * _FASTEST > 1
            ]  # fmt: skip
        except ArgumentError:  # the model has no such charge
            continue
        if not modes:
            continue
        known = [mode for mode in modes if mode.stands_out]
        noise = [mode for mode in modes if not mode.stands_out]
        look = {"color": f"C{number}", "linestyle": "none", "marker": marker}
        label = rf"charge $\pm${charge}" if number else "charge 0"
        artists += errorbar_curve(ax, *_rates(noise)[:2], None, False, zorder=2, **look)
        angles, rates, turns, errors = _rates(known)
        artists += errorbar_curve(ax, angles, rates, errors, zorder=3, label=label, **look)
        bars = ax.errorbar(angles, rates, xerr=turns, fmt="none", ecolor=f"C{number}", zorder=3)
        artists += bars.get_children()
    ax.plot([], [], "o", color="0.4", markerfacecolor="white", label="may be noise")
    ax.set(xlabel="wavenumber (1/cell)", ylabel=r"$1/\xi$ (1/cell)", ylim=(0, None))
    ax.set(xticks=[-np.pi, 0, np.pi], xticklabels=[r"$-\pi$", "0", r"$\pi$"], xlim=(-3.5, 3.5))
    return artists


def _rates(modes: Sequence[Mode]) -> tuple[Array, Array, Array, Array]:
    """Return wavenumbers and decays of modes, and the errors of both."""
    rates = 1 / np.array([mode.length.value for mode in modes], dtype=float)
    errors = np.array([mode.length.error for mode in modes]) * rates**2
    angles, turns = (
        np.array([getattr(mode.wavenumber, part) for mode in modes], dtype=float)
        for part in ("value", "error")
    )
    return angles, rates, turns, errors


def _means_of_cells(state: SteadyState, op_a: str, op_b: str, count: int) -> Array | None:
    """Return <A_0><B_r> of an open cluster, whose cells differ; None if they are not known."""
    zeros = (0,) * (state.model.dimension - 1)
    places: Any = [(0, (r, *zeros) if zeros else r) for r in range(count)]
    states = [state.density_matrix([place]) for place in places]
    site = local_operators(state.model.sites[0])
    known = [rho for rho in states if rho is not None]
    a, b = (np.array([np.trace(rho @ site[op]) for rho in known]) for op in (op_a, op_b))
    return a[0] * b if len(known) == count else None


def motion(ax: Axes, trajectory: Trajectory, name: str) -> list[Artist]:
    """Draw an observable of a trajectory over the time, one curve for every site.

    Up to `FEW_TIMES` times are points with error bars, more are a line in a band. Times that are
    not converged are hollow, or dashed.
    """
    known = trajectory.readable()
    item, errors = known[name], known[f"{name}_error"].values
    times, draw = trajectory.times, errorbar_curve if few_times(trajectory) else band_curve
    artists = []
    for column, site in enumerate(known[item.dims[1]].values):
        values, bars = item.values[:, column], errors[:, column]
        artists += draw(ax, times, values, bars, settled(trajectory), label=f"site {site}")
    ax.set(xlabel="time (1/rate)", ylabel=LABELS.get(name, name), xscale=scale_of(times))
    return artists


def few_times(trajectory: Trajectory) -> bool:
    """Return whether the times of a trajectory are drawn as points."""
    return len(trajectory) <= FEW_TIMES


def settled(trajectory: Trajectory) -> Array:
    """Return which times are converged.

    States of a trajectory that is converged as a whole are on their way, and no verdict of theirs
    counts; in another, a state may be converged as long as the errors are small.
    """
    if trajectory.status == Status.CONVERGED:
        return np.full(len(trajectory), True)
    return np.array([state.status == Status.CONVERGED for state in trajectory.states])


def scale_of(values: ArrayLike) -> str:
    """Return the scale of an axis on which values are evenly spaced: "log" or "linear"."""
    known = np.sort(np.asarray(values, dtype=float))
    if len(known) < 4 or known[0] <= 0 or known[-1] < 3 * known[0]:
        return "linear"
    steps = np.diff(np.log(known))
    return "log" if steps.max() < 1.1 * steps.min() else "linear"
