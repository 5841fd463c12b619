"""Quenches of the infinite chain: how excitations grow out of the four collinear configurations.

Fig. 8 of the paper characterises the phases by the growth rates Re mu of linearised bosons about
collinear spins. Here the infinite chain starts with all A and all B spins up or down and moves, and
n(t) = S - |<Sz>| counts the excitations of a cell. Linear bosons have the same n(t) for every S; as
n may not exceed 4 S, small spins must leave it. This study is an addition to the paper.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.linalg import expm

from impo import ITEBD, TWA, evolve
from impo.analysis.plot import errorbar_curve, spin_text
from impo.arrays import Array
from impo.methods.holstein_primakoff.quadratic import QuadraticBosons, quadratic_bosons
from impo.methods.holstein_primakoff.stability import largest_growth
from impo.results.dataset import Dataset, unconverged
from impo.results.trajectory import Trajectory
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import judged

COST = {"quick": "1 min", "full": "1 min"}

G, H = 1.0, 0.5
RATES = {"PT": 0.35, "PPT": 1.0, "AM": 2.0}  # gain = loss, as in Fig. 8
CONFIGURATIONS = ((1, 1), (1, -1), (-1, 1), (-1, -1))  # of A, which gains, and B, which loses
STEP = 0.1  # between two times, in 1/g
_LAST = {True: 0.6, False: 1.0}
_SPINS = {True: (0.5, 1.0), False: (0.5, 1.0, 2.0)}  # by ITEBD
CLASSICAL = (16.0, 128.0)  # by TWA
_WAVES = 128


def _moved(spin: float, rate: float, signs: Sequence[int], times: Array) -> Trajectory:
    """Return the motion from the states m = S or -S of the spins of a cell."""
    model = chain(spin, G, H, rate, rate)
    if spin in CLASSICAL:
        method = TWA(cells=32, trajectories=1024, tol=1e-2)
        return evolve(model, method, [[0.0, 0.0, sign] for sign in signs], times)
    states = np.eye(round(2 * spin) + 1)
    start = [states[0 if sign > 0 else -1] for sign in signs]
    return evolve(model, ITEBD(tol=3e-3, chi_max=40), start, times)


def _excitations(path: Trajectory, signs: Sequence[int]) -> tuple[Array, Array]:
    """Return the number of excitations of a cell, and its error; # time."""
    found = path.expect("Sz")
    spins = np.array([float(site.S) for site in path.model.sites])
    return (spins - found.value * signs).sum(axis=1), found.error.sum(axis=1)


def _quadratic(rate: float, signs: Sequence[int]) -> QuadraticBosons:
    return quadratic_bosons(chain(1.0, G, H, rate, rate), signs)  # the same for all S


def bosons(rate: float, signs: Sequence[int], times: Array) -> Array:
    """Return n(t) of linear bosons, which start in their vacuum, at equal steps of time.

    dG_k/dt = X_k G_k + G_k X_k^+ + D with the symmetric covariance G_k(0) = 1/2; n is the mean over
    all wave numbers of the sum over the sites of the cell.
    """
    found = _quadratic(rate, signs)
    waves = 2 * np.pi * np.arange(_WAVES)[:, None] / _WAVES
    drift = found.drift(waves)
    size, adjoint = drift.shape[-1], drift.conj().swapaxes(-1, -2)
    noise = np.broadcast_to(found.noise(waves), drift.shape)
    blocks = np.block([[drift, noise], [np.zeros_like(drift), -adjoint]])
    moved = expm((times[1] - times[0]) * blocks)
    map_, added = moved[:, :size, :size], moved[:, :size, size:]
    turned = map_.conj().swapaxes(-1, -2)
    covariance = np.broadcast_to(np.eye(size) / 2, drift.shape)
    out = []
    for _ in times:
        modes = np.diagonal(covariance, axis1=-2, axis2=-1)[:, found.modes :]
        out.append(np.sum(modes.real - 0.5, axis=1).mean())
        covariance = map_ @ covariance @ turned + added @ turned
    return np.array(out)


def growth(numbers: Array, errors: Array | float = 0.0) -> tuple[Array, Array]:
    """Return half the logarithmic rate at which n(t) rises, between steps; # ... time.

    It is Re mu at all times if one mode grows alone, n(t) = D (exp(2 Re mu t) - 1); the mean of
    many modes tends to the largest Re mu. nan where n does not rise. The errors are those of
    independent n.
    """
    rise = np.diff(numbers, axis=-1)
    rising = (rise[..., :-1] > 0) & (rise[..., 1:] > 0)
    before, after = (np.where(rising, x, np.nan) for x in (rise[..., :-1], rise[..., 1:]))
    sizes = np.broadcast_to(errors, numbers.shape)
    first, middle, last = sizes[..., :-2], sizes[..., 1:-1], sizes[..., 2:]
    shifts = np.hypot(np.hypot(first / before, last / after), middle * (1 / before + 1 / after))
    return np.log(after / before) / (2 * STEP), shifts / (2 * STEP)


