"""A comparison of methods in words: a table, a verdict on each number, and JSON."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from impo.analysis.compare import reference
from impo.arrays import Array
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.summary import plain

AGREE = 3.0  # combined errors within which two numbers agree
ORDER = 3.0  # factor within which a difference is of the order of what a method leaves out


@dataclass(frozen=True)
class Row:
    """One number by all methods.

    Attributes
    ----------
    name, place
        The observable, and the site or bond it belongs to (empty if none).
    values, errors, deviations
        By method; nan where there is none.
    agree
        Whether all differences are within `AGREE` combined errors; None if there are none.
    verdict
        The same in words.
    """

    name: str
    place: str
    values: Array
    errors: Array
    deviations: Array
    agree: bool | None
    verdict: str


def rows(data: Dataset) -> list[Row]:
    """Return all numbers of a comparison, in the order of the description in `compare`."""
    methods, labels = data.attributes["methods"], data["solver"]
    omitted = [math.nan if one["omitted"] is None else one["omitted"] for one in methods]
    out = []
    for name in (name for name in _ORDER if name in data):
        dims = data.variables[name].dims[1:]
        for place in np.ndindex(data[name].shape[1:]):
            at: Any = (slice(None), *place)
            values, errors, apart = (data[name + end][at] for end in ("", "_error", "_deviation"))
            where = str(data[dims[0]][place[0]]) if dims else ""
            judged = _judge(values, errors, apart, omitted, labels)
            out.append(Row(name, where, values, errors, apart, *judged))
    return out


_ORDER = (
    "Sz", "Sz_var", "N", "N_var", "S+S-", "SzSz", "BdB", "NN",
    "xi_S+S-", "xi_SzSz", "xi_BdB", "xi_NN", "purity_density",
)  # fmt: skip


def _judge(
    values: Array, errors: Array, deviations: Array, omitted: Sequence[float], labels: Array
) -> tuple[bool | None, str]:
    """Return whether methods agree, and the same in words."""
    first = reference(values, errors)
    others = [n for n, d in enumerate(deviations) if n != first and not np.isnan(d)]
    if first is None or not others:
        several = np.count_nonzero(~np.isnan(values)) > 1
        return None, "no second error bar" if several else "one method only"
    worst = float(np.abs(deviations[others]).max())
    if worst <= AGREE:
        return True, f"agree within {worst:.1f} errors"
    parts = []
    for n in others:
        if abs(deviations[n]) > AGREE:
            largest = max(abs(values[n]), abs(values[first]))
            change = float(abs(values[n] - values[first]) / largest)
            order = omitted[n] + omitted[first]
            text = f"{labels[n]} by {100 * change:.2g} %"
            if change > ORDER * order:  # never if the order is not known
                text += f" (MORE than the order {100 * order:.2g} % of what it leaves out)"
            elif not math.isnan(order):
                text += f" (leaves out the order {100 * order:.2g} %)"
            parts.append(text)
    return False, "differ: " + ", ".join(parts)


def report(data: Dataset) -> dict[str, Any]:
    """Return a comparison in JSON types: what `impo compare --json` prints."""
    methods = [
        {
            "label": str(data["solver"][n]), "method": {k: told[k] for k in told if k not in _TOLD},
            "status": str(data["status"][n]), "residual": plain(data["residual"][n]),
            "seconds": plain(data["seconds"][n]), **{key: told[key] for key in _TOLD},
        }
        for n, told in enumerate(data.attributes["methods"])
    ]  # fmt: skip
    told = {key: data.attributes[key] for key in ("model", "parameters")}
    return {**told, "methods": methods, "observables": [plain(vars(row)) for row in rows(data)]}


_TOLD = ("message", "valid_for", "omitted")


def table(data: Dataset) -> str:
    """Return a comparison as lines for a person; a star marks what is not converged."""
    labels, statuses = data["solver"], data["status"]
    stars = np.where(statuses == Status.CONVERGED, "", "*")
    head = [f"{label}{star}" for label, star in zip(labels, stars, strict=True)]
    found = rows(data)
    lines = [["", *head]]
    for row in found:
        cells = []
        for n, value in enumerate(row.values):
            cell = "-" if np.isnan(value) else f"{_number(value)} +- {row.errors[n]:.0e}"
            if n != reference(row.values, row.errors) and not np.isnan(row.deviations[n]):
                cell += f" ({row.deviations[n]:+.2g})"
            cells.append(cell)
        lines.append([f"{row.name} {row.place}", *cells])
    notes = [
        [head[n], told["valid_for"] + (f"; {status}: {told['message']}" if "*" in head[n] else "")]
        for n, (told, status) in enumerate(zip(data.attributes["methods"], statuses, strict=True))
    ]
    verdicts = [[f"{row.name} {row.place}", row.verdict] for row in found]
    blocks = [_aligned(block) for block in (lines, verdicts, notes)]
    blocks[0] += "\nIn brackets: difference to the first in combined errors."
    return "\n\n".join([data.attributes["label"], *blocks])


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells with the columns below each other."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in padded)


def _number(value: complex) -> str:
    """Return a number without the real or imaginary part that is only rounding."""
    small = 1e-12 * max(abs(value), 1.0)
    parts = (value.real, value.imag)
    if abs(parts[1]) <= small:
        return f"{parts[0] if abs(parts[0]) > small else 0:.6g}"
    return f"{parts[0]:.5g}{parts[1]:+.5g}i" if abs(parts[0]) > small else f"{parts[1]:.5g}i"
