"""The infinite matrix-product-operator method: the steady state of a model."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

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
from impo.model import LindbladModel
from impo.operators.blocks import chain_of_blocks
from impo.operators.conserved import conserved_densities
from impo.operators.liouvillian import Generator
from impo.refinement.approximation import Approximation
from impo.refinement.evolution import MOST_STEPS, evolution
from impo.refinement.relaxation import Relaxation, first_rank
from impo.refinement.resume import Resume
from impo.refinement.steady import steady
from impo.results.progress import Follower
from impo.results.questions import known_pairs
from impo.results.trajectory import Trajectory
from impo.tensor.gates import bond_liouvillians
from impo.tensor.trotter import trotter_step

if TYPE_CHECKING:
    from impo.methods.itebd.method import ITEBD


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
    starting = partial(_starting, relaxation.generator, method, start)
    state, found = steady(
        ItebdState, method, relaxation, starting, start is not None, method.weight, lasting
    )
    assert isinstance(state, ItebdState)
    ratio = state.approximation.environment.spectrum_ratio if found else None
    told = {
        "trace_spectrum_ratio": ratio,
        "correlation_length_disagreement": disagreements(state) if found else [],
    }
    return replace(state, diagnostics={**state.diagnostics, **told})


def _starting(
    generator: Generator, method: "ITEBD", start: Any, k_max: int, weight: float
) -> Approximation:
    return first_approximation(generator, start, k_max, weight, method.backend)


def _relaxation(generator: Generator, method: "ITEBD", resume: Resume) -> Relaxation:
    return Relaxation(
        generator, method.chi_max, method.k_max, method.tol, method.t_max, resume, method.backend
    )


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
    relaxation = relaxation_of(method, model, progress)
    generator = relaxation.generator
    refuse_long(times, MOST_STEPS * relaxation.time_unit)
    starting = partial(_starting, generator, method, start)
    return evolution(ItebdState, method, relaxation, starting, times, method.weight)


def relaxation_of(
    method: "ITEBD", model: LindbladModel, progress: Follower | None = None
) -> Relaxation:
    """Return what evolves the states of a model."""
    return _relaxation(chain_generator(model, method), method, Resume(progress))


def compile_engine(method: "ITEBD", model: LindbladModel) -> None:
    """Compile what the method needs for a model: one Trotter step, at the lowest multipoles."""
    if method.backend != "kernel":
        return
    relaxation = relaxation_of(method, model)
    generator = relaxation.generator
    k_max = method.k_max or first_rank(relaxation.full_rank)
    bonds = bond_liouvillians(generator, generator.bases(1), 0.0, mirror=generator.mirror)
    step = trotter_step(bonds, relaxation.time_unit, relaxation.single(k_max))
    first = first_approximation(generator, None, 1, 0.0, method.backend)
    relaxation.advanced(first, step, 1, 2)
