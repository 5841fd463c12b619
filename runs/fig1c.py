"""Phase diagram for S -> infinity: where each collinear configuration is stable (Fig. 1c).

Growth rates of linearised bosons tell which configuration is stable for S -> infinity. The
boundaries of AM and of both FM phases are those of Eq. (3), to 1e-8. Where no configuration is
stable, fluctuations grow about all of them; this is where the paper has its mixed phases.
"""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from scipy.optimize import brentq

from impo.methods.holstein_primakoff.quadratic import quadratic_bosons
from impo.methods.holstein_primakoff.stability import largest_growth, marginal_rate
from impo.results.dataset import Dataset
from impo.results.variable import Variable
from models.gain_loss import chain

COST = {"quick": "20 s", "full": "5 min"}

G, H, EDGE = 1.0, 0.5, 3.0
_POINTS = {True: (18, 25), False: (150, 100)}  # of an axis, and of a boundary; by quick form
PHASES = {"AM": (1, -1), "FM up": (1, 1), "FM down": (-1, -1)}


def _growth(name: str, gain: float, loss: float) -> float:
    """Return the largest growth rate around a phase's configuration; that of S is immaterial."""
    return largest_growth(quadratic_bosons(chain(10, G, H, gain, loss), PHASES[name]))[0]


def _phase(gain: float, loss: float) -> int:
    """Return 1, 2 or 3 for the stable phase of `PHASES`, or 0 if none is stable."""
    for number, configuration in enumerate(PHASES.values(), start=1):
        bosons = quadratic_bosons(chain(10, G, H, gain, loss), configuration)
        if largest_growth(bosons)[0] < -marginal_rate(bosons):
            return number
    return 0


def boundary(name: str, gains: np.ndarray) -> np.ndarray:
    """Return the loss at which the phase loses stability for every gain, nan where it does not."""
    out = np.full(len(gains), np.nan)
    for i, gain in enumerate(gains):
        low, high = (1e-6, 1e3) if name == "AM" else (1e-6, 0.999999 * gain)
        if name == "FM down":
            low, high = 1.000001 * gain, 1e3
        ends = _growth(name, gain, low), _growth(name, gain, high)
        if ends[0] * ends[1] < 0:
            out[i] = brentq(lambda loss, g=gain: _growth(name, g, loss), low, high, xtol=1e-10)
    return out


def smooth(gains: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a boundary on a finer grid: a power law between the points, as Eq. 3 is one."""
    known = np.isfinite(losses)
    fine = np.geomspace(gains[known][0], gains[known][-1], 200)
    return fine, np.exp(np.interp(np.log(fine), np.log(gains[known]), np.log(losses[known])))


def compute(quick: bool) -> Dataset:
    """Return the stable phase on a grid of rates, and the boundaries to ten digits."""
    points, along = _POINTS[quick]
    axis = EDGE * (np.arange(points) + 0.5) / points
    gains = np.geomspace(0.05, EDGE, along)
    phase = np.array([[_phase(gain, loss) for loss in axis] for gain in axis])
    variables = {
        "gain": Variable(("gain",), axis, "g", "gain rate"),
        "loss": Variable(("loss",), axis, "g", "loss rate"),
        "phase": Variable(("gain", "loss"), phase, "1", "0 none, 1 AM, 2 FM up, 3 FM down"),
        "boundary_gain": Variable(("boundary_gain",), gains, "g", "gain rate"),
    }
    errors = {}
    for name, edge in (("AM", G + H), ("FM up", G - H), ("FM down", G - H)):
        found = boundary(name, gains)
        label = f"boundary_{name.replace(' ', '_')}"
        variables[label] = Variable(
            ("boundary_gain",), found, "g", f"loss rate at which {name} becomes unstable"
        )
        known = np.isfinite(found)
        errors[name] = float(np.abs(found * gains / edge**2 - 1)[known].max())
    return Dataset(
        variables,
        {"title": "Stable configurations", "g": G, "h": H, "largest_deviation_from_eq_3": errors},
    )


def draw(data: Dataset) -> Figure:
    """Draw the phases and their boundaries."""
    figure = Figure(figsize=(4.6, 4.8), layout="constrained")
    ax = figure.subplots()
    colours = ["#e8e4da", "#8fb8de", "#f2b880", "#b5d99c"]
    ax.pcolormesh(
        data["gain"], data["loss"], data["phase"].T,
        cmap=ListedColormap(colours), vmin=-0.5, vmax=3.5, shading="nearest",
    )  # fmt: skip
    for name in ("AM", "FM_up", "FM_down"):
        ax.plot(*smooth(data["boundary_gain"], data[f"boundary_{name}"]), "k-", lw=1.5)
    g, h = data.attributes["g"], data.attributes["h"]
    ax.plot([0, g - h], [0, g - h], "k-", lw=1.5)
    ax.plot([0, g - h], [0, g - h], "w--", lw=1.0)
    ax.annotate("PT", [0.7 * (g - h)] * 2, (0.1, 0.75), arrowprops={"arrowstyle": "-"})
    edge = data["gain"][-1] + data["gain"][0]
    ax.set(xlim=(0, edge), ylim=(0, edge), aspect="equal")
    ax.set(xlabel=r"$\Gamma_g/g$", ylabel=r"$\Gamma_l/g$")
    ax.set_title("(c)", loc="left")
    ax.set_title(rf"$S\to\infty$, $h={h}\,g$")
    ax.grid(visible=False)
    labels = ["PPT (none stable)", r"AM $|\uparrow\downarrow\rangle$"]
    labels += [r"FM $|\uparrow\uparrow\rangle$", r"FM $|\downarrow\downarrow\rangle$"]
    patches = [Patch(color=c, label=label) for c, label in zip(colours, labels, strict=True)]
    figure.legend(handles=patches, loc="outside upper center", ncols=2)
    return figure
