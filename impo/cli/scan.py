"""The command `impo scan`: a grid of steady states on one machine, an array of jobs, a cluster."""

import argparse
import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

from impo.arguments import (
    ArgumentError,
    fail,
    non_negative,
    non_negative_integer,
    positive_integer,
)
from impo.cli import parse
from impo.model import told_parameter
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.store import check_writable, save
from impo.scans.checkpoint import INTERVAL
from impo.scans.executors import (
    SCHEDULER_FILE,
    embedded,
    external,
    process_count,
    scheduler_address,
)
from impo.scans.grid import Axis, parameter_grid, tabulate
from impo.scans.scan import DIRECTIONS, Executor, scan

logger = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser, file: dict[str, Any]) -> None:
    """Add the options of `impo scan` that it does not share with `impo solve`."""
    parser.add_argument(
        "--over", action="append", required=True, metavar="name=start:stop:count",
        help="values of a parameter or a setting, both ends included; also "
        "name=start:stop:count:log or a list name=value,value,...; name,name=... ties them; "
        "model.name or method.name where it could be both",
    )  # fmt: skip
    parser.add_argument("-o", "--output", **file, required=True)
    parser.add_argument(
        "--direction", choices=DIRECTIONS, default="forward",
        help="how warm starts follow the last --over; both shows hysteresis",
    )  # fmt: skip
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--workers", type=int, metavar="N",
        help="processes of one thread on this machine (default: all usable cores)",
    )  # fmt: skip
    told = "of a running `dask scheduler`: use its workers"
    place.add_argument("--scheduler-file", metavar="FILE", help=told)
    told = "compute only share I of N (0 ... N - 1)"
    parser.add_argument("--task-id", type=int, metavar="I", help=told)
    parser.add_argument("--tasks", type=int, metavar="N", help="number of shares")
    parser.add_argument(
        "--checkpoint", type=float, default=INTERVAL, metavar="SECONDS",
        help="time between two checkpoints of an unfinished point (default: %(default)g)",
    )  # fmt: skip


def compute(arguments: argparse.Namespace) -> tuple[Dataset | None, list[str]]:
    """Compute the grid, or a share of it, and write the table once all points are there.

    Returns
    -------
    tuple
        The table, None while points of other shares are missing, and then a line for every point of
        this share that is not converged.
    """
    executor = _executor(arguments)
    chains, axes, told = _grid(arguments)
    observe: tuple[str, ...] = ()
    for cell in {model.sites: model for line in chains for model, _ in line}.values():
        observe = parse.observables(arguments.observe, cell)
    check_writable(arguments.output)
    directory = arguments.output.with_suffix(".points")

    def points(executor: Executor, part: tuple[int, int] = (0, 1)) -> Iterator[Any]:
        return scan(
            chains, None, directory, executor,
            direction=arguments.direction, part=part, interval=arguments.checkpoint,
        )  # fmt: skip

    if arguments.tasks is not None:
        share = dict(points(executor, (arguments.task_id, arguments.tasks)))
        found = dict(points(_nothing))
        total = sum(map(len, chains)) * (2 if arguments.direction == "both" else 1)
        if len(found) < total:
            logger.info("share %d of %d is finished", arguments.task_id, arguments.tasks)
            bad = [state for state in share.values() if state.status != Status.CONVERGED]
            return None, [f"{s.model.label}: {s.status}: {s.message}" for s in bad]
        data = tabulate(axes, found.items(), arguments.direction, observe)
    else:
        data = tabulate(axes, points(executor), arguments.direction, observe)
    data = dataclasses.replace(data, attributes={**told, **data.attributes})
    save(data, arguments.output)
    return data, []


def _executor(arguments: argparse.Namespace) -> Executor:
    """Return what solves the points; options are checked by the names that they have here."""
    if (arguments.task_id is None) != (arguments.tasks is None):
        raise ArgumentError("`--task-id` and `--tasks` must be given together.")
    if arguments.tasks is not None:
        tasks = positive_integer("--tasks", arguments.tasks)
        if non_negative_integer("--task-id", arguments.task_id) >= tasks:
            raise fail("--task-id", f"less than the number of tasks, {tasks}", arguments.task_id)
    non_negative("--checkpoint", arguments.checkpoint)
    if arguments.scheduler_file is not None:
        if scheduler_address(arguments.scheduler_file) is None:
            raise fail("--scheduler-file", SCHEDULER_FILE, arguments.scheduler_file)
        return external(arguments.scheduler_file)
    if arguments.workers is not None:
        process_count("--workers", arguments.workers)
    return embedded(arguments.workers)


def _nothing(work: Any, chains: Any) -> tuple[()]:
    """Execute no chain: only what is finished is read."""
    return ()


def _grid(
    arguments: argparse.Namespace,
) -> tuple[list[list[tuple[Any, Any]]], list[Axis], dict[str, Any]]:
    """Return the (model, method) of all points, the axes, and what all points share."""
    fixed = parse.assignments(arguments.parameters)
    settings = parse.assignments(arguments.set)
    function = parse.model_function(arguments.model)
    axes, of_method = parse.grid(arguments.over, function, arguments.method, fixed, settings)

    def point(varied: dict[str, float]) -> tuple[Any, Any]:
        mine = {name: value for name, value in varied.items() if name in of_method}
        rest = {name: value for name, value in varied.items() if name not in of_method}
        model = parse.build(arguments.model, function, {**fixed, **rest})
        return model, parse.method(arguments.method, {**settings, **mine})

    chains = [[point(varied) for varied in line] for line in parameter_grid(axes)]
    cells = {tuple(type(site) for site in model.sites) for line in chains for model, _ in line}
    if len(cells) > 1:
        names = ", ".join(sorted(name for axis in axes for name in axis.names))
        raise ArgumentError(
            f"The models of a scan must have the same number of sites in a cell, but {names} "
            "change it; give each its own scan."
        )
    shared = chains[0][0][1].to_json()
    told = {
        "model": arguments.model,
        "parameters": {name: told_parameter(value) for name, value in fixed.items()},
        "method": {name: value for name, value in shared.items() if name not in of_method},
        "direction": arguments.direction,
    }
    return chains, axes, told
