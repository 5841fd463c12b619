"""Time evolution of the density operator by unmodified TeNPy: slow, plain, and independent.

It shares the description of the Liouvillian with the compiled kernel and nothing else, and serves
as the reference that the kernel is compared with. Expectation values are those of the trace,
<X> = Tr(X rho) / Tr rho, not those of <rho|X|rho>.

`advance` does for `ITEBD(backend="tenpy")` what `trotter.evolve` does for the kernel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tenpy.algorithms.tebd import TEBDEngine
from tenpy.models.model import NearestNeighborModel
from tenpy.networks.mps import MPS

from impo.arguments import ArgumentError, fail
from impo.arrays import Array
from impo.operators.basis import OperatorBasis
from impo.operators.charges import packed, unpacked
from impo.operators.liouvillian import Generator
from impo.tensor.legs import Leg
from impo.tensor.matrix_product import MatrixProduct, Truncation
from impo.tensor.tenpy_bridge import (
    LiouvillianModel,
    canonical,
    from_mps,
    liouvillian_model,
    operator_sites,
    to_mps,
)

# Singular values of the charges q and -q are equal. Of no such pair one may be cut and the other
# kept: rho would not stay Hermitian.
PAIRED = 0.05  # relative difference of singular values between which TeNPy never cuts
BLOCK = 10  # steps between two returns to canonical form, which gates that are not unitary destroy


class BondModel(LiouvillianModel, NearestNeighborModel):
    """A Liouvillian of nearest neighbours; `H_bond[j]` acts on the sites j - 1 and j."""


@dataclass(frozen=True)
class TenpyStep:
    """One Trotter step of fixed length by TeNPy.

    Attributes
    ----------
    dt
        Length of the step.
    model
        The Liouvillian in the basis of the matrix product.
    """

    dt: float
    model: BondModel


def tenpy_step(
    generator: Generator, bases: Sequence[OperatorBasis], weight: float, dt: float
) -> TenpyStep:
    """Return a step of length `dt` in the basis (2k + 1)^-weight T_kq."""
    return TenpyStep(dt, liouvillian_model(generator, bases, kind=BondModel, weight=weight))


def advance(product: MatrixProduct, step: TenpyStep, count: int, truncation: Truncation) -> float:
    """Evolve an infinite matrix product in place by `count` steps of fourth order.

    The decomposition is TeNPy's "4_opt", eq. (30a) of Barthel and Zhang, Ann. Phys. 418, 168165
    (2020). Charges q and -q are mirror images up to rounding only.

    Returns
    -------
    float
        Largest discarded weight of a block of at most `BLOCK` steps, added up over its updates.
    """
    sites = step.model.lat.mps_sites()
    dense = [product.dense(site) for site in range(len(product))]
    several = sites[0].leg.chinfo.qnumber
    charges = [unpacked(leg.charges, several).T for leg in product.legs]
    start = to_mps(sites, dense, charges, product.singular_values)
    settings = {
        "chi_max": truncation.chi, "svd_min": truncation.cutoff, "trunc_cut": None,
        "degeneracy_tol": PAIRED,
    }  # fmt: skip
    engine = TEBDEngine(start, step.model, {"trunc_params": settings})
    # "imaginary" evolution is exp(-t H_bond), and H_bond is L: its time runs backwards
    engine.calc_U("4_opt", -step.dt, type_evo="imag")
    worst = 0.0
    for done in range(0, count, BLOCK):
        error = engine.evolve(min(BLOCK, count - done), -step.dt)
        engine.psi = canonical(engine.psi)
        worst = max(worst, float(error.eps))
    _replace(product, engine.psi)
    return worst


def _replace(product: MatrixProduct, mps: MPS) -> None:
    """Put the tensors of a canonical MPS in the place of those of an infinite matrix product."""
    tensors, tables, values = from_mps(mps)
    charges = [packed(table.T) for table in tables]
    orders = [np.argsort(charge, kind="stable") for charge in charges]
    product.mirror = False
    for site, (charge, order) in enumerate(zip(charges, orders, strict=True)):
        known, counts = np.unique(charge, return_counts=True)
        sectors = tuple(zip(known.tolist(), counts.tolist(), strict=True))
        product.legs[site] = Leg(sectors, int(np.sum(charge == 0)))
        product.singular_values[site] = values[site][order]
    for site, tensor in enumerate(tensors):
        columns = orders[(site + 1) % len(tensors)]
        dense = tensor[np.ix_(orders[site], np.arange(tensor.shape[1]), columns)]  # vL p vR
        product.tensors[site] = product.layout(site).from_dense(dense)


def product_mps(
    generator: Generator, bases: Sequence[OperatorBasis], states: Sequence[Array],
    charges: bool = True, bc: str = "infinite",
) -> MPS:  # fmt: skip
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


def expectation(
    mps: MPS, generator: Generator, bases: Sequence[OperatorBasis], operators: Mapping[int, Array]
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
