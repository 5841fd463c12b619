"""Time evolution of an infinite chain, with error bars."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from impo.methods.itebd.method import ITEBD
from impo.methods.itebd.state import ItebdState
from impo.model import LindbladModel
from impo.refinement.approximation import Check, Picture
from impo.refinement.levels import SAFETY
from impo.refinement.relaxation import K_STEP, Ladder, first_rank
from impo.refinement.verdict import residual, verdict
from impo.results.trajectory import StateTrajectory
from impo.tensor.matrix_product import Truncation
from impo.tensor.trotter import ORDER, evolve


def trajectory(
    model: LindbladModel,
    method: ITEBD,
    ladder: Ladder,
    starting: Callable[[int], Picture],
    times: Sequence[float],
) -> StateTrajectory:
    """Evolve four pictures side by side: the best one, and one each that is coarser in a setting.

    Parameters
    ----------
    model, method
        What is solved, with which settings.
    ladder
        Keeps the gates.
    starting
        Rank k_max to the picture at time 0.
    times
        Non-negative, rising.

    Returns
    -------
    StateTrajectory
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
    pictures = {
        kind: replace(starting(rank), chi=chi, dt=dt) for kind, (chi, _, rank) in kinds.items()
    }
    states, now = [], 0.0
    largest: dict[str, float] = {}
    for moment in times:
        if moment > now:
            count = max(1, int(np.ceil((moment - now) / (2 * dt) - 1e-9)))
            for kind, (_, per_step, _) in kinds.items():
                pictures[kind] = _advanced(ladder, pictures[kind], moment - now, per_step * count)
            now = moment
        checks = [_lasting(check, largest) for check in _checks(pictures)]
        states.append(_snapshot(model, method, checks, time.perf_counter() - began))
    return StateTrajectory(np.asarray(times, dtype=float), tuple(states))


def _advanced(ladder: Ladder, picture: Picture, duration: float, count: int) -> Picture:
    """Evolve by a duration in equal steps."""
    dt = duration / count
    chain = picture.chain.copy()
    step = ladder.step(picture.k_max, picture.weight, dt)
    discarded = evolve(chain, step, count, Truncation(picture.chi))
    return replace(picture, chain=chain, dt=dt, time=picture.time + duration, discarded=discarded)


def _checks(pictures: Mapping[str, Picture]) -> list[Check]:
    """Compare the best picture with the others."""
    best = replace(pictures["best"], remaining=0.0)
    # of two Trotter steps the error of the finer is known
    factors = {"dt": 1 / (2**ORDER - 1), "chi": SAFETY, "k_max": 1.5}
    others = {kind: other for kind, other in pictures.items() if kind != "best"}
    return [Check(kind, best, other, factors[kind]) for kind, other in others.items()]


def _lasting(check: Check, largest: dict[str, float]) -> Check:
    """Return a check that bounds no less than those of its kind at earlier times did.

    What has been cut away once stays away, even where two curves happen to cross.
    """
    error = check.error
    largest[check.kind] = max(error, largest.get(check.kind, 0.0))
    known = 0 < error < largest[check.kind] < np.inf
    return replace(check, factor=check.factor * largest[check.kind] / error) if known else check


def _snapshot(
    model: LindbladModel, method: ITEBD, checks: Sequence[Check], seconds: float
) -> ItebdState:
    best = checks[0].finer
    status, message = verdict(best, checks, method.tol, 0.0)
    diagnostics: dict[str, Any] = {
        "chi": best.chain.bond_dimension,
        "k_max": best.k_max,
        "dt": best.dt,
        "time": best.time,
        "discarded_weight": best.discarded,
        **{f"error_{check.kind}": check.error for check in checks},
    }
    return ItebdState(
        model, method, status, message, residual(best).low, seconds, (), diagnostics, best,
        tuple(checks),
    )  # fmt: skip
