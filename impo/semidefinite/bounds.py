"""Certified intervals of expectation values in the steady state of an infinite chain."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, overload

import numpy as np

from impo.arguments import fail, positive, positive_integer
from impo.arrays import Array
from impo.model import LindbladModel
from impo.results.progress import Follower, Progress, following, tell
from impo.semidefinite.certificate import lower_bound
from impo.semidefinite.constraints import Constraints
from impo.semidefinite.interior_point import best_multipliers
from impo.semidefinite.interval import Interval
from impo.semidefinite.observable import Elements, Observable, elements, terms_of
from impo.semidefinite.relaxation import LARGE, Relaxation, relaxation
from impo.semidefinite.splitting import Splitting

ProgressFunction = Callable[[Progress], Any]

_Report = Callable[[int, float], None]
_Solver = Callable[[Array, float, _Report], Array]


@overload
def bounds(
    model: LindbladModel, observable: Observable, site: int = 0, sites: int = 6,
    tol: float = 1e-5, progress: ProgressFunction | Literal["tqdm"] | None = None,
) -> Interval: ...  # fmt: skip
@overload
def bounds(
    model: LindbladModel, observable: Mapping[str, Observable], site: int = 0, sites: int = 6,
    tol: float = 1e-5, progress: ProgressFunction | Literal["tqdm"] | None = None,
) -> dict[str, Interval]: ...  # fmt: skip
def bounds(
    model: LindbladModel, observable: Any, site: int = 0, sites: int = 6, tol: float = 1e-5,
    progress: Any = None,
) -> Interval | dict[str, Interval]:  # fmt: skip
    """Return an interval that contains an expectation value in the steady state.

    It is a statement about the infinite chain, whatever its state is: see `docs/bounds.md`.

    Parameters
    ----------
    model
        A one-dimensional description.
    observable
        Name of a local operator; a `Term`, whose coefficient and place count; or a tuple of terms,
        for their sum. It must be Hermitian. A mapping of names to such shares all preparations.
    site
        Site of the unit cell that the name of a local operator belongs to.
    sites
        Length k of the window, the sites whose density matrix is constrained. Intervals become
        narrower and computations longer: with S = 1/2 by a factor of three to twenty per site.
    tol
        How close to the best interval of this window both ends are computed, in units of the
        largest eigenvalue of the observable.
    progress
        None, "tqdm" or a function, as of `steady_state`.

    Returns
    -------
    Interval or dict of Interval
        With certified ends: an optimisation that breaks down or ends early leaves them wider.

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type, the observable is not Hermitian, or the window is too
        short for it or for the model.
    UnsupportedModelError
        If a window of this length needs more memory than there is, or SCS, which is not installed.

    Examples
    --------
    >>> from models.gain_loss import chain
    >>> 0.32 in bounds(chain(S=0.5, h=0.5, gain=1.5, loss=1.0), "Sz", sites=4)
    True
    """
    if not isinstance(model, LindbladModel):
        raise fail("model", "a `LindbladModel`", model)
    asked = observable if isinstance(observable, Mapping) else {_label(observable): observable}
    terms = {name: terms_of(model, one, site) for name, one in asked.items()}
    sites, tol = positive_integer("sites", sites), positive("tol", tol)
    with following(progress, "bounds") as follower:
        tell(follower, f"setting up {sites} sites")
        relaxed = relaxation(model, sites)
        wanted = {name: elements(relaxed, one, name) for name, one in terms.items()}
        solver = _solver(relaxed)
        found = {
            name: _interval(relaxed, solver, one, tol, name, follower)
            for name, one in wanted.items()
        }
    return found if isinstance(observable, Mapping) else found[_label(observable)]


def _solver(relaxed: Relaxation) -> _Solver:
    """Return what finds multipliers: the interior-point method, or that of SCS if they are many."""
    if len(relaxed.uncertainty) > LARGE:
        return Splitting(relaxed).best_multipliers
    window, constraints = relaxed.window, Constraints(relaxed.window, relaxed.constraints)

    def solve(values: Array, tol: float, told: _Report) -> Array:
        return best_multipliers(window.split(values), constraints, tol, told)

    return solve


def _interval(
    relaxed: Relaxation, solver: _Solver, observable: Elements, tol: float, name: str,
    follower: Follower | None,
) -> Interval:  # fmt: skip
    """Return the interval of one observable."""
    begin = time.perf_counter()

    def end(side: str, sign: int) -> float:
        def told(size: int, error: float) -> None:
            tell(follower, f"{side} end of {name}", size=size, error=error)

        return sign * _lower(relaxed, solver, observable, sign, tol, told)

    lower, upper = end("lower", 1), end("upper", -1)
    sites = len(relaxed.window.dimensions)
    return Interval(lower, upper, sites, time.perf_counter() - begin)


def _lower(
    relaxed: Relaxation, solver: _Solver, observable: Elements, sign: int, tol: float,
    told: _Report,
) -> float:  # fmt: skip
    """Return a certified lower bound of an observable times a sign."""
    values = sign * observable.values
    blocks = relaxed.window.split(values)
    norm = max(float(np.abs(np.linalg.eigvalsh(block)).max()) for block in blocks) or 1.0
    found = solver(values / norm, tol, told)
    tried = (norm * found, np.zeros(len(found)))
    return max(lower_bound(relaxed, values, y, observable.uncertainty) for y in tried)


def _label(observable: Any) -> str:
    return observable if isinstance(observable, str) else "the observable"
