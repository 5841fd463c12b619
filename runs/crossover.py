"""From S = 1/2 to 1000 at fixed rates: iMPO, exact rings, TWA and linearised bosons in one figure.

<S_z>, the variance and the correlation length against 1/S at one point each of the AM, PPT and FM
phase, with gain != loss and g != h.
"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from impo import ITEBD, exact, holstein_primakoff, steady_state, twa
from impo.model import LindbladModel
from impo.result import Dataset, Status, SteadyState, Variable
from models.gain_loss import chain
from runs._twa_curves import verdict

COST = {"quick": "1 min", "full": "40 min"}

_PHASES = {"AM": (1.7, 1.45), "PPT": (1.7, 1.1), "FM": (0.9, 0.2)}
_G, _H = 1.0, 0.5
_COLOURS = ("C3", "C0")

Solve = Callable[[LindbladModel], SteadyState]


def solvers(quick: bool) -> dict[str, tuple[Sequence[float], Solve]]:
    """Return the spins and the solver of every curve; another method is one more entry."""
    ring = exact.Exact(cells=2, periodic=True)
    stochastic = twa.TWA(
        cells=50, trajectories=128 if quick else 512, max_time=400 if quick else 2000, tol=1e-9,
    )  # fmt: skip
    large = [2, 8, 32, 1000] if quick else [2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256, 512, 1000]
    return {
        "ring": (
            [0.5, 1] if quick else [0.5, 1, 1.5],
            lambda model: exact.steady_state(model, ring),
        ),
        "TWA": (large, lambda model: twa.steady_state(model, stochastic)),
        "HPA": (
            [4, 8, 32, 1000],
            lambda model: holstein_primakoff.steady_state(
                model, holstein_primakoff.HolsteinPrimakoff()
            ),
        ),
        "iMPO": ([0.5, 1, 2] if quick else [0.5, 1, 2, 4, 8, 16], _solve_impo),
    }


def _solve_impo(model: LindbladModel) -> SteadyState:
    """Solve the infinite chain; from S = 4 on two digits have to do."""
    few = ITEBD(chi_max=128, tol=1e-2)
    return steady_state(model, ITEBD(tol=1e-3) if model.parameters["S"] < 4 else few)


def point(solve: Solve, S: float, gain: float, loss: float) -> dict[str, np.ndarray]:
    """Return <S_z>/S, Var/S^2 and xi of S+S- with errors (nan for None), and the verdict."""
    state = solve(chain(S, _G, _H, gain, loss))
    out = {"status": np.array(verdict(state))}
    measured = {
        "Sz": (state.expect("Sz"), S),
        "Sz_var": (state.variance("Sz"), S**2),
        "xi": (state.correlation_length("S+", "S-", (0, 0)), 1),
    }
    for name, (estimate, scale) in measured.items():
        shape = () if name == "xi" else (2,)
        for part in ("value", "error"):
            value = np.nan if estimate is None else np.real(getattr(estimate, part)) / scale
            out[name if part == "value" else f"{name}_error"] = np.broadcast_to(value, shape)
    return out


def compute(quick: bool) -> Dataset:
    """Return every observable of every solver, with dimensions (phase, S of the solver[, site])."""
    variables = {
        "phase": Variable(("phase",), np.array(list(_PHASES))),
        "site": Variable(("site",), np.arange(2), long_name="site of the cell"),
    }
    curves = solvers(quick)
    for label, (spins, solve) in curves.items():
        dim = f"{label}_S"
        variables[dim] = Variable((dim,), np.array(spins, dtype=float), long_name="spin")
        rows = [[point(solve, S, *rates) for S in spins] for rates in _PHASES.values()]
        for key in rows[0][0]:
            values = np.array([[entry[key] for entry in row] for row in rows])
            dims = ("phase", dim, "site")[: values.ndim]
            # linearised bosons have no stable configuration in PPT: no failure of the study
            key = "stable" if (label, key) == ("HPA", "status") else key
            if key == "stable":
                values = values == Status.CONVERGED
            variables[f"{label}_{key}"] = Variable(dims, values, long_name=f"{key} by {label}")
    rates = {phase: list(pair) for phase, pair in _PHASES.items()}
    return Dataset(variables, {"g": _G, "h": _H, "rates": rates, "curves": list(curves)})


def draw(data: Dataset) -> Figure:
    """Draw <S_z>, the variance and xi in rows, the phases in columns; hollow: not settled."""
    phases = list(data["phase"])
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots(3, len(phases), sharex=True, sharey="row")
    styles = dict(zip(data.attributes["curves"], ("s", "o", "--", "^", "D"), strict=False))
    for column, phase in enumerate(phases):
        gain, loss = data.attributes["rates"][str(phase)]
        axes[0, column].set_title(
            rf"{phase}: $\Gamma_g={gain:g}$, $\Gamma_l={loss:g}$", fontsize="medium"
        )
        for label, style in styles.items():
            inverse = 1 / data[f"{label}_S"]
            if label == "HPA":
                solid = data["HPA_stable"][column]
            else:
                solid = data[f"{label}_status"][column] == Status.CONVERGED
            for row, key in enumerate(("Sz", "Sz_var", "xi")):
                values, errors = (
                    data[f"{label}_{key}"][column],
                    data[f"{label}_{key}_error"][column],
                )
                sites = [(values, errors, "k")] if key == "xi" else [
                    (values[:, site], errors[:, site], _COLOURS[site]) for site in (0, 1)
                ]  # fmt: skip
                for number, (value, error, colour) in enumerate(sites):
                    if not np.isfinite(value).any():  # a ring of two cells has no length
                        continue
                    name = label if number == 0 else None
                    if style == "--":
                        value = np.where(solid, value, np.nan)
                        axes[row, column].plot(inverse, value, "--", c=colour, lw=1, label=name)
                        continue
                    for chosen, fill in ((solid, colour), (~solid, "none")):
                        if chosen.any():
                            axes[row, column].errorbar(
                                inverse[chosen], value[chosen], np.nan_to_num(error[chosen]),
                                fmt=style, c=colour, mfc=fill, ms=4, lw=0.8, label=name,
                            )  # fmt: skip
                            name = None
    for axis, label in zip(
        axes[:, 0], (r"$\langle S^z\rangle/S$", r"Var$(S^z)/S^2$", r"$\xi$ (cells)"), strict=True
    ):
        axis.set_ylabel(label)
    axes[1, 0].set_yscale("log")
    axes[0, 0].set_xscale("log")
    for axis in axes[-1]:
        axis.set_xlabel(r"$1/S$")
    axes[2, -1].legend(fontsize="x-small")
    axes[0, -1].plot([], [], "C3-", label="A (gain)")
    axes[0, -1].plot([], [], "C0-", label="B (loss)")
    axes[0, -1].legend(fontsize="x-small", loc="center")
    return figure
