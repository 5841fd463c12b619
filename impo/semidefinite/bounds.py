"""Certified intervals of expectation values in the steady state of an infinite chain."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, overload

import numpy as np

from impo.arguments import fail, positive, positive_integer
from impo.model import LindbladModel
from impo.results.progress import Follower, Progress, following, tell
from impo.semidefinite.certificate import lower_bound
from impo.semidefinite.constraints import Constraints
from impo.semidefinite.interior_point import best_multipliers
from impo.semidefinite.interval import Interval
from impo.semidefinite.observable import Elements, Observable, elements, terms_of
from impo.semidefinite.relaxation import Relaxation, relaxation

ProgressFunction = Callable[[Progress], Any]


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
        With certified ends. They are not narrower than true, even if the computation breaks down.

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type, the observable is not Hermitian, or the window is too
        short for it or for the model.
    UnsupportedModelError
        If a window of this length needs more memory than there is.
    """
    if not isinstance(model, LindbladModel):
        raise fail("model", "a `LindbladModel`", model)
    asked = observable if isinstance(observable, Mapping) else {"": observable}
    terms = {name: terms_of(model, one, site) for name, one in asked.items()}
    sites, tol = positive_integer("sites", sites), positive("tol", tol)
    with following(progress, "bounds") as follower:
        tell(follower, f"setting up {sites} sites")
        relaxed = relaxation(model, sites)
        labels = {name: name or _label(observable) for name in asked}
        wanted = {name: elements(relaxed, terms[name], labels[name]) for name in asked}
        constraints = Constraints(relaxed.window, relaxed.constraints)
        found = {}
        for name, one in wanted.items():
            begin = time.perf_counter()
            lower, upper = (
                sign * _lower(relaxed, constraints, one, sign, tol, _telling(follower, stage))
                for sign, stage in (
                    (1, f"lower end of {labels[name]}"), (-1, f"upper end of {labels[name]}"),
                )
            )  # fmt: skip
            found[name] = Interval(lower, upper, sites, time.perf_counter() - begin)
    return found if isinstance(observable, Mapping) else found[""]


def _lower(
    relaxed: Relaxation, constraints: Constraints, observable: Elements, sign: int, tol: float,
    told: Callable[[int, float], None],
) -> float:  # fmt: skip
    """Return a certified lower bound of an observable times a sign."""
    values = sign * observable.values
    blocks = relaxed.window.split(values)
    norm = max(float(np.abs(np.linalg.eigvalsh(block)).max()) for block in blocks) or 1.0
    found = best_multipliers([block / norm for block in blocks], constraints, tol, told)
    tried = (norm * found, np.zeros(len(found)))
    return max(lower_bound(relaxed, values, y, observable.uncertainty) for y in tried)


def _telling(follower: Follower | None, stage: str) -> Callable[[int, float], None]:
    def told(size: int, error: float) -> None:
        tell(follower, stage, size=size, error=error)

    return told


def _label(observable: Any) -> str:
    return observable if isinstance(observable, str) else "the observable"
