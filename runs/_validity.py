"""Differences between methods at the points of the study `crossover`, as tables of a page.

`python -m runs._validity DATA PAGE` writes them into the page.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from impo import Estimate, load
from impo.analysis.plot import spin_text
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from runs._pages import table, written_into

_TEXT = {"Sz": "⟨S_z⟩/S", "Sz_var": "Var/S²"}
_METHODS = {"ring": "`Exact`, ring of 2 cells", "TWA": "`TWA`", "iMPO": "`ITEBD`"}


def tables(data: Dataset) -> str:
    """Return TWA and rings against the infinite chain, and linearised bosons against TWA."""
    near = [*_differences(data, "ring", "iMPO"), *_differences(data, "TWA", "iMPO")]
    far = list(_differences(data, "HPA", "TWA"))
    heads = [f"{text} of {site}" for text in _TEXT.values() for site in ("A", "B")]
    return "\n\n".join(
        [
            table(["method", "S", "phase", *heads], near),
            "`HolsteinPrimakoff` minus `TWA`:",
            table(["S", "phase", *heads], [row[1:] for row in far]),
        ]
    )


def _differences(data: Dataset, method: str, reference: str) -> Iterator[list[str]]:
    """Yield a row for every spin and phase that both methods have."""
    spins = list(data[f"{reference}_S"])
    for n, spin in enumerate(data[f"{method}_S"]):
        if spin not in spins:
            continue
        at = {method: n, reference: spins.index(spin)}
        for p, phase in enumerate(data["phase"]):
            judged = [data[f"{name}_status"][p, i] for name, i in at.items()]
            if any(status != Status.CONVERGED for status in judged):
                continue
            row = [_METHODS.get(method, method), spin_text(float(spin)), str(phase)]
            for key in _TEXT:
                one, two = (
                    Estimate(data[f"{name}_{key}"][p, i], data[f"{name}_{key}_error"][p, i])
                    for name, i in at.items()
                )
                off = Estimate(one.value - two.value, np.hypot(one.error, two.error))
                row += [str(difference) for difference in off]
            yield row


def main(data: str, page: str) -> None:
    """Write the tables of a result file into a page."""
    path = Path(page)
    path.write_text(written_into(path, "validity", tables(load(data))), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
