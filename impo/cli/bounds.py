"""The command `impo bounds`: observables in words, and intervals as a table or JSON."""

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

from impo.arguments import fail
from impo.model import LindbladModel, Term
from impo.results.summary import plain
from impo.results.table import aligned


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `impo bounds` beside the model."""
    parser.add_argument(
        "--observable", action="append", required=True, metavar="OP[,OP]",
        help="a local operator, on every site that has it, or a product on neighbouring sites",
    )  # fmt: skip
    told = "neighbouring sites whose density matrix is constrained (default: %(default)s)"
    parser.add_argument("--sites", type=int, default=6, metavar="K", help=told)
    told = "accuracy of both ends, in largest eigenvalues of the observable (default: %(default)g)"
    parser.add_argument("--tol", type=float, default=1e-5, metavar="TOL", help=told)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def compute(model: LindbladModel, arguments: argparse.Namespace, progress: Any) -> str:
    """Return the intervals of all observables as the command prints them."""
    from impo.semidefinite.bounds import bounds  # not for other commands

    begin = time.perf_counter()
    asked = {name: terms for word in arguments.observable for name, terms in _terms(model, word)}
    found = bounds(model, asked, sites=arguments.sites, tol=arguments.tol, progress=progress)
    seconds = time.perf_counter() - begin
    if not arguments.json:
        lines = aligned([[name, str(interval)] for name, interval in found.items()])
        note = f"Certified by a window of {arguments.sites} sites of the infinite chain."
        return "\n".join([model.label, *lines, note])
    intervals = {
        name: {"lower": plain(one.lower), "upper": plain(one.upper)} for name, one in found.items()
    }
    told = {
        "model": model.name, "parameters": plain(model.to_json()["parameters"]),
        "sites": arguments.sites, "tol": arguments.tol, "seconds": seconds,
        "intervals": intervals,
    }  # fmt: skip
    return json.dumps(told, allow_nan=False)


def _terms(model: LindbladModel, word: str) -> list[tuple[str, Term]]:
    """Return the observables that a word stands for, by name."""
    names, sites = word.split(","), model.sites
    known = {op for site in sites for op in site.operators}
    if len(names) > 2 or not set(names) <= known:
        listed = ", ".join(sorted(known))
        raise fail("--observable", f"one or two (joined by a comma) of {listed}", word)
    out = []
    for first in range(len(sites)):
        places = [divmod(first + step, len(sites)) for step in range(len(names))]
        factors = [(op, site, cell) for op, (cell, site) in zip(names, places, strict=True)]
        if all(op in sites[site].operators for op, site, _ in factors):
            label = "-".join(f"{site}{chr(39) * cell}" for _, site, cell in factors)
            out += _parts("".join(names), label, factors, model)
    if not out:
        raise fail("--observable", "operators of sites that are neighbours", word)
    return out


def _parts(
    name: str, label: str, factors: Sequence[tuple[str, int, int]], model: LindbladModel
) -> list[tuple[str, Term]]:
    """Return a product, or the real and imaginary part of one that is not Hermitian."""
    if all(model.sites[site].is_hermitian(op) for op, site, _ in factors):
        return [(f"{name} {label}", Term(1.0, *factors))]
    return [
        (f"Re {name} {label}", Term(0.5, *factors, plus_hc=True)),
        (f"Im {name} {label}", Term(-0.5j, *factors, plus_hc=True)),
    ]
