"""The motion of a cluster in the mean field of its copies."""

from collections.abc import Iterator, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp

from impo.arrays import Array
from impo.methods.base import refuse_long
from impo.methods.cluster_mean_field.flow import ClusterFlow
from impo.methods.cluster_mean_field.solve import bounded_flow, site_density, time_step
from impo.methods.cluster_mean_field.start import in_frame, start_in_frame
from impo.methods.cluster_mean_field.state import ClusterSites
from impo.model import LindbladModel
from impo.results.equality import ROUNDING, largest
from impo.results.progress import Follower, tell
from impo.results.trajectory import Trajectory, trajectory_of

if TYPE_CHECKING:
    from impo.methods.cluster_mean_field.method import ClusterMeanField

_MOST_STEPS = 1e7  # of an evolution


def evolve(
    method: "ClusterMeanField",
    model: LindbladModel,
    start: Any,
    times: Array,
    progress: Follower | None = None,
) -> Trajectory:
    """Integrate the non-linear master equation of the cluster in real time.

    Parameters
    ----------
    method, model, start, progress
        As for `steady_state`.
    times
        Times in rising order, shape (T,); the start belongs to time zero.

    Raises
    ------
    ArgumentError
        As `steady_state`.
    UnsupportedModelError
        If the model is not one-dimensional or the cluster too large.
    """
    flow, rho = start_in_frame(bounded_flow(model, method), start)
    step = _longest_step(flow)
    refuse_long(times, _MOST_STEPS * step)
    moved = _motion(flow, rho, [0.0, *times.tolist()], step, method.tol)
    states: list[dict[str, Any]] = []
    for moment, local in zip([0.0, *times.tolist()], moved, strict=True):
        tell(progress, "evolving", time=moment, time_limit=float(times[-1]))
        states.append({"local": local})
    begin, *fields = states
    u = flow.frame()
    begin["rho"] = u[:, None] * rho * u.conj()
    if times[0] == 0:
        fields[0] = begin
    state = partial(ClusterSites, model=model, method=method, accuracy=10 * _accuracy(method.tol))
    return trajectory_of(state, times, fields, begin)


def _accuracy(tol: float) -> float:
    """Return the relative tolerance of the integrator."""
    return min(1e-10, tol)


def _longest_step(flow: ClusterFlow) -> float:
    """Return a step well inside the stability of the integrator, for small errors."""
    return 2 * time_step(flow)


def _motion(
    flow: ClusterFlow, rho: Array, times: Sequence[float], step: float, tol: float
) -> Iterator[tuple[Array, ...]]:
    """Yield the physical states of all sites at rising times; `rho` belongs to the first."""
    u, shape, dtype = flow.frame(), rho.shape, rho.dtype
    accuracy = _accuracy(tol)
    settings: dict[str, Any] = {
        "method": "DOP853",
        "rtol": accuracy,
        "atol": accuracy / 10,
        "max_step": step,
    }

    def rate(_: float, y: Array) -> Array:
        return np.ascontiguousarray(flow.rate(y.view(dtype).reshape(shape))).ravel().view(float)

    y, now = np.ascontiguousarray(rho).ravel().view(float), times[0]
    for moment in times:
        if moment > now:
            y = np.ascontiguousarray(solve_ivp(rate, (now, moment), y, **settings).y[:, -1])
            now = moment
        physical = u[:, None] * y.view(dtype).reshape(shape) * u.conj()
        yield tuple(site_density(flow, physical, j) for j in range(len(flow.sites)))


def followed(trajectory: Trajectory) -> Iterator[tuple[float, float]] | None:
    """Follow a trajectory again from its start; yield (distance, allowed distance) at its times.

    None if its file holds no state of the cluster, and it does not begin with pure sites.
    """
    path: list[tuple[float, Any]] = trajectory.path
    first, tol = path[0][1], trajectory.method.tol
    rho = reduce(np.kron, first.local) if first.rho is None else first.rho
    if not abs(np.trace(rho @ rho) - 1) <= ROUNDING and first.rho is None:
        return None
    flow, rho = in_frame(bounded_flow(trajectory.model, trajectory.method), rho)
    moved = _motion(flow, rho, [time for time, _ in path], _longest_step(flow), tol)
    next(moved)
    return (
        (largest(np.abs(np.subtract(*both)).max() for both in zip(local, state.local, strict=True)),
         10 * first.accuracy)
        for local, (_, state) in zip(moved, path[1:], strict=True)
    )  # fmt: skip
