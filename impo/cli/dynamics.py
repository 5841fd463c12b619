"""The commands `impo two-time`, `impo spectral` and `impo quench`: dynamics of a stored state."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from impo.arguments import ArgumentError, fail
from impo.cli import evolve, parse
from impo.cli.ending import Outcome
from impo.cli.exit_codes import CONVERGED, NOT_CONVERGED
from impo.cli.progress import shown
from impo.results.estimate import Status
from impo.results.sampled import SampledFunction
from impo.results.state import SteadyState
from impo.results.store import check_writable, load, save

_NUMBERS = "start:stop:count"


def two_time(arguments: argparse.Namespace) -> Outcome:
    """Compute a correlation of two times, or a response, and store it if asked to."""
    names, sites = _pair(arguments.pair), _sites(arguments.sites)
    times = evolve.times(arguments.times)
    if arguments.response and arguments.reverse:
        raise ArgumentError("Option `--reverse` has no meaning for a response, which has both.")

    def ask(state: SteadyState, show: Any) -> SampledFunction | None:
        if arguments.response:
            return state.response(*names, times, sites, arguments.cells, show)
        return state.two_time(*names, times, sites, arguments.cells, arguments.reverse, show)

    return _answered(arguments, ask)


def spectral(arguments: argparse.Namespace) -> Outcome:
    """Compute a power spectrum, or a susceptibility, and store it if asked to."""
    names, sites = _pair(arguments.pair), _sites(arguments.sites)
    k, omega = (
        parse.numbers(option, word, word, least=1)
        for option, word in (("--k", arguments.k), ("--omega", arguments.omega))
    )

    def ask(state: SteadyState, show: Any) -> SampledFunction | None:
        verb = state.susceptibility if arguments.response else state.spectral_function
        return verb(*names, k, omega, sites, show)

    return _answered(arguments, ask)


def quench(arguments: argparse.Namespace) -> Outcome:
    """Compute what an operator on one site does to all others, and store it if asked to."""
    times = evolve.times(arguments.times)

    def ask(state: SteadyState, show: Any) -> SampledFunction | None:
        one = (arguments.operator, times, arguments.observe, arguments.site, arguments.cells)
        return state.local_quench(*one, show)

    return _answered(arguments, ask)


def _answered(
    arguments: argparse.Namespace, ask: Callable[[SteadyState, Any], SampledFunction | None]
) -> Outcome:
    """Ask the state of a file for a function; print it, and store it if asked to."""
    if arguments.output:
        check_writable(arguments.output)
    with shown(f"reading {arguments.file}") as show:
        state = load(arguments.file)
        if not isinstance(state, SteadyState):
            raise fail("FILE", "the file of a steady state", str(arguments.file))
        found = ask(state, show)
    if found is None:
        raise ArgumentError(
            f"Method `{state.method.name}` does not give this for the state in {arguments.file}; "
            "see docs/dynamics.md for those that do."
        )
    if arguments.output:
        save(found, arguments.output)
    code = CONVERGED if found.status == Status.CONVERGED else NOT_CONVERGED
    told = json.dumps(found.facts(), allow_nan=False) if arguments.json else found.table()
    return code, told


def _pair(word: str) -> tuple[str, str]:
    names = word.split(",")
    if len(names) != 2:
        raise fail("--pair", "two names of operators, such as S-,S+", word)
    return names[0], names[1]


def _sites(word: str) -> tuple[int, int]:
    numbers = word.split(",")
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        raise fail("--sites", "two sites of the unit cell, such as 0,1", word)
    return int(numbers[0]), int(numbers[1])


def add_options(parsers: dict[str, argparse.ArgumentParser], file: dict[str, Any]) -> None:
    """Add the arguments of all three commands; `file` are settings of an output."""
    for each in parsers.values():
        each.add_argument("file", type=Path, metavar="FILE", help="of a steady state")
    for name in ("two-time", "quench"):
        times = f"times in inverse rates of the model: {_NUMBERS}, or a list t,t,..."
        parsers[name].add_argument("--times", required=True, metavar=_NUMBERS, help=times)
        told = "largest distance (default: 10)"
        parsers[name].add_argument("--cells", type=int, default=10, metavar="N", help=told)
    for name in ("two-time", "spectral"):
        told = "operators, such as S-,S+"
        parsers[name].add_argument("--pair", required=True, metavar="A,B", help=told)
        told = "sites of A and B in the unit cell (default: 0,0)"
        parsers[name].add_argument("--sites", default="0,0", metavar="I,J", help=told)
        told = "the response to a kick: the commutator in place of the product"
        parsers[name].add_argument("--response", action="store_true", help=told)
    told = "<B(0) A(t)>, the other order"
    parsers["two-time"].add_argument("--reverse", action="store_true", help=told)
    told = "wave numbers in 1/cell; write --k=-3:3:7 for a negative one"
    parsers["spectral"].add_argument("--k", required=True, metavar=_NUMBERS, help=told)
    told = "angular frequencies; write --omega=-8:8:81 for a negative one"
    parsers["spectral"].add_argument("--omega", required=True, metavar=_NUMBERS, help=told)
    told = "what acts on the site at time zero, such as S-"
    parsers["quench"].add_argument("--operator", required=True, metavar="K", help=told)
    told = "its site in the unit cell (default: 0)"
    parsers["quench"].add_argument("--site", type=int, default=0, metavar="I", help=told)
    told = "what is measured around it, such as Sz"
    parsers["quench"].add_argument("--observe", required=True, metavar="O", help=told)
    for each in parsers.values():
        each.add_argument("--json", action="store_true", help="print one JSON object")
        each.add_argument("-o", "--output", **file, help="store the result")
