"""Results that a change of the code's shape must leave as they are.

`python -m tests.kept_solves FILE` writes all numbers, verdicts, messages, diagnostics and
histories, times aside, as one JSON object; files made before and after a change of shape, on the
same machine, are equal digit for digit. Between machines rounding differs, so the kept file
`tests/data/kept_solves.json` is compared within error bars (`tests/test_kept_solves.py`).
"""

import json
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from impo import (
    ITEBD,
    TWA,
    ClusterMeanField,
    Exact,
    HolsteinPrimakoff,
    Jump,
    MeanField,
    compare,
    evolve,
    load,
    steady_state,
)
from impo.cli.main import main
from models import gain_loss, kerr, xyz

PHASES = {
    "AM": (2.0, 1.8),
    "PPT": (1.5, 1.0),
    "PT": (0.3, 0.3),
    "FM up": (0.6, 0.2),
    "FM down": (0.2, 0.6),
}
UP, DOWN = [1.0, 0.0], [0.0, 1.0]
_TIMES = ("seconds", "file")  # and names of points, which depend on all settings


def chain(S: float, phase: str) -> Any:
    """Return the chain with g > h in a phase."""
    return gain_loss.chain(S, 1.0, 0.5, *PHASES[phase])


def solved(model: Any, method: Any, **more: Any) -> dict[str, Any]:
    """Return what a file holds of a steady state, with some correlations."""
    state = steady_state(model, method, **more)
    spin = "Sz" in model.sites[0].operators
    ops = ("S+", "S-") if spin else ("Bd", "B")
    measured = {name: state.expect(name) for name in (("Sz", "Sx") if spin else ("N",))}
    measured["variance"] = state.variance("Sz" if spin else "N")
    measured["correlation"] = state.correlation(*ops, (0, 0), 4)
    measured["length"] = state.correlation_length(*ops)
    measured["purity"] = state.purity_density
    attributes = state.to_arrays()[1]
    told = ("status", "message", "residual", "history", "diagnostics", "extras", "method")
    return {
        **{name: attributes.get(name) for name in told},
        **{name: estimate(found) for name, found in measured.items()},
    }


def estimate(found: Any) -> Any:
    """Return an estimate in JSON types."""
    if found is None:
        return None
    value = np.asarray(found.value)
    parts = [value.real.tolist(), value.imag.tolist()] if np.iscomplexobj(value) else value.tolist()
    return [parts, np.asarray(found.error).tolist()]


def trajectory(model: Any, method: Any, start: Any, times: list[float]) -> dict[str, Any]:
    """Return the magnetisation of a trajectory."""
    found = evolve(model, method, start, times)
    return {"Sz": estimate(found.expect("Sz")), "variance": estimate(found.variance("Sz"))}


def command(*words: str) -> dict[str, Any]:
    """Return all variables of the file that a command writes."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "out.h5"
        code = main([*words, "-o", str(path)])
        data = load(path)
    kept = {name: item for name, item in data.variables.items() if name not in _TIMES}
    return {
        "exit": code,
        "attributes": dict(data.attributes),
        **{name: estimate_or_text(item.values) for name, item in kept.items()},
    }


def estimate_or_text(values: Any) -> Any:
    """Return an array in JSON types."""
    if np.iscomplexobj(values):
        return [values.real.tolist(), values.imag.tolist()]
    return values.tolist()


def compared(model: Any, methods: list[Any]) -> dict[str, Any]:
    """Return all variables of a comparison."""
    data = compare(model, methods)
    kept = {name: item for name, item in data.variables.items() if name not in _TIMES}
    return {
        "attributes": dict(data.attributes),
        **{name: estimate_or_text(item.values) for name, item in kept.items()},
    }


_scan = ("scan", "models.gain_loss:chain", "S=1/2", "loss=1.0", "--method", "itebd", "--set")

SOLVES: dict[str, Callable[[], dict[str, Any]]] = {
    "itebd AM S=1/2": partial(solved, chain(0.5, "AM"), ITEBD(tol=1e-4)),
    "itebd PPT S=1": partial(solved, chain(1, "PPT"), ITEBD(tol=1e-3)),
    "itebd PT S=1/2": partial(solved, chain(0.5, "PT"), ITEBD(tol=1e-3)),
    "itebd FM up S=2": partial(solved, chain(2, "FM up"), ITEBD(tol=1e-3)),
    "itebd FM down S=8": partial(solved, chain(8, "FM down"), ITEBD(tol=1e-2)),
    "itebd without charges, from a start": partial(
        solved, gain_loss.chain(0.5, 1.0, 0.5, 0.9, 0.4), ITEBD(tol=1e-3, charges=False),
        start=[UP, DOWN],
    ),
    "itebd with too few states": partial(solved, chain(1, "AM"), ITEBD(tol=1e-6, chi_max=16)),
    "itebd of a model that conserves something": partial(
        solved, replace(xyz.chain(1.0, 1.0, 0.5), jumps=(Jump(0.3, "Sz", 0),)), ITEBD(tol=1e-3)
    ),
    "itebd trajectory": partial(
        trajectory, chain(0.5, "FM up"), ITEBD(tol=1e-3, chi_max=20), [UP, DOWN], [0.5, 1.0]
    ),
    "exact dimer S=3/2": partial(solved, gain_loss.dimer(1.5, 1.0, 0.9, 0.4), Exact()),
    "exact ring S=1/2": partial(solved, chain(0.5, "PPT"), Exact(cells=3, periodic=True)),
    "exact auto S=8": partial(solved, gain_loss.dimer(8, 1.0, 0.9, 0.4), Exact(k_max="auto")),
    "exact boson": partial(solved, kerr.oscillator(1.0, 1.0, cutoff=14), Exact(tol=1e-3)),
    "exact trajectory": partial(
        trajectory, gain_loss.chain(0.5, 1.0, 0.5, 0.9, 0.4), Exact(cells=2), [UP, DOWN], [0.3, 2.0]
    ),
    "twa PPT S=8": partial(
        solved, chain(8, "PPT"), TWA(cells=10, trajectories=64, max_time=200, tol=2e-2)
    ),
    "hpa FM up S=2": partial(solved, chain(2, "FM up"), HolsteinPrimakoff()),
    "hpa square AM S=8": partial(
        solved, gain_loss.square(8, 1.0, 0.5, 3.5, 3.0), HolsteinPrimakoff()
    ),
    "mf PPT S=8": partial(solved, chain(8, "PPT"), MeanField()),
    "cmf AM S=1/2": partial(solved, chain(0.5, "AM"), ClusterMeanField(4)),
    "cmf PPT S=1": partial(solved, chain(1, "PPT"), ClusterMeanField(2)),
    "scan": partial(command, *_scan, "tol=1e-2", "--over", "gain=1.2:1.6:3"),
    "comparison": partial(
        compared, chain(1, "FM up"),
        [ITEBD(tol=1e-3), Exact(cells=2), HolsteinPrimakoff(), MeanField(), ClusterMeanField(2)],
    ),
}  # fmt: skip


def without_times(value: Any) -> Any:
    """Return JSON types without computing times."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in _TIMES}
    if isinstance(value, list | tuple):
        return [without_times(item) for item in value]
    return value


def results() -> dict[str, Any]:
    """Return all results in JSON types."""
    warnings.simplefilter("ignore")
    return {name: without_times(solve()) for name, solve in SOLVES.items()}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(results(), indent=1, default=np.ndarray.tolist) + "\n")
