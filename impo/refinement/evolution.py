"""Time evolution of a matrix product, with error bars."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from impo.arrays import Array
from impo.compilation import clock
from impo.refinement.approximation import Approximation, Refinement, difference
from impo.refinement.budget import error_budget, total_error
from impo.refinement.levels import K_STEP
from impo.refinement.relaxation import Relaxation, first_rank
from impo.refinement.side_by_side import FACTORS, other_rank, pairs_of_steps, step_for
from impo.refinement.state import MatrixProductState
from impo.refinement.steady import Starting, plausible, weights
from impo.refinement.verdict import residual, verdict
from impo.results.trajectory import Trajectory, joint_verdict

MOST_STEPS = 1e7  # of an evolution, in units of time in which low multipoles change
_AT_LEAST = 1e-7  # distance that is allowed between two evolutions from one state


def evolution(
    kind: type[MatrixProductState], method: Any, relaxation: Relaxation, starting: Starting,
    times: Array, weight: float,
) -> Trajectory:  # fmt: skip
    """Return the states at given times, with the first weight by which none diverges.

    Parameters are those of `trajectory`; `starting` takes the weight as well, of which `weight` is
    tried first.
    """
    for smaller in weights(weight):
        weighted = partial(_with_weight, starting, smaller)
        begin, states = trajectory(kind, method, relaxation, weighted, times.tolist())
        if all(plausible(state.approximation, state.refinements) for state in states):
            break
    status, message = joint_verdict(states)
    return Trajectory(
        times=times, states=tuple(states), status=status, message=message,
        start=begin if times[0] > 0 else None,
    )  # fmt: skip


def _with_weight(starting: Starting, weight: float, k_max: int) -> Approximation:
    return starting(k_max, weight)


def trajectory(
    kind: type[MatrixProductState], method: Any, relaxation: Relaxation,
    starting: Callable[[int], Approximation], times: Sequence[float],
) -> tuple[MatrixProductState, list[MatrixProductState]]:  # fmt: skip
    """Evolve four approximations side by side: the best, and one coarser in each setting.

    Parameters
    ----------
    kind
        Class of the states.
    method
        Settings.
    relaxation
        The equation; keeps the gates.
    starting
        Rank k_max to the approximation at time 0.
    times
        Non-negative, rising.

    Returns
    -------
    state, list of states
        The state at time zero, and those at the times. Their residual is |d rho/dt|, so it is no
        part of the verdict.
    """
    began = clock()
    full = relaxation.full_rank
    k_max = min(method.k_max or first_rank(full) + K_STEP, full)
    dt = step_for(relaxation.time_unit, method.tol)
    kinds = {
        "best": (method.chi_max, 2, k_max),
        "chi": (max(1, method.chi_max // 2), 2, k_max),
        "dt": (method.chi_max, 1, k_max),
    }
    if (other := other_rank(k_max, full)) is not None:
        kinds["k_max"] = (method.chi_max, 2, other)
    approximations = {
        name: replace(starting(rank), chi=chi, dt=dt) for name, (chi, _, rank) in kinds.items()
    }
    begin = _snapshot(kind, method, _checks(approximations), 0.0)
    states, now = [], 0.0
    largest: dict[str, float] = {}
    for moment in times:
        if moment > now:
            count = pairs_of_steps(moment - now, dt)
            for name, (_, per_step, _) in kinds.items():
                steps, before = per_step * count, approximations[name]
                approximations[name] = advanced(relaxation, before, moment - now, steps)
            now = moment
        relaxation.resume.tell(
            stage="evolving", chi=method.chi_max, k_max=k_max, time=now, time_limit=times[-1]
        )
        refinements = [_lasting(pair, largest) for pair in _checks(approximations)]
        states.append(_snapshot(kind, method, refinements, clock() - began))
    return begin, states


def advanced(
    relaxation: Relaxation, approx: Approximation, duration: float, count: int
) -> Approximation:
    """Return an approximation after a duration, evolved in equal steps."""
    dt = duration / count
    step = relaxation.step(approx.k_max, approx.weight, dt)
    later = relaxation.advanced(approx, step, count, approx.chi)
    return replace(later, dt=dt, time=approx.time + duration)


def _checks(approximations: Mapping[str, Approximation]) -> list[Refinement]:
    """Compare the best approximation with the others."""
    best = replace(approximations["best"], remaining=0.0)
    others = {kind: other for kind, other in approximations.items() if kind != "best"}
    return [Refinement(kind, best, other, FACTORS[kind]) for kind, other in others.items()]


def _lasting(pair: Refinement, largest: dict[str, float]) -> Refinement:
    """Return a pair that bounds no less than those of its kind at earlier times did.

    What has been cut away once stays away, even where two curves happen to cross.
    """
    error = pair.error
    most = largest[pair.kind] = max(error, largest.get(pair.kind, 0.0))
    return replace(pair, factor=pair.factor * most / error) if 0 < error < most < np.inf else pair


def _snapshot(
    kind: type[MatrixProductState], method: Any, refinements: Sequence[Refinement], seconds: float
) -> MatrixProductState:
    best = refinements[0].finer
    status, message = verdict(best, error_budget(best, refinements), method.tol)
    diagnostics = {
        "chi": best.matrix_product.bond_dimension, "k_max": best.k_max, "dt": best.dt,
        "time": best.time, "discarded_weight": best.discarded,
        **{f"error_{pair.kind}": pair.error for pair in refinements},
    }  # fmt: skip
    return kind(
        model=best.generator.model, method=method, status=status, message=message,
        residual=residual(best).value, seconds=seconds, diagnostics=diagnostics,
        approximation=best, refinements=tuple(refinements),
    )  # fmt: skip


def followed(states: Trajectory, relaxation: Relaxation) -> Iterator[tuple[float, float]]:
    """Evolve each state to the next time; yield (distance, allowed distance) of what is stored.

    The same Trotter steps from the same state differ by rounding, and by states of the bond that
    count alike: by much less than the error.
    """
    path: list[tuple[float, Any]] = states.path
    for (before, one), (after, two) in pairwise(path):
        found, stored = one.approximation, two.approximation
        if after > before:
            count = max(1, round((after - before) / stored.dt))
            found = advanced(relaxation, found, after - before, count)
        allowed = max(_AT_LEAST, 0.1 * total_error(stored, two.refinements))
        yield difference(found, stored), allowed
