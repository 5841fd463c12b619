"""Spin currents through chains between two baths, and the edges of the gain/loss chain.

The left bath only raises spins, the right one only lowers them (`models.boundary` with bias 1). The
current through N spins is independent of N where transport is ballistic, falls like 1/N where it is
diffusive, and faster where it is subdiffusive: without dephasing it is ballistic for Delta < 1,
falls like N^-2 at Delta = 1, and exponentially beyond. Dephasing makes all of them diffusive. The
last panel shows how far a gain/loss chain with open ends is from the infinite chain.
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo import ITEBD, TEBD, steady_state
from impo.analysis.plot import errorbar_curve
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.state import SteadyState
from impo.results.variable import Variable
from models import boundary, gain_loss
from runs._tasks import JUDGED, Row, judged, rows, stacked

COST = {"quick": "40 s", "full": "3 min, 1 GB"}

DELTAS = (0.0, 0.5, 1.0, 1.5)
DEPHASING = (0.0, 1.0)
LENGTHS = (3, 4, 6, 9, 13)
# Last length of a curve, by dephasing and Delta: longer chains have currents below 1e-3.
_LONGEST = {(0.0, 1.5): 6}
_DRIVE, _BIAS = 1.0, 1.0
_EDGE = gain_loss.chain(0.5, 1.0, 0.4, 2.0, 1.2)
_CELLS = 12


def current(state: SteadyState) -> Row:
    """Return the current of S_z and its error: what the left bath adds.

    d<Sz_1>/dt is drive (bias/2 - <Sz_1>) by the bath, less the current to the second spin.
    """
    found = state.expect("Sz")
    assert found is not None
    return {
        "current": np.array(_DRIVE * (_BIAS / 2 - found.value[0])),
        "current_error": np.array(_DRIVE * found.error[0]),
        **{name: np.array(str(getattr(state, name))) for name in JUDGED},
    }


_NOTHING: Row = {
    "current": np.array(np.nan), "current_error": np.array(np.nan),
    **{name: np.array("") for name in JUDGED},
}  # fmt: skip


def exponents(lengths: NDArray, currents: NDArray, errors: NDArray) -> tuple[NDArray, NDArray]:
    """Return -d ln I / d ln N between neighbouring lengths and its error; # curve length."""
    steps, relative = np.diff(np.log(lengths)), errors / currents
    found = -np.diff(np.log(currents), axis=-1) / steps
    return np.asarray(found), np.asarray((relative[..., 1:] + relative[..., :-1]) / steps)


def compute(quick: bool, directory: Path) -> Dataset:
    """Return the currents of all chains, and the profile of the gain/loss chain."""
    lengths, tol = np.array(LENGTHS[:3] if quick else LENGTHS), 1e-2 if quick else 1e-3
    cases = [(rate, delta) for rate in DEPHASING for delta in DELTAS]
    chains = [
        [
            boundary.chain(int(n), 1.0, delta, rate, _DRIVE, _BIAS)
            for n in lengths
            if n <= _LONGEST.get((rate, delta), n)
        ]
        for rate, delta in cases
    ]
    tols = [1e-2 if rate else tol for rate, _ in cases]
    methods = [TEBD(chi_max=96, tol=one, t_max=1e5) for one in tols]
    found = rows(chains, methods, directory, current)
    found = [[*line, *[_NOTHING] * (len(lengths) - len(line))] for line in found]
    columns = stacked([stacked(table) for table in found])  # curve length
    shape, dims = (len(DEPHASING), len(DELTAS), len(lengths)), ("dephasing", "delta", "length")
    tables = {name: values.reshape(shape) for name, values in columns.items()}
    slopes, slope_errors = exponents(lengths, tables["current"], tables["current_error"])
    finite = steady_state(_EDGE, TEBD(_CELLS, chi_max=24, tol=tol))
    infinite = steady_state(_EDGE, ITEBD(tol=tol))
    along, bulk = finite.profile("Sz"), infinite.expect("Sz")
    assert along is not None
    assert bulk is not None
    edge = ("cell", "site")
    return Dataset(
        {
            "dephasing": Variable(("dephasing",), np.array(DEPHASING), "1", "dephasing rate"),
            "delta": Variable(("delta",), np.array(DELTAS), "1", "anisotropy"),
            "length": Variable(("length",), lengths, "1", "number of spins"),
            "step": Variable(
                ("step",), np.sqrt(lengths[1:] * lengths[:-1]), "1", "mean of neighbouring lengths"
            ),
            "current": Variable(dims, tables["current"], "1", "current of S_z"),
            "current_error": Variable(dims, tables["current_error"], "1", "error of the current"),
            **{f"current_{name}": Variable(dims, tables[name]) for name in JUDGED},
            "exponent": Variable((*dims[:2], "step"), slopes, "1", "-d ln I / d ln N"),
            "exponent_error": Variable((*dims[:2], "step"), slope_errors, "1", "its error"),
            "edge": Variable(edge, along.value.reshape(_CELLS, 2), "1", "<S_z> of the open chain"),
            "edge_error": Variable(edge, along.error.reshape(_CELLS, 2), "1", "error of <S_z>"),
            "bulk": Variable(("site",), bulk.value, "1", "<S_z> of the infinite chain"),
            "bulk_error": Variable(("site",), bulk.error, "1", "error of <S_z>"),
            **judged([finite, infinite], ("ends",), "profile"),
        },
        {"drive": _DRIVE, "bias": _BIAS, "J": 1.0},
    )


