"""What a person reads of a result: the object that `--json` prints, and variables with units."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from impo.model import LindbladModel
from impo.results import observed
from impo.results.estimate import Estimate
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
    a method cannot give is None; `no_correlation_length` tells why there is no length.
    """
    observables: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name, _, found in _on_sites(state):
        observables[name], errors[name] = _plain_parts(found)
    lengths: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for op_a, op_b in state.model.sites[0].order_pairs:
        decay, name = state.decay(op_a, op_b, (0, 0)), op_a + op_b
        lengths[name], errors[f"xi_{name}"] = _plain_parts(decay.length)
        if decay.length is None:
            reasons[name] = decay.reason
    return {
        "model": state.model.name, "parameters": plain(state.model.to_json()["parameters"]),
        "method": plain(state.method.to_json()),
        "status": str(state.status), "message": state.message,
        "residual": plain(state.residual), "seconds": state.seconds,
        "observables": observables, "errors": errors, "correlation_length": lengths,
        "no_correlation_length": reasons,
        "diagnostics": plain(state.diagnostics), **plain(state.extras),
        **({"observed": observed.told(state, plain)} if state.observe else {}),
    }  # fmt: skip


def _on_sites(result: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield (name, dimension, estimate) of mean and variance of Sz and N, where sites have them."""
    for op, dim in (("Sz", "spin_site"), ("N", "boson_site")):
        if any(op in site.operators for site in result.model.sites):
            yield op, dim, result.expect(op)
            yield f"{op}_var", dim, result.variance(op)


def _plain_parts(found: Estimate | None) -> tuple[Any, Any]:
    """Return value and error of an estimate as JSON types, None where there is none."""
    return (None, None) if found is None else (plain(np.real(found.value)), plain(found.error))


def readable(state: Any) -> dict[str, Variable]:
    """Return the numbers of `summary` as variables with dimensions, units and names.

    What the method cannot give is left out; an error that it cannot give is nan.
    """
    facts = state.summary()
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
    return {**out, **{k: v for k, v in observed.variables(state) if k not in out}}


def readable_trajectory(trajectory: Any) -> dict[str, Variable]:
    """Return the observables on the sites along a trajectory, with a leading dimension `time`."""
    out = site_numbers(trajectory.model)
    label = "time, in units of the inverse rates of the model"
    out["time"] = Variable(("time",), np.asarray(trajectory.times, dtype=float), "1", label)
    for name, dim, found in _on_sites(trajectory):
        _add(out, name, np.real(found.value), found.error, ("time", dim), "1", _label(name))
    out["status"] = Variable((), np.array(str(trajectory.status)), "1", "verdict")
    further = observed.variables(trajectory, ("time",))
    return {**out, **{k: v for k, v in further if k not in out}}


def with_errors(told: Mapping[str, Variable]) -> dict[str, tuple[Variable, Variable]]:
    """Return the variables that have an error, by name, and their errors."""
    return {name: (told[name], told[f"{name}_error"]) for name in told if f"{name}_error" in told}


def site_numbers(model: LindbladModel) -> dict[str, Variable]:
    """Return the coordinates of the sites that are spins and of those that have a number N."""
    out = {}
    for op, dim in (("Sz", "spin_site"), ("N", "boson_site")):
        where = [i for i, site in enumerate(model.sites) if op in site.operators]
        if where:
            out[dim] = Variable((dim,), np.array(where), "1", "site of the unit cell")
    return out


def _label(name: str) -> str:
    op = name.removesuffix("_var")
    return f"expectation of {op}" if name == op else f"variance of {op}"


def _add(
    out: dict[str, Variable], name: str, value: Any, error: Any, dims: tuple[str, ...], units: str,
    label: str,
) -> None:  # fmt: skip
    """Add a number and its error unless the method gives none."""
    if value is not None:
        out[name] = Variable(dims, np.array(value, dtype=float), units, label)
        error = np.full(np.shape(value), np.nan) if error is None else np.array(error, float)
        out[f"{name}_error"] = Variable(dims, error, units, f"error of the {label}")
