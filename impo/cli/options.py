"""The commands and their options, and those options that print something and end."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from impo.arguments import ArgumentError
from impo.cli import bounds, completion, dynamics, evolve, scan
from impo.methods import METHODS
from impo.results.settings import provenance

_HELP = {
    "solve": "compute one steady state",
    "scan": "compute a grid of steady states; run again to resume",
    "evolve": "compute the states at given times",
    "two-time": "correlations of two times, or the response, in a stored steady state",
    "spectral": "spectral function, or susceptibility, of a stored steady state",
    "quench": "what an operator on one site of a stored steady state does around it",
    "bounds": "certified intervals of expectation values in an infinite chain",
    "compare": "one model by several methods: do they agree?",
    "run": "compute and draw a study of the package `runs`, or run a benchmark",
    "plot": "draw a result, a scan or a study",
    "check": "recompute from the stored state what a file says about it",
    "models": "list the models of the package `models` and their parameters",
    "methods": "list the methods, or the settings of one",
}
_KNOWN = ", ".join(METHODS)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise ArgumentError(f"{message}; see `{self.prog} --help`.")


class _Print(argparse.Action):
    """An option that prints what `const` makes of the parser and its value, and ends."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, value: Any, option: Any = None
    ) -> NoReturn:
        print(self.const(parser, value))
        parser.exit()


def parser(commands: Mapping[str, Callable[..., Any]]) -> argparse.ArgumentParser:
    """Return the parser of a command line; `command` is then one of the given functions."""
    out = _Parser(prog="impo", description="Steady states of dissipative spin lattices.")
    told = "print the version"
    out.add_argument("--version", action=_Print, nargs=0, const=_version, help=told)
    out.add_argument(
        "--print-completion", action=_Print, const=_completion, choices=completion.SHELLS,
        metavar="SHELL", help="print a script that completes command lines in bash or zsh",
    )  # fmt: skip
    added = out.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    made = {}
    for name, command in commands.items():
        made[name] = added.add_parser(name, help=_HELP[name], description=_HELP[name])
        made[name].set_defaults(command=command)
    _add_computations(made)
    _add_rest(made)
    return out


def _add_computations(made: Mapping[str, argparse.ArgumentParser]) -> None:
    """Add the arguments of commands that take a model."""
    one, many, path, several = (made[name] for name in ("solve", "scan", "evolve", "compare"))
    for each in (one, many, path, several, made["bounds"]):
        each.add_argument("model", metavar="MODEL", help="module:function that returns a model")
        each.add_argument("parameters", metavar="name=value", nargs="*", help="its parameters")
    for each in (one, many, path):
        each.add_argument("--method", required=True, metavar="NAME", help=f"one of {_KNOWN}")
    some = f"at least two of {_KNOWN}"
    several.add_argument("--methods", required=True, metavar="NAME,NAME,...", help=some)
    for each in (one, many, path, several):
        each.add_argument(
            "--set", nargs="+", action="extend", default=[],
            metavar="method.name=value" if each is several else "name=value",
            help="settings of the method" + "s" * (each is several),
        )  # fmt: skip
    told = "store and print further observables: Sx,Sz.Sz,...; a dot joins neighbouring sites"
    for each in (one, many, path):
        each.add_argument("--observe", metavar="NAME,...", help=told)
    for each in (one, path, several):
        each.add_argument("--json", action="store_true", help="print one JSON object")
        each.add_argument("-o", "--output", **_FILE, help="store the result")
    scan.add_options(many, _FILE)
    evolve.add_options(path)
    bounds.add_options(made["bounds"])
    told = "show certified intervals of a window of K sites beside the methods"
    several.add_argument("--bounds", type=int, metavar="K", help=told)


def _add_rest(made: Mapping[str, argparse.ArgumentParser]) -> None:
    """Add the arguments of all other commands."""
    dynamics.add_options({name: made[name] for name in ("two-time", "spectral", "quench")}, _FILE)
    study, picture = made["run"], made["plot"]
    study.add_argument("name", metavar="NAME", nargs="?")
    told = "list studies and benchmarks, and what they cost"
    study.add_argument("--list", action="store_true", help=told)
    form = study.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="the short form (default)")
    form.add_argument("--full", action="store_true", help="the long form")
    study.add_argument("-o", "--output", **_FILE, help="default: results/NAME.h5")
    picture.add_argument("file", type=Path, metavar="FILE")
    told = "draw other scans along the same axis with it"
    picture.add_argument("--with", type=Path, nargs="+", metavar="FILE", dest="others", help=told)
    picture.add_argument("-o", "--output", type=Path, metavar="PICTURE", help=_PICTURE)
    told = "draw the modes of the transfer matrix of a state by itebd"
    picture.add_argument("--spectrum", action="store_true", help=told)
    made["check"].add_argument("file", type=Path, metavar="FILE")
    made["methods"].add_argument("method", metavar="NAME", nargs="?", help=f"one of {_KNOWN}")


def _data_file(word: str) -> Path:
    """Return the path of a data file; the ending keeps figures and notes from being replaced."""
    if not word.endswith(".h5"):
        raise argparse.ArgumentTypeError(f"a data file must end in .h5, but is {word!r}")
    return Path(word)


_PICTURE = "default: FILE.png, or FILE.spectrum.png"
_FILE: dict[str, Any] = {"type": _data_file, "metavar": "FILE.h5"}


def _completion(parser: argparse.ArgumentParser, shell: str) -> str:
    return completion.script(parser, shell, (Path, _data_file))


def _version(parser: argparse.ArgumentParser, _: Any) -> str:
    return f"{parser.prog} {provenance()['impo']}"
