"""Whether the error bars are right: random models solved as asked, and much better.

Two parts look at iMPO: random chains with rates from 0.05 to 3 against the same method with a
twentieth of the tolerance, and weakly damped clusters, hidden in a chain, against the exact state
of a cluster. Smaller parts look at evolutions, at TWA (against many more trajectories), and at
`Exact` and cluster mean field with cut-offs. A case is rebuilt from the seed and its number:
`runs._random_models`. Numbers are scaled by S, or by S^2 where two operators are multiplied.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo.results.dataset import Dataset
from impo.results.variable import Variable
from runs._calibration import (
    RATE_CLASSES,
    TOL,
    TOLS,
    Case,
    classes,
    comparable,
    converged,
    points,
    ratios,
    shares,
)
from runs._numbers import QUANTITIES

COST = {"quick": "10 min", "full": "1 h"}

SEED = 16
QUICK = {"chain": 40, "cluster": 24, "evolution": 8, "twa": 4, "exact": 8, "cmf": 8}
FULL = {"chain": 200, "cluster": 100, "evolution": 40, "twa": 20, "exact": 40, "cmf": 40}
WORST = 20  # numbers that are listed with their models
PROMPT = 15.0  # seconds of computing that a quick answer takes
LIMITS = {True: (15.0, 40.0), False: (60.0, 300.0)}  # quick or not: of a case, of its reference
TITLES = {
    "chain": "iMPO, random chains",
    "cluster": "iMPO, weakly damped clusters",
    "evolution": "iMPO, evolution",
    "twa": "TWA",
    "exact": "exact, cut off",
    "cmf": "cluster mean field, cut off",
}
BY_QUANTITY = ("chain", "cluster")
_COLOURS = 7  # of the style: more lines are dashed
SYMBOLS = {
    "<S>": r"$\langle S^{x,y,z}\rangle$",
    "Var Sz": r"Var $S^z$",
    "neighbours": r"$\langle AB\rangle$ of neighbours",
    "connected": "the same, connected",
    "negativity": "negativity of neighbours",
    "distant": r"$\langle AB\rangle$, 2 to 6 sites",
    "purity density": r"$-\ln\,\mathrm{Tr}\,\rho^2$ per site",
    "structure factor": "structure factor",
}
TOLD = ("part", "seed", "number", "spin", "sites", "symmetry", "rate")
SHARES = ("count", "beyond_1", "beyond_3", "beyond_tol", "median")
LABELS = {
    "count": "numbers compared",
    "beyond_1": "share of numbers beyond the bar",
    "beyond_3": "share of numbers beyond three bars",
    "beyond_tol": "share of numbers beyond the tolerance",
    "median": "median of error/bar",
}


def compute(quick: bool, directory: Path) -> Dataset:
    """Return every number compared, the verdict of every case, and what is counted of both."""
    counts, limits = (QUICK if quick else FULL), LIMITS[quick]
    cases = [Case(part, SEED, n, *limits) for part, count in counts.items() for n in range(count)]
    return counted(list(points(cases, directory)))


def counted(found: Sequence[Dataset]) -> Dataset:
    """Return the data of the study from what is measured of its cases."""
    cases = [one.attributes for one in found]
    parts = list(dict.fromkeys(case["part"] for case in cases))
    owner = np.repeat(np.arange(len(found)), [len(one["sample_error"]) for one in found])
    names = ("quantity", "label", "deviation", "error", "reference_error")
    columns = {name: np.concatenate([one[f"sample_{name}"] for one in found]) for name in names}
    columns["ratio"] = ratios(columns)
    good = np.array([comparable(case) for case in cases])[owner]
    part_of = np.array([parts.index(case["part"]) for case in cases])[owner]
    tol = np.array([TOLS.get(part, TOL) for part in parts])

    def shared(chosen: NDArray) -> dict[str, float]:
        chosen = chosen & good
        bound = tol[part_of[chosen]]
        return shares(columns["ratio"][chosen], columns["deviation"][chosen], bound)

    variables = {
        "part": Variable(("part",), np.array(parts), "1", "what is looked at"),
        "quantity": Variable(("quantity",), np.array(QUANTITIES), "1", "quantity"),
        "tol": Variable(("part",), tol, "1", "accuracy asked for"),
        **_cases(cases),
        **_samples(columns, owner, good),
        **_classes(cases, owner, shared),
    }
    table = [
        [shared((part_of == p) & (columns["quantity"] == q)) for q in QUANTITIES]
        for p in range(len(parts))
    ]
    for name in SHARES:
        values = np.array([[cell[name] for cell in row] for row in table])
        variables[name] = Variable(("part", "quantity"), values, "1", LABELS[name])
    compared = np.where(good, np.nan_to_num(columns["ratio"]), -1.0)
    order = [i for i in np.argsort(-compared, kind="stable") if compared[i] >= 0]
    first: dict[tuple[int, str], int] = {}  # the worst number of every case and quantity
    for i in order:
        first.setdefault((int(owner[i]), str(columns["quantity"][i])), i)
    worst = [_told(cases[owner[i]], columns, i) for i in list(first.values())[:WORST]]
    told = {"seed": SEED, "prompt_seconds": PROMPT, "worst": worst}
    return Dataset(variables, {**told, "conclusion": _conclusion(cases, columns["ratio"][good])})


def _conclusion(cases: Sequence[Mapping[str, Any]], ratio: NDArray) -> str:
    """Return how many cases converged, and how many of their numbers are off by more than a bar."""
    both, alone = sum(map(comparable, cases)), sum(map(converged, cases))
    beyond, known = np.sum(ratio > 1), np.sum(~np.isnan(ratio))
    return (
        f"{alone} of {len(cases)} cases are converged, {both} of them with their references; "
        f"{beyond} of {known} numbers are off by more than their bars"
    )


def _cases(cases: Sequence[Mapping[str, Any]]) -> dict[str, Variable]:
    """Return what is known of every case, over the axis `case`."""
    labels = {
        "part": "what is looked at", "number": "number of the draw", "spin": "spin, or boson",
        "sites": "sites per cell", "symmetry": "couplings", "rate": "rate of the slowest site",
        "verdict": "verdict", "seconds": "seconds of computing",
        "reference_verdict": "verdict of the reference",
        "reference_seconds": "seconds of computing of the reference",
    }  # fmt: skip
    return {
        f"case_{name}": Variable(("case",), np.array([case[name] for case in cases]), "1", label)
        for name, label in labels.items()
    }


def _samples(columns: Mapping[str, NDArray], owner: NDArray, good: NDArray) -> dict[str, Variable]:
    """Return what is known of every number, over the axis `sample`."""
    labels = {
        "quantity": "quantity", "label": "operators, sites and place in the result",
        "deviation": "distance from the reference", "error": "bar",
        "reference_error": "bar of the reference", "ratio": "distance over the root of both bars",
    }  # fmt: skip
    out = {
        f"sample_{name}": Variable(("sample",), columns[name], "1", label)
        for name, label in labels.items()
    }
    out["sample_case"] = Variable(("sample",), owner, "1", "place of its case on the axis `case`")
    out["sample_counts"] = Variable(
        ("sample",), good.astype(int), "1", "1 if its case and the reference converged"
    )
    return out


def _classes(
    cases: Sequence[Mapping[str, Any]], owner: NDArray, shared: Any
) -> dict[str, Variable]:
    """Return what is counted by part and class of model, over the axis `class`."""
    names = [[f"{case['part']}: {name}" for name in classes(case)] for case in cases]
    every = sorted({name for one in names for name in one}, key=_order)
    member = np.array([[name in one for one in names] for name in every])  # class, case
    good = np.array([converged(case) for case in cases])
    prompt = good & (np.array([case["seconds"] for case in cases]) <= PROMPT)
    told = {"cases": member.sum(axis=1)}
    told["converged"] = (member & good).sum(axis=1) / told["cases"]
    told["prompt"] = (member & prompt).sum(axis=1) / told["cases"]
    labels = {
        "cases": "number of cases", "converged": "share that converged",
        "prompt": f"share that converged within {PROMPT:g} s of computing",
    }  # fmt: skip
    found = [shared(one[owner]) for one in member]
    for name in SHARES:
        told[name] = np.array([one[name] for one in found])
    out = {"class": Variable(("class",), np.array(every), "1", "part and class of model")}
    for name, values in told.items():
        label = {**labels, **LABELS}[name]
        out[f"class_{name}"] = Variable(("class",), values, "1", label)
    return out


def _order(name: str) -> tuple[int, int, str]:
    """Return what classes are sorted by: the part, all before the others, the rates last."""
    part, rest = name.split(": ")
    rates = [f"{part}: {one}" for one in RATE_CLASSES]
    place = -1 if rest == "all" else 1 + rates.index(name) if name in rates else 0
    return list(TITLES).index(part), place, rest


def _told(case: Mapping[str, Any], columns: Mapping[str, NDArray], i: int) -> dict[str, Any]:
    """Return a number and the case that it belongs to as JSON types, with the model."""
    out = {name: case[name] for name in (*TOLD, "seconds", "model")}
    out |= {name: str(columns[name][i]) for name in ("quantity", "label")}
    sizes = ("ratio", "deviation", "error", "reference_error")
    return out | {name: float(columns[name][i]) for name in sizes}


def draw(data: Dataset) -> Figure:
    """Draw how error/bar is distributed, by quantity and by part, and how much converged."""
    figure = Figure(figsize=(7.2, 6.6), layout="constrained")
    panels = figure.subplots(2, 2)
    for ax, part in zip(panels[0], BY_QUANTITY, strict=True):
        lines = {q: _of(data, part) & (data["sample_quantity"] == q) for q in QUANTITIES}
        _distribution(ax, data, {SYMBOLS[q]: chosen for q, chosen in lines.items()})
        ax.set_title(TITLES[part])
    others = [part for part in data["part"] if part not in BY_QUANTITY]
    _distribution(panels[1, 0], data, {TITLES[part]: _of(data, part) for part in others})
    panels[1, 0].set_title("evolution and other methods")
    _converged(panels[1, 1], data)
    for ax, letter in zip(panels.flat, "abcd", strict=True):
        ax.set_title(f"({letter})", loc="left")
    return figure


def _of(data: Dataset, part: str) -> NDArray:
    """Return which numbers belong to a part and count."""
    return (data["case_part"][data["sample_case"]] == part) & (data["sample_counts"] == 1)


def _distribution(ax: Axes, data: Dataset, lines: Mapping[str, NDArray]) -> None:
    """Draw the share of numbers whose error exceeds so many bars."""
    left, right = 1e-3, 30.0
    ax.axvspan(1, 3, color="0.92", zorder=0)
    ax.axvspan(3, right, color="0.84", zorder=0)
    for place, (name, chosen) in enumerate(lines.items()):
        ratio = np.sort(data["sample_ratio"][chosen & np.isfinite(data["sample_ratio"])])
        if not len(ratio):
            continue
        right = max(right, 2 * float(ratio[-1]))
        share = 1 - np.arange(len(ratio)) / len(ratio)
        label = f"{name} ({len(ratio)})"
        look = {"color": f"C{place}", "linestyle": "-" if place < _COLOURS else "--"}
        ax.step(np.maximum(ratio, left), share, where="pre", label=label, linewidth=1, **look)
    ax.axhline(0.02, color="0.4", linewidth=0.8, linestyle=":")
    ax.set(xscale="log", yscale="log", xlim=(left, right), ylim=(1e-4, 1.3))
    ax.set(xlabel="$x$", ylabel="share with error/bar $> x$")
    if ax.lines[1:]:  # besides the line of two per cent
        ax.legend(fontsize=6.5, loc="lower left")


def _converged(ax: Axes, data: Dataset) -> None:
    """Draw the share that converged by class: at all, and quickly enough."""
    names = list(data["class"])
    shown = [name for name in names if name.split(": ")[0] in BY_QUANTITY or "all" in name]
    rows = [names.index(name) for name in shown]
    places = -np.arange(len(rows))
    ax.barh(places, data["class_converged"][rows], color="C4", label="converged")
    ax.barh(
        places, data["class_prompt"][rows], height=0.4, color="C0",
        label=f"within {data.attributes['prompt_seconds']:g} s",
    )  # fmt: skip
    labels = [f"{names[i]} ({data['class_cases'][i]})" for i in rows]
    ax.set_yticks(places, labels, fontsize=6)
    ax.set(xlim=(0, 1), xlabel="share of cases (number)")
    ax.grid(visible=False, axis="y")
    ax.legend(fontsize=6.5, loc="upper center", bbox_to_anchor=(0.4, -0.14), ncols=2)
