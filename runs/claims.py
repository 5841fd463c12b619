"""What the paper states in numbers, what we find, and in which file: a table of claims.

Every row is a statement of Huber, Kirton and Rabl, a number that is measured of it in the result
file of a study, and what is found: confirmed, corrected, narrower than stated, or not reproduced.
A number that is not what the finding needs makes its row "not reproduced". The study reads files
and computes nothing; both forms are the same.

`python -m runs.claims PAGE` writes the table into a page.
"""

import math
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from impo.results.dataset import Dataset
from impo.results.estimate import Estimate
from impo.results.store import load
from impo.results.variable import Variable
from runs._claims import CLAIMS, CONFIRMED, CORRECTED, MISSED, NARROWER
from runs._pages import ROOT, kept, table, written_into

COST = {"quick": "1 s", "full": "1 s"}

FINDINGS = (CONFIRMED, CORRECTED, NARROWER, MISSED)


def compute(quick: bool) -> Dataset:
    """Return a row for every claim."""
    paths = [kept(claim.study) for claim in CLAIMS]
    data = {path: load(path) for path in set(paths)}
    numbers = [claim.measure(data[path]) for claim, path in zip(CLAIMS, paths, strict=True)]
    findings = [
        claim.finding if claim.holds(value) else MISSED
        for claim, (value, _) in zip(CLAIMS, numbers, strict=True)
    ]
    files = [str(path.relative_to(ROOT)) for path in paths]
    columns = {
        "place": [claim.place for claim in CLAIMS],
        "statement": [claim.statement for claim in CLAIMS],
        "quantity": [claim.quantity for claim in CLAIMS],
        "value": [value for value, _ in numbers],
        "value_error": [error for _, error in numbers],
        "finding": findings,
        "file": files,
        "test": [claim.test for claim in CLAIMS],
    }
    counts = ", ".join(f"{findings.count(one)} {one}" for one in FINDINGS)
    variables = {name: Variable(("claim",), np.array(items)) for name, items in columns.items()}
    return Dataset(variables, {"conclusion": f"of {len(CLAIMS)} claims {counts}"})


def draw(data: Dataset) -> Figure:
    """Draw how many claims have which finding."""
    figure = Figure(figsize=(5, 2.2), layout="constrained")
    axes = figure.subplots()
    counts = [int(np.sum(data["finding"] == one)) for one in FINDINGS]
    axes.bar_label(axes.barh(FINDINGS, counts))
    axes.invert_yaxis()
    axes.set_xlabel("claims of the paper")
    return figure


def lines_of(data: Dataset) -> str:
    """Return the claims as a table of a page."""
    head = ["place", "the paper", "measured", "our value", "found", "file", "test"]
    names = ("place", "statement", "quantity", "finding", "file", "test")
    lines = []
    for n in range(len(data["place"])):
        place, statement, quantity, finding, file, test = (str(data[name][n]) for name in names)
        ours = _told(float(data["value"][n]), float(data["value_error"][n]))
        cells = [place, statement, quantity, ours, f"**{finding}**", f"`{file}`", f"`{test}`"]
        lines.append(cells)
    return table(head, lines)


def _told(value: float, error: float) -> str:
    """Return a number with its error, or to the digits that matter where it has none."""
    if math.isfinite(error) and error > 1e-9:
        return str(Estimate(value, error))
    return "0" if abs(value) < 1e-7 else f"{value:.5g}"


def main(page: str) -> None:
    """Write the table into a page."""
    path = Path(page)
    data = compute(quick=True)
    text = f"Of {len(CLAIMS)} claims, {data.attributes['conclusion'].partition('claims ')[2]}."
    path.write_text(written_into(path, "claims", f"{text}\n\n{lines_of(data)}"), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
