"""Observables by their names in words: `Sx` on every site, `Sz.Sz` on neighbouring sites.

A dot joins neighbours along the chain: after the last site of a cell comes the first one of the
next (in the first direction of a lattice in two dimensions).
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from impo.arguments import ArgumentError, fail, shown
from impo.model import LindbladModel
from impo.results.estimate import Estimate
from impo.results.variable import Variable


def known_observables(model: LindbladModel, words: Any) -> tuple[str, ...]:
    """Return names of observables, or raise `ArgumentError` unless the sites have their operators.

    Parameters
    ----------
    model
        The description.
    words
        A list of names, or one text in which commas stand between them.
    """
    if not isinstance(words, Iterable):
        raise fail("observe", "names of operators", words)
    names = words.split(",") if isinstance(words, str) else list(words)
    for name in names:
        if not starts(model, name):
            known = ", ".join(sorted({op for site in model.sites for op in site.operators}))
            raise ArgumentError(
                "Argument `observe` must be names of operators, joined by dots on neighbouring "
                f"sites that have them (of {known}), but is {shown(name)}."
            )
    if len(set(names)) < len(names):
        raise ArgumentError(f"Argument `observe` must name each once, but is {shown(words)}.")
    return tuple(names)


def starts(model: LindbladModel, name: Any) -> list[int]:
    """Return the sites of the unit cell on which the observable can begin."""
    ops, sites = name.split(".") if isinstance(name, str) else [""], model.sites
    return [
        first for first in range(len(sites))
        if all(op in sites[(first + n) % len(sites)].operators for n, op in enumerate(ops))
    ]  # fmt: skip


def measured(result: Any, name: str) -> Estimate | None:
    """Return an observable on the sites where it begins, the last axis; None if none is known.

    It is nan where an open cluster ends, and complex unless all its operators are Hermitian.
    """
    found = result.expect(name) if "." not in name else _chains(result, name)
    if found is None or _is_hermitian(result.model, name):
        return found
    return Estimate(np.asarray(found.value).astype(complex), found.error)


def _is_hermitian(model: LindbladModel, name: str) -> bool:
    ops, sites = name.split("."), model.sites
    return all(
        sites[(first + n) % len(sites)].is_hermitian(op)
        for first in starts(model, name) for n, op in enumerate(ops)
    )  # fmt: skip


def _chains(result: Any, name: str) -> Estimate | None:
    """Return products on neighbouring sites, for every site on which they begin."""
    parts = [_chain(result, name.split("."), first) for first in starts(result.model, name)]
    known = [part for part in parts if part is not None]
    if not known:
        return None
    blank = np.full(np.shape(known[0].value), np.nan)
    pairs = [(blank, blank) if part is None else (part.value, part.error) for part in parts]
    values, errors = (np.stack(column, axis=-1) for column in zip(*pairs, strict=True))
    return Estimate(values, errors)


def _chain(result: Any, ops: list[str], first: int) -> Estimate | None:
    """Return <product of operators> on sites one after the other, if the lattice has them."""
    count, rest = len(result.model.sites), (0,) * (result.model.dimension - 1)
    places: list[Any] = []
    for number in range(first, first + len(ops)):
        cell, site = divmod(number, count)
        places.append((site, (cell, *rest) if rest else cell))
    if not all(map(result.holds, places)):
        return None
    found: Estimate | None = result.expect(*((op, *at) for op, at in zip(ops, places, strict=True)))
    return found


def variables(result: Any, leading: tuple[str, ...] = ()) -> Iterator[tuple[str, Variable]]:
    """Yield what was asked to be observed as variables; `_imag` if it is complex.

    Parameters
    ----------
    result
        A state or trajectory.
    leading
        Dimensions before that of the sites.
    """
    for name in result.observe:
        if (found := measured(result, name)) is None:
            continue
        dim = f"{name}_site"
        sites = np.array(starts(result.model, name))
        yield dim, Variable((dim,), sites, "1", f"site of the unit cell on which {name} begins")
        value, label = np.asarray(found.value), f"expectation of {name}"
        parts = [("", np.real(value), label)]
        if np.iscomplexobj(value):
            parts.append(("_imag", np.imag(value), f"imaginary part of the {label}"))
        for ending, part, told in parts:
            dims = (*leading, dim)
            yield name + ending, Variable(dims, np.array(part, dtype=float), "1", told)
            bars = Variable(dims, np.array(found.error, dtype=float), "1", f"error of the {told}")
            yield f"{name}{ending}_error", bars


def told(result: Any, plain: Any) -> dict[str, Any]:
    """Return values and errors in JSON types, by name; complex numbers as [real, imaginary]."""
    out: dict[str, Any] = {}
    for name in result.observe:
        found = measured(result, name)
        value, error = (None, None) if found is None else (found.value, found.error)
        out[name] = {"value": plain(value), "error": plain(error)}
    return out
