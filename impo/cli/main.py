"""The command `impo`.

Exit codes: 0 if every result converged; 2 for bad input, or if a file, the disk or the memory does
not allow the command (one line says what, why and what is allowed); 3 if a result was stored or
printed but did not converge; 130 after Ctrl-C; 141 if nobody reads the answer. 1 is an error of
impo itself: one line names it, and `IMPO_DEBUG=1` shows the traceback of any error.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impo.analysis.check import check
from impo.analysis.compare import compare
from impo.analysis.compare_table import report, table
from impo.arguments import ArgumentError
from impo.cli import bounds as bounding
from impo.cli import dynamics, listing, options, parse
from impo.cli import evolve as evolving
from impo.cli import scan as scanning
from impo.cli import study as studies
from impo.cli.ending import Outcome, ended
from impo.cli.exit_codes import CONVERGED, NOT_CONVERGED
from impo.cli.progress import shown
from impo.methods.api import evolve, steady_state
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.progress import following
from impo.results.state import SteadyState
from impo.results.store import StoreError, check_writable, content_of, load, save
from impo.scans.checkpoint import Checkpoint, computation
from impo.scans.tasks import PARTIAL, remove_points


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
    observe = parse.observables(arguments.observe, model)
    if arguments.output:
        check_writable(arguments.output)
    with shown(f"{method.name}: loading") as show:
        state = _resumed(model, method, show, arguments.output, observe)
    facts = state.summary()
    code = CONVERGED if state.status == Status.CONVERGED else NOT_CONVERGED
    return code, json.dumps(facts, allow_nan=False) if arguments.json else str(state)


def _resumed(
    model: Any, method: Any, show: Any, output: Path | None, observe: tuple[str, ...]
) -> SteadyState:
    """Return a steady state; one that is stored goes on from where it was interrupted."""
    if output is None:
        return steady_state(model, method, None, show).observing(observe)
    with following(show, method.name) as follower:
        key = computation(model, method, None)
        # what another computation left beside the same output is not this one's to remove
        checkpoint = Checkpoint(output.with_suffix(f".{key[:8]}{PARTIAL}"), key)
        if follower is not None:
            checkpoint.report = follower.report
        state = steady_state(model, method, None, checkpoint).observing(observe)
    save(state, output)
    checkpoint.remove()
    return state


def evolve_model(arguments: argparse.Namespace) -> Outcome:
    """Compute the states at given times and store them if asked to."""
    times = evolving.times(arguments.times)
    model, method = _model(arguments), _method(arguments)
    start = evolving.start(arguments.start, model)
    observe = parse.observables(arguments.observe, model)
    if arguments.output:
        check_writable(arguments.output)
    with shown(f"{method.name}: loading") as show, evolving.start_as_option(arguments.start):
        found = evolve(model, method, start, times, show).observing(observe)
    if arguments.output:
        save(found, arguments.output)
    code = CONVERGED if found.status == Status.CONVERGED else NOT_CONVERGED
    if arguments.json:
        return code, json.dumps(evolving.facts(found), allow_nan=False)
    return code, str(found)


def bound(arguments: argparse.Namespace) -> Outcome:
    """Compute certified intervals."""
    model = _model(arguments)
    with shown("bounds: loading") as show:
        return CONVERGED, bounding.compute(model, arguments, show)


def scan(arguments: argparse.Namespace) -> Outcome:
    """Compute a grid of steady states; what is finished already is not computed again."""
    data, unconverged = scanning.compute(arguments)
    if data is None:  # other tasks have to finish their share
        for line in unconverged:
            print(line, file=sys.stderr)
        return (NOT_CONVERGED if unconverged else CONVERGED), ""
    return _verdict(data, arguments.output)


def compare_methods(arguments: argparse.Namespace) -> Outcome:
    """Compute one model by several methods and say whether they agree."""
    model = _model(arguments)
    methods = parse.methods(arguments.methods, arguments.set)
    if arguments.output:
        check_writable(arguments.output)
    with shown("loading") as show:
        data = compare(model, methods, show, arguments.bounds)
    if arguments.output:
        save(data, arguments.output)
    code = NOT_CONVERGED if data.unconverged else CONVERGED
    return code, json.dumps(report(data), allow_nan=False) if arguments.json else table(data)


def run(arguments: argparse.Namespace) -> Outcome:
    """Compute a study and draw its figure, run a benchmark, or list all of them."""
    if arguments.list:
        return CONVERGED, studies.listing()
    if not arguments.name:
        raise ArgumentError("`impo run` must be given the name of a study, or --list.")
    if main := studies.benchmark(arguments.name):
        if arguments.quick or arguments.full or arguments.output:
            raise ArgumentError(
                f"`{arguments.name}` is a benchmark, which prints what it measures: it has neither "
                "--quick and --full nor -o."
            )
        print(f"measuring by {arguments.name}", file=sys.stderr)
        return CONVERGED, studies.measured(arguments.name, main)
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
    begun = None if places and unfinished.exists() else studies.computing_time()
    with shown(f"computing {arguments.name}"):
        data = studies.computed(module, quick=not arguments.full, **places)
    told = {"study": arguments.name, "quick": not arguments.full} | studies.cost(begun)
    data = dataclasses.replace(data, attributes={**data.attributes, **told})
    save(data, output)
    if places:  # a study without points has put nothing there
        remove_points(unfinished)
    _draw(data, [output.with_suffix(".png"), output.with_suffix(".pdf")])
    return _verdict(data, output)


def plot(arguments: argparse.Namespace) -> Outcome:
    """Draw the figure of a result, of scans or a study, or the spectrum of a state."""
    from impo.analysis.figures import check_format  # with matplotlib, which takes a second

    result = load(arguments.file)
    if arguments.others:
        result = [result, *map(load, arguments.others)]
    ending = ".spectrum.png" if arguments.spectrum else ".png"
    output = arguments.output or arguments.file.with_suffix(ending)
    check_format(output)
    check_writable(output)
    with content_of(arguments.file):
        _draw(result, [output], arguments.spectrum)
    return CONVERGED, ""


def models(arguments: argparse.Namespace) -> Outcome:
    """List the models at hand."""
    return CONVERGED, listing.models()


def methods(arguments: argparse.Namespace) -> Outcome:
    """List the methods, or the settings of one."""
    return CONVERGED, listing.methods(arguments.method)


def check_file(arguments: argparse.Namespace) -> Outcome:
    """Recompute from the arrays of a file what it says, line by line."""
    with shown(f"reading {arguments.file}") as show:
        report = check(arguments.file, show)
    good = report.reproduced and report.status == Status.CONVERGED
    return (CONVERGED if good else NOT_CONVERGED), str(report)


def _draw(result: Any, paths: Sequence[Path], modes: bool = False) -> None:
    """Draw a result, scans, or a study by its own `draw`; write the figure to all paths.

    `modes` asks for the transfer spectrum of a state.
    """
    from impo.analysis.figures import figure, save_figure, spectrum, together
    from impo.analysis.plot import style

    with style():
        if modes:
            drawn = spectrum(result)
        elif isinstance(result, list):
            drawn = together(result)
        elif isinstance(result, Dataset) and "study" in result.attributes:
            drawn = studies.drawn(studies.study(str(result.attributes["study"])), result)
        else:
            drawn = figure(result)
        for path in paths:
            save_figure(drawn, path)
            print(f"wrote {path}", file=sys.stderr)


def _verdict(data: Dataset, path: Path) -> Outcome:
    """Name every point that is not converged, and count them, or say what the study concludes."""
    bad, total = data.unconverged, data.verdicts
    for line in data.unconverged_points():
        print(line, file=sys.stderr)
    verdict = f"{bad} of {total} results are not converged" if bad else "all results are converged"
    without = data.attributes.get("conclusion", "it holds no results with a verdict")
    verdict = verdict if total else without
    print(f"wrote {path}: {verdict}", file=sys.stderr)
    return (NOT_CONVERGED if bad else CONVERGED), ""


def _model(arguments: argparse.Namespace) -> Any:
    function = parse.model_function(arguments.model)
    return parse.build(arguments.model, function, parse.assignments(arguments.parameters))


def _method(arguments: argparse.Namespace) -> Any:
    return parse.method(arguments.method, parse.assignments(arguments.set))


def _read(words: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line; parameters name=value may also stand after options."""
    parser = options.parser(_COMMANDS)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            arguments, rest = parser.parse_known_args(words)
    except SystemExit:  # of `--help` and other options that print: an answer like others
        answer = printed.getvalue().rstrip("\n")
        return argparse.Namespace(command=lambda _: (CONVERGED, answer))
    stray = [word for word in rest if word.startswith("-") or "=" not in word]
    if stray or (rest and not hasattr(arguments, "parameters")):
        parser.error(f"unknown arguments: {' '.join(stray or rest)}")
    if rest:
        arguments.parameters += rest
    return arguments


_COMMANDS = {
    "solve": solve, "scan": scan, "evolve": evolve_model, "bounds": bound,
    "two-time": dynamics.two_time, "spectral": dynamics.spectral, "quench": dynamics.quench,
    "compare": compare_methods, "run": run, "plot": plot, "check": check_file, "models": models,
    "methods": methods,
}  # fmt: skip
