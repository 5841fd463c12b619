"""A comparison of methods in words: a table, a verdict on each number and on all, and JSON."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from impo.analysis.compare import reference
from impo.analysis.judgement import Judgement, Kind, in_words, judgements, summary, worst
from impo.arrays import Array
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.notation import with_error
from impo.results.summary import plain
from impo.results.table import aligned
from impo.semidefinite.interval import Interval


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
        Whether all differences are within three combined errors; None if there are none.
    verdict
        The same in words; the first says whether the methods agree.
    interval
        Certified ends between which the true value lies, or None.
    outside
        The methods whose number lies outside, with all of its error bar.
    judgement
        "agree", "agree_within_omission" if the differences are of the order of what the methods
        leave out, "open" if a method leaves out the whole, or "differ"; None without differences.
    """

    name: str
    place: str
    values: Array
    errors: Array
    deviations: Array
    agree: bool | None
    verdict: str
    judgement: Kind | None
    interval: tuple[float, float] | None
    outside: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name and place."""
        return f"{self.name} {self.place}".rstrip()


def rows(data: Dataset) -> list[Row]:
    """Return all numbers of a comparison, in the order of the description in `compare`."""
    return [row for row, _ in _judged(data)]


def _judged(data: Dataset) -> list[tuple[Row, list[Judgement]]]:
    """Return all numbers with the judgement on each method that can be compared."""
    methods, labels = data.attributes["methods"], data["solver"]
    omitted = [math.nan if one["omitted"] is None else one["omitted"] for one in methods]
    out = []
    for name in (name for name in _ORDER if name in data):
        dims = data.variables[name].dims[1:]
        for place in np.ndindex(data[name].shape[1:]):
            at: Any = (slice(None), *place)
            values, errors, apart = (data[name + end][at] for end in ("", "_error", "_deviation"))
            where = str(data[dims[0]][place[0]]) if dims else ""
            found = judgements(values, errors, apart, omitted, labels)
            told = in_words(found, several=int(np.sum(~np.isnan(values))) > 1)
            kind = worst(found)
            agree = None if kind is None else kind == Kind.AGREE
            interval = _interval(data, name, place)
            outside = _outside(interval, values, errors, labels)
            row = Row(name, where, values, errors, apart, agree, told, kind, interval, outside)
            out.append((row, found))
    return out


def _interval(data: Dataset, name: str, place: tuple[int, ...]) -> tuple[float, float] | None:
    """Return the certified ends of a number, if there are."""
    if f"{name}_lower" not in data:
        return None
    return float(data[f"{name}_lower"][place]), float(data[f"{name}_upper"][place])


def _outside(
    interval: tuple[float, float] | None, values: Array, errors: Array, labels: Array
) -> tuple[str, ...]:
    """Return the methods whose number is outside of an interval; one without a bar has no error."""
    if interval is None:
        return ()
    found = Interval(*interval).excludes(values, np.nan_to_num(errors))
    return tuple(str(label) for label, out in zip(labels, found, strict=True) if out)


def conclusion(data: Dataset) -> str:
    """Return in one line which methods of a comparison agree, and where others differ."""
    judged, labels = _judged(data), [str(label) for label in data["solver"]]
    found = [reference(row.values, row.errors) for row, _ in judged]
    first = [label for n, label in enumerate(labels) if n in found]
    told = summary([(row.label, one) for row, one in judged], labels, first)
    statuses = zip(labels, data["status"], strict=True)
    poor = [f"{label} ({status})" for label, status in statuses if status != Status.CONVERGED]
    outside = [f"{row.label} of {label}" for row, _ in judged for label in row.outside]
    told += f" Outside the certified interval: {', '.join(outside)}." if outside else ""
    return f"{told} Not converged: {', '.join(poor)}." if poor else told


_ORDER = (
    "Sz", "Sz_var", "N", "N_var", "S+S-", "SzSz", "BdB", "NN",
    "xi_S+S-", "xi_SzSz", "xi_BdB", "xi_NN", "purity_density",
)  # fmt: skip


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
    observables = [plain(vars(row)) for row in rows(data)]
    return {**told, "methods": methods, "observables": observables, "summary": conclusion(data)}


_TOLD = ("message", "valid_for", "omitted")


def table(data: Dataset) -> str:
    """Return a comparison as lines for a person; a star marks what is not converged."""
    labels, statuses = data["solver"], data["status"]
    stars = np.where(statuses == Status.CONVERGED, "", "*")
    head = [f"{label}{star}" for label, star in zip(labels, stars, strict=True)]
    found = rows(data)
    certified = any(row.interval for row in found)
    lines = [["", *head, *["certified"] * certified]]
    for row in found:
        cells = []
        for n, value in enumerate(row.values):
            cell = with_error(_without_rounding(value), float(row.errors[n]))
            if n != reference(row.values, row.errors) and not np.isnan(row.deviations[n]):
                cell += f" ({row.deviations[n]:+.2g})"
            cells.append(cell + " outside" * (labels[n] in row.outside))
        cells += [str(Interval(*row.interval))] if row.interval else [""] * certified
        lines.append([row.label, *cells])
    notes = [
        [head[n], told["valid_for"] + (f"; {status}: {told['message']}" if "*" in head[n] else "")]
        for n, (told, status) in enumerate(zip(data.attributes["methods"], statuses, strict=True))
    ]
    verdicts = []
    for row in found:
        first, _, rest = row.verdict.partition(" ")
        verdicts.append([first.rstrip(":"), row.label, rest])
    blocks = ["\n".join(aligned(block)) for block in (lines, verdicts, notes)]
    blocks[0] += "\nIn brackets: difference to the first in combined errors."
    return "\n\n".join([data.attributes["label"], *blocks, conclusion(data)])


def _without_rounding(value: complex) -> complex:
    """Return a number without the real or imaginary part that is only rounding."""
    small = 1e-12 * max(abs(value), 1.0)
    real, imag = (0.0 if abs(part) <= small else part for part in (value.real, value.imag))
    return complex(real, imag) if imag else real
