r"""Cluster mean field: an exact cluster in the self-consistent field of its copies.

Huber, Kirton and Rabl, Eqs. B1 to B5. With one site this is the single-site Gutzwiller master
equation, which agrees with their mean-field equations only for S -> infinity. The fixed point is
found by following the cluster's own real-time motion with Anderson mixing; whether it is stable is
decided by the slowest eigenvalue of the linearised motion.
"""

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs
from scipy.special import gammaln

from impo.anderson import anderson, runge_kutta, stable_step
from impo.arguments import UnsupportedModelError, fail, rising_times
from impo.basis import local_operators, state_charges
from impo.cluster_flow import ClusterFlow, cluster_flow
from impo.cluster_mean_field_state import (
    ClusterMeanField,
    ClusterMeanFieldState,
    ClusterTrajectory,
)
from impo.model import LindbladModel, Site, Spin
from impo.result import Status

_LARGEST = 1300  # states of the cluster: some thirty density matrices of up to 27 MB are in memory
_DENSE = 16  # states of a cluster whose linearised motion is diagonalised as a dense matrix
_STEPS = 12  # Runge-Kutta steps, each close to the fastest motion, in one application of the map
_ITERATIONS = 160
_FOLLOW = 150  # steps for which the motion is followed before mixing
_LONGEST = 4000  # steps for which it is followed away from an unstable point
_BROKEN = 1e-5  # <S+>/S that counts as a broken symmetry
_MARGINAL = 1e-7  # a growth per time step that counts as none


@dataclass(frozen=True)
class _Solution:
    """A fixed point in the frame of its flow."""

    rho: NDArray
    residual: float
    growth: float
    mode: NDArray
    iterations: int
    dt: float

    @property
    def stable(self) -> bool:
        """Whether all perturbations decay."""
        return self.growth * self.dt < -_MARGINAL

    @property
    def unstable(self) -> bool:
        """Whether a perturbation is known to grow."""
        return math.isfinite(self.growth) and self.growth * self.dt > _MARGINAL


def coherent_state(site: Site, direction: NDArray) -> NDArray:
    """Return the spin coherent state along a direction (x, y, z), states m = S ... -S.

    A boson gets the (truncated) coherent state of amplitude x + iy.
    """
    x, y, z = direction
    if not isinstance(site, Spin):
        n = np.arange(site.dimension)
        return (x + 1j * y) ** n / np.exp(gammaln(n + 1) / 2)
    twice = site.dimension - 1
    theta, phi = math.atan2(math.hypot(x, y), z), math.atan2(y, x)
    up = np.arange(twice, -1, -1)
    weights = np.exp((gammaln(twice + 1) - gammaln(up + 1) - gammaln(twice - up + 1)) / 2)
    polar = math.cos(theta / 2) ** up * math.sin(theta / 2) ** (twice - up)
    return weights * polar * np.exp(-1j * phi * state_charges(site))


def _product(flow: ClusterFlow, directions: NDArray) -> NDArray:
    """Return the density matrix of a product of coherent states, as the directions are."""
    state: NDArray = np.ones(1)
    for site, direction in zip(flow.sites, directions, strict=True):
        vector = coherent_state(site, direction)
        state = np.kron(state, vector / np.linalg.norm(vector))
    return np.outer(state, state.conj())


