"""Time evolution of the density operator by unmodified TeNPy: slow, plain, and independent.

It shares the description of the Liouvillian with the fast kernel and nothing else, and serves as
the reference that the kernel is compared with. Expectation values are those of the trace,
<X> = Tr(X rho) / Tr rho, not those of <rho|X|rho>.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from tenpy.algorithms.tebd import TEBDEngine
from tenpy.models.model import NearestNeighborModel
from tenpy.networks.mps import MPS

from impo.arguments import ArgumentError, fail, non_negative, one_of, positive, positive_integer
from impo.arrays import Array
from impo.operators.basis import OperatorBasis
from impo.operators.liouvillian import Generator
from impo.tensor.tenpy_bridge import (
    LiouvillianModel,
    canonical,
    from_mps,
    liouvillian_model,
    operator_sites,
    to_mps,
)


class BondModel(LiouvillianModel, NearestNeighborModel):
    """A Liouvillian of nearest neighbours; `H_bond[j]` acts on the sites j - 1 and j."""


def product_mps(
    generator: Generator,
    bases: Sequence[OperatorBasis],
    states: Sequence[Array],
    charges: bool = True,
    bc: str = "infinite",
) -> MPS:
    """Return the product of one density matrix per site of the tile.

    Parameters
    ----------
    generator, bases
        Frame and operator basis of the MPS.
    states
        Density matrices in the physical frame.
    charges
        Whether the MPS carries the charges of the generator.
    bc
        "infinite" or "finite".

    Raises
    ------
    ArgumentError
        If a state has coherences that break a charge in use, or, on an infinite chain, that the
        frame turns from tile to tile.
    """
    sites = operator_sites(generator, bases, charges)
    tensors = []
    for position, (basis, state) in enumerate(zip(bases, states, strict=True)):
        rotated = generator.rotated(position, state)
        if bc == "infinite" and not np.allclose(
            rotated, generator.rotated(position + len(bases), state), atol=1e-14
        ):
            raise ArgumentError(
                f"Argument `states` must be diagonal in this frame, but state {position} is not; "
                "use `Generator.physical`."
            )
        vector = basis.expand(rotated)
        if np.abs(np.imag(vector)).max() < 1e-14:
            vector = np.real(vector)
        tensors.append((vector / np.linalg.norm(vector))[None, :, None])
    trivial = [np.zeros((1, sites[0].leg.chinfo.qnumber), int)] * len(sites)
    return to_mps(sites, tensors, trivial, [np.ones(1)] * len(sites), bc)


def evolve(
    start: MPS,
    generator: Generator,
    bases: Sequence[OperatorBasis],
    time: float,
    dt: float,
    order: int = 4,
    chi_max: int = 1000,
    block: int = 10,
) -> MPS:
    """Return the state after some time, by TeNPy's `TEBDEngine`.

    Parameters
    ----------
    start
        State on the sites of the generator, with or without charges; not changed.
    generator, bases
        Nearest-neighbour Liouvillian, its operator bases.
    time
        Duration in inverse units of the Liouvillian.
    dt, order
        Largest Trotter step (a whole number of steps fills the time) and order (1, 2 or 4).
    chi_max
        Largest bond dimension; singular values below 1e-15 are always dropped.
    block
        Steps between two returns to canonical form, which gates that are not unitary destroy.

    Returns
    -------
    MPS
        In canonical form, of norm 1 (not of trace 1).
    """
    one_of("order", order, (1, 2, 4))
    positive_integer("chi_max", chi_max)
    positive_integer("block", block)
    left = math.ceil(non_negative("time", time) / positive("dt", dt) * (1 - 1e-12))
    if left == 0:
        return canonical(start)
    step = time / left
    model = liouvillian_model(generator, bases, start.chinfo.qnumber > 0, start.bc, BondModel)
    truncation = {"chi_max": chi_max, "svd_min": 1e-15, "trunc_cut": None}
    engine = TEBDEngine(start.copy(), model, {"trunc_params": truncation})
    # "imaginary" evolution is exp(-t H_bond), and H_bond is L: its time runs backwards
    engine.calc_U(order, -step, type_evo="imag")
    while left > 0:
        count = min(block, left)
        engine.evolve(count, -step)
        engine.psi = canonical(engine.psi)
        left -= count
    return engine.psi


def expectation(
    mps: MPS,
    generator: Generator,
    bases: Sequence[OperatorBasis],
    operators: Mapping[int, Array],
) -> complex:
    """Return Tr(rho O_i O_j ...) / Tr rho of the physical one-site operators at given positions.

    Parameters
    ----------
    mps
        State in canonical form.
    generator, bases
        Frame and operator bases of the state.
    operators
        Position to matrix, in the physical frame; on an infinite chain positions may lie in
        tiles 0, 1, 2, ...

    Raises
    ------
    ArgumentError
        If a position does not exist.
    """
    n = len(bases)
    last = max(operators, default=0)
    if min(operators, default=0) < 0 or (mps.finite and last >= n):
        raise fail("operators", "on positions of the chain", list(operators))
    tensors = from_mps(mps)[0]

    def tile(number: int, with_operators: bool) -> Array:
        total = np.eye(tensors[0].shape[0])
        for site, (basis, tensor) in enumerate(zip(bases, tensors, strict=True)):
            position = number * n + site
            weight = basis.trace
            if with_operators and position in operators:
                weight = basis.measure(generator.rotated(position, operators[position]))
            total = total @ np.einsum("apb,p->ab", tensor, weight)
        return total

    empty = tile(0, False)
    if mps.finite:
        return complex(tile(0, True)[0, 0] / empty[0, 0])
    left, right, scale = _fixed_points(empty)
    for number in range(last // n + 1):
        left = left @ tile(number, True) / scale
    return complex(left @ right)


def _fixed_points(transfer: Array) -> tuple[Array, Array, complex]:
    """Return (l, r, eigenvalue) of the leading eigenvalue of a matrix, with l r = 1."""
    values, rights = np.linalg.eig(transfer)
    scale = values[np.argmax(np.abs(values))]
    others, lefts = np.linalg.eig(transfer.T)
    right = rights[:, np.argmax(np.abs(values))]
    left = lefts[:, np.argmin(np.abs(others - scale))]
    return left / (left @ right), right, scale
