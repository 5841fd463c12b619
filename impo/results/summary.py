"""What a person reads of a result: the object that `--json` prints, and variables with units."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from impo.model import Boson, LindbladModel, Spin
from impo.results.variable import Variable


def plain(value: Any) -> Any:
    """Return a value as JSON types: what is not finite becomes None, what is unknown text."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        return [plain(item) for item in value]
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    try:
        number = complex(value)
    except (TypeError, ValueError):
        return str(value)
    if not np.isfinite(number):
        return None
    return [number.real, number.imag] if number.imag else number.real


def summary(state: Any) -> dict[str, Any]:
    """Return the result in JSON types: the object that `impo solve --json` prints.

    Lists run over the sites of the unit cell. Correlation lengths are those of its first site. What
    a method cannot give is None.
    """
    observables: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    spins = any(isinstance(site, Spin) for site in state.model.sites)
    bosons = any(not isinstance(site, Spin) for site in state.model.sites)
    names = ["Sz"] * spins + ["N"] * bosons
    for name in names:
        for key, measured in ((name, state.expect(name)), (f"{name}_var", state.variance(name))):
            observables[key] = None if measured is None else plain(np.real(measured.value))
            errors[key] = None if measured is None else plain(measured.error)
    lengths = {}
    first = isinstance(state.model.sites[0], Spin)
    for op_a, op_b in (("S+", "S-"), ("Sz", "Sz")) if first else (("Bd", "B"), ("N", "N")):
        length = state.correlation_length(op_a, op_b, (0, 0))
        lengths[op_a + op_b] = None if length is None else plain(length.value)
        errors[f"xi_{op_a}{op_b}"] = None if length is None else plain(length.error)
    return {
        "model": state.model.name,
        "parameters": plain(state.model.to_json()["parameters"]),
        "method": plain(state.method.to_json()),
        "status": str(state.status),
        "message": state.message,
        "residual": plain(state.residual),
        "seconds": state.seconds,
        "observables": observables,
        "errors": errors,
        "correlation_length": lengths,
        "diagnostics": plain(state.diagnostics),
        **plain(state.extras),
    }


def readable(state: Any) -> dict[str, Variable]:
    """Return the numbers of `summary` as variables with dimensions, units and names.

    What the method cannot give is left out; an error that it cannot give is nan.
    """
    facts = summary(state)
    out = site_numbers(state.model)
    for name, values in facts["observables"].items():
        dim = "spin_site" if name.startswith("Sz") else "boson_site"
        _add(out, name, values, facts["errors"][name], (dim,), "1", _label(name))
    for name, value in facts["correlation_length"].items():
        label = f"correlation length of {name}"
        _add(out, f"xi_{name}", value, facts["errors"][f"xi_{name}"], (), "unit cells", label)
    for name in state.extras:
        if isinstance(facts[name], int | float):
            out[name] = Variable((), np.array(facts[name], dtype=float), "1", name)
    if facts["residual"] is not None:
        label = "what is left of the fixed-point equation"
        out["residual"] = Variable((), np.array(facts["residual"]), "1", label)
    out["status"] = Variable((), np.array(facts["status"]), "1", "verdict")
    out["seconds"] = Variable((), np.array(facts["seconds"]), "s", "computing time")
    return out


def readable_trajectory(trajectory: Any) -> dict[str, Variable]:
    """Return the observables on the sites along a trajectory, with a leading dimension `time`."""
    out = site_numbers(trajectory.model)
    label = "time, in units of the inverse rates of the model"
    out["time"] = Variable(("time",), np.asarray(trajectory.times, dtype=float), "1", label)
    for op, dim in (("Sz", "spin_site"), ("N", "boson_site")):
        if dim in out:
            for name, found in (
                (op, trajectory.expect(op)),
                (f"{op}_var", trajectory.variance(op)),
            ):
                value = np.real(found.value)
                _add(out, name, value, found.error, ("time", dim), "1", _label(name))
    out["status"] = Variable((), np.array(str(trajectory.status)), "1", "verdict")
    return out


def site_numbers(model: LindbladModel) -> dict[str, Variable]:
    """Return the coordinates of the sites that are spins and of those that are bosons."""
    out = {}
    for kind, dim in ((Spin, "spin_site"), (Boson, "boson_site")):
        where = [i for i, site in enumerate(model.sites) if isinstance(site, kind)]
        if where:
            out[dim] = Variable((dim,), np.array(where), "1", "site of the unit cell")
    return out


def _label(name: str) -> str:
    op = name.removesuffix("_var")
    return f"expectation of {op}" if name == op else f"variance of {op}"


def _add(
    out: dict[str, Variable],
    name: str,
    value: Any,
    error: Any,
    dims: tuple[str, ...],
    units: str,
    label: str,
) -> None:
    """Add a number and its error unless the method gives none."""
    if value is not None:
        out[name] = Variable(dims, np.array(value, dtype=float), units, label)
        error = np.full(np.shape(value), np.nan) if error is None else np.array(error, float)
        out[f"{name}_error"] = Variable(dims, error, units, f"error of the {label}")
