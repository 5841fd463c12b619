"""The command `impo`.

Exit codes: 0 if every result converged; 2 for bad input, or if a file, the disk or the memory does
not allow the command (one line says what, why and what is allowed); 3 if a result was stored or
printed but did not converge; 130 after Ctrl-C; 141 if nobody reads the answer. 1 is an error of
impo itself: one line names it, and `IMPO_DEBUG=1` shows the traceback of any error.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from impo.analysis.check import check
from impo.analysis.compare import compare
from impo.analysis.compare_table import report, table
from impo.arguments import ArgumentError
from impo.cli import parse
from impo.cli import scan as scanning
from impo.cli import study as studies
from impo.cli.ending import Outcome, ended
from impo.cli.exit_codes import CONVERGED, NOT_CONVERGED
from impo.methods import METHODS
from impo.methods.api import steady_state
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.state import SteadyState
from impo.results.store import StoreError, check_writable, content_of, load, save
from impo.scans.tasks import remove_points


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""

    def command() -> Outcome:
        arguments = _read(words)
        outcome: Outcome = arguments.command(arguments)
        return outcome

    return ended(command)


def solve(arguments: argparse.Namespace) -> Outcome:
    """Compute one steady state and store it if asked to."""
    model, method = _model(arguments), _method(arguments)
    if arguments.output:
        check_writable(arguments.output)
    state = steady_state(model, method)
    facts = state.summary()
    if arguments.output:
        save(state, arguments.output)
    code = CONVERGED if state.status == Status.CONVERGED else NOT_CONVERGED
    return code, json.dumps(facts, allow_nan=False) if arguments.json else _table(state, facts)


def scan(arguments: argparse.Namespace) -> Outcome:
    """Compute a grid of steady states; what is finished already is not computed again."""
    data, unconverged = scanning.compute(arguments)
    for line in unconverged:
        print(line, file=sys.stderr)
    if data is None:  # other tasks have to finish their share
        return (NOT_CONVERGED if unconverged else CONVERGED), ""
    return _verdict(data, arguments.output)


def compare_methods(arguments: argparse.Namespace) -> Outcome:
    """Compute one model by several methods and say whether they agree."""
    model = _model(arguments)
    methods = parse.methods(arguments.methods, arguments.set)
    if arguments.output:
        check_writable(arguments.output)
    data = compare(model, methods)
    if arguments.output:
        save(data, arguments.output)
    code = NOT_CONVERGED if data.unconverged else CONVERGED
    return code, json.dumps(report(data), allow_nan=False) if arguments.json else table(data)


def run(arguments: argparse.Namespace) -> Outcome:
    """Compute a study and draw its figure, or list all studies."""
    if arguments.list:
        return CONVERGED, "\n".join(_line(*item) for item in studies.studies().items())
    if not arguments.name:
        raise ArgumentError("`impo run` must be given the name of a study, or --list.")
    module = studies.study(arguments.name)
    output = arguments.output
    if output is None:
        output = Path("results", f"{arguments.name}.h5")
        try:
            output.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"Cannot create {output.parent}: {error.strerror}.") from error
    check_writable(output)
    form = "full" if arguments.full else "quick"
    print(f"computing {arguments.name}, {form} form: {module.COST[form]}", file=sys.stderr)
    unfinished = output.with_suffix(f".{form}")
    places = {"directory": unfinished} if studies.keeps_points(module) else {}
    data = studies.computed(module, quick=not arguments.full, **places)
    told = {"study": arguments.name, "quick": not arguments.full}
    data = dataclasses.replace(data, attributes={**data.attributes, **told})
    save(data, output)
    if places:  # a study without points has put nothing there
        remove_points(unfinished)
    _draw(data, [output.with_suffix(".png"), output.with_suffix(".pdf")])
    return _verdict(data, output)


def plot(arguments: argparse.Namespace) -> Outcome:
    """Draw the figure of a result, a scan or a study."""
    from impo.analysis.figures import check_format  # with matplotlib, which takes a second

    result = load(arguments.file)
    output = arguments.output or arguments.file.with_suffix(".png")
    check_format(output)
    check_writable(output)
    with content_of(arguments.file):
        _draw(result, [output])
    return CONVERGED, ""


def check_file(arguments: argparse.Namespace) -> Outcome:
    """Recompute from the arrays of a file what it says, line by line."""
    report = check(arguments.file)
    good = report.reproduced and report.status == Status.CONVERGED
    return (CONVERGED if good else NOT_CONVERGED), str(report)


def _line(name: str, module: ModuleType) -> str:
    """Return name, first line of the docstring and cost of a study."""
    first = (module.__doc__ or "").strip().partition("\n")[0]
    cost = ", ".join(f"{form} {time}" for form, time in module.COST.items())
    return f"{name:16} {first} ({cost})"


def _draw(result: Any, paths: Sequence[Path]) -> None:
    """Draw a result, a study by its own `draw`, and write the figure to all paths."""
    from impo.analysis.figures import figure, save_figure
    from impo.analysis.plot import style

    with style():
        if isinstance(result, Dataset) and "study" in result.attributes:
            drawn = studies.drawn(studies.study(str(result.attributes["study"])), result)
        else:
            drawn = figure(result)
        for path in paths:
            save_figure(drawn, path)
            print(f"wrote {path}", file=sys.stderr)


def _verdict(data: Dataset, path: Path) -> Outcome:
    bad = data.unconverged
    verdict = f"{bad} results are not converged" if bad else "all results are converged"
    print(f"wrote {path}: {verdict}", file=sys.stderr)
    return (NOT_CONVERGED if bad else CONVERGED), ""


def _model(arguments: argparse.Namespace) -> Any:
    function = parse.model_function(arguments.model)
    return parse.build(arguments.model, function, parse.assignments(arguments.parameters))


def _method(arguments: argparse.Namespace) -> Any:
    return parse.method(arguments.method, parse.assignments(arguments.set))


def _table(state: SteadyState, facts: dict[str, Any]) -> str:
    """Return a result as lines for a person."""

    def number(x: float | None, error: float | None) -> str:
        return "-" if x is None else f"{x:.8g} +- " + ("?" if error is None else f"{error:.1e}")

    residual = "-" if state.residual is None else f"{state.residual:.1e}"
    lines = [
        f"{state.model.label} by {state.method.name}",
        f"{'status':12} {state.status}: {state.message}",
        f"{'residual':12} {residual}", f"{'seconds':12} {state.seconds:.2f}",
    ]  # fmt: skip
    errors = facts["errors"]
    for name, values in facts["observables"].items():
        pairs = zip(values or [None], errors[name] or [None], strict=True)
        lines.append(f"{name:12} " + "   ".join(number(*pair) for pair in pairs))
    for name, length in facts["correlation_length"].items():
        lines.append(f"{'xi ' + name:12} {number(length, errors[f'xi_{name}'])}")
    lines += [f"{name:12} {facts[name]}" for name in state.extras]
    return "\n".join(lines)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise ArgumentError(f"{message}; see `{self.prog} --help`.")


def _data_file(word: str) -> Path:
    """Return the path of a data file; the ending keeps figures and notes from being replaced."""
    if not word.endswith(".h5"):
        raise argparse.ArgumentTypeError(f"a data file must end in .h5, but is {word!r}")
    return Path(word)


def _read(words: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line; parameters name=value may also stand after options."""
    parser = _Parser(prog="impo", description="Steady states of dissipative spin lattices.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, command: Any, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(command=command)
        return made

    file: dict[str, Any] = {"type": _data_file, "metavar": "FILE.h5"}
    one = add("solve", solve, "compute one steady state")
    many = add("scan", scan, "compute a grid of steady states; run again to resume")
    several = add("compare", compare_methods, "one model by several methods: do they agree?")
    for made in (one, many, several):
        made.add_argument("model", metavar="MODEL", help="module:function that returns a model")
        made.add_argument("parameters", metavar="name=value", nargs="*", help="its parameters")
    known = ", ".join(METHODS)
    for made in (one, many):
        made.add_argument("--method", required=True, metavar="NAME", help=f"one of {known}")
    some = f"at least two of {known}"
    several.add_argument("--methods", required=True, metavar="NAME,NAME,...", help=some)
    for made, shown in ((one, "name=value"), (many, "name=value"), (several, "method.name=value")):
        made.add_argument(
            "--set", nargs="+", action="extend", default=[], metavar=shown,
            help="settings of the method" + "s" * (made is several),
        )  # fmt: skip
    for made in (one, several):
        made.add_argument("--json", action="store_true", help="print one JSON object")
        made.add_argument("-o", "--output", **file, help="store the result")
    scanning.add_options(many, file)

    study = add("run", run, "compute and draw a study of the package `runs`; run again to resume")
    study.add_argument("name", metavar="NAME", nargs="?")
    study.add_argument("--list", action="store_true", help="list the studies and what they cost")
    form = study.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="the short form (default)")
    form.add_argument("--full", action="store_true", help="the long form")
    study.add_argument("-o", "--output", **file, help="default: results/NAME.h5")

    picture = add("plot", plot, "draw a result, a scan or a study")
    picture.add_argument("file", type=Path, metavar="FILE")
    picture.add_argument("-o", "--output", type=Path, metavar="PICTURE", help="default: FILE.png")

    test = add("check", check_file, "recompute from the stored state what a file says about it")
    test.add_argument("file", type=Path, metavar="FILE")

    arguments, rest = parser.parse_known_args(words)
    stray = [word for word in rest if word.startswith("-") or "=" not in word]
    if stray or (rest and not hasattr(arguments, "parameters")):
        parser.error(f"unknown arguments: {' '.join(stray or rest)}")
    if rest:
        arguments.parameters += rest
    return arguments
