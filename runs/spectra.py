"""Spectral functions S(k, omega) of S- S+ in the AM, PPT, PT and FM phase, against bosons.

At one point of each phase of the infinite chain, with the branches of linearised bosons where a
configuration is stable, and the emission spectrum of one spin, the mean over k. The quick form has
the spins that lose (site B) only.
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from impo import ITEBD, HolsteinPrimakoff, steady_state
from impo.analysis.plot import band_curve, spin_text
from impo.arrays import Array
from impo.results.dataset import Dataset, unconverged
from impo.results.state import SteadyState
from impo.results.variable import Variable
from models.gain_loss import chain
from runs._tasks import JUDGED, rows

COST = {"quick": "2 min", "full": "25 min, 4 GB"}

_G, _H = 1.0, 0.5
_RATES = {"AM": (3.0, 2.4), "PPT": (1.7, 1.1), "PT": (0.35, 0.35), "FM": (0.9, 0.2)}
_ORDERED = ("AM", "FM")  # where linearised bosons have a stable configuration

_WAVES, _TURNS = np.linspace(-np.pi, np.pi, 37), np.linspace(-4, 4, 161)  # of bosons
_COLOURS = ("C3", "C0")  # of sites A and B


def _places(quick: bool) -> tuple[Array, Array, Array]:
    """Return sites, wave numbers and frequencies; the quick form has some of the full one."""
    step = 2 if quick else 1
    sites = np.array([1]) if quick else np.arange(2)
    return sites, np.pi * np.arange(-6, 7)[::step] / 6, np.linspace(-4, 4, 81)[::step]


def _read(state: SteadyState, sites: Array, k: Array, omega: Array) -> dict[str, Array]:
    """Return S(k, omega)/S of S- S+ on sites of the cell, # site k omega, and the verdict."""
    spin = float(state.model.sites[0].S)
    found = [state.spectral_function("S-", "S+", k, omega, (i, i)) for i in sites.tolist()]
    out = {
        "power": np.array([np.real(one.value) for one in found]) / spin,
        "power_error": np.array([one.error for one in found]) / spin,
    }
    return {**out, **{name: np.array(str(getattr(state, name))) for name in JUDGED}}


def compute(quick: bool, directory: Path) -> Dataset:
    """Return S(k, omega)/S by iMPO, and by bosons of the same spin in ordered phases."""
    spins = np.array([0.5, 1.0] if quick else [0.5, 1.0, 2.0])
    sites, k, omega = _places(quick)
    phases = list(_RATES)
    keys = [(phase, spin) for phase in phases for spin in spins]
    chains = [[chain(spin, _G, _H, *_RATES[phase])] for phase, spin in keys]
    methods = [ITEBD(tol=1e-2 if quick or spin > 1 else 3e-3) for _, spin in keys]
    tables = rows(chains, methods, directory, lambda state: _read(state, sites, k, omega))
    shape = (len(phases), len(spins))
    out = {
        "phase": Variable(("phase",), np.array(phases)),
        "S": Variable(("S",), spins, long_name="spin"),
        "site": Variable(("site",), sites, long_name="site of the cell"),
        "k": Variable(("k",), k, "1/cell", "wavenumber"),
        "omega": Variable(("omega",), omega, "g", "frequency"),
        "wave": Variable(("wave",), _WAVES, "1/cell", "wavenumber of bosons"),
        "turn": Variable(("turn",), _TURNS, "g", "frequency of bosons"),
    }
    dims = ("phase", "S", "site", "k", "omega")
    for name, text in (("power", "S(k, omega)/S"), ("power_error", "its error")):
        values = np.array([row[name] for (row,) in tables])
        out[name] = Variable(dims, values.reshape(*shape, *values.shape[1:]), "1/g", text)
    for name in JUDGED:
        values = np.array([row[name] for (row,) in tables])
        out[name] = Variable(("phase", "S"), values.reshape(shape), long_name=name)
    out |= _of_bosons(sites)
    rates = {phase: list(pair) for phase, pair in _RATES.items()}
    return Dataset(out, {"g": _G, "h": _H, "rates": rates})