def compute(quick: bool) -> Dataset:
    """Return n(t) of the infinite chain and of bosons, and the rates at which they grow."""
    spins = np.array([*_SPINS[quick], *CLASSICAL])
    times = STEP * np.arange(round(_LAST[quick] / STEP) + 1)
    paths = [
        [[_moved(float(spin), rate, signs, times) for spin in spins] for signs in CONFIGURATIONS]
        for rate in RATES.values()
    ]
    counted = np.array([
        [[_excitations(path, signs) for path in row]
         for signs, row in zip(CONFIGURATIONS, phase, strict=True)]
        for phase in paths
    ])  # fmt: skip
    numbers, errors = np.moveaxis(counted, 3, 0)
    rates, rate_errors = growth(numbers, errors)
    linear = np.array([
        [bosons(rate, signs, times) for signs in CONFIGURATIONS] for rate in RATES.values()
    ])  # fmt: skip
    largest = [
        [largest_growth(_quadratic(rate, signs))[0] for signs in CONFIGURATIONS]
        for rate in RATES.values()
    ]  # fmt: skip
    dims = ("phase", "configuration", "S")
    names = ["".join("ud"[sign < 0] for sign in signs) for signs in CONFIGURATIONS]
    found = {
        "phase": Variable(dims[:1], np.array(list(RATES))),
        "configuration": Variable(dims[1:2], np.array(names), "1", "A and B up (u) or down (d)"),
        "S": Variable(dims[2:], spins, "1", "spin; from 16 on by TWA"),
        "time": Variable(("time",), times, "1/g", "time"),
        "middle": Variable(("middle",), times[1:-1], "1/g", "time of a growth rate"),
        "number": Variable((*dims, "time"), numbers, "1", "excitations of a cell"),
        "number_error": Variable((*dims, "time"), errors, "1", "their error"),
        "growth": Variable((*dims, "middle"), rates, "g", "rate at which they grow"),
        "growth_error": Variable((*dims, "middle"), rate_errors, "g", "its error"),
        "bosons": Variable((*dims[:2], "time"), linear, "1", "excitations of linear bosons"),
        "bosons_growth": Variable((*dims[:2], "middle"), growth(linear)[0], "g", "their growth"),
        "largest": Variable(dims[:2], np.array(largest), "g", "largest Re mu of all k"),
        **judged(paths, dims, "quench"),
    }
    return Dataset(
        found,
        {"g": G, "h": H, "rates": RATES, "quick": quick, "title": "Quenches of the infinite chain"},
    )


def draw(data: Dataset) -> Figure:
    """Draw n(t) from every configuration in every phase, and linear bosons dashed."""
    phases, names = list(data["phase"]), list(data["configuration"])
    figure = Figure(figsize=(2.8 * len(phases), 1.9 * len(names)), layout="constrained")
    axes = figure.subplots(len(names), len(phases), squeeze=False)
    for row in range(len(names)):
        for column in range(len(phases)):
            _panel(axes[row, column], data, column, row)
    for axis in axes[-1]:
        axis.set_xlabel("$gt$")
    for axis in axes[:, 0]:
        axis.set_ylabel("$n(t)$")
    axes[0, 0].legend(fontsize="xx-small", loc="lower right")
    return figure


def _panel(axis: Axes, data: Dataset, phase: int, configuration: int) -> None:
    times, place = data["time"][1:], (phase, configuration)
    for n, spin in enumerate(data["S"]):
        number, error = (data[name][(*place, n)][1:] for name in ("number", "number_error"))
        poor = bool(unconverged(data["quench_status"][(*place, n)]))
        errorbar_curve(
            axis, times, number, error, np.full(len(times), not poor), color=f"C{n}", marker=".",
            markersize=4, label=f"$S={spin_text(spin)}$" + (" (TWA)" if spin in CLASSICAL else ""),
        )  # fmt: skip
    axis.plot(times, data["bosons"][place][1:], "k--", lw=1, label="linear bosons")
    arrows = "".join(
        {"u": r"\uparrow", "d": r"\downarrow"}[x] for x in data["configuration"][place[1]]
    )
    axis.set_yscale("log")
    largest = data["largest"][place]
    axis.set_title(rf"{data['phase'][phase]}, ${arrows}$: Re $\mu={largest:.2f}\,g$", fontsize=8)