def _start(flow: ClusterFlow, start: Any) -> tuple[ClusterFlow, NDArray]:
    """Return the flow and a start in its frame; a start that is complex there makes it complex."""
    n = len(flow.sites)
    if start is None:  # in the xy plane, real in the frame
        rho = _product(flow, np.tile([1.0, 0.0, 0.0], (n, 1)))
        return flow, rho.real.copy() if flow.real else rho
    if isinstance(start, ClusterMeanFieldState):
        rho = np.asarray(start.rho)
        if rho.shape != (flow.dimension,) * 2:
            raise fail("start", f"a state of dimension {flow.dimension}", f"one of {len(rho)}")
    else:
        unit = len(flow.model.sites)
        directions = np.asarray(start, dtype=float)
        if directions.shape == (unit, 3):
            directions = np.tile(directions, (n // unit, 1))
        if directions.shape != (n, 3) or not np.all(np.linalg.norm(directions, axis=1) > 0):
            raise fail("start", f"a state, or directions ({unit}, 3) or ({n}, 3)", start)
        rho = _product(flow, directions)
    u = flow.frame()
    rho = u.conj()[:, None] * rho * u
    rho = (rho + rho.conj().T) / 2
    if flow.real and np.abs(rho.imag).max() > 1e-12:
        return replace(flow, real=False), rho
    return flow, rho.real.copy() if flow.real else rho


def _flow(model: LindbladModel, method: ClusterMeanField) -> ClusterFlow:
    """Return the flow of the cluster; refuse one that does not fit in memory."""
    unit = len(model.sites)
    dimension = math.prod(model.sites[j % unit].dimension for j in range(method.sites))
    if dimension > _LARGEST:
        raise UnsupportedModelError(
            f"A cluster of {method.sites} sites has {dimension} states, and ClusterMeanField "
            f"treats {_LARGEST}; use fewer sites, ITEBD or TWA."
        )
    return cluster_flow(model, method.sites)


def _time_step(flow: ClusterFlow) -> float:
    """Return a time step that is stable in the largest possible fields."""
    rough = np.random.default_rng(7).normal(size=(flow.dimension, flow.dimension))
    rough = (rough + rough.T).astype(float if flow.real else complex)
    fields = flow.largest_fields()
    return stable_step(lambda x: flow.rate(x, fields), rough)


def _slowest_mode(flow: ClusterFlow, rho: NDArray, dt: float) -> tuple[float, NDArray]:
    """Return the largest Re of the linearised motion around a fixed point, and its mode.

    The motion is linear over the reals only, since the field depends on rho and its conjugate.
    """
    fields = flow.field_values(rho)

    def rate(delta: NDArray) -> NDArray:
        return flow.linear_rate(rho, fields, delta)

    if flow.dimension <= _DENSE:
        basis = _traceless_basis(flow.dimension, flow.real)
        moved = np.array([rate(b).reshape(-1) for b in basis])
        jacobian = np.real(basis.reshape(len(basis), -1).conj() @ moved.T)
        values, vectors = np.linalg.eig(jacobian)
        slowest = int(np.argmax(values.real))
        return float(values[slowest].real), np.tensordot(vectors[:, slowest].real, basis, 1)

    def propagate(x: NDArray) -> NDArray:
        delta = np.ascontiguousarray(x, dtype=float).view(rho.dtype).reshape(rho.shape)
        delta = (delta + delta.conj().T) / 2
        delta = delta - np.trace(delta).real * rho  # rounding would let the stationary mode in
        moved = runge_kutta(rate, delta, dt, _STEPS)
        return np.ascontiguousarray(moved).reshape(-1).view(float)

    rough = np.random.default_rng(3).normal(size=rho.shape)
    rough = rough + rough.T
    rough -= np.trace(rough) / len(rough) * np.eye(len(rough))
    first = propagate(rough.astype(rho.dtype).reshape(-1).view(float))
    propagator = LinearOperator((len(first),) * 2, matvec=propagate, dtype=float)
    try:
        values, vectors = eigs(propagator, k=1, v0=first, ncv=16, tol=1e-3, maxiter=30)
        largest, vector = abs(values[0]), np.ascontiguousarray(vectors[:, 0].real)
    except ArpackNoConvergence:  # modes of almost the same rate: a power iteration bounds them
        vector, largest = first, 0.0
        for _ in range(3 * _STEPS):
            vector = propagate(vector / np.linalg.norm(vector))
            largest = float(np.linalg.norm(vector))
    mode = vector.view(rho.dtype).reshape(rho.shape)
    return math.log(largest) / (dt * _STEPS), mode / np.linalg.norm(mode)


def _traceless_basis(d: int, real: bool) -> NDArray:
    """Return orthonormal traceless Hermitian (or real symmetric) matrices, shape (n, d, d)."""
    rows, columns = np.triu_indices(d, 1)
    symmetric = np.zeros((len(rows), d, d), dtype=float if real else complex)
    count = np.arange(len(rows))
    symmetric[count, rows, columns] = symmetric[count, columns, rows] = math.sqrt(0.5)
    # the columns of an orthogonal matrix, but the first, have no component along (1 ... 1)
    diagonal = np.linalg.qr(np.hstack([np.ones((d, 1)), np.eye(d)[:, 1:]]))[0][:, 1:]
    parts = [symmetric, np.array([np.diag(column) for column in diagonal.T])]
    if not real:
        antisymmetric = symmetric.copy()
        antisymmetric[count, rows, columns] *= 1j
        antisymmetric[count, columns, rows] *= -1j
        parts.append(antisymmetric)
    return np.concatenate(parts)


def _fixed_point(flow: ClusterFlow, rho: NDArray, tol: float, follow: int = 0) -> _Solution:
    """Return a fixed point of the motion from rho, with the slowest mode around it.

    Before mixing, the motion is followed for `follow` steps, to stay in the basin of the start; if
    mixing does not settle, it is followed further, once. The growth rate is then infinite.
    """
    dt = _time_step(flow)

    def mix(start: NDArray, tolerance: float) -> tuple[NDArray, int]:
        found, count = anderson(
            lambda x: runge_kutta(flow.rate, x, dt, _STEPS), start, tolerance,
            iterations=_ITERATIONS,
        )  # fmt: skip
        return found / np.trace(found).real, count

    accuracy, iterations, settled = tol / math.sqrt(flow.dimension), 0, False
    for steps in (follow, 4 * follow) if follow else (0,):
        rho = runge_kutta(flow.rate, rho, dt, steps)
        found, count = mix(rho, accuracy / 10)
        iterations, settled = iterations + count, count < _ITERATIONS
        if settled:
            break
    growth, mode = _slowest_mode(flow, found, dt) if settled else (math.inf, np.zeros_like(found))
    residual = float(np.linalg.norm(flow.rate(found)))
    needed = accuracy * abs(growth) / 3
    if residual > needed:  # the error of a slow mode is residual / |growth|
        found, count = mix(found, max(needed * dt * _STEPS / 3, 1e-14))
        iterations, residual = iterations + count, float(np.linalg.norm(flow.rate(found)))
    return _Solution(found, residual, growth, mode, iterations, dt)


def _transverse(flow: ClusterFlow, rho: NDArray) -> float:
    """Return the largest |<S+>|/S (or |<B>|) of the sites of the cluster."""
    found = 0.0
    for j, site in enumerate(flow.sites):
        operator = local_operators(site)["S+" if isinstance(site, Spin) else "B"]
        left, d = math.prod(flow.dims[:j]), flow.dims[j]
        tensor = rho.reshape(left, d, -1, left, d, flow.dimension // (left * d))
        local = np.einsum("aibajb->ij", tensor)
        scale = (d - 1) / 2 if isinstance(site, Spin) else 1.0
        found = max(found, abs(np.einsum("ij,ji", operator, local)) / scale)
    return float(found)


def _report(flow: ClusterFlow, solution: _Solution) -> dict[str, Any]:
    """Return a solution in JSON types."""
    return {
        "largest_transverse": _transverse(flow, solution.rho),
        "growth_rate": solution.growth if math.isfinite(solution.growth) else None,
        "stable": solution.stable,
        "residual": solution.residual,
        "iterations": solution.iterations,
    }


def steady_state(
    model: LindbladModel, method: ClusterMeanField, start: Any = None
) -> ClusterMeanFieldState:
    """Return the self-consistent steady state of a cluster.

    Without a start, the spins begin in the xy plane. If the fixed point that is reached is
    unstable, the motion is followed away from it. If it breaks a symmetry, the fixed point without
    a field is examined too. All are listed in `diagnostics["solutions"]`, that of the result first.

    Parameters
    ----------
    model
        A one-dimensional description.
    method
        Size of the cluster and accuracy.
    start
        None, a `ClusterMeanFieldState` of the same dimension, or directions of coherent states,
        shape (n, 3), for the sites of a cell or of the cluster.

    Raises
    ------
    ArgumentError
        If the cluster is not a whole number of cells, or the start does not fit it.
    UnsupportedModelError
        If the model is not one-dimensional or the cluster too large.
    """
    began = time.perf_counter()
    flow, rho = _start(_flow(model, method), start)
    solution = _fixed_point(flow, rho, method.tol, follow=_FOLLOW)
    rejected: list[_Solution] = []
    for _ in range(2):
        if not solution.unstable:
            break
        rejected.append(solution)
        kicked = solution.rho + 0.05 * np.linalg.norm(solution.rho) * solution.mode
        steps = min(round(10 / (solution.growth * solution.dt)), _LONGEST)
        kicked = runge_kutta(flow.rate, kicked, solution.dt, steps)
        solution = _fixed_point(flow, kicked, method.tol)
    others = rejected
    if start is None and not rejected and _transverse(flow, solution.rho) > _BROKEN:
        symmetric = replace(flow, fields=())
        found = _fixed_point(symmetric, solution.rho, method.tol)
        if np.abs(flow.field_values(found.rho)).max(initial=0.0) < method.tol:
            growth, mode = _slowest_mode(flow, found.rho, found.dt)
            others = [replace(found, growth=growth, mode=mode)]
    return _state(model, method, flow, solution, others, time.perf_counter() - began)


def _state(model, method, flow, solution, others, seconds) -> ClusterMeanFieldState:
    """Return the result with its verdict."""
    bound = math.sqrt(flow.dimension) * solution.residual / max(abs(solution.growth), 1e-300)
    if math.isinf(solution.growth):
        status, bound = Status.NOT_CONVERGED, math.nan
        message = (
            f"The iteration did not settle (residual {solution.residual:.1e}): the motion may have "
            "no stable fixed point from this start. Follow it with `evolve`, or start elsewhere."
        )
    elif solution.unstable:
        status = Status.NOT_CONVERGED
        message = (
            f"Only an unstable fixed point was found (growth rate {solution.growth:.3g}): the "
            "motion does not settle. Use `evolve`."
        )
    elif max(solution.residual, bound) > method.tol:
        status = Status.NOT_CONVERGED
        message = (
            f"Errors of up to {bound:.1e} S exceed tol: the slowest mode decays at the rate "
            f"{-solution.growth:.2g} only. Start from a neighbouring point or accept a larger tol."
        )
    else:
        status = Status.CONVERGED
        message = "The fixed point is stable."
    reports = [_report(flow, one) for one in (solution, *others)]
    if any(report["stable"] for report in reports[1:]):
        message += " A stable solution without symmetry breaking exists."
    u = flow.frame()
    state = ClusterMeanFieldState(
        model, method, status, message, solution.residual, seconds,
        u[:, None] * solution.rho * u.conj(), bound,
        diagnostics={"real_frame": flow.real, "solutions": reports},
    )  # fmt: skip
    occupation = state.density.cutoff_occupation
    if status is Status.CONVERGED and occupation > method.tol:
        message = (
            f"A boson holds its largest number of quanta with probability {occupation:.1e}, more "
            f"than tol = {method.tol:.1e}; raise its cutoff, or accept a larger tol."
        )
        return replace(state, status=Status.K_LIMITED, message=message)
    return state


def residual_and_growth(state: ClusterMeanFieldState) -> tuple[float, float]:
    """Return |d rho/dt| and the growth rate of the slowest mode, from the density matrix alone."""
    flow = _flow(state.model, state.method)
    u = flow.frame()
    rho = u.conj()[:, None] * state.rho * u
    rho = np.ascontiguousarray(rho.real if flow.real else rho)
    growth, _ = _slowest_mode(flow, rho, _time_step(flow))
    return float(np.linalg.norm(flow.rate(rho))), growth


def evolve(
    model: LindbladModel, method: ClusterMeanField, start: Any, times: ArrayLike
) -> ClusterTrajectory:
    """Integrate the non-linear master equation of the cluster in real time.

    Parameters
    ----------
    model, method, start
        As for `steady_state`.
    times
        Times in rising order; the start belongs to time zero.
    """
    grid = rising_times(times)
    flow, rho = _start(_flow(model, method), start)
    u = flow.frame()
    accuracy = min(1e-10, method.tol)
    settings: dict[str, Any] = {
        "method": "DOP853",
        "rtol": accuracy,
        "atol": accuracy / 10,
        "max_step": 2 * _time_step(flow),  # well inside its stability, for small errors
    }
    local: list[list[NDArray]] = [[] for _ in flow.sites]

    def rate(_: float, y: NDArray) -> NDArray:
        matrix = y.view(rho.dtype).reshape(rho.shape)
        return np.ascontiguousarray(flow.rate(matrix)).reshape(-1).view(float)

    y = np.ascontiguousarray(rho).reshape(-1).view(float)
    now = 0.0
    for moment in grid:
        if moment > now:
            y = solve_ivp(rate, (now, moment), y, **settings).y
            y = np.ascontiguousarray(y[:, -1])
            now = float(moment)
        physical = u[:, None] * y.view(rho.dtype).reshape(rho.shape) * u.conj()
        for j, d in enumerate(flow.dims):
            left = math.prod(flow.dims[:j])
            right = flow.dimension // (left * d)
            tensor = physical.reshape(left, d, right, left, d, right)
            local[j].append(np.einsum("aibajb->ij", tensor))
    return ClusterTrajectory(
        model, method, grid, tuple(np.array(one) for one in local), 10 * accuracy
    )
