"""One model by several methods: what each says, and whether they agree within their errors.

The error bars of a method do not contain what it leaves out (the size of a cluster, corrections in
1/S). So a difference is given in units of the combined errors, and beside it what the methods leave
out, where its order is known.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter, methodcaller
from typing import Any

import numpy as np

from impo.arguments import ArgumentError, fail
from impo.arrays import Array
from impo.methods.api import attempt, check_arguments
from impo.methods.base import Method
from impo.model import LindbladModel, Term
from impo.results.dataset import Dataset
from impo.results.estimate import Estimate, Status
from impo.results.failure import failure
from impo.results.progress import Follower, following
from impo.results.state import SteadyState
from impo.results.summary import plain, site_numbers
from impo.results.variable import Variable


def compare(
    model: LindbladModel, methods: Sequence[Method], progress: Any = None, sites: int | None = None
) -> Dataset:
    """Return the steady state of a model by several methods, side by side.

    Parameters
    ----------
    model
        The description.
    methods
        Instances of methods; differences are to the first that gives a quantity.
    progress
        None, "tqdm" or a function, as of `steady_state`, for one method after the other.
    sites
        Window of certified intervals (see `impo.bounds`) of a chain, or None for no intervals.

    Returns
    -------
    Dataset
        With the dimension `solver` (`method` has another meaning in xarray): `status`, `seconds`,
        `residual`, and each observable that a method gives (nan where another does not): `Sz`,
        `Sz_var`, `N`, `N_var` on the sites, `xi_S+S-`, `xi_SzSz` ..., `purity_density`, and `S+S-`,
        `SzSz` ... on coupled neighbours.
        Every X has `X_error`, and `X_deviation`, the difference to the reference over
        sqrt(error^2 + error_reference^2) (its absolute value if complex). With `sites`, `Sz`, `N`,
        `SzSz` and `NN` also have `X_lower` and `X_upper`, between which the true value lies.
        A method that refuses the model, or breaks down, has the status `failed` and says why.
        `impo.analysis.compare_table` puts it in words.

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type, or there are fewer than two methods.

    Examples
    --------
    >>> from impo import ClusterMeanField, Exact
    >>> from models.gain_loss import dimer
    >>> compare(dimer(S=0.5), [Exact(), ClusterMeanField(2)])["Sz"].shape  # solver, site
    (2, 2)
    """
    methods = _checked(model, methods, progress)
    bonds = _bonds(model)
    quantities = list(_quantities(model, bonds))
    certified = {} if sites is None else _certified(model, bonds, sites, progress)
    solved = [_solve(model, method, quantities, progress) for method in methods]
    states = [state for state, _ in solved]
    variables = {**_by_method(methods, states), **site_numbers(model)}
    if bonds:
        variables["bond"] = _bond_names(bonds)
    for quantity, *found in zip(quantities, *(found for _, found in solved), strict=True):
        variables |= quantity.variables(found)
    variables |= {name: one for name, one in certified.items() if name[:-6] in variables}
    told = {
        "model": model.name, "label": model.label,
        "parameters": plain(model.to_json()["parameters"]),
        "methods": [_told(state) for state in states],
    }  # fmt: skip
    return Dataset(variables, told)


def _checked(model: LindbladModel, methods: Sequence[Method], progress: Any) -> tuple[Method, ...]:
    """Return the methods, or raise `ArgumentError` if something else than several was given."""
    found = tuple(methods)
    if len(found) < 2:
        raise ArgumentError(f"Argument `methods` must be at least two, but are {len(found)}.")
    for method in found:
        check_arguments(model, method)
    _refuse_follower(progress)
    return found


def _by_method(methods: Sequence[Method], states: Sequence[SteadyState]) -> dict[str, Variable]:
    """Return the names of the methods, their verdicts, times and residuals."""
    verdicts = np.array([str(state.status) for state in states])
    residuals = [math.nan if state.residual is None else state.residual for state in states]
    return {
        "solver": Variable(("solver",), np.array(_labels(methods)), "1", "method"),
        "status": Variable(("solver",), verdicts, "1", "verdict"),
        "seconds": _column([state.seconds for state in states], "s", "computing time"),
        "residual": _column(residuals, "1", "what is left of the equations"),
    }


def _refuse_follower(progress: Any) -> None:
    """Raise `ArgumentError` for what keeps a computation: it would be that of one method only."""
    if isinstance(progress, Follower):
        raise fail("progress", 'None, "tqdm" or a function', progress)


def _solve(
    model: LindbladModel, method: Method, quantities: Sequence["_Quantity"], progress: Any
) -> tuple[SteadyState, list[Estimate | None]]:
    """Return the state by one method, with its warnings, and what it says of the quantities.

    Whatever goes wrong with one method does not stop the others.
    """
    nothing: list[Estimate | None] = [None] * len(quantities)
    with (
        following(progress, method.name) as follower,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        state = attempt(model, method, None, follower)
        found = nothing
        if state.status != Status.FAILED:
            try:
                found = [quantity.measure(state) for quantity in quantities]
            except Exception as error:
                state, found = failure(model, method, error, state.seconds), nothing
    remarks = [str(one.message) for one in caught if one.category is UserWarning]
    return replace(state, message=" ".join([state.message, *remarks])), found


def _told(state: SteadyState) -> dict[str, Any]:
    """Return settings, verdict in words, and what the method leaves out, in JSON types."""
    omission = state.method.leaves_out(state.model, state)
    told = {"message": state.message, "valid_for": omission.valid_for, "omitted": omission.size}
    return {**plain(state.method.to_json()), **plain(told)}


def _labels(methods: Sequence[Any]) -> list[str]:
    """Return the names of the methods, numbered where one occurs again."""
    out: list[str] = []
    for n, method in enumerate(methods):
        again = sum(other.name == method.name for other in methods[:n])
        out.append(f"{method.name} {again + 1}" if again else method.name)
    return out


def _column(values: Sequence[float], units: str, label: str) -> Variable:
    return Variable(("solver",), np.array(values, dtype=float), units, label)


Bond = tuple[int, int, int]  # site, site, cells apart


def _bond_names(bonds: Sequence[tuple[int, int, int]]) -> Variable:
    """Return the names of coupled sites as a coordinate."""
    names = np.array([f"{a}-{b}" + "'" * r for a, b, r in bonds])
    return Variable(("bond",), names, "1", "coupled sites; a prime for every cell further")


def _bonds(model: LindbladModel) -> list[Bond]:
    """Return the coupled pairs (site, site, cells apart) of a chain; within a cell in 2D."""
    found = set()
    for term in model.hamiltonian:
        places = sorted({(cell, site) for _, site, cell in term.factors})
        if len(places) == 2:
            (cell_a, a), (cell_b, b) = places
            apart = [y - x for x, y in zip(cell_a, cell_b, strict=True)]
            if model.dimension == 1 or not any(apart):
                found.add((a, b, apart[0]))
    return sorted(found, key=lambda bond: (bond[2], bond[:2]))


@dataclass(frozen=True)
class _Quantity:
    """An observable: its dimensions, how to ask a state for it, and whether it is real."""

    name: str
    dims: tuple[str, ...]
    units: str
    label: str
    shape: tuple[int, ...]
    measure: Callable[[SteadyState], Estimate | None]
    real: bool = True

    def variables(self, found: Sequence[Estimate | None]) -> dict[str, Variable]:
        """Return values, errors and deviations by method; nothing if no method gives any."""
        if all(one is None for one in found):
            return {}
        empty = np.full(self.shape, np.nan)
        values = np.array([empty if one is None else one.value for one in found])
        errors = np.array([empty if one is None else one.error for one in found], dtype=float)
        values = values.real.astype(float) if self.real else values
        dims, label = ("solver", *self.dims), "difference to the reference over errors"
        return {
            self.name: Variable(dims, values, self.units, self.label),
            f"{self.name}_error": Variable(dims, errors, self.units, f"error of the {self.label}"),
            f"{self.name}_deviation": Variable(dims, _deviations(values, errors), "1", label),
        }


def reference(values: Array, errors: Array) -> int | None:
    """Return the first method that gives a number with an error bar."""
    known = np.flatnonzero(~np.isnan(values) & ~np.isnan(errors))
    return int(known[0]) if known.size else None


def _deviations(values: Array, errors: Array) -> Array:
    """Return the differences to the reference in units of the combined errors.

    A number without an error bar has none, even if it equals the reference.
    """
    out = np.full(values.shape, np.nan)
    for place in np.ndindex(values.shape[1:]):
        at: Any = (slice(None), *place)
        first = reference(values[at], errors[at])
        if first is not None:
            change = values[at] - values[at][first]
            size = np.abs(change) if np.iscomplexobj(values) else change
            combined = np.hypot(errors[at], errors[at][first])
            with np.errstate(divide="ignore", invalid="ignore"):
                equal = (change == 0) & (combined >= 0)
                out[at] = np.where(equal, 0.0, size / combined)
    return out


def _quantities(model: LindbladModel, bonds: Sequence[Bond]) -> Iterator[_Quantity]:
    for op, dim in (("Sz", "spin_site"), ("N", "boson_site")):
        count = sum(op in site.operators for site in model.sites)
        if count:
            mean, spread = methodcaller("expect", op), methodcaller("variance", op)
            yield _Quantity(op, (dim,), "1", f"expectation of {op}", (count,), mean)
            yield _Quantity(f"{op}_var", (dim,), "1", f"variance of {op}", (count,), spread)
    for a, b in model.sites[0].order_pairs:
        length = methodcaller("correlation_length", a, b, (0, 0))
        label = f"correlation length of {a}{b}"
        yield _Quantity(f"xi_{a}{b}", (), "unit cells", label, (), length)
    purity, label = attrgetter("purity_density"), "-ln Tr rho^2 per cell"
    yield _Quantity("purity_density", (), "1", label, (), purity)
    kinds = {type(model.sites[site]) for a, b, _ in bonds for site in (a, b)}
    if len(kinds) == 1:  # operators of one kind on both ends
        site = model.sites[bonds[0][0]]
        for a, b in site.order_pairs:
            ask, label = partial(_neighbours, a, b, bonds), f"{a}{b} of neighbours"
            real = site.is_hermitian(a)
            yield _Quantity(a + b, ("bond",), "1", label, (len(bonds),), ask, real)


def _certified(
    model: LindbladModel, bonds: Sequence[Bond], sites: int, progress: Any
) -> dict[str, Variable]:
    """Return the ends of certified intervals of real quantities, by site or by bond."""
    from impo.semidefinite.bounds import bounds  # not for commands that need no intervals

    asked: dict[str, dict[str, Term]] = {}
    dims: dict[str, str] = {}
    for op, dim in (("Sz", "spin_site"), ("N", "boson_site")):
        having = [n for n, site in enumerate(model.sites) if op in site.operators]
        if having:
            asked[op] = {f"{op} {n}": Term(1.0, (op, n, 0)) for n in having}
            dims[op] = dim
        if bonds and all({a, b} <= set(having) for a, b, _ in bonds):
            asked[op + op] = {
                f"{op}{op} {n}": Term(1.0, (op, a, 0), (op, b, r))
                for n, (a, b, r) in enumerate(bonds)
            }
            dims[op + op] = "bond"
    terms = {label: term for some in asked.values() for label, term in some.items()}
    found = bounds(model, terms, sites=sites, progress=progress)
    return {
        f"{name}_{end}": Variable(
            (dims[name],), np.array([getattr(found[label], end) for label in some]), "1",
            f"certified {end} end of {name}",
        )
        for name, some in asked.items()
        for end in ("lower", "upper")
    }  # fmt: skip


def _neighbours(op_a: str, op_b: str, bonds: Sequence[Bond], state: SteadyState) -> Estimate | None:
    """Return <A B> on the bonds; nan beyond the end of a cluster."""
    values = np.full(len(bonds), np.nan, dtype=complex)
    errors = np.full(len(bonds), np.nan)
    for n, (a, b, r) in enumerate(bonds):
        found = state.correlation(op_a, op_b, (a, b), r)
        if found is not None and len(found) > r:
            values[n], errors[n] = found.value[r], found.error[r]
    return None if np.isnan(values).all() else Estimate(values, errors)
