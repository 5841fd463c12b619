"""A steady state with its verdict, and why there may be none: the same for every matrix product."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from impo.refinement.approximation import Approximation, Refinement
from impo.refinement.budget import bounded, error_budget, total_error
from impo.refinement.cutoffs import cutoff_check
from impo.refinement.levels import Refined, refine, two_levels
from impo.refinement.relaxation import Relaxation, first_rank
from impo.refinement.starts import Meeting, second_start
from impo.refinement.state import MatrixProductState
from impo.refinement.verdict import (
    Circumstances,
    Residual,
    cutoff_occupation,
    multipole_tail,
    residual,
    verdict,
)

Starting = Callable[[int, float], Approximation]
"""Rank k_max and weight to what an evolution starts from."""


def steady(
    kind: type[MatrixProductState], method: Any, relaxation: Relaxation, starting: Starting,
    given_start: bool, weight: float, lasting: str | None = None,
) -> tuple[MatrixProductState, Residual | None]:  # fmt: skip
    """Return the steady state to the accuracy of a relaxation, and its residual if it has one.

    Parameters
    ----------
    kind
        Class of the result.
    method
        Settings.
    relaxation
        The equation and the accuracy asked for.
    starting
        What the evolution starts from.
    given_start
        Whether the state was asked for that grows from a given start.
    weight
        The alpha of the truncation that is tried first.
    lasting
        A local density whose sum over the lattice is conserved.
    """
    refined = _refined(relaxation, method, starting, given_start, weight, lasting)
    top, meeting = refined.approximation, refined.meeting
    found = None if top.diverged else residual(top)
    value = found.value if found else np.inf
    way = Circumstances(
        stopped=top.time >= relaxation.t_max,
        conserved=lasting,
        apart=_apart(meeting, relaxation.tol) if meeting.met is False else None,
        given_start=given_start,
    )
    budget = bounded(error_budget(top, refined.refinements, value), refined.stationarity)
    status, message = verdict(top, budget, relaxation.tol, way)
    state = kind(
        model=relaxation.generator.model, method=method, status=status, message=message,
        residual=value, history=tuple(relaxation.resume.history), approximation=top,
        refinements=tuple(refined.refinements),
    )  # fmt: skip
    told = _diagnostics(state, found, meeting, way, relaxation.t_max)
    if not relaxation.generator.infinite:
        told["drift"] = refined.stationarity
    return replace(state, diagnostics=told), found


def _refined(
    relaxation: Relaxation, method: Any, starting: Starting, given_start: bool, asked: float,
    conserved: str | None,
) -> Refined:  # fmt: skip
    """Refine with the weight asked for, and with smaller ones until the result may be a state."""
    generator, full = relaxation.generator, relaxation.full_rank
    k_max = min(first_rank(full) if method.k_max is None else method.k_max, full)
    for weight in weights(asked):
        first = starting(k_max, weight)
        if conserved is None:
            other = second_start(generator, k_max, weight)
            refined = refine(relaxation, first, other, settle=given_start)
        else:
            refined = refine(relaxation, first) if given_start else two_levels(relaxation, first)
        top, pairs = refined.approximation, refined.refinements
        if not top.diverged and refined.meeting.met is not False:
            lowest = min((pair.coarser for pair in pairs), key=lambda approx: approx.chi)
            noise = max(total_error(top, pairs), relaxation.tol / 100)
            cut = cutoff_check(relaxation, lowest, noise)
            pairs = pairs if cut is None else [*pairs, cut]
        refined = replace(refined, refinements=pairs)
        if plausible(top, pairs):
            break
    return refined


def weights(asked: float) -> Iterator[float]:
    """Yield the weight asked for, and smaller ones for evolutions that diverge with it.

    At weak dissipation a large weight lets the rounding of high ranks grow.
    """
    yield asked
    while asked > 0:
        yield (asked := max(0.0, asked - 0.5))


def plausible(top: Approximation, refinements: Sequence[Refinement]) -> bool:
    """Return whether an approximation and those it is compared with may be states."""
    return top.plausible and all(p.finer.plausible and p.coarser.plausible for p in refinements)


def _diagnostics(
    state: MatrixProductState, found: Residual | None, meeting: Meeting, way: Circumstances,
    t_max: float,
) -> dict[str, Any]:  # fmt: skip
    """Return what the verdict was made from; None where the evolution diverged."""
    top = state.approximation
    return {
        "chi": top.matrix_product.bond_dimension, "k_max": top.k_max, "weight": top.weight,
        "dt": top.dt, "time": top.time, "time_limit": t_max,
        "discarded_weight": top.discarded,
        "multipole_tail": multipole_tail(top) if found else None,
        "leakage": found.leakage if found else None,
        "cutoff_occupation": cutoff_occupation(top) if found else None,
        **{f"error_{pair.kind}": pair.error for pair in state.refinements},
        "error_time": top.remaining, "slowest_rate": top.slowest_rate,
        "given_start": way.given_start,
        "unique": False if way.conserved else meeting.met or None,
        "conserved": way.conserved, "apart": way.apart,
        "starts": None if way.apart is None else both_starts(state, meeting),
    }  # fmt: skip


def _apart(meeting: Meeting, tol: float) -> str:
    """Say what is known of two starts that did not meet."""
    rate, needed = meeting.present_rate, meeting.time_needed(tol)
    if rate > 0:
        outlook = (
            f"the slowest mode seen decays at the rate {rate:.1e}, so that they would meet at the "
            f"time {needed:.1e}; raise `t_max`, or give a `start` that is closer."
        )
    else:
        outlook = (
            "the difference does not decay; the steady state may not be unique. Give a `start`, or "
            "use `Exact` on a finite cluster."
        )
    return (
        f"From two starts, expectation values still differ by {meeting.distance:.1e} of the norm "
        f"of their operators at t = {meeting.first.time:.3g}: {outlook}"
    )


def both_starts(state: MatrixProductState, meeting: Meeting) -> dict[str, dict[str, list[float]]]:
    """Return the expectation values of Hermitian operators in both states that did not meet."""
    known = (op for site in state.model.sites for op in site.operators if site.is_hermitian(op))
    ops = [op for op in dict.fromkeys(known) if op != "Id"]
    out: dict[str, dict[str, list[float]]] = {}
    for name, approx in (("first", meeting.first), ("second", meeting.second)):
        if approx is None:
            continue
        one = replace(state, approximation=approx, refinements=())
        values = out[name] = {}
        for op in ops:
            for label, found in ((op, one.expect(op)), (f"{op}_var", one.variance(op))):
                assert found is not None
                values[label] = np.real(found.value).tolist()
    return out
