"""The infinite matrix-product-operator method: settings, and the steady state of a model."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from impo.arguments import (
    ArgumentError,
    UnsupportedModelError,
    boolean,
    fail,
    non_negative,
    positive,
    positive_integer,
)
from impo.basis import charge_parts, local_operators
from impo.liouvillian import Generator, infinite_chain
from impo.model import LindbladModel
from impo.tensor.certificate import multipole_tail, residual, verdict
from impo.tensor.gates import check_nearest_neighbour
from impo.tensor.ladder import Ladder, climb, first_rank
from impo.tensor.picture import Picture, adapted, compatible, product_picture
from impo.tensor.state import ItebdState


@dataclass(frozen=True)
class ITEBD:
    """Steady state of an infinite chain by evolution of a matrix-product density operator.

    Attributes
    ----------
    chi_max
        Largest bond dimension; less is used if `tol` is reached earlier.
    k_max
        Largest rank of the multipole operators kept; None chooses it and raises it while it matters.
    weight
        The alpha of the weighted truncation: rank k counts exp(-alpha k).
    tol
        Accuracy asked for in <Sz>/S and Var/S^2.
    charges
        Whether to use the U(1) symmetry of the model; False allows starts that break it.
    t_max
        Largest evolution time, in units of the inverse couplings.
    """

    name: ClassVar[str] = "itebd"
    chi_max: int = 128
    k_max: int | None = None
    weight: float = 1.0
    tol: float = 1e-4
    charges: bool = True
    t_max: float = 2000.0

    def __post_init__(self):
        positive_integer("chi_max", self.chi_max)
        if self.k_max is not None:
            positive_integer("k_max", self.k_max)
        non_negative("weight", self.weight)
        positive("tol", self.tol)
        boolean("charges", self.charges)
        positive("t_max", self.t_max)


def steady_state(model: LindbladModel, method: ITEBD, start: Any = None) -> ItebdState:
    """Return the steady state of an infinite chain.

    Parameters
    ----------
    model
        A one-dimensional model with terms on one site or on neighbours.
    method
        Settings.
    start
        Another `ItebdState` (of any chi, k_max, parameters or spin), or a product state: one density
        matrix or state vector per site of the unit cell. None starts from the fully mixed state.

    Raises
    ------
    UnsupportedModelError
        If the model is not a nearest-neighbour chain or has no unique steady state.
    """
    began = time.perf_counter()
    generator = chain_generator(model, method)
    check_unique(generator)
    ladder = Ladder(generator, method.chi_max, method.k_max, method.tol, method.t_max)
    k_max = method.k_max if method.k_max is not None else first_rank(ladder.full_rank)
    picture = first_picture(generator, start, min(k_max, ladder.full_rank), method.weight)
    top, checks = climb(ladder, picture)
    found = residual(top) if top.finite else None
    low = found.low if found else np.inf
    status, message = verdict(top, checks, method.tol, low)
    diagnostics = {
        "chi": top.chain.bond_dimension,
        "k_max": top.k_max,
        "dt": top.dt,
        "time": top.time,
        "discarded_weight": top.discarded,
        "multipole_tail": multipole_tail(top) if found else None,
        "leakage": found.leakage if found else None,
        "trace_spectrum_ratio": top.environment.leading if found else None,
        **{f"error_{check.kind}": check.error for check in checks},
        "error_time": top.remaining,
    }
    return ItebdState(
        model=model,
        method=method,
        status=status,
        message=message,
        residual=low,
        seconds=time.perf_counter() - began,
        history=tuple(ladder.history),
        diagnostics=diagnostics,
        picture=top,
        checks=tuple(checks),
    )


def chain_generator(model: LindbladModel, method: ITEBD) -> Generator:
    """Return the generator that the method evolves with, or refuse the model."""
    if model.dimension != 1:
        raise UnsupportedModelError(
            f"ITEBD treats chains, but {model.label} has dimension {model.dimension}; use `TWA` or "
            "`HolsteinPrimakoff`."
        )
    generator = infinite_chain(model, charges=method.charges)
    check_nearest_neighbour(generator)
    return generator


def check_unique(generator: Generator) -> None:
    """Refuse models whose steady state is not unique for a reason that can be read off.

    Without dissipation every function of H is stationary. If every jump operator conserves the charge
    as H does (a strong symmetry, as in a chain with dephasing only), there is a steady state for
    every value of the charge.
    """
    label = generator.model.label
    if not any(rate > 0 for _, rate, _ in generator.jumps):
        raise UnsupportedModelError(
            f"A model must have dissipation to have a unique steady state, but {label} has none; "
            "follow its dynamics with `evolve`."
        )
    charged = infinite_chain(generator.model)
    for weights in charged.weights:
        changes = [
            weights[position] * q
            for position, rate, matrix in charged.jumps
            if rate > 0
            for q in charge_parts(charged.sites[position], matrix)
        ]
        if not any(changes):
            raise UnsupportedModelError(
                f"{label} has more than one steady state: H and all jump operators conserve the "
                f"charge with weights {weights.tolist()} (a strong symmetry); use `Exact` on a finite "
                "cluster, or `evolve`."
            )


def first_picture(generator: Generator, start: Any, k_max: int, weight: float) -> Picture:
    """Return what the evolution starts from, in the bases of the generator."""
    if start is None:
        return product_picture(generator, None, k_max, weight)
    if isinstance(start, ItebdState):
        if compatible(start.generator, generator):
            return adapted(start.picture, generator, k_max, weight)
        if start.generator.model.sites != generator.model.sites:
            return product_picture(generator, None, k_max, weight)
        states = [start.density_matrix([(s, 0)]) for s in range(len(generator.model.sites))]
    else:
        states = product_states(generator.model, start)
    rotated = []
    for position in range(len(generator.sites)):
        rho = generator.rotated(position, states[position % len(states)].T).T
        charged = charge_parts(generator.sites[position], rho)
        if len(generator.weights) and any(q != 0 for q in charged):
            raise ArgumentError(
                "Argument `start` must be symmetric under rotations about z when charges are used; "
                "use ITEBD(charges=False) for a symmetry-broken start."
            )
        rotated.append(rho)
    return product_picture(generator, rotated, k_max, weight)


def product_states(model: LindbladModel, start: Sequence[Any]) -> list[NDArray]:
    """Return one density matrix per site of the unit cell from state vectors or density matrices."""
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
        states.append(rho / np.trace(rho).real)
    return states
