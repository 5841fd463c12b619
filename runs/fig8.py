"""Least stable fluctuations of all collinear configurations in PT, PPT and AM (Fig. 8).

Growth rates of linearised bosons about all collinear configurations of N cells. Of the 256 of four
cells one is stable in AM and none in PPT. In PPT 36 grow at less than half of the mean rate, none
at less than a tenth; the full form counts up to N = 8.
"""

import numpy as np
from matplotlib.figure import Figure

from impo.methods.holstein_primakoff.stability import quench_spectra
from impo.results.dataset import Dataset
from impo.results.variable import Variable
from models.gain_loss import chain

COST = {"quick": "10 s", "full": "2 min"}

_CELLS = {True: 5, False: 8}  # of the largest chain
G, H = 1.0, 0.5
RATES = {"PT": (0.35, 0.35), "PPT": (1.0, 1.0), "AM": (2.0, 2.0)}
EXAMPLES = 4
SLOW = (0.1, 0.5)  # fractions of the mean rate: growth below is slow, growth equal is counted apart
SLOW_LABELS = tuple(f"unstable, below {limit} of the mean rate" for limit in SLOW)


def compute(quick: bool) -> Dataset:
    """Return all least stable eigenvalues for N = 4 and, in full, the counts up to N = 8."""
    largest = _CELLS[quick]
    variables: dict[str, Variable] = {
        "cells": Variable(("cells",), np.arange(2, largest + 1), "1", "number of unit cells"),
        "count": Variable(
            ("count",), np.array(["stable", "marginal", *SLOW_LABELS, "unstable"]), "1", "kind"
        ),
        "limit": Variable(("limit",), np.array(SLOW), "1", "fraction of the mean rate"),
    }
    for phase, (gain, loss) in RATES.items():
        model = chain(10, G, H, gain, loss)
        table, ties = [], []
        for cells in range(2, largest + 1):
            spectra = quench_spectra(model, cells)
            mean = (gain + loss) / 2
            slow = [spectra.count(0.0, limit * mean) for limit in SLOW]
            ties.append([spectra.equal(limit * mean) for limit in SLOW])
            table.append([spectra.stable, spectra.marginal, *slow, spectra.unstable])
            if cells == 4:
                classes = f"class_{phase}"
                for name, values, text in (
                    ("growth", spectra.eigenvalues.real, "Re mu of the least stable mode"),
                    ("frequency", spectra.eigenvalues.imag, "Im mu of the least stable mode"),
                    ("multiplicity", spectra.multiplicity, "number of translated configurations"),
                ):
                    units = "1" if name == "multiplicity" else "g"
                    variables[f"{name}_{phase}"] = Variable((classes,), values, units, text)
                variables[f"configuration_{phase}"] = Variable(
                    (classes, "spin"), spectra.configurations, "1", "spins up (+1) or down (-1)"
                )
        variables[f"counts_{phase}"] = Variable(
            ("cells", "count"), np.array(table), "1", "number of configurations; slow ones grow"
        )
        variables[f"equal_{phase}"] = Variable(
            ("cells", "limit"), np.array(ties), "1",
            "number of configurations that grow at just this fraction, to 1e-7 of all couplings",
        )  # fmt: skip
    return Dataset(
        variables,
        {"title": "Quench stability", "g": G, "h": H, "rates": RATES, "slow_below": SLOW},
    )


def _arrows(configuration: np.ndarray) -> str:
    return "".join(r"\uparrow" if s > 0 else r"\downarrow" for s in configuration)


def draw(data: Dataset) -> Figure:
    """Draw the eigenvalues in the complex plane with some configurations, and the counts.

    The lower row is logarithmic: a kind without a configuration has no symbol there.
    """
    figure = Figure(figsize=(9.6, 5.6), layout="constrained")
    axes = figure.subplots(2, 3, height_ratios=(2, 1))
    for column, phase in enumerate(RATES):
        ax = axes[0, column]
        real, imaginary = data[f"growth_{phase}"], data[f"frequency_{phase}"]
        size = 10 + 6 * np.sqrt(data[f"multiplicity_{phase}"])
        for sign in (1, -1):
            ax.scatter(real, sign * imaginary, size, color="C0", alpha=0.6, lw=0)
        order = np.argsort(np.round(real, 6), kind="stable")  # equal rates keep their order
        chosen = order[np.linspace(0, len(order) - 1, EXAMPLES).astype(int)]
        for number, i in enumerate(chosen):
            ax.plot(real[i], imaginary[i], "o", color=f"C{number + 1}", ms=6)
            arrows = _arrows(data[f"configuration_{phase}"][i])
            ax.plot([], [], "o", color=f"C{number + 1}", ms=5, label=f"${arrows}$")
        ax.axvline(0, color="0.5", lw=0.8)
        top = max(np.abs(imaginary).max(), 0.2)
        ax.set(xlabel=r"Re $\mu/g$", ylim=(-1.15 * top, 1.9 * top))
        gain, loss = data.attributes["rates"][phase]
        ax.set_title(
            rf"({'abc'[column]}) {phase}: $\Gamma_g={gain:g}\,g$, $\Gamma_l={loss:g}\,g$, $N=4$",
            fontsize=9,
        )
        ax.legend(fontsize=7, loc="upper left", frameon=True)
        counts, cells = data[f"counts_{phase}"], data["cells"]
        ax = axes[1, column]
        for kind, marker in zip(range(5), "osdv^", strict=True):
            share = counts[:, kind] / 4.0**cells
            ax.semilogy(
                cells, np.where(share > 0, share, np.nan), marker + "-", label=data["count"][kind]
            )
        ax.set(xlabel="unit cells $N$", ylim=(1e-6, 3))
        ax.set_xticks(cells)
    axes[0, 0].set_ylabel(r"Im $\mu/g$")
    axes[1, 0].set_ylabel("share of configurations")
    axes[1, 0].set_title("not in the paper", loc="left", fontsize=9)
    axes[1, 1].legend(fontsize=7, loc="lower left")
    return figure
