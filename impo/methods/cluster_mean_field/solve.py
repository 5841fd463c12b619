r"""Cluster mean field: an exact cluster in the self-consistent field of its copies.

Huber, Kirton and Rabl, Eqs. B1 to B5. With one site this is the single-site Gutzwiller master
equation, which agrees with their mean-field equations only for S -> infinity. The fixed point is
found by following the cluster's own real-time motion with Anderson mixing; whether it is stable is
decided by the slowest eigenvalues of the linearised motion, of equal copies of the cluster and of
copies that differ (`impo.methods.cluster_mean_field.stability`).
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.arguments import UnsupportedModelError
from impo.arrays import Array
from impo.memory import amount, product
from impo.methods.advice import LARGEST_CLUSTER, advice
from impo.methods.cluster_mean_field.assembly import cluster_flow
from impo.methods.cluster_mean_field.cutoff import embedded, judged_cutoff, larger_cutoffs
from impo.methods.cluster_mean_field.fixed_point import anderson, runge_kutta, stable_step
from impo.methods.cluster_mean_field.flow import ClusterFlow
from impo.methods.cluster_mean_field.stability import MARGINAL, STEPS, slowest_mode, wave_modes
from impo.methods.cluster_mean_field.start import in_frame, product_state, start_in_frame
from impo.methods.cluster_mean_field.state import ClusterMeanFieldState
from impo.methods.cluster_mean_field.verdict import Solution, largest_share, verdict
from impo.model import Boson, Level, LindbladModel, Spin
from impo.operators.local import local_operators
from impo.results.estimate import Status
from impo.results.progress import Follower, tell

if TYPE_CHECKING:
    from impo.methods.cluster_mean_field.method import ClusterMeanField


_ITERATIONS = 160
_SHORTER = 4  # time steps that are tried, each half of the one before
_FOLLOW = 150  # steps for which the motion is followed before mixing
_NEAR = 1e-3  # of the residual at the start, from which on mixing goes on
_LONGEST = 4000  # steps for which it is followed away from an unstable point
_BROKEN = 1e-5  # <S+>/S that counts as a broken symmetry
_OTHER_STARTS = ((0.02, -1.0), (0.02, 1.0))  # x and z of spins, amplitude of bosons at rest
_GLANCE = (60, 30, 1e-3)  # steps, iterations and accuracy of a look at where they lead
_DIFFERENT = 0.02  # of S or of a probability: two solutions that are not the same


def _dimension(model: LindbladModel, method: "ClusterMeanField") -> float:
    """Return the number of states of a cluster, about; it may be infinite."""
    cells, rest = divmod(method.sites, len(model.sites))
    dims = [site.dimension for site in model.sites]
    return product(dims, cells) * product(dims[:rest])


def bounded_flow(model: LindbladModel, method: "ClusterMeanField") -> ClusterFlow:
    """Return the flow of the cluster; refuse one that does not fit in memory."""
    dimension = _dimension(model, method)
    if dimension > LARGEST_CLUSTER:
        raise UnsupportedModelError(
            f"A cluster of {method.sites} sites has {amount(dimension)} states, and "
            f"ClusterMeanField treats {LARGEST_CLUSTER}; "
            f"{advice(model, 'ClusterMeanField', 'fewer sites')}."
        )
    return cluster_flow(model, method.sites)


def time_step(flow: ClusterFlow) -> float:
    """Return a time step that is stable in the largest possible fields, of either sign."""
    rough = np.random.default_rng(7).normal(size=(flow.dimension, flow.dimension))
    rough = (rough + rough.T).astype(float if flow.real else complex)
    fields = flow.largest_fields()
    dt = stable_step(lambda x: flow.rate(x, fields), rough)
    for values in (-fields, 0 * fields) if flow.fields else ():  # a field may cancel others
        other = stable_step(partial(flow.rate, fields=values), rough)
        dt = dt if other > 0.8 * dt else other  # within the margin of `stable_step`
    return dt


def _map(flow: ClusterFlow, dt: float) -> Callable[[Array], Array]:
    """Return the map whose fixed points are sought: a short piece of the motion."""
    return lambda x: runge_kutta(flow.rate, x, dt, STEPS)


def _mixed(flow: ClusterFlow, rho: Array, tolerance: float, dt: float) -> tuple[Array, int]:
    """Return a fixed point by Anderson mixing, and the number of iterations; rho if it diverges."""
    found, count = anderson(_map(flow, dt), rho, tolerance, iterations=_ITERATIONS)
    trace = float(np.trace(found).real)
    return (found / trace, count) if abs(trace) > 0 else (rho, _ITERATIONS)


def _followed(flow: ClusterFlow, rho: Array, dt: float, steps: int) -> tuple[Array, float]:
    """Return the motion after some steps, and the time step: a shorter one if it diverges."""
    for _ in range(_SHORTER):
        moved = runge_kutta(flow.rate, rho, dt, steps)
        if np.abs(moved).max() < 2:  # an element of a density matrix is at most one
            return moved, dt
        dt /= 2
    return rho, dt


def _approached(flow: ClusterFlow, before: Array, after: Array) -> bool:
    """Return whether mixing came near a fixed point, so that more of it may reach it."""
    left, begun = (float(np.linalg.norm(flow.rate(rho))) for rho in (after, before))
    return left < _NEAR * begun


def _fixed_point(flow: ClusterFlow, rho: Array, tol: float, follow: int = 0) -> Solution:
    """Return a fixed point of the motion from rho, with the slowest mode around it.

    Before mixing, the motion is followed for `follow` steps, to stay in the basin of the start; if
    mixing does not settle, it is continued if it came near, and then the motion is followed
    further, once. If none of it settles, the growth rate is infinite.
    """
    accuracy, dt, iterations = tol / math.sqrt(flow.dimension), time_step(flow), 0
    for steps in (follow, 4 * follow) if follow else (0,):
        rho, dt = _followed(flow, rho, dt, steps)
        found, count = _mixed(flow, rho, accuracy / 10, dt)
        iterations += count
        if count == _ITERATIONS and _approached(flow, rho, found):
            found, count = _mixed(flow, found, accuracy / 10, dt)
            iterations += count
        settled = count < _ITERATIONS
        if settled:
            break
    growth, mode = slowest_mode(flow, found, dt) if settled else (math.inf, np.zeros_like(found))
    residual = float(np.linalg.norm(flow.rate(found)))
    needed = accuracy * abs(growth) / largest_share(flow.sites)
    if not residual <= needed:  # the error of a slow mode is residual / |growth|
        found, count = _mixed(flow, found, max(needed * dt * STEPS / 3, 1e-14), dt)
        iterations, residual = iterations + count, float(np.linalg.norm(flow.rate(found)))
    return Solution(found, residual, growth, mode, iterations, dt)


def site_density(flow: ClusterFlow, rho: Array, j: int) -> Array:
    """Return the density matrix of one site of the cluster."""
    left, d = math.prod(flow.dims[:j]), flow.dims[j]
    right = flow.dimension // (left * d)
    parts = rho.reshape(left, d, right, left, d, right)
    return np.asarray(np.einsum("aibajb->ij", parts))


def _sites(flow: ClusterFlow, rho: Array) -> list[tuple[Array, float]]:
    """Return the density matrix and |<S+>|/S (or |<B>|) of every site of the cluster."""
    out = []
    for j, site in enumerate(flow.sites):
        local, spin = site_density(flow, rho, j), isinstance(site, Spin)
        if isinstance(site, Level):  # nothing is known to raise it
            out.append((local, 0.0))
            continue
        raised = abs(np.einsum("ij,ji", local_operators(site)["S+" if spin else "B"], local))
        out.append((local, float(raised / ((site.dimension - 1) / 2 if spin else 1.0))))
    return out


def _transverse(flow: ClusterFlow, rho: Array) -> float:
    """Return the largest |<S+>|/S (or |<B>|) of the sites of the cluster."""
    return max(raised for _, raised in _sites(flow, rho))


def _local(flow: ClusterFlow, rho: Array) -> Array:
    """Return the probabilities of m (or n) on every site, and |<S+>|/S (or |<B>|)."""
    return np.concatenate([np.append(np.diagonal(r).real, x) for r, x in _sites(flow, rho)])


def _judged(flow: ClusterFlow, solution: Solution) -> Solution:
    """Return a solution with its least stable mode among copies that may differ."""
    if solution.unstable or not math.isfinite(solution.growth):
        return solution
    waves = wave_modes(flow, solution.rho, solution.dt, solution.mode)
    return replace(solution, waves=waves)


def _other_solutions(flow: ClusterFlow, known: list[Solution], tol: float) -> list[Solution]:
    """Return other stable solutions, to which spins along -z and z, a little tilted, lead."""
    steps, iterations, accuracy = _GLANCE
    found: list[Solution] = []
    for x, z in _OTHER_STARTS:
        directions = [(x, 0.0, z) if isinstance(s, Spin) else (x + 1.0 + z, 0.0, 0.0)
                      for s in flow.sites]  # fmt: skip
        rho = product_state(flow, np.array(directions))
        rho = rho.real.copy() if flow.real else rho
        rho, dt = _followed(flow, rho, known[0].dt, steps)
        step = _map(flow, dt)
        rho, count = anderson(step, rho, accuracy / flow.dimension**0.5, iterations=iterations)
        if count == iterations:
            continue
        rho = rho / np.trace(rho).real
        seen = [_local(flow, one.rho) for one in (*known, *found)]
        if np.abs(seen - _local(flow, rho)).max(axis=1).min() < _DIFFERENT:
            continue
        other = _judged(flow, _fixed_point(flow, rho, tol))
        here = _local(flow, other.rho)
        if other.stable and np.abs(seen - here).max(axis=1).min() > _DIFFERENT:
            found.append(other)
    return found


def _report(flow: ClusterFlow, solution: Solution) -> dict[str, Any]:
    """Return a solution in JSON types."""
    waves = solution.waves
    return {
        "largest_transverse": _transverse(flow, solution.rho),
        "growth_rate": solution.growth if math.isfinite(solution.growth) else None,
        "stable": solution.stable,
        "residual": solution.residual,
        "iterations": solution.iterations,
        "least_stable": None if waves is None else {
            "growth_rate": waves.growth, "k": waves.wave, "error": waves.error,
        },
    }  # fmt: skip


def steady_state(
    method: "ClusterMeanField",
    model: LindbladModel,
    start: Any = None,
    progress: Follower | None = None,
) -> ClusterMeanFieldState:
    """Return the self-consistent steady state of a cluster.

    Without a start, the spins begin in the xy plane. If the fixed point that is reached is
    unstable, the motion is followed away from it. If it breaks a symmetry, the fixed point without
    a field is examined too, and starts close to -z and z are followed to other stable solutions.
    All are listed in `diagnostics["solutions"]`, that of the result first.

    Only a fixed point is `converged` whose perturbations decay, at all wave vectors tried between
    the copies. With bosons it must also stay the same if their cut-off is raised by a third.

    Parameters
    ----------
    method
        Size of the cluster and accuracy.
    model
        A one-dimensional description.
    start
        None, a `ClusterMeanFieldState` of the same dimension, or directions of coherent states,
        shape (n, 3), for the sites of a cell or of the cluster.
    progress
        Hears what is searched for.

    Raises
    ------
    ArgumentError
        If the cluster is not a whole number of cells, or the start does not fit it.
    UnsupportedModelError
        If the model is not one-dimensional or the cluster too large.
    """
    flow, rho = start_in_frame(bounded_flow(model, method), start)
    tell(progress, "searching for a fixed point", size=flow.dimension)
    solution, others = _settled(flow, rho, method.tol)
    if start is None and flow.fields:
        tell(progress, "looking for other solutions", size=flow.dimension)
        others = others or _symmetric(flow, solution, method.tol)
        moves = solution.waves is not None and solution.waves.unstable
        if solution.stable or moves:
            others = [*others, *_other_solutions(flow, [solution, *others], method.tol)]
    reports = [_report(flow, one) for one in (solution, *others)]
    state = _state(flow, method, solution)
    state = replace(
        state,
        message=state.message + _other_message(reports),
        diagnostics={"real_frame": flow.real, "solutions": reports},
    )
    if not any(isinstance(site, Boson) for site in model.sites):
        return state
    if state.status is not Status.CONVERGED:
        return replace(state, accuracy=math.nan)  # what the cut-off changes is not known
    tell(progress, "raising the cut-off of the bosons", size=flow.dimension)
    return _with_larger_cutoff(state)


def _settled(flow: ClusterFlow, rho: Array, tol: float) -> tuple[Solution, list[Solution]]:
    """Return where the motion from rho settles, and the unstable fixed points on its way."""
    solution = _fixed_point(flow, rho, tol, follow=_FOLLOW)
    rejected: list[Solution] = []
    for _ in range(2):
        if not solution.unstable:
            break
        rejected.append(solution)
        kicked = solution.rho + 0.05 * np.linalg.norm(solution.rho) * solution.mode
        steps = min(round(10 / (solution.growth * solution.dt)), _LONGEST)
        kicked = runge_kutta(flow.rate, kicked, solution.dt, steps)
        solution = _fixed_point(flow, kicked, tol)
    return _judged(flow, solution), rejected


def _symmetric(flow: ClusterFlow, solution: Solution, tol: float) -> list[Solution]:
    """Return the fixed point without a field if a solution breaks a symmetry, else nothing."""
    if not _transverse(flow, solution.rho) > _BROKEN:
        return []
    found = _fixed_point(replace(flow, fields=()), solution.rho, tol)
    if not np.abs(flow.field_values(found.rho)).max(initial=0.0) < tol:
        return []
    growth, mode = slowest_mode(flow, found.rho, found.dt)
    return [_judged(flow, replace(found, growth=growth, mode=mode))]


def _state(
    flow: ClusterFlow, method: "ClusterMeanField", solution: Solution
) -> ClusterMeanFieldState:
    """Return a solution in the physical frame, with its verdict."""
    status, message, bound = verdict(solution, flow.dimension, method.tol, flow.sites)
    u = flow.frame()
    return ClusterMeanFieldState(
        model=flow.model,
        method=method,
        status=status,
        message=message,
        residual=solution.residual,
        rho=u[:, None] * solution.rho * u.conj(),
        accuracy=bound,
    )


def _other_message(reports: list[dict[str, Any]]) -> str:
    """Return what the message says of other stable solutions."""
    stable = [report for report in reports[1:] if report["stable"]]
    if not stable:
        return ""
    if len(stable) == 1 and stable[0]["largest_transverse"] < _BROKEN:
        return " A stable solution without symmetry breaking exists."
    count = "Another stable solution was" if len(stable) == 1 else f"{len(stable)} others were"
    return f" {count} found; the start decides."


def _with_larger_cutoff(state: ClusterMeanFieldState) -> ClusterMeanFieldState:
    """Return the state with the change of its observables with the cut-off, and the verdict."""
    model, method = larger_cutoffs(state.model), state.method
    if model is None:
        message = (
            "The cut-off of the bosons was not tested, because their own operators are not known "
            "with a larger one; write them as products of B and Bd."
        )
        return replace(state, status=Status.K_LIMITED, message=message, accuracy=math.nan)
    dimension = _dimension(model, method)
    if dimension > LARGEST_CLUSTER:
        message = (
            f"The cut-off of the bosons was not tested: with a larger one the cluster has "
            f"{amount(dimension)} states, more than {LARGEST_CLUSTER}. Use fewer sites or a "
            "smaller cutoff."
        )
        return replace(state, status=Status.K_LIMITED, message=message, accuracy=math.nan)
    flow, rho = in_frame(bounded_flow(model, method), embedded(state, model))
    solution = _judged(flow, _fixed_point(flow, rho, method.tol))
    return judged_cutoff(replace(state, wider=_state(flow, method, solution)))


def residual_and_growth(state: ClusterMeanFieldState) -> tuple[float, float]:
    """Return |d rho/dt| and the growth rate of the slowest mode, from the density matrix alone.

    The mode is that of equal copies, unless one of copies that differ does not decay.
    """
    flow, rho = in_frame(bounded_flow(state.model, state.method), np.asarray(state.rho))
    dt = time_step(flow)
    growth, mode = slowest_mode(flow, rho, dt)
    if growth * dt < -MARGINAL:
        waves = wave_modes(flow, rho, dt, mode)
        growth = growth if waves.stable else max(waves.growth, 0.0)
    return float(np.linalg.norm(flow.rate(rho))), growth
