"""Results as tables: what `print` shows, the command line, and a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from impo.arrays import Array
from impo.results.notation import numbers, with_error
from impo.results.summary import with_errors

TIMES = 17
"""Times of a trajectory that a table shows at most."""
_ROUNDING = 1e-12  # an expectation value below it is shown as zero


@dataclass(frozen=True)
class Table:
    """Rows of text; the first cell of a row is its heading.

    Attributes
    ----------
    title
        What was computed.
    rows
        Cells, of which every row has its own number.
    note
        A last line, if there is something to say.
    """

    title: str
    rows: list[list[str]]
    note: str = ""

    def text(self) -> str:
        """Return lines with the columns below each other."""
        return "\n".join([self.title, *aligned(self.rows), *filter(None, [self.note])])

    def html(self) -> str:
        """Return the same as an element of a page."""
        rows = "".join(
            f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(c)}</td>' for c in rest)}</tr>"
            for first, *rest in self.rows
        )
        title, note = escape(self.title), escape(self.note)
        return f"<table><caption>{title}</caption>{rows}</table>{f'<p>{note}</p>' if note else ''}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for every row, the columns below each other; last cells do not widen them."""
    columns = max(map(len, rows), default=0)
    widths = [
        max((len(row[n]) for row in rows if n < len(row) - (n > 0)), default=0)
        for n in range(columns)
    ]
    return [
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    ]


def solved(result: Any) -> str:
    """Return what was solved, and by which method."""
    return f"{result.model.label} by {result.method.name}"


def state_table(state: Any) -> Table:
    """Return the verdict on a state, and its numbers on the sites of the unit cell."""
    facts = state.summary()
    errors = facts["errors"]
    rows = [
        ["status", f"{state.status}: {state.message}"],
        ["residual", "-" if state.residual is None else f"{state.residual:.1e}"],
        ["seconds", f"{state.seconds:.2f}"],
    ]
    for name, values in facts["observables"].items():
        rows.append([name, *numbers(values, errors[name])])
    for name, item in facts.get("observed", {}).items():
        values = item["value"] and [
            complex(*x) if isinstance(x, list) else x for x in item["value"]
        ]
        rows.append([name, *numbers(values, item["error"])])
    for name, length in facts["correlation_length"].items():
        reason = facts["no_correlation_length"].get(name)
        told = numbers(length, errors[f"xi_{name}"]) if reason is None else [f"- ({reason})"]
        rows.append([f"xi {name}", *told])
    rows += [[name, f"{facts[name]}"] for name in state.extras]
    return Table(solved(state), rows)


def trajectory_table(trajectory: Any) -> Table:
    """Return the observables on the sites at all times, or at some if there are many."""
    count = len(trajectory)
    chosen = np.unique(np.linspace(0, count - 1, min(count, TIMES)).round().astype(int)).tolist()
    columns = [["time", *(f"{trajectory.times[n]:.6g}" for n in chosen)]]
    told = trajectory.readable()
    for name, (value, error) in with_errors(told).items():
        for k, site in enumerate(told[value.dims[1]].values):
            pairs = ((float(value.values[n, k]), float(error.values[n, k])) for n in chosen)
            cells = [with_error(0.0 if abs(x) < _ROUNDING else x, e) for x, e in pairs]
            columns.append([f"{name} {site}", *cells])
    rows = [list(row) for row in zip(*columns, strict=True)]
    some = f"{len(chosen)} of {count} times; all with --json or in a file."
    verdict = f"{trajectory.status}: {trajectory.message}"
    title = f"{solved(trajectory)}\n{verdict}"
    return Table(title, rows, some if len(chosen) < count else "")


def dataset_table(data: Any) -> Table:
    """Return the name, dimensions, range, unit and meaning of every variable but the errors."""
    rows = [
        [name, " x ".join(f"{d} {n}" for d, n in zip(item.dims, item.values.shape, strict=True)),
         _range(item.values), "" if item.units == "1" else item.units, item.long_name]
        for name, item in data.variables.items() if not name.endswith(("_error", "_deviation"))
    ]  # fmt: skip
    title, bad = data.attributes.get("study") or data.attributes.get("label"), data.unconverged
    note = f"{bad} results are not converged." if bad else ""
    return Table(str(title or "Data"), rows, note)


def _range(values: Array) -> str:
    """Return the least and the largest number, or some of the texts."""
    if values.dtype.kind == "c":
        return f"up to {np.nanmax(np.abs(values), initial=0):.4g}, complex"
    if values.dtype.kind not in "iuf":
        texts = sorted({str(value) for value in values.ravel().tolist()})
        return ", ".join(texts[:3]) + (", ..." if len(texts) > 3 else "")
    known = values[np.isfinite(values)]
    if not known.size:
        return "-"
    low, high = f"{known.min():.4g}", f"{known.max():.4g}"
    missing = f" ({values.size - known.size} missing)" if known.size < values.size else ""
    return (low if low == high else f"{low} ... {high}") + missing
