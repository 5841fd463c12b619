"""Do methods agree? The verdict on one number by several methods, and on all numbers together.

Error bars do not contain what a method leaves out. A difference beyond the errors is therefore held
against the relative size of what the two methods leave out, of which only the order is known.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from impo.analysis.compare import reference
from impo.arrays import Array

AGREE = 3.0  # combined errors within which two numbers agree
WHOLE = 1.0  # of a number: what leaves out that much can neither agree nor differ
ORDER = 3.0  # factor within which a difference is of the order of what a method leaves out
_SHOWN = 3  # numbers in the summary that are named


class Kind(StrEnum):
    """How a number compares with the reference."""

    AGREE = "agree"
    OMISSION = "agree_within_omission"
    OPEN = "open"
    DIFFER = "differ"


@dataclass(frozen=True)
class Judgement:
    """How the number of one method compares with the reference, and why, in words."""

    label: str
    kind: Kind
    reason: str


def judgements(
    values: Array, errors: Array, deviations: Array, omitted: Sequence[float], labels: Array
) -> list[Judgement]:
    """Return how the numbers of the methods compare with the first that has an error bar.

    Parameters
    ----------
    values, errors, deviations
        One number by all methods; nan where there is none.
    omitted
        Relative size of what each method leaves out; nan if it is not known.
    labels
        Names of the methods.

    Returns
    -------
    list
        The reference itself is not in it, nor a method without a number and an error bar.
    """
    first = reference(values, errors)
    out = []
    for n, deviation in enumerate(deviations):
        if first is None or n == first or np.isnan(deviation):
            continue
        if abs(deviation) <= AGREE:
            out.append(Judgement(str(labels[n]), Kind.AGREE, f"{abs(deviation):.1f} errors"))
            continue
        change = float(abs(values[n] - values[first]) / max(abs(values[n]), abs(values[first])))
        sizes = {str(labels[k]): omitted[k] for k in (n, first)}
        out.append(Judgement(str(labels[n]), *_beyond_errors(change, sizes)))
    return out


def _beyond_errors(change: float, sizes: dict[str, float]) -> tuple[Kind, str]:
    """Judge a relative difference that the errors do not explain, given what is left out."""
    apart = f"by {_percent(change)}"
    if unknown := [label for label, size in sizes.items() if math.isnan(size)]:
        return Kind.DIFFER, f"{apart} ({_leave(unknown)} is not known)"
    order = sum(sizes.values())
    if not order:
        return Kind.DIFFER, f"{apart}, though {' and '.join(sizes)} leave nothing out"
    if order >= WHOLE:
        parts = [f"{label} leaves out {_percent(size)}" for label, size in sizes.items() if size]
        return Kind.OPEN, " and ".join(parts)
    told = f"{_leave([label for label, size in sizes.items() if size])} ({_percent(order)})"
    if change > ORDER * order:
        return Kind.DIFFER, f"{apart}, more than {ORDER:g} times {told}"
    return Kind.OMISSION, told if change <= order else f"{ORDER:g} times {told}"


def _percent(x: float) -> str:
    return f"{100 * x:.2g} %" if 100 * x < 99.5 else f"{100 * x:.0f} %"


def _leave(labels: Sequence[str]) -> str:
    return f"what {' and '.join(labels)} leave{'s' if len(labels) == 1 else ''} out"


def in_words(found: Sequence[Judgement], several: bool) -> str:
    """Return the verdict on one number; its first word says whether the methods agree.

    Parameters
    ----------
    found
        What `judgements` returned.
    several
        Whether more than one method gives a number, with an error bar or without.
    """
    if not found:
        return "open: no second error bar" if several else "open: one method only"
    if differing := [one for one in found if one.kind == Kind.DIFFER]:
        agreeing = [one for one in found if one.kind == Kind.OMISSION]
        parts = [f"{one.label} {one.reason}" for one in differing]
        parts += [f"{one.label} is within {one.reason}" for one in agreeing]
        return f"differ: {'; '.join(parts)}"
    if unknown := [one.reason for one in found if one.kind == Kind.OPEN]:
        return f"open: {'; '.join(unknown)}"
    beyond = [one.reason for one in found if one.kind == Kind.OMISSION]
    if beyond:
        return f"agree within {' and '.join(beyond)}"
    worst = max((one.reason for one in found), key=lambda reason: float(reason.split()[0]))
    return f"agree within {worst}"


def worst(found: Iterable[Judgement]) -> Kind | None:
    """Return the worst of some judgements; None if there are none."""
    kinds = {one.kind for one in found}
    return next((kind for kind in reversed(Kind) if kind in kinds), None)


def summary(
    judged: Sequence[tuple[str, Sequence[Judgement]]], labels: Sequence[str], first: Sequence[str]
) -> str:
    """Return what all numbers say about all methods, in one line.

    Parameters
    ----------
    judged
        Name and judgements of every number.
    labels
        Names of the methods.
    first
        Those that are the reference of a number.
    """
    of_method = {
        label: [(name, one) for name, found in judged for one in found if one.label == label]
        for label in labels
    }
    compared = {label: found for label, found in of_method.items() if found}
    if not compared:
        return "No method can be compared with another."
    verdicts = {label: worst(one for _, one in found) for label, found in compared.items()}
    agreeing = [k for k in labels if verdicts.get(k, Kind.AGREE) in (Kind.AGREE, Kind.OMISSION)]
    agreeing = [k for k in agreeing if k in verdicts or k in first]
    total = len({*compared, *first})
    within = "their errors"
    if Kind.OMISSION in verdicts.values():
        within += " and what they leave out"
    count = "Both" if len(agreeing) == total == 2 else f"{len(agreeing)} of {total}"
    head = f"{count} methods agree within {within} ({', '.join(agreeing)})"
    if len(agreeing) < 2:
        head = f"No other method agrees with {agreeing[0]}" if agreeing else "No methods agree"
    return "; ".join([head, *_exceptions(compared, labels, first)]) + "."


def _exceptions(
    compared: dict[str, list[tuple[str, Judgement]]], labels: Sequence[str], first: Sequence[str]
) -> Iterator[str]:
    """Yield where methods differ, and which could not be compared."""
    for label, found in compared.items():
        names = [name for name, one in found if one.kind == Kind.DIFFER]
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            told = f"{', '.join(names[:_SHOWN])}{more}"
            yield f"{label} differs in {len(names)} of {len(found)} numbers: {told}"
        elif unknown := {one.reason for _, one in found if one.kind == Kind.OPEN}:
            yield f"open for {label}: {'; '.join(sorted(unknown))}"
    if silent := [label for label in labels if label not in compared and label not in first]:
        yield f"not compared: {', '.join(silent)}"
