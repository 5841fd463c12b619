"""Time evolution of an infinite chain, with error bars."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from impo.compilation import clock
from impo.methods.itebd.state import ItebdState
from impo.model import LindbladModel
from impo.refinement.approximation import Approximation, Refinement
from impo.refinement.budget import error_budget
from impo.refinement.levels import K_STEP
from impo.refinement.relaxation import Relaxation, first_rank
from impo.refinement.side_by_side import FACTORS, other_rank, pairs_of_steps, step_for
from impo.refinement.verdict import residual, verdict

if TYPE_CHECKING:
    from impo.methods.itebd.method import ITEBD


def trajectory(
    model: LindbladModel, method: "ITEBD", relaxation: Relaxation,
    starting: Callable[[int], Approximation], times: Sequence[float],
) -> tuple[ItebdState, list[ItebdState]]:  # fmt: skip
    """Evolve four approximations side by side: the best, and one coarser in each setting.

    Parameters
    ----------
    model, method
        What is solved, with which settings.
    relaxation
        Keeps the gates.
    starting
        Rank k_max to the approximation at time 0.
    times
        Non-negative, rising.

    Returns
    -------
    ItebdState, list of ItebdState
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
        kind: replace(starting(rank), chi=chi, dt=dt) for kind, (chi, _, rank) in kinds.items()
    }
    begin = _snapshot(model, method, _checks(approximations), 0.0)
    states, now = [], 0.0
    largest: dict[str, float] = {}
    for moment in times:
        if moment > now:
            count = pairs_of_steps(moment - now, dt)
            for kind, (_, per_step, _) in kinds.items():
                steps, before = per_step * count, approximations[kind]
                approximations[kind] = advanced(relaxation, before, moment - now, steps)
            now = moment
        relaxation.resume.tell(
            stage="evolving", chi=method.chi_max, k_max=k_max, time=now, time_limit=times[-1]
        )
        refinements = [_lasting(pair, largest) for pair in _checks(approximations)]
        states.append(_snapshot(model, method, refinements, clock() - began))
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
    model: LindbladModel, method: "ITEBD", refinements: Sequence[Refinement], seconds: float
) -> ItebdState:
    best = refinements[0].finer
    status, message = verdict(best, error_budget(best, refinements), method.tol)
    diagnostics = {
        "chi": best.matrix_product.bond_dimension, "k_max": best.k_max, "dt": best.dt,
        "time": best.time, "discarded_weight": best.discarded,
        **{f"error_{pair.kind}": pair.error for pair in refinements},
    }  # fmt: skip
    return ItebdState(
        model=model, method=method, status=status, message=message,
        residual=residual(best).value, seconds=seconds, diagnostics=diagnostics,
        approximation=best, refinements=tuple(refinements),
    )  # fmt: skip
