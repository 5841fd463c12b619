"""The two verbs: `steady_state` and `evolve` hand a description to the method that was chosen.

A method is a frozen dataclass of settings with a class attribute `name`. The functions that solve
with it, `steady_state(model, method, start)` and, where time has a meaning,
`evolve(model, method, start, times)`, stand in one module: that of the table below, or, for a
method of one's own, the module of its class.
"""

import inspect
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from impo.arguments import ArgumentError, UnsupportedModelError, fail, rising_times
from impo.methods import exact
from impo.methods.base import Progress
from impo.methods.cluster_mean_field import solve as cluster_mean_field
from impo.methods.holstein_primakoff import solve as holstein_primakoff
from impo.methods.itebd import solve as itebd
from impo.methods.mean_field import solve as mean_field
from impo.methods.twa import solve as twa
from impo.model import LindbladModel
from impo.results.state import SteadyState

_SOLVERS: dict[Any, ModuleType] = {
    itebd.ITEBD: itebd,
    exact.Exact: exact,
    twa.TWA: twa,
    holstein_primakoff.HolsteinPrimakoff: holstein_primakoff,
    mean_field.MeanField: mean_field,
    cluster_mean_field.ClusterMeanField: cluster_mean_field,
}
METHODS: dict[str, type] = {method.name: method for method in _SOLVERS}
"""Name on the command line to the class of the method."""


def steady_state(
    model: LindbladModel, method: Any, start: Any = None, progress: Progress | None = None
) -> SteadyState:
    """Return the steady state of a model by a method, with its verdict in `status`.

    Parameters
    ----------
    model
        The description of the master equation d rho/dt = L rho = 0 that is solved.
    method
        An instance of one of `ITEBD`, `Exact`, `TWA`, `HolsteinPrimakoff`, `MeanField`,
        `ClusterMeanField`.
    start
        What the search starts from: another state by the same method, or None for its default.
    progress
        Follows the computation and lets it go on after an interruption, if the method is able to.

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type, or the model has no dissipation: every state that
        commutes with the Hamiltonian is then steady.
    UnsupportedModelError
        If the method cannot treat the model.
    """
    _check_model(model)
    if not any(jump.rate > 0 for jump in model.jumps):
        raise ArgumentError(
            "Argument `model` must have a jump operator with a positive rate, but "
            f"{model.label} has none: without dissipation its steady state is not unique."
        )
    solve = _function(method, "steady_state")
    follows = progress is not None and "progress" in inspect.signature(solve).parameters
    begin = time.perf_counter()
    with threadpool_limits(limits=1, user_api="blas"):  # threads cost more than they give here
        if follows:
            state = solve(model, method, start, progress=progress)
        else:
            state = solve(model, method, start)
    object.__setattr__(state, "seconds", time.perf_counter() - begin)
    return state


def evolve(model: LindbladModel, method: Any, start: Any, times: ArrayLike) -> Any:
    """Return the solution of the master equation at given times.

    Parameters
    ----------
    model, method, start
        As in `steady_state`.
    times
        Real numbers >= 0 in rising order, in units of the inverse rates of the model. The start is
        the state at time zero.

    Returns
    -------
    Trajectory
        The observables of a state with one leading axis of the length of `times`.

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type or the times do not rise.
    UnsupportedModelError
        If the method cannot treat the model, or has no dynamics.
    """
    _check_model(model)
    solve = _function(method, "evolve")
    grid = rising_times(times)
    with threadpool_limits(limits=1, user_api="blas"):
        return solve(model, method, start, grid)


def _check_model(model: Any) -> None:
    if not isinstance(model, LindbladModel):
        raise ArgumentError(
            f"Argument `model` must be a `LindbladModel`, but is of type `{type(model).__name__}`."
        )


def _function(method: Any, verb: str) -> Callable:
    """Return the function of that name of a method."""
    if isinstance(method, type) or not isinstance(getattr(method, "name", None), str):
        raise fail("method", f"an instance of {', '.join(map(_title, METHODS.values()))}", method)
    room = _SOLVERS.get(type(method), sys.modules.get(type(method).__module__))
    found = getattr(room, verb, None)
    if found in (None, steady_state, evolve):  # a module may have imported these two
        raise UnsupportedModelError(f"Method `{method.name}` has no `{verb}`.")
    return found


def _title(method: type) -> str:
    return f"`{method.__name__}`"
