"""Correlation lengths to an accuracy of their own: the setting `length_tol`."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from impo.methods.itebd.state import ItebdState
from impo.results.estimate import Status
from impo.results.modes import unknown_length

if TYPE_CHECKING:
    from impo.methods.itebd.method import ITEBD

_LEAST_TOL = 1e-10  # below it is rounding
_TIGHTER = 4.0  # by which `tol` falls from one attempt to the next


def refined_lengths(
    solved: Callable[[float, Any], ItebdState], method: "ITEBD", start: Any
) -> ItebdState:
    """Return a state whose lengths have the accuracy asked for, if one is.

    A state that converged is the start of one with a fourth of its tolerance, and so on. The last
    that converged is the result; if its lengths are not accurate enough, the verdict says what
    limits the first that did not.

    Parameters
    ----------
    solved
        Function of tolerance and start that solves the model.
    method
        Settings.
    start
        As in `ITEBD.steady_state`.
    """
    tol, state = method.tol, solved(method.tol, start)
    if method.length_tol is None:
        return state
    given = {"given_start": state.diagnostics["given_start"]}
    while state.status is Status.CONVERGED and (wide := too_wide(state)) is not None:
        tol /= _TIGHTER
        if tol < _LEAST_TOL:
            return replace(state, status=Status.NOT_CONVERGED, message=wide)
        better = solved(tol, state)
        if better.status is not Status.CONVERGED:
            message = f"{wide} With a smaller tolerance: {better.message}"
            limited = better.status in (Status.CHI_LIMITED, Status.K_LIMITED)
            status = better.status if limited else Status.NOT_CONVERGED
            return replace(state, status=status, message=message)
        state = replace(better, diagnostics={**better.diagnostics, **given})
    if state.status is Status.CONVERGED:
        message = f"{state.message} Correlation lengths are known to `length_tol`."
        return replace(state, message=message)
    return state


def too_wide(state: ItebdState) -> str | None:
    """Say which length is not accurate enough, or return None; what is not correlated has none."""
    return unknown_length(state.decay, state.method.lengths, state.method.length_tol)
