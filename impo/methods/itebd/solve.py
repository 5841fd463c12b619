"""The infinite matrix-product-operator method: the steady state of a model."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.arguments import ArgumentError, UnsupportedModelError, fail
from impo.arrays import Array
from impo.methods.base import Progress
from impo.methods.itebd.state import ItebdState
from impo.methods.itebd.trajectory import trajectory
from impo.model import LindbladModel
from impo.operators.conserved import conserved_densities
from impo.operators.liouvillian import Generator, infinite_chain
from impo.operators.local import charge_parts, local_operators
from impo.refinement.approximation import (
    Approximation,
    Refinement,
    adapted,
    compatible,
    product_approximation,
)
from impo.refinement.cutoffs import cutoff_check
from impo.refinement.levels import climb, two_rungs
from impo.refinement.relaxation import Ladder, first_rank
from impo.refinement.resume import Journal
from impo.refinement.starts import Meeting, second_start
from impo.refinement.verdict import cutoff_occupation, multipole_tail, residual, verdict
from impo.results.trajectory import Trajectory
from impo.tensor.gates import check_nearest_neighbour, one_charge

if TYPE_CHECKING:
    from impo.methods.itebd.method import ITEBD


def steady_state(
    model: LindbladModel, method: "ITEBD", start: Any = None, progress: Progress | None = None
) -> ItebdState:
    """Return the steady state of an infinite chain.

    Parameters
    ----------
    model
        A one-dimensional model with terms on one site or on neighbours.
    method
        Settings.
    start
        Another `ItebdState` (of any chi, k_max, parameters or spin, if it has the charges of the
        model), or a product state: one density matrix or state vector per site of the unit cell.
        None starts from the fully mixed state.
    progress
        Follows the climb and keeps what it can go on from.

    Raises
    ------
    UnsupportedModelError
        If the model is not a nearest-neighbour chain.
    """
    began = time.perf_counter()
    generator = chain_generator(model, method)
    journal = Journal.of(generator, progress)
    ladder = Ladder(
        generator, method.chi_max, method.k_max, method.tol, method.t_max, journal, method.backend
    )
    k_max = method.k_max if method.k_max is not None else first_rank(ladder.full_rank)
    k_max = min(k_max, ladder.full_rank)
    conserved = conserved_densities(model)
    for weight in _weights(method):
        approx = first_approximation(generator, start, k_max, weight, method.backend)
        if len(conserved):
            summit = two_rungs(ladder, approx) if start is None else climb(ladder, approx)
        else:
            other = second_start(generator, k_max, weight)
            summit = climb(ladder, approx, other, settle=start is not None)
        top, refinements = summit.top, summit.refinements
        if top.finite and summit.meeting.met is not False:
            lowest = min((pair.coarser for pair in refinements), key=lambda approx: approx.chi)
            noise = sum(pair.error for pair in refinements) + top.remaining
            cut = cutoff_check(ladder, lowest, max(noise, method.tol / 100))
            refinements = refinements if cut is None else [*refinements, cut]
        if _sound(top, refinements):
            break
    found = residual(top) if top.finite else None
    low = found.low if found else np.inf
    lasting = str(conserved) if len(conserved) else None
    apart = _apart(summit.meeting, method.tol) if summit.meeting.met is False else None
    status, message = verdict(
        top, refinements, method.tol, low,
        stopped=top.time >= ladder.t_max,
        conserved=lasting,
        apart=apart,
        given_start=start is not None,
    )  # fmt: skip
    diagnostics: dict[str, Any] = {
        "chi": top.chain.bond_dimension,
        "k_max": top.k_max,
        "weight": top.weight,
        "dt": top.dt,
        "time": top.time,
        "time_limit": ladder.t_max,
        "discarded_weight": top.discarded,
        "multipole_tail": multipole_tail(top) if found else None,
        "leakage": found.leakage if found else None,
        "cutoff_occupation": cutoff_occupation(top) if found else None,
        "trace_spectrum_ratio": top.environment.spectrum_ratio if found else None,
        **{f"error_{pair.kind}": pair.error for pair in refinements},
        "error_time": top.remaining,
        "slowest_rate": top.slowest_rate,
        "given_start": start is not None,
        "unique": False if lasting else summit.meeting.met or None,
        "conserved": lasting,
        "apart": apart,
    }
    state = ItebdState(
        model=model,
        method=method,
        status=status,
        message=message,
        residual=low,
        seconds=time.perf_counter() - began,
        history=tuple(journal.history),
        diagnostics=diagnostics,
        approximation=top,
        refinements=tuple(refinements),
    )
    known = {
        **diagnostics,
        "correlation_length_disagreement": disagreements(state) if found else [],
        "starts": None if apart is None else both_starts(state, summit.meeting),
    }
    return replace(state, diagnostics=known)


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
    out: dict[str, dict[str, list[float]]] = {}
    for name, approx in (("first", meeting.first), ("second", meeting.second)):
        if approx is None:
            continue
        one = replace(state, approximation=approx, refinements=())
        values = out[name] = {}
        for op in ("Sx", "Sy", "Sz", "N"):
            if any(op in site.operators for site in state.model.sites):
                values[op] = np.real(one.expect(op).value).tolist()
                values[f"{op}_var"] = np.real(one.variance(op).value).tolist()
    return out


def _weights(method: "ITEBD") -> Iterator[float]:
    """Yield the weight asked for, and smaller ones for evolutions that run away with it.

    At weak dissipation a large weight lets the rounding of high ranks grow.
    """
    weight = method.weight
    yield weight
    while weight > 0:
        weight = max(0.0, weight - 0.5)
        yield weight


def _sound(top: Approximation, refinements: Sequence[Refinement]) -> bool:
    """Return whether an approximation and those it is compared with may be states."""
    compared = [approx for pair in refinements for approx in (pair.finer, pair.coarser)]
    return all(approx.sound for approx in (top, *compared))


def disagreements(state: ItebdState) -> list[str]:
    """Return the pairs of operators whose decay lengths by fit and by spectrum disagree.

    Looked at are the functions <S+ S-> and <Sz Sz> (<Bd B> and <N N>) of the first site.
    """
    spin = "Sz" in state.model.sites[0].operators
    out = []
    for op_a, op_b in (("S+", "S-"), ("Sz", "Sz")) if spin else (("Bd", "B"), ("N", "N")):
        found = state.decay(op_a, op_b)
        if found is not None and found.spectral is not None and not found.agree:
            out.append(op_a + op_b)
    return out


def chain_generator(model: LindbladModel, method: "ITEBD") -> Generator:
    """Return the generator that the method evolves with, or refuse the model."""
    if model.dimension != 1:
        raise UnsupportedModelError(
            f"ITEBD treats chains, but {model.label} has dimension {model.dimension}; use `TWA` or "
            "`HolsteinPrimakoff`."
        )
    generator = one_charge(infinite_chain(model, charges=method.charges))
    check_nearest_neighbour(generator)
    return generator


def first_approximation(
    generator: Generator, start: Any, k_max: int, weight: float, backend: str = "kernel"
) -> Approximation:
    """Return what the evolution starts from, in the bases of the generator.

    A state whose charges q and -q are not mirror images, though the kernel would keep them so, is
    replaced by the product of its one-site density matrices.
    """
    if start is None:
        return product_approximation(generator, None, k_max, weight)
    if isinstance(start, ItebdState):
        mirrored = start.method.backend == "kernel" or backend == "tenpy" or not generator.mirror
        if mirrored and compatible(start.generator, generator):
            found = adapted(start.approximation, generator, k_max, weight)
            return replace(found, time=0.0, slowest_rate=None)
        if start.model.sites != generator.model.sites:
            raise ArgumentError(
                f"Argument `start` must have the charges or the spins of {generator.model.label}, "
                f"but is a state of {start.model.label}."
            )
        states = [start.density_matrix([(s, 0)]) for s in range(len(generator.model.sites))]
    else:
        states = product_states(generator.model, start)
    rotated = []
    for position in range(len(generator.sites)):
        rho = generator.rotated(position, states[position % len(states)])
        charged = charge_parts(generator.sites[position], rho)
        if len(generator.weights) and any(q != 0 for q in charged):
            raise ArgumentError(
                "Argument `start` must be symmetric under rotations about z when charges are used; "
                "use ITEBD(charges=False) for a symmetry-broken start."
            )
        rotated.append(rho)
    return product_approximation(generator, rotated, k_max, weight)


def product_states(model: LindbladModel, start: Sequence[Any]) -> list[Array]:
    """Return one density matrix per site of the unit cell from vectors or density matrices."""
    allowed = "a steady state, or one state vector or density matrix per site of the unit cell"
    if not isinstance(start, Sequence | np.ndarray) or len(start) != len(model.sites):
        raise fail("start", allowed, start)
    states = []
    for site, given in zip(model.sites, start, strict=True):
        array = np.asarray(given)
        d = len(local_operators(site)["Id"])
        rho = np.outer(array, array.conj()) if array.shape == (d,) else array
        if rho.shape != (d, d) or not np.allclose(rho, rho.conj().T) or np.trace(rho).real <= 0:
            raise fail("start", allowed, given)
        if np.linalg.eigvalsh(rho)[0] < -1e-10 * np.trace(rho).real:
            raise fail("start", "density matrices without negative eigenvalues", given)
        states.append(rho / np.trace(rho).real)
    return states


def evolve(model: LindbladModel, method: "ITEBD", start: Any, times: Sequence[float]) -> Trajectory:
    """Return the states of an infinite chain at given times.

    Parameters
    ----------
    model, method, start
        As in `steady_state`; `t_max` is not used.
    times
        Non-negative times in rising order, in units of the inverse rates of the model.
    """
    generator = chain_generator(model, method)
    ladder = Ladder(
        generator, method.chi_max, method.k_max, method.tol, method.t_max, backend=method.backend
    )
    for weight in _weights(method):
        found = trajectory(
            model,
            method,
            ladder,
            partial(first_approximation, generator, start, weight=weight, backend=method.backend),
            times,
        )
        states = [state for state in found.states if isinstance(state, ItebdState)]
        if all(_sound(state.approximation, state.refinements) for state in states):
            break
    return found
