"""The infinite matrix-product-operator method: the steady state of a model."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.arguments import UnsupportedModelError
from impo.arrays import Array
from impo.methods.advice import advice
from impo.methods.base import refuse_long
from impo.methods.itebd.length_tol import refined_lengths
from impo.methods.itebd.sizes import (
    refuse_large_blocks,
    refuse_large_gates,
    refuse_large_sites,
)
from impo.methods.itebd.start import first_approximation
from impo.methods.itebd.state import ItebdState
from impo.methods.itebd.trajectory import advanced, trajectory
from impo.model import LindbladModel
from impo.operators.blocks import chain_of_blocks
from impo.operators.conserved import conserved_densities
from impo.operators.liouvillian import Generator
from impo.refinement.approximation import Approximation, Refinement, difference
from impo.refinement.budget import error_budget, total_error
from impo.refinement.cutoffs import cutoff_check
from impo.refinement.levels import Refined, refine, two_levels
from impo.refinement.relaxation import Relaxation, first_rank
from impo.refinement.resume import Resume
from impo.refinement.starts import Meeting, second_start
from impo.refinement.verdict import (
    Circumstances,
    Residual,
    cutoff_occupation,
    multipole_tail,
    residual,
    verdict,
)
from impo.results.progress import Follower
from impo.results.questions import known_pairs
from impo.results.trajectory import Trajectory, joint_verdict
from impo.tensor.gates import bond_liouvillians
from impo.tensor.trotter import trotter_step

if TYPE_CHECKING:
    from impo.methods.itebd.method import ITEBD

_AT_LEAST = 1e-7  # distance that is allowed between two evolutions from one state
_MOST_STEPS = 1e7  # of an evolution, in units of time in which low multipoles change


def steady_state(
    method: "ITEBD", model: LindbladModel, start: Any = None, progress: Follower | None = None
) -> ItebdState:
    """Return the steady state of an infinite chain.

    Parameters
    ----------
    method
        Settings.
    model
        A one-dimensional model; where it reaches beyond neighbours, sites are joined to blocks.
    start
        Another `ItebdState` (of any chi, k_max, parameters or spin, if it has the charges of the
        model), or a product state: one density matrix or state vector per site of the unit cell.
        None starts from the fully mixed state.
    progress
        Hears of every look at the observables, and keeps what the refinement can go on from.

    Raises
    ------
    UnsupportedModelError
        If the model is no chain, or what it needs is too large.
    ArgumentError
        If `start` is no state of the model, or breaks a symmetry that is used; or if the first site
        lacks an operator of `method.lengths`.
    """
    generator = chain_generator(model, method)
    if method.length_tol is not None:
        known_pairs(model, method.lengths)
    resume, conserved = Resume.of(generator, progress), conserved_densities(model)
    lasting = str(conserved) if len(conserved) else None

    def solved(tol: float, start: Any) -> ItebdState:
        relaxation = replace(_relaxation(generator, method, resume), tol=tol)
        return _solved(relaxation, method, start, lasting)

    return refined_lengths(solved, method, start)


def _solved(relaxation: Relaxation, method: "ITEBD", start: Any, lasting: str | None) -> ItebdState:
    """Return the steady state to the accuracy of a relaxation."""
    model, resume = relaxation.generator.model, relaxation.resume
    refined = _refined(relaxation, method, start, lasting)
    top, meeting = refined.approximation, refined.meeting
    found = None if top.diverged else residual(top)
    value = found.value if found else np.inf
    way = Circumstances(
        stopped=top.time >= relaxation.t_max,
        conserved=lasting,
        apart=_apart(meeting, relaxation.tol) if meeting.met is False else None,
        given_start=start is not None,
    )
    budget = error_budget(top, refined.refinements, value)
    status, message = verdict(top, budget, relaxation.tol, way)
    state = ItebdState(
        model=model, method=method, status=status, message=message, residual=value,
        history=tuple(resume.history), approximation=top, refinements=tuple(refined.refinements),
    )  # fmt: skip
    return replace(state, diagnostics=_diagnostics(state, found, meeting, way, relaxation.t_max))


def _relaxation(generator: Generator, method: "ITEBD", resume: Resume) -> Relaxation:
    return Relaxation(
        generator, method.chi_max, method.k_max, method.tol, method.t_max, resume, method.backend
    )


def _refined(relaxation: Relaxation, method: "ITEBD", start: Any, conserved: str | None) -> Refined:
    """Refine with the weight asked for, and with smaller ones until the result may be a state."""
    generator, full = relaxation.generator, relaxation.full_rank
    k_max = min(first_rank(full) if method.k_max is None else method.k_max, full)
    for weight in _weights(method):
        first = first_approximation(generator, start, k_max, weight, method.backend)
        if conserved is None:
            other = second_start(generator, k_max, weight)
            refined = refine(relaxation, first, other, settle=start is not None)
        else:
            refined = two_levels(relaxation, first) if start is None else refine(relaxation, first)
        top, pairs = refined.approximation, refined.refinements
        if not top.diverged and refined.meeting.met is not False:
            lowest = min((pair.coarser for pair in pairs), key=lambda approx: approx.chi)
            noise = max(total_error(top, pairs), relaxation.tol / 100)
            cut = cutoff_check(relaxation, lowest, noise)
            pairs = pairs if cut is None else [*pairs, cut]
        refined = replace(refined, refinements=pairs)
        if _plausible(top, pairs):
            break
    return refined


def _diagnostics(
    state: ItebdState, found: Residual | None, meeting: Meeting, way: Circumstances, t_max: float
) -> dict[str, Any]:
    """Return what the verdict was made from; None where the evolution diverged."""
    top = state.approximation
    return {
        "chi": top.matrix_product.bond_dimension, "k_max": top.k_max, "weight": top.weight,
        "dt": top.dt, "time": top.time, "time_limit": t_max,
        "discarded_weight": top.discarded,
        "multipole_tail": multipole_tail(top) if found else None,
        "leakage": found.leakage if found else None,
        "cutoff_occupation": cutoff_occupation(top) if found else None,
        "trace_spectrum_ratio": top.environment.spectrum_ratio if found else None,
        **{f"error_{pair.kind}": pair.error for pair in state.refinements},
        "error_time": top.remaining, "slowest_rate": top.slowest_rate,
        "given_start": way.given_start,
        "unique": False if way.conserved else meeting.met or None,
        "conserved": way.conserved, "apart": way.apart,
        "correlation_length_disagreement": disagreements(state) if found else [],
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


def both_starts(state: ItebdState, meeting: Meeting) -> dict[str, dict[str, list[float]]]:
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


def _weights(method: "ITEBD") -> Iterator[float]:
    """Yield the weight asked for, and smaller ones for evolutions that diverge with it.

    At weak dissipation a large weight lets the rounding of high ranks grow.
    """
    weight = method.weight
    yield weight
    while weight > 0:
        yield (weight := max(0.0, weight - 0.5))


def _plausible(top: Approximation, refinements: Sequence[Refinement]) -> bool:
    """Return whether an approximation and those it is compared with may be states."""
    return top.plausible and all(p.finer.plausible and p.coarser.plausible for p in refinements)


def disagreements(state: ItebdState) -> list[str]:
    """Return the pairs of operators whose decay lengths by fit and by spectrum disagree.

    The pairs are those that show order on the first site, see `order_pairs` of `Spin` and `Boson`.
    """
    out = []
    for pair in state.model.sites[0].order_pairs:
        found = state.decay(*pair)
        if None not in (found.fitted, found.spectral) and not found.agree:
            out.append("".join(pair))
    return out


def chain_generator(model: LindbladModel, method: "ITEBD") -> Generator:
    """Return the generator that the method evolves with, or refuse the model."""
    if model.dimension != 1:
        raise UnsupportedModelError(
            f"ITEBD treats chains, but {model.label} has dimension {model.dimension}; "
            f"{advice(model, 'ITEBD')}."
        )
    refuse_large_sites(model, method.k_max)
    refuse_large_blocks(model, method.k_max)
    generator = chain_of_blocks(model, method.charges)
    if generator.blocks and method.backend == "tenpy":
        raise UnsupportedModelError(
            f"ITEBD(backend='tenpy') treats neighbours, but {model.label} reaches "
            f"{generator.reach} sites far; use backend='kernel'."
        )
    refuse_large_gates(generator, method.k_max, method.tol)
    return generator


def evolve(
    method: "ITEBD", model: LindbladModel, start: Any, times: Array,
    progress: Follower | None = None,
) -> Trajectory:  # fmt: skip
    """Return the states of an infinite chain at given times.

    Parameters
    ----------
    method, model, start
        As in `steady_state`; `t_max` and `length_tol` are not used.
    times
        Non-negative times in rising order, in units of the inverse rates of the model.

    Raises
    ------
    UnsupportedModelError, ArgumentError
        As `steady_state`.
    """
    generator = chain_generator(model, method)
    relaxation = _relaxation(generator, method, Resume(progress))
    refuse_long(times, _MOST_STEPS * relaxation.time_unit)
    for weight in _weights(method):
        starting = partial(
            first_approximation, generator, start, weight=weight, backend=method.backend
        )
        begin, states = trajectory(model, method, relaxation, starting, times.tolist())
        if all(_plausible(state.approximation, state.refinements) for state in states):
            break
    status, message = joint_verdict(states)
    return Trajectory(
        times=times, states=tuple(states), status=status, message=message,
        start=begin if times[0] > 0 else None,
    )  # fmt: skip


def compile_engine(method: "ITEBD", model: LindbladModel) -> None:
    """Compile what the method needs for a model: one Trotter step, at the lowest multipoles."""
    if method.backend != "kernel":
        return
    generator = chain_generator(model, method)
    relaxation = _relaxation(generator, method, Resume())
    k_max = method.k_max or first_rank(relaxation.full_rank)
    bonds = bond_liouvillians(generator, generator.bases(1), 0.0, mirror=generator.mirror)
    step = trotter_step(bonds, relaxation.time_unit, relaxation.single(k_max))
    first = first_approximation(generator, None, 1, 0.0, method.backend)
    relaxation.advanced(first, step, 1, 2)


def followed(states: Trajectory) -> Iterator[tuple[float, float]]:
    """Evolve each state to the next time; yield (distance, allowed distance) of what is stored.

    The same Trotter steps from the same state differ by rounding, and by states of the bond that
    count alike: by much less than the error.
    """
    method: ITEBD = states.method
    relaxation = _relaxation(chain_generator(states.model, method), method, Resume())
    path: list[tuple[float, Any]] = states.path
    for (before, one), (after, two) in pairwise(path):
        found, stored = one.approximation, two.approximation
        if after > before:
            count = max(1, round((after - before) / stored.dt))
            found = advanced(relaxation, found, after - before, count)
        allowed = max(_AT_LEAST, 0.1 * total_error(stored, two.refinements))
        yield difference(found, stored), allowed
