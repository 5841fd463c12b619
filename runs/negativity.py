"""Negativity of neighbouring spins on the symmetry line: where it peaks (after Eq. A26).

Linearised bosons for S -> infinity give the negativity of the two spins of a cell on the AM side.
For h = 0 it is largest at the transition, as in the dimer. For h != 0 the maximum moves away from
it, which the paper denies.
"""

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import minimize_scalar

from impo import HolsteinPrimakoff, steady_state
from impo.results.dataset import Dataset
from impo.results.state import SteadyState
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import judged, mark_unconverged

COST = {"quick": "15 s", "full": "1 min"}

G = 1.0
_LARGE_SPIN = 1000.0  # of linearised bosons, whose state does not depend on it
_EDGE = 1.002  # closest to the transition, in units of g + h
RATIOS = (0.0, 0.1, 0.4, 0.5, 0.75, 1.0)  # h / g


def peak(ratio: float) -> tuple[float, float]:
    """Return Gamma/(g + h) of the maximum, and the negativity there."""
    found = minimize_scalar(lambda x: -_negativity(ratio, x), bounds=(_EDGE, 2.0), method="bounded")
    return float(found.x), float(-found.fun)


def compute(quick: bool) -> Dataset:
    """Return the negativity of the sites of a cell above Gamma = g + h, and its maxima.

    Linearised bosons, S to infinity, in the AM phase: gain = loss = Gamma > g + h.
    """
    near = 1 - np.cos(np.linspace(0, np.pi / 2, 26 if quick else 101))  # dense at the transition
    distance = _EDGE + (2.0 - _EDGE) * near  # Gamma / (g + h)
    states = [[_state(ratio, x) for x in distance] for ratio in RATIOS]
    values = np.array([[state.extras["negativity"] for state in line] for line in states])
    peaks = np.array([peak(ratio) for ratio in RATIOS])
    tops = [_state(ratio, where) for ratio, (where, _) in zip(RATIOS, peaks, strict=True)]
    return Dataset(
        {
            "ratio": Variable(("ratio",), np.array(RATIOS), "1", "h/g"),
            "distance": Variable(("distance",), distance, "1", "Gamma/(g + h)"),
            "negativity": Variable(("ratio", "distance"), values, "1", "negativity of neighbours"),
            **judged(states, ("ratio", "distance"), "negativity"),
            **judged(tops, ("ratio",), "peak"),
            "peak": Variable(
                ("ratio", "place_value"), peaks, "1", "Gamma/(g + h) of the maximum, and its value"
            ),
        },
        {"title": "Two-site negativity of the chain", "g": G, "quick": quick},
    )


def _state(ratio: float, distance: float) -> SteadyState:
    rate = distance * (1 + ratio) * G
    return steady_state(chain(_LARGE_SPIN, G, ratio * G, rate, rate), HolsteinPrimakoff())


def _negativity(ratio: float, distance: float) -> float:
    return float(_state(ratio, distance).extras["negativity"])


def draw(data: Dataset) -> Figure:
    """Draw the negativity over the rate for every h/g, and mark the maxima."""
    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    axis = figure.subplots()
    for i, ratio in enumerate(data["ratio"]):
        where, top = data["peak"][i]
        at_edge = where < _EDGE + 1e-3  # it falls from the transition on
        label = f"$h={ratio:g}\\,g$: {'the transition' if at_edge else f'{where:.3f}'}"
        axis.plot(data["distance"], data["negativity"][i], f"C{i}-", label=label)
        axis.plot(where, top, f"C{i}o", ms=4)
        mark_unconverged(axis, where, top, data["peak_status"][i : i + 1])
        mark_unconverged(
            axis, data["distance"], data["negativity"][i], data["negativity_status"][i]
        )
    axis.set(
        xlabel=r"$\bar\Gamma/(g+h)$",
        ylabel="negativity of two neighbours",
        xlim=(1, 2),
        ylim=(0, None),
    )
    axis.legend(title="maximum at", fontsize="small")
    return figure
