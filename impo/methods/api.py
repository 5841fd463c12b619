"""The verbs `steady_state`, `evolve` and `spectrum` hand a description to the chosen method."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from impo.arguments import (
    ArgumentError,
    UnsupportedModelError,
    fail,
    finite,
    positive_integer,
    rising_times,
)
from impo.compilation import announced, clock
from impo.methods import METHODS
from impo.methods.base import Method, Start, on_call
from impo.model import LindbladModel
from impo.results.failure import failure
from impo.results.progress import Follower, Progress, Telling, following, tell
from impo.results.spectrum import Spectrum
from impo.results.state import SteadyState
from impo.results.store import StoreError
from impo.results.store import load as load  # with it come the methods whose results it reads
from impo.results.trajectory import Trajectory

_SMALLEST = 1e-100  # rate of a model whose squares are no zeros


ProgressFunction = Callable[[Progress], Any]
"""What is called with every report of a computation."""


def steady_state(
    model: LindbladModel, method: Method, start: Start | None = None,
    progress: ProgressFunction | Literal["tqdm"] | Follower | None = None,
) -> SteadyState:  # fmt: skip
    """Return the steady state of a model by a method, with its verdict in `status`.

    Parameters
    ----------
    model
        The description of the master equation d rho/dt = L rho = 0 that is solved.
    method
        An instance of one of `ITEBD`, `TEBD`, `Exact`, `TWA`, `HolsteinPrimakoff`, `MeanField`,
        `ClusterMeanField`.
    start
        What the search starts from: another state by the same method, or None for its default.
    progress
        Shows how far the computation is: "tqdm" in a line on a terminal or in a notebook, or a
        function that is called with a `impo.results.progress.Progress` now and then. A `Follower`
        of the same module also keeps what an interrupted computation goes on from.

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type, or the model has no dissipation: every state that
        commutes with the Hamiltonian is then steady.
    UnsupportedModelError
        If the method cannot treat the model.

    Examples
    --------
    >>> from impo import Exact, steady_state
    >>> from models.gain_loss import dimer
    >>> state = steady_state(dimer(S=1, gain=1.2, loss=0.7), Exact(gap=False))
    >>> print(state.status, state.expect("Sz").value.round(3))
    converged [ 0.62  -0.264]
    """
    check_arguments(model, method)
    _check_verb(method, "steady_state")
    begin = clock()
    with _followed(method, progress) as follower:
        state = method.steady_state(model, start, follower)
    return replace(state, seconds=clock() - begin)


def attempt(
    model: LindbladModel, method: Method, start: Start | None = None,
    progress: Follower | None = None,
) -> SteadyState:  # fmt: skip
    """Return the steady state as `steady_state` does, or a `Failure` that says why there is none.

    Where many states are computed, that of one must not end the others. Only a file that cannot be
    written and the user do. A remark of a method is no failure, whatever the interpreter was told
    of warnings.

    Raises
    ------
    StoreError
        If `progress` cannot write what it keeps.
    """
    begin = clock()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("default", category=UserWarning, module="impo")
            return steady_state(model, method, start, progress)
    except StoreError:
        raise
    except Exception as error:
        if isinstance(progress, Telling) and progress.failed is error:
            raise
        return failure(model, method, error, clock() - begin)


def evolve(
    model: LindbladModel, method: Method, start: Start | None, times: ArrayLike,
    progress: ProgressFunction | Literal["tqdm"] | Follower | None = None,
) -> Trajectory:  # fmt: skip
    """Return the solution of the master equation at given times.

    Parameters
    ----------
    model, method, progress
        As in `steady_state`.
    start
        The state at time zero: a state by the same method, or one entry for each site of the unit
        cell, of which every method takes `Coherent` (see `impo.operators.product_state`). None for
        the default of the method, if it has one.
    times
        Real numbers >= 0 in rising order, in units of the inverse rates of the model.

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

    Examples
    --------
    >>> from impo import Exact, evolve
    >>> from models.gain_loss import dimer
    >>> path = evolve(dimer(S=0.5), Exact(), [[1, 0], [0, 1]], [0, 1, 2])  # from up, down
    >>> path.expect("Sz").value.shape
    (3, 2)
    """
    _check_types(model, method)
    _check_scale(model)
    _check_verb(method, "evolve")
    grid = rising_times(times)
    with _followed(method, progress) as follower:
        return method.evolve(model, start, grid, follower)


def spectrum(
    model: LindbladModel, method: Method, charge: tuple[int, ...] | int | None = None,
    k: float | None = None, count: int = 8,
) -> Spectrum:  # fmt: skip
    """Return the eigenvalues of the Liouvillian closest to zero in one charge sector.

    Those with charge -q and wave number -k are the complex conjugates of those with q and k.

    Parameters
    ----------
    model, method
        Description, and a cluster: `Exact` with a `k_max` that is an integer or None.
    charge
        Values of the weak U(1) charges, an int if there is one: by how much an eigenvector raises
        them, 1 for S+. None: all zero.
    k
        Wave number in units of one over the length of the unit cell, a multiple of 2 pi / cells on
        a ring (`periodic`): of the operators sum_r e^{ikr} T^r x, where T moves x by one cell.
        None: of all wave numbers, and of an open cluster.
    count
        Number of eigenvalues; a conjugate pair at the end is kept whole.

    Returns
    -------
    Spectrum
        Eigenvalues with residuals and condition numbers.

    Raises
    ------
    ArgumentError
        If no operator of the cluster carries the charge, or the cluster has no such wave number.
    UnsupportedModelError
        If the method has no spectrum, or the cluster is too large for the memory.

    Examples
    --------
    >>> from impo import Exact, spectrum
    >>> from models.gain_loss import chain
    >>> ring = Exact(cells=2, periodic=True)
    >>> found = spectrum(chain(S=0.5, gain=1.5, loss=1.0), ring, charge=1, k=0.0, count=2)
    >>> found.decay_rates.round(3)
    array([0.605, 2.659])
    """
    _check_types(model, method)
    _check_scale(model)
    _check_verb(method, "spectrum")
    positive_integer("count", count)
    wave = None if k is None else finite("k", k)
    with threadpool_limits(limits=method.blas_threads, user_api="blas"):
        return method.spectrum(model, charge, wave, count)


@contextmanager
def _followed(method: Method, progress: Any) -> Iterator[Follower | None]:
    """Limit the threads of linear algebra, and say that the work begins or that it compiles."""
    with following(progress, method.name) as follower:
        tell(follower, "preparing")
        limits = threadpool_limits(limits=method.blas_threads, user_api="blas")
        with limits, announced(partial(tell, follower)):
            yield follower


def check_arguments(model: Any, method: Any) -> None:
    """Raise `ArgumentError` unless `steady_state` can be asked for this model and method."""
    _check_types(model, method)
    _check_scale(model)
    if not any(jump.strength > 0 for jump in model.jumps):
        raise ArgumentError(
            "Argument `model` must have a jump operator with a positive rate, but "
            f"{model.label} has none: without dissipation its steady state is not unique."
        )


def _check_types(model: Any, method: Any) -> None:
    """Refuse what is no description or no method."""
    if not isinstance(model, LindbladModel):
        raise ArgumentError(
            f"Argument `model` must be a `LindbladModel`, but is of type `{type(model).__name__}`."
        )
    if not isinstance(method, Method):
        known = ", ".join(f"`{known.__name__}`" for known in METHODS.values())
        raise fail("method", f"an instance of {known}", method)


def _check_scale(model: LindbladModel) -> None:
    """Refuse a model whose squares of rates would all be zero."""
    sizes = [*(abs(term.coefficient) for term in model.terms), *(j.strength for j in model.jumps)]
    if 0 < (largest := max(sizes, default=0.0)) < _SMALLEST:
        raise ArgumentError(
            f"Argument `model` must have a coefficient or rate of at least {_SMALLEST:g}, but the "
            f"largest is {largest:g}; use a longer unit of time."
        )


def _check_verb(method: Method, verb: str) -> None:
    """Refuse a method that does not have a verb, and name those that do."""
    if has_verb(type(method), verb):
        return
    others = ", ".join(f"`{name}`" for name, known in METHODS.items() if has_verb(known, verb))
    raise UnsupportedModelError(f"Method `{method.name}` has no `{verb}`; use one of {others}.")


_growth = on_call("impo.methods.holstein_primakoff.stability", "coarse_growth")


def phase_growth(model: LindbladModel) -> dict[str, float]:
    """Return how fast fluctuations about each collinear phase grow for S -> infinity.

    A phase, named by the signs of its spins ("+-"), is stable where the rate is negative. Empty
    unless the Holstein-Primakoff expansion treats the model.
    """
    try:
        found: dict[str, float] = _growth(model)
    except UnsupportedModelError:
        return {}
    return found


def has_verb(method: type[Method], verb: str) -> bool:
    """Return whether a class of methods has a verb, such as `evolve`."""
    return getattr(method, verb) is not getattr(Method, verb)
