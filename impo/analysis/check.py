"""Does a file hold what it claims? Everything is computed again from the arrays of the state.

The numbers that a person reads in a file (observables, errors, residual, verdict) are stored beside
the arrays from which the state is rebuilt. `check` takes only the arrays, the description and the
settings, and compares: trace, positivity, the residual of the equations that the method solves, all
observables with their error bars, and the verdict.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.methods.cluster_mean_field.solve import residual_and_growth
from impo.methods.cluster_mean_field.state import ClusterMeanFieldState, ClusterTrajectory
from impo.methods.exact import ExactState, projected_residual
from impo.methods.exact.positivity import LARGEST_MATRIX, places
from impo.methods.holstein_primakoff.gaussian import log_purity, neighbour_negativity
from impo.methods.holstein_primakoff.quadratic import quadratic_bosons
from impo.methods.holstein_primakoff.solve import lyapunov_residual
from impo.methods.holstein_primakoff.stability import (
    largest_growth,
    marginal_rate,
    stable_configurations,
)
from impo.methods.holstein_primakoff.state import HolsteinPrimakoffState
from impo.methods.itebd.state import ItebdState
from impo.methods.mean_field.equations import largest_rate, mean_field_equations
from impo.methods.mean_field.stability import WaveStability, conserved_sum
from impo.methods.mean_field.state import MeanFieldState, MeanFieldTrajectory
from impo.methods.twa.solve import starts_difference
from impo.methods.twa.state import TWAState
from impo.refinement import verdict as certificate
from impo.refinement.approximation import two_site_states
from impo.refinement.budget import error_budget, total_error
from impo.results.dataset import Dataset, Variable
from impo.results.equality import ROUNDING, close, largest, same
from impo.results.estimate import Status
from impo.results.store import claims, load
from impo.results.summary import readable, summary


@dataclass(frozen=True)
class Line:
    """One statement of a file, and what its arrays say about it.

    Attributes
    ----------
    name
        What is stated.
    claimed
        The statement; empty if it is not a stored number but a property that every state has.
    found
        What is computed from the arrays.
    good
        Whether the two agree.
    """

    name: str
    claimed: str
    found: str
    good: bool

    def __str__(self) -> str:
        stated = "" if self.claimed in ("", self.found) else f"{self.claimed}; found: "
        return f"{'ok  ' if self.good else 'FAIL'}  {self.name:14} {stated}{self.found}"


@dataclass(frozen=True)
class Report:
    """What `check` found, line by line, and the verdict that the file states."""

    label: str
    status: Status | None
    lines: tuple[Line, ...]

    @property
    def reproduced(self) -> bool:
        """Whether every line is good."""
        return all(line.good for line in self.lines)

    def __str__(self) -> str:
        good = sum(line.good for line in self.lines)
        verdict = f"{good} of {len(self.lines)} statements are reproduced"
        verdict += f"; the file says {self.status}." if self.status else "."
        return "\n".join([self.label, *map(str, self.lines), verdict])


def check(path: str | Path) -> Report:
    """Recompute what a file says about a state or trajectory from its arrays.

    Parameters
    ----------
    path
        File that `save` wrote.

    Raises
    ------
    StoreError
        If the file cannot be read (see `impo.results.store.load`).
    ArgumentError
        If it holds a table or an unfinished computation: there is no state to compute from.
    """
    state = load(path)
    if isinstance(state, Dataset):
        raise ArgumentError(
            f"{path} holds a table, from which nothing can be computed again; check the states "
            "that it was made of (those of a scan lie in NAME.points)."
        )
    if not hasattr(state, "model"):
        raise ArgumentError(f"{path} holds an unfinished computation; there is nothing to check.")
    label = f"{state.model.label} by {state.method.name}"
    status = getattr(state, "status", None)
    broken = _not_finite(state) if status != Status.FAILED else ()  # which may have run away
    if broken:  # nothing can be computed from them
        line = Line("finite", "", f"{', '.join(broken)} hold nan or infinities", False)
        return Report(label, status, (line,))
    variables, facts = claims(path)
    lines = [*_properties(state), *_observables(variables, state)]
    if getattr(state, "times", None) is None:
        lines.append(_copies(variables, facts, state))
    return Report(label, status, tuple(lines))


def _not_finite(state: Any) -> list[str]:
    """Return the names of the arrays of a state with elements that are no finite numbers."""
    arrays, _ = state.to_arrays()
    return [
        name
        for name, values in arrays.items()
        if np.asarray(values).dtype.kind in "fc" and not np.all(np.isfinite(values))
    ]


def _observables(claimed: dict[str, Variable], state: Any) -> Iterator[Line]:
    """Compare the numbers that a person reads with those that the arrays give."""
    found, copied = readable(state), _copied(state)
    for name in sorted(set(claimed) | set(found)):
        if name.endswith("_error") or name in copied:
            continue
        if name not in claimed or name not in found:
            where = "nothing" if name in claimed else "it is not in the file"
            stated = _text(claimed[name].values) if name in claimed else ""
            yield Line(name, stated, where, False)
            continue
        one, two = claimed[name].values, found[name].values
        both = [held.get(f"{name}_error") for held in (claimed, found)]
        bars = [item.values for item in both if item is not None]
        if len(bars) < 2:  # a coordinate
            yield Line(name, _text(one), _text(two), close(one, two))
        else:
            good = close(one, two, bars[1]) and close(bars[0], bars[1], bars[1])
            yield Line(name, _text(one, bars[0]), _text(two, bars[1]), good)


def _copied(state: Any) -> set[str]:
    """Return the variables that are copies of attributes: `_properties` computes them again."""
    return {"residual", "status", "seconds", *getattr(state, "extras", ())}


def _copies(claimed: dict[str, Variable], facts: dict[str, Any], state: Any) -> Line:
    """Judge whether what is written more than once in the file is the same everywhere."""
    rebuilt, shown = summary(state), readable(state)
    written = facts.get("method", {})  # a setting that came later has its default
    rebuilt["method"] = {key: held for key, held in rebuilt["method"].items() if key in written}
    wrong = [
        name
        for name in sorted(_copied(state) & set(claimed))
        if name not in shown or not close(claimed[name].values, shown[name].values)
    ]
    wrong += [f"summary of {key}" for key in rebuilt if not same(facts.get(key), rebuilt[key])]
    return Line("copies", "", ", ".join(wrong) or "all alike", not wrong)


def _text(values: Any, errors: Any = None) -> str:
    values = np.asarray(values)
    if values.ndim > 1:  # along a trajectory
        return f"{values.size} numbers, the last {values.flat[-1]:.8g}"
    if errors is None:
        return ", ".join(f"{x:.8g}" for x in values.ravel())
    pairs = zip(values.ravel(), np.ravel(errors), strict=True)
    return ", ".join(f"{x:.8g} +- {e:.1e}" for x, e in pairs)


def _residual(claimed: float | None, found: float) -> Line:
    """Compare residuals to a hundredth, or to rounding."""
    if claimed is None:
        return Line("residual", "none", f"{found:.2e}", False)
    good = abs(found - claimed) <= max(0.01 * found, ROUNDING)
    return Line("residual", f"{claimed:.2e}", f"{found:.2e}", bool(good))


def _density_matrices(matrices: Iterable[Array], error: float, status: Status | None) -> list[Line]:
    """Judge trace, Hermiticity and positivity; `error` is that of an eigenvalue."""
    matrices = list(matrices)
    trace = largest(abs(np.trace(rho) - 1) for rho in matrices)
    skew = largest(np.abs(rho - rho.conj().T).max() for rho in matrices)
    lowest = -largest((-_lowest_eigenvalue(rho) for rho in matrices), least=-1.0)
    positive = lowest >= -np.fmax(1e-8, 5 * error) or status == Status.UNPHYSICAL
    return [
        Line("trace", "", f"1 to {trace:.1e}", bool(trace < ROUNDING)),
        Line("Hermitian", "", f"to {skew:.1e}", skew < 1e-8),
        Line("positive", "", f"lowest eigenvalue {lowest:.1e}", bool(positive)),
    ]


def _lowest_eigenvalue(rho: Array) -> float:
    """Return the lowest eigenvalue of the Hermitian part of a matrix, nan if it holds nan."""
    if not np.all(np.isfinite(rho)):
        return np.nan
    return float(np.linalg.eigvalsh((rho + rho.conj().T) / 2)[0])


def _accurate(state: Any, residual: float) -> Line:
    """Judge whether residual and errors allow the verdict `converged`."""
    errors = [residual]
    for op in ("Sz", "N"):
        sizes = [float(getattr(site, "S", 1)) for site in state.model.sites if op in site.operators]
        if sizes:
            errors += list(state.expect(op).error / sizes)
            errors += list(state.variance(op).error / np.square(sizes))
    tol, worst = state.method.tol, float(np.max(errors))
    found = f"largest error or residual {worst:.1e}, tol {tol:.1e}"
    good = worst <= tol or state.status != Status.CONVERGED
    return Line("verdict", str(state.status), found, bool(good))


def _circumstances(state: ItebdState) -> certificate.Circumstances:
    """Return what a verdict needs to know of the way to a state."""
    known = state.diagnostics
    limit = known.get("time_limit", state.method.t_max)
    return certificate.Circumstances(
        stopped=limit is not None and state.approximation.time >= limit,
        conserved=known.get("conserved"),
        apart=known.get("apart"),
        given_start=known.get("given_start", False),
    )


def _itebd(state: ItebdState) -> Iterator[Line]:
    approx = state.approximation
    if approx.diverged:
        failed = state.status == Status.FAILED
        yield Line("verdict", str(state.status), "the state has run away", failed)
        return
    found = certificate.residual(approx)
    errors = total_error(approx, state.refinements)
    yield from _density_matrices(two_site_states(approx), errors, state.status)
    yield _residual(state.residual, found.value)
    steady = "leakage" in state.diagnostics  # a state of `evolve` need not be stationary
    if steady:
        claimed = state.diagnostics["leakage"]
        good = abs(claimed - found.leakage) <= max(0.01 * found.leakage, ROUNDING)
        yield Line("leakage", f"{claimed:.2e}", f"{found.leakage:.2e}", bool(good))
    budget = error_budget(approx, state.refinements, found.value if steady else 0.0)
    status, _ = certificate.verdict(approx, budget, state.method.tol, _circumstances(state))
    yield Line("verdict", str(state.status), str(status), status == state.status)


def _exact(state: ExactState) -> Iterator[Line]:
    rho = state.density
    if rho is None:
        yield Line("verdict", str(state.status), "no state", state.status == Status.FAILED)
        return
    every = places(rho)
    pairs = [every[i : i + 2] for i in range(max(len(every) - 1, 1))]
    error = float(np.nan_to_num(state.uncertainty, posinf=1.0))
    if state.coarser is not None:
        both = (density.density_matrix(pairs[0]) for density in (rho, state.coarser))
        error += float(np.linalg.norm(np.subtract(*both), 2))
    parts = [every] if rho.dimension <= LARGEST_MATRIX else pairs
    yield from _density_matrices(map(rho.density_matrix, parts), error, state.status)
    found, relative = projected_residual(rho)
    yield _residual(state.residual, found)
    for name in ("purity", "impurity_per_dimension", "diagonal_participation"):
        if name in state.extras:
            claimed, value = state.extras[name], getattr(rho, name)
            yield Line(name, f"{claimed:.8g}", f"{value:.8g}", close(claimed, value))
    yield _accurate(state, relative)  # a rate is no accuracy: units of time must not matter


def _holstein_primakoff(state: HolsteinPrimakoffState) -> Iterator[Line]:
    if state.covariance is None or state.configuration is None:
        signs = state.method.signs
        tried = [signs] if signs else [c for c, _, _ in stable_configurations(state.model)]
        every = [quadratic_bosons(state.model, configuration) for configuration in tried]
        rates = [largest_growth(bosons)[0] for bosons in every]
        unstable = all(rate >= -marginal_rate(one) for rate, one in zip(rates, every, strict=True))
        good = unstable and state.status == Status.FAILED
        found = f"no stable configuration, growth rates from {min(rates):.3g}"
        yield Line("verdict", str(state.status), found if unstable else "a stable one", good)
        return
    bosons = quadratic_bosons(state.model, state.configuration)
    growth, n = largest_growth(bosons)[0], bosons.modes
    claimed = state.diagnostics["largest_growth_rate"]
    good = growth < -marginal_rate(bosons) and abs(growth - claimed) <= 1e-6 * bosons.rate
    yield Line("growth rate", f"{claimed:.6g}", f"{growth:.6g}", bool(good))
    commutator = np.kron(np.diag([0.5, -0.5]), np.eye(n))
    lowest = float(np.linalg.eigvalsh(state.covariance + commutator).min())
    found = f"lowest eigenvalue of <Psi Psi^+> {lowest:.1e}"
    yield Line("positive", "", found, lowest > -ROUNDING)
    yield _residual(state.residual, lyapunov_residual(bosons, state.covariance))
    axes = tuple(range(state.model.dimension))
    halved = state.covariance[tuple(slice(None, None, 2) for _ in axes)]
    change = float(np.abs(state.covariance.mean(axes) - halved.mean(axes)).max())
    good = abs(max(change, 1e-15) - state.quadrature_error) <= max(0.01 * change, 1e-12)
    yield Line("quadrature", f"{state.quadrature_error:.1e}", f"{change:.1e}", bool(good))
    for name, value in (
        ("purity_density", float(-log_purity(state.covariance).mean())),
        ("negativity", neighbour_negativity(state.covariance, n)),
    ):
        stated = state.extras[name]
        yield Line(name, f"{stated:.8g}", f"{value:.8g}", close(stated, value))


def _mean_field(state: MeanFieldState) -> Iterator[Line]:
    equations = mean_field_equations(state.model)
    found = largest(np.abs(equations.flow(s.ravel())).max() for s in state.orbit)
    if len(state.orbit) > 1:
        moving = state.status in (Status.NOT_CONVERGED, Status.FAILED)
        yield Line("verdict", str(state.status), f"moves at rates up to {found:.2e}", moving)
        return
    yield _residual(state.residual, found)
    jacobian = equations.jacobian(state.orbit[0].ravel())
    growth = float(np.linalg.eigvals(jacobian).real.max())
    rate = float(np.linalg.norm(jacobian, 2)) or 1.0
    at_rest = found <= 1e-6 * rate * np.abs(state.orbit).max()
    stability = WaveStability(state.model, largest_rate(state.model)).at(state.orbit[0])
    unique = conserved_sum(equations) is None and stability.stable and growth <= 1e-6 * rate
    good = (unique and at_rest) == (state.status == Status.CONVERGED)
    least = f"least stable mode {stability.growth:.2e}, k = {stability.k}"
    yield Line("verdict", str(state.status), least, bool(good))


def _cluster_mean_field(state: ClusterMeanFieldState) -> Iterator[Line]:
    yield from _density_matrices([state.rho], float(np.nan_to_num(state.accuracy)), state.status)
    residual, growth = residual_and_growth(state)
    yield _residual(state.residual, residual)
    bound = np.sqrt(len(state.rho)) * residual / max(abs(growth), 1e-300)
    converged = growth < 0 and bound <= state.method.tol
    found = f"slowest mode grows at {growth:.3g}, errors up to {bound:.1e}"
    good = converged or state.status != Status.CONVERGED
    yield Line("verdict", str(state.status), found, bool(good))


def _twa(state: TWAState) -> Iterator[Line]:
    lengths = np.array([site.dimension / 2 for site in state.model.sites])  # S + 1/2
    zero: Any = (..., *[0] * len(state.moments.shape), slice(None), slice(None))
    squares = np.diagonal(state.moments.second[zero], axis1=-2, axis2=-1)
    squares = squares.reshape(*squares.shape[:-1], len(lengths), 3).sum(axis=-1)
    off = float(np.abs(squares / lengths**2 - 1).max())
    yield Line("spin length", "", f"S + 1/2 to {off:.1e}", off < 1e-6)
    if len(state.snapshots):
        vectors = state.snapshots.astype(float)
        vectors = vectors.reshape(len(vectors), -1, 3, vectors.shape[-1])
        off = float(np.abs(np.linalg.norm(vectors, axis=2) - 1).max())
        yield Line("unit vectors", "", f"to {off:.1e}", off < 1e-5)
    if state.times is None:
        found = starts_difference(state.moments, state.model)
        yield _residual(state.residual, found)
        yield _accurate(state, found)


def _mean_field_trajectory(trajectory: MeanFieldTrajectory) -> Iterator[Line]:
    equations, vectors = mean_field_equations(trajectory.model), trajectory.vectors
    off = [0.0]
    for n, span in enumerate(zip(trajectory.times, trajectory.times[1:], strict=False)):
        motion = solve_ivp(
            lambda _, s: equations.flow(s), span, vectors[n].ravel(),
            method="LSODA", rtol=1e-9, atol=1e-9 * np.abs(vectors).max(),
        )  # fmt: skip
        ended = np.abs(motion.y[:, -1] - vectors[n + 1].ravel()).max()
        off.append(ended if motion.success else np.nan)
    worst = largest(off)
    allowed = np.fmax(100 * trajectory.accuracy, 1e-6 * np.abs(vectors).max())
    yield Line("motion", "", f"the equations give it to {worst:.1e}", bool(worst <= allowed))


def _cluster_trajectory(trajectory: ClusterTrajectory) -> Iterator[Line]:
    matrices = [rho for site in trajectory.local for rho in site]
    yield from _density_matrices(matrices, trajectory.accuracy, None)


_PROPERTIES: dict[type, Callable[[Any], Iterator[Line]]] = {
    ItebdState: _itebd,
    ExactState: _exact,
    HolsteinPrimakoffState: _holstein_primakoff,
    MeanFieldState: _mean_field,
    ClusterMeanFieldState: _cluster_mean_field,
    TWAState: _twa,
    MeanFieldTrajectory: _mean_field_trajectory,
    ClusterTrajectory: _cluster_trajectory,
}


def _properties(state: Any) -> Sequence[Line]:
    """Return what the method's own equations say about a state."""
    judge = _PROPERTIES.get(type(state))
    return () if judge is None else tuple(judge(state))
