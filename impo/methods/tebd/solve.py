"""The matrix-product-operator method for finite chains: the steady state of a model."""

from functools import partial
from typing import TYPE_CHECKING, Any

from impo.arguments import UnsupportedModelError
from impo.arrays import Array
from impo.methods.advice import advice
from impo.methods.base import refuse_long
from impo.methods.tebd.sizes import refuse_large_gates, refuse_lengths
from impo.methods.tebd.start import first_approximation
from impo.methods.tebd.state import TebdState
from impo.model import LindbladModel
from impo.operators.liouvillian import Generator, finite_cluster, kept_charges
from impo.refinement.evolution import MOST_STEPS, evolution
from impo.refinement.relaxation import Relaxation, first_rank
from impo.refinement.resume import Resume
from impo.refinement.steady import steady
from impo.results.progress import Follower
from impo.results.trajectory import Trajectory
from impo.tensor.gates import bond_liouvillians
from impo.tensor.trotter import trotter_step

if TYPE_CHECKING:
    from impo.methods.tebd.method import TEBD

_DAMPED_WEIGHT = 1.5


def steady_state(
    method: "TEBD", model: LindbladModel, start: Any = None, progress: Follower | None = None
) -> TebdState:
    """Return the steady state of a finite open chain.

    Parameters
    ----------
    method
        Settings.
    model
        A chain whose terms and jumps act on one site or on neighbours.
    start
        A state of this chain with other parameters, of a shorter or longer chain of the same sites,
        or of the infinite chain, from which the sites are cut out; or a product state: one density
        matrix or state vector per site of the unit cell. None starts from the fully mixed state.
    progress
        Hears how far the relaxation is, and keeps what an interrupted one goes on from.

    Raises
    ------
    UnsupportedModelError
        If the model is not a nearest-neighbour chain.
    ArgumentError
        If `start` is no state of the model, or breaks a symmetry that is used.
    """
    generator = chain_generator(model, method)
    relaxation = _relaxation(generator, method, Resume.of(generator, progress))
    starting = partial(first_approximation, generator, start)
    weight = first_weight(method, generator)
    state, _ = steady(TebdState, method, relaxation, starting, start is not None, weight)
    assert isinstance(state, TebdState)
    return state


def _relaxation(generator: Generator, method: "TEBD", resume: Resume) -> Relaxation:
    return Relaxation(generator, method.chi_max, method.k_max, method.tol, method.t_max, resume)


def first_weight(method: "TEBD", generator: Generator) -> float:
    """Return the weight of the truncation that is tried first.

    Where nothing damps most of the sites, high ranks do not decay, and what a weight discards of
    them returns as noise of slow modes.
    """
    if method.weight is not None:
        return method.weight
    model = generator.model
    acting = [jump for jump in model.jumps if jump.strength > 0]
    terms = (term for jump in acting for term in jump.products(model.dimension))
    damped = {site for term in terms for _, site, _ in term.factors}
    return _DAMPED_WEIGHT if 2 * len(damped) > len(model.sites) else 0.0


def chain_generator(model: LindbladModel, method: "TEBD") -> Generator:
    """Return the generator that the method evolves with, or refuse the model."""
    if model.dimension != 1:
        raise UnsupportedModelError(
            f"TEBD treats chains, but {model.label} has dimension {model.dimension}; "
            f"{advice(model, 'TEBD')}."
        )
    refuse_lengths(model, method.cells, method.k_max)
    generator = kept_charges(finite_cluster(model, method.cells, charges=method.charges))
    if generator.reach > 1:
        raise UnsupportedModelError(
            f"TEBD treats terms and jumps on one site or on neighbours, but {model.label} has some "
            f"that reach over {generator.reach} sites; {advice(model, 'TEBD')}."
        )
    refuse_large_gates(generator, method.k_max, method.tol)
    return generator


def evolve(
    method: "TEBD", model: LindbladModel, start: Any, times: Array,
    progress: Follower | None = None,
) -> Trajectory:  # fmt: skip
    """Return the states of a finite open chain at given times.

    Parameters
    ----------
    method, model, start
        As in `steady_state`; `t_max` is not used.
    times
        Rising, from zero on, in the unit of time of the model.

    Raises
    ------
    UnsupportedModelError, ArgumentError
        As `steady_state`.
    """
    relaxation = relaxation_of(method, model, progress)
    refuse_long(times, MOST_STEPS * relaxation.time_unit)
    starting = partial(first_approximation, relaxation.generator, start)
    weight = first_weight(method, relaxation.generator)
    return evolution(TebdState, method, relaxation, starting, times, weight)


def relaxation_of(
    method: "TEBD", model: LindbladModel, progress: Follower | None = None
) -> Relaxation:
    """Return what evolves the states of a model."""
    return _relaxation(chain_generator(model, method), method, Resume(progress))


def compile_engine(method: "TEBD", model: LindbladModel) -> None:
    """Compile what the method needs for a model: one Trotter step, at the lowest multipoles."""
    relaxation = relaxation_of(method, model)
    generator = relaxation.generator
    k_max = method.k_max or first_rank(relaxation.full_rank)
    bonds = bond_liouvillians(generator, generator.bases(1), 0.0, mirror=generator.mirror)
    step = trotter_step(bonds, relaxation.time_unit, relaxation.single(k_max))
    relaxation.advanced(first_approximation(generator, None, 1, 0.0), step, 1, 2)