def _of_bosons(sites: Array) -> dict[str, Variable]:
    """Return S(k, omega)/S of linearised bosons and their verdicts, where a phase is ordered."""
    bosons = np.full((len(_RATES), len(sites), len(_WAVES), len(_TURNS)), np.nan)
    told = {name: [""] * len(_RATES) for name in JUDGED}
    for n, (phase, rates) in enumerate(_RATES.items()):
        if phase in _ORDERED:
            state = steady_state(chain(8, _G, _H, *rates), HolsteinPrimakoff())
            found = _read(state, sites, _WAVES, _TURNS)
            bosons[n] = found["power"]
            for name in JUDGED:
                told[name][n] = str(found[name])
    label = "S(k, omega)/S of linearised bosons, which is the same for all S"
    out = {"bosons": Variable(("phase", "site", "wave", "turn"), bosons, "1/g", label)}
    return out | {
        f"bosons_{name}": Variable(("phase",), np.array(texts), long_name=f"{name} of bosons")
        for name, texts in told.items()
    }


def _map(axes: Axes, data: Dataset, n: int, m: int) -> None:
    """Draw S(k, omega)/S of a phase and a spin on site B, and the maxima of bosons over omega."""
    power = data["power"][n, m, -1]
    mesh = axes.pcolormesh(data["k"], data["omega"], power.T, shading="gouraud", vmin=0)
    mesh.set_rasterized(True)
    axes.figure.colorbar(mesh, ax=axes)
    bosons = data["bosons"][n, -1]
    inner = bosons[:, 1:-1]
    waves, turns = np.nonzero((inner > bosons[:, :-2]) & (inner > bosons[:, 2:]))
    inside = "none" if unconverged(data["bosons_status"][n]) else "w"
    axes.plot(
        data["wave"][waves], data["turn"][1:-1][turns], "o", color="w", markersize=1.5,
        markerfacecolor=inside, markeredgewidth=0.3,
    )  # fmt: skip
    poor = unconverged(data["status"][n, m])
    gain, loss = data.attributes["rates"][str(data["phase"][n])]
    name = f"{data['phase'][n]}, S = {spin_text(data['S'][m])}"
    name += f" ({data['status'][n, m]})" if poor else ""
    axes.set_title(f"{name}\n" rf"$\Gamma_g={gain:g}$, $\Gamma_l={loss:g}$")
    axes.grid(visible=False)


def _emission(axes: Axes, data: Dataset, n: int) -> None:
    """Draw the mean over k, which one spin emits, on all sites and for all spins."""
    omega = data["omega"]
    for m, spin in enumerate(data["S"]):
        converged = np.full(len(omega), not unconverged(data["status"][n, m]))
        for row, site in enumerate(data["site"]):
            # both ends of the zone are the same wave number
            mean, error = (
                data[name][n, m, row][:-1].mean(axis=0) for name in ("power", "power_error")
            )
            band_curve(
                axes, omega, mean, error, converged, color=_COLOURS[site], alpha=1 - 0.3 * m,
                label=f"{'AB'[site]}, S = {spin_text(spin)}", linewidth=1.6 - 0.4 * m,
            )  # fmt: skip
    axes.set(xlabel=r"$\omega/g$", ylim=(0, None))


def draw(data: Dataset) -> Figure:
    """Draw maps of site B for all spins, and the emission of one spin."""
    phases, spins = len(data["phase"]), len(data["S"])
    figure = Figure(figsize=(2.6 * phases, 2.5 * (spins + 1)), layout="constrained")
    axes = figure.subplots(spins + 1, phases, squeeze=False)
    for n in range(phases):
        for row in range(spins):
            _map(axes[row, n], data, n, row)
            axes[row, n].set_xlabel("$k$ (1/cell)")
        _emission(axes[-1, n], data, n)
    for row in range(spins):
        axes[row, 0].set_ylabel(r"$\omega/g$")
    axes[-1, 0].set_ylabel("emission of one spin,\n" r"$\overline{S(k,\omega)}/S$")
    axes[-1, :2][-1].legend(fontsize="xx-small", loc="upper right")
    figure.suptitle(r"$S(k,\omega)/S$ of $S^-S^+$ on site B; white: maxima of HPA")
    return figure