def draw(data: Dataset) -> Figure:
    """Draw the currents over the length without and with dephasing, and the edges."""
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    *panels, edge = figure.subplots(1, 1 + len(data["dephasing"]))
    for number, axes in enumerate(panels):
        _draw_currents(axes, data, number)
    panels[0].set_ylabel("current")
    panels[0].legend(fontsize="x-small", loc="lower left")
    _draw_edge(edge, data)
    return figure


def _draw_currents(axes: Axes, data: Dataset, panel: int) -> None:
    """Draw the current over the length for every anisotropy, and a power law beside them."""
    settled, lengths = data["current_status"] == Status.CONVERGED, data["length"]
    for number, delta in enumerate(data["delta"]):
        at = (panel, number)
        errorbar_curve(
            axes, lengths, data["current"][at], data["current_error"][at], settled[at],
            label=rf"$\Delta={delta:g}$", color=f"C{number}", markersize=4,
        )  # fmt: skip
    rate = data["dephasing"][panel]
    power, name = (-1, r"$\propto 1/N$") if rate else (-2, r"$\propto 1/N^2$")
    beside = data["current"][panel, 0 if rate else DELTAS.index(1.0), -1]
    guide = 1.4 * float(beside) * (lengths[-3:] / lengths[-1]) ** power
    axes.plot(lengths[-3:], guide, color="0.5", linestyle="--", linewidth=1)
    axes.annotate(name, (lengths[-2], guide[-2]), (2, 3), textcoords="offset points", color="0.4")
    title = f"dephasing rate {rate:g}" if rate else "no dephasing"
    axes.set(xscale="log", yscale="log", xlabel="number of spins $N$", title=title)
    axes.set_xticks(lengths, [f"{n}" for n in lengths], minor=False)
    axes.set_xticks([], minor=True)


def _draw_edge(axes: Axes, data: Dataset) -> None:
    """Draw how far the open chain is from the infinite one."""
    good = bool(data["profile_status"][0] == Status.CONVERGED)
    cells = 1 + np.arange(len(data["edge"]))
    for site, name in enumerate(("A (gain)", "B (loss)")):
        apart = data["edge"][:, site] - data["bulk"][site]
        errors = data["edge_error"][:, site] + data["bulk_error"][site]
        look = {"color": f"C{site}", "label": name, "marker": "os"[site], "markersize": 4}
        errorbar_curve(axes, cells, apart, errors, good, linewidth=0.8, **look)
    axes.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.set(xlabel="cell", ylabel=r"$\langle S^z \rangle$ - that of the infinite chain")
    axes.set_title("gain/loss chain with open ends")
    axes.set_xticks(cells[1::2])
    axes.legend(fontsize="x-small", loc="lower left")
