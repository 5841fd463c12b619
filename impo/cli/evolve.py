"""The command `impo evolve`: times and starts in words, and a trajectory as a table."""

import argparse
import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from impo.arguments import ArgumentError, fail, rising_times
from impo.arrays import Array
from impo.cli import parse
from impo.model import LindbladModel, Spin
from impo.operators.product_state import Coherent
from impo.results.observed import told
from impo.results.state import SteadyState
from impo.results.store import load
from impo.results.summary import plain, with_errors
from impo.results.trajectory import Trajectory

_NAMED = {
    "up": (0.0, 0.0), "down": (math.pi, 0.0), "x": (math.pi / 2, 0.0), "-x": (math.pi / 2, math.pi),
    "y": (math.pi / 2, math.pi / 2), "-y": (math.pi / 2, -math.pi / 2),
}  # fmt: skip
_ENTRY = "up, down, x, -x, y, -y or theta/phi for a spin, a number of quanta for a boson"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `impo evolve` that it does not share with `impo solve`."""
    parser.add_argument(
        "--times", required=True, metavar="start:stop:count",
        help="times in inverse rates of the model, also start:stop:count:log or a list t,t,...",
    )  # fmt: skip
    parser.add_argument(
        "--start", metavar="STATE,...",
        help=f"one for each site of the cell ({_ENTRY}), or the file of a steady state "
        "(default: that of the method, if it has one)",
    )  # fmt: skip


def times(word: str) -> Array:
    """Return the times that a word gives."""
    found = parse.numbers("--times", word, word, least=1)
    try:
        return rising_times(found)
    except ValueError:
        raise fail("--times", "non-negative and in rising order", word) from None


def start(word: str | None, model: LindbladModel) -> Any:
    """Return the state that a word gives: of a file, one entry for each site, or None.

    Raises
    ------
    ArgumentError
        If the word has not one entry for each site, or one does not fit its site.
    StoreError
        If the file cannot be read.
    """
    if word is None:
        return None
    if word.endswith(".h5"):
        state = load(word)
        if not isinstance(state, SteadyState):
            raise fail("--start", "the file of a steady state", word)
        return state
    entries = word.split(",")
    if len(entries) != len(model.sites):
        many = f"{len(model.sites)} entries, one for each site of the cell ({_ENTRY}), or FILE.h5"
        raise fail("--start", many, word)
    found = zip(entries, model.sites, strict=True)
    return [_spin(text) if isinstance(site, Spin) else _boson(text, site) for text, site in found]


@contextlib.contextmanager
def start_as_option(word: str | None) -> Iterator[None]:
    """Let what a method says of its argument `start` speak of the option."""
    try:
        yield
    except ArgumentError as error:
        if "Argument `start`" not in str(error):
            raise
        if word is None:
            what = "Option `--start` must be given for this method"
            raise ArgumentError(f"{what}: one for each site of the cell ({_ENTRY}).") from error
        text = str(error).replace("Argument `start`", "Option `--start`")
        raise ArgumentError(text) from error


def _spin(text: str) -> Coherent:
    if text in _NAMED:
        return Coherent(*_NAMED[text])
    angles = [parse.value(part) for part in text.split("/")]
    if len(angles) != 2 or not all(map(parse.is_finite, angles)):
        raise fail("--start", "up, down, x, -x, y, -y or theta/phi (in radians) for a spin", text)
    return Coherent(*angles)


def _boson(text: str, site: Any) -> Array:
    number = parse.value(text)
    if type(number) is not int or not 0 <= number <= site.cutoff:
        raise fail("--start", f"0, 1, ... {site.cutoff} quanta for a boson", text)
    state: Array = np.zeros(site.dimension)
    state[number] = 1.0
    return state


def facts(trajectory: Trajectory) -> dict[str, Any]:
    """Return a trajectory in JSON types: what `impo evolve --json` prints.

    Values and errors are lists over the times of lists over the sites.
    """
    found = with_errors(trajectory.observing(()).readable())
    model, method = trajectory.model, trajectory.method
    return {
        "model": model.name, "parameters": plain(model.to_json()["parameters"]),
        "method": plain(method.to_json()),
        "status": str(trajectory.status), "message": trajectory.message,
        "times": plain(trajectory.times),
        "observables": {name: plain(value.values) for name, (value, _) in found.items()},
        "errors": {name: plain(error.values) for name, (_, error) in found.items()},
        **({"observed": told(trajectory, plain)} if trajectory.observe else {}),
    }  # fmt: skip
