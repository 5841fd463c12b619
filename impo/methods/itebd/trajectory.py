"""Time evolution of an infinite chain, with error bars."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.methods.itebd.state import ItebdState
from impo.model import LindbladModel
from impo.refinement.approximation import Approximation, Refinement
from impo.refinement.levels import SAFETY
from impo.refinement.relaxation import K_STEP, Ladder, advanced, first_rank
from impo.refinement.verdict import residual, verdict
from impo.results.trajectory import Trajectory, joint_verdict
from impo.tensor.trotter import ORDER

if TYPE_CHECKING:
    from impo.methods.itebd.method import ITEBD


def trajectory(
    model: LindbladModel,
    method: "ITEBD",
    ladder: Ladder,
    starting: Callable[[int], Approximation],
    times: Sequence[float],
) -> Trajectory:
    """Evolve four approximations side by side: the best, and one coarser in each setting.

    Parameters
    ----------
    model, method
        What is solved, with which settings.
    ladder
        Keeps the gates.
    starting
        Rank k_max to the approximation at time 0.
    times
        Non-negative, rising.

    Returns
    -------
    Trajectory
        Of `ItebdState`; their residual is |d rho/dt|, so it is no part of the verdict.
    """
    began = time.perf_counter()
    full = ladder.full_rank
    k_max = min(method.k_max or first_rank(full) + K_STEP, full)
    dt = ladder.time_unit * min(1.0, (method.tol / 1e-4) ** (1 / ORDER))
    kinds = {
        "best": (method.chi_max, 2, k_max),
        "chi": (max(1, method.chi_max // 2), 2, k_max),
        "dt": (method.chi_max, 1, k_max),
    }
    if k_max < full:
        other = k_max - K_STEP if k_max > K_STEP + 1 else min(k_max + K_STEP, full)
        kinds["k_max"] = (method.chi_max, 2, other)
    approximations = {
        kind: replace(starting(rank), chi=chi, dt=dt) for kind, (chi, _, rank) in kinds.items()
    }
    states, now = [], 0.0
    largest: dict[str, float] = {}
    for moment in times:
        if moment > now:
            count = max(1, int(np.ceil((moment - now) / (2 * dt) - 1e-9)))
            for kind, (_, per_step, _) in kinds.items():
                approximations[kind] = _advanced(
                    ladder, approximations[kind], moment - now, per_step * count
                )
            now = moment
        refinements = [_lasting(pair, largest) for pair in _checks(approximations)]
        states.append(_snapshot(model, method, refinements, time.perf_counter() - began))
    status, message = joint_verdict(states)
    return Trajectory(
        times=np.asarray(times, dtype=float), states=tuple(states), status=status, message=message
    )


def _advanced(ladder: Ladder, approx: Approximation, duration: float, count: int) -> Approximation:
    """Evolve by a duration in equal steps."""
    dt = duration / count
    later = advanced(approx, ladder.step(approx.k_max, approx.weight, dt), count, approx.chi)
    return replace(later, dt=dt, time=approx.time + duration)


def _checks(approximations: Mapping[str, Approximation]) -> list[Refinement]:
    """Compare the best approximation with the others."""
    best = replace(approximations["best"], remaining=0.0)
    # of two Trotter steps the error of the finer is known
    factors = {"dt": 1 / (2**ORDER - 1), "chi": SAFETY, "k_max": 1.5}
    others = {kind: other for kind, other in approximations.items() if kind != "best"}
    return [Refinement(kind, best, other, factors[kind]) for kind, other in others.items()]


def _lasting(pair: Refinement, largest: dict[str, float]) -> Refinement:
    """Return a pair that bounds no less than those of its kind at earlier times did.

    What has been cut away once stays away, even where two curves happen to cross.
    """
    error = pair.error
    largest[pair.kind] = max(error, largest.get(pair.kind, 0.0))
    known = 0 < error < largest[pair.kind] < np.inf
    return replace(pair, factor=pair.factor * largest[pair.kind] / error) if known else pair


def _snapshot(
    model: LindbladModel, method: "ITEBD", refinements: Sequence[Refinement], seconds: float
) -> ItebdState:
    best = refinements[0].finer
    status, message = verdict(best, refinements, method.tol, 0.0)
    diagnostics: dict[str, Any] = {
        "chi": best.chain.bond_dimension,
        "k_max": best.k_max,
        "dt": best.dt,
        "time": best.time,
        "discarded_weight": best.discarded,
        **{f"error_{pair.kind}": pair.error for pair in refinements},
    }
    return ItebdState(
        model=model,
        method=method,
        status=status,
        message=message,
        residual=residual(best).low,
        seconds=seconds,
        diagnostics=diagnostics,
        approximation=best,
        refinements=tuple(refinements),
    )
