"""Sites of TeNPy whose states are the operators T_x of a basis, and the Liouvillian on them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tenpy.linalg import np_conserved as npc
from tenpy.networks.site import Site

from impo.basis import OperatorBasis
from impo.liouvillian import Generator

LocalTerm = tuple[complex, tuple[int, ...], tuple[str, ...]]


def operator_sites(
    generator: Generator, bases: Sequence[OperatorBasis], charges: bool = True
) -> list[Site]:
    """Return one TeNPy site per site of the generator; state x is the operator T_x.

    TeNPy sorts a charged basis: its state number y is T_x with x = site.perm[y]. States are also
    found by their labels "T0", "T1", ..., which count in the order of the operator basis.

    Parameters
    ----------
    generator
        Liouvillian on n sites, with C charges.
    bases
        Operator basis of every site, `generator.bases(...)`.
    charges
        Whether the states carry the charges weights[:, j] * q; False gives trivial charges.

    Returns
    -------
    list of `tenpy.networks.site.Site`
        Different objects with the same charges; their only operators are Id and JW = Id.
    """
    weights = generator.weights if charges else generator.weights[:0]
    info = npc.ChargeInfo([1] * len(weights), [f"M{c}" for c in range(len(weights))])
    sites = []
    for basis, weight in zip(bases, weights.T.reshape(len(bases), -1), strict=True):
        leg = npc.LegCharge.from_qflat(info, np.outer(basis.q, weight))
        sites.append(Site(leg, [f"T{x}" for x in range(len(basis))]))
    return sites


def add_liouvillian(
    sites: Sequence[Site], generator: Generator, bases: Sequence[OperatorBasis]
) -> list[LocalTerm]:
    """Add the superoperators of the Liouvillian to the sites and return how they combine.

    Superoperators that are multiples of each other become one site operator, so that products with
    a common left factor share a virtual index of the matrix product operator.

    Returns
    -------
    list of (strength, positions, names)
        The Liouvillian of one tile is the sum of strength * names[0] (x) names[1] ...; on an
        infinite chain positions beyond the tile belong to the next ones.
    """
    known: list[dict[bytes, str]] = [{} for _ in sites]
    terms = []
    for positions, matrices in generator.superoperators(bases):
        strength: complex = 1.0
        names = []
        for position, matrix in zip(positions, matrices, strict=True):
            where = position % len(sites)
            scale, unit = _normalised(matrix)
            if scale == 0:
                strength = 0.0
                break
            key = (np.round(unit, 11) + 0.0).tobytes()  # + 0.0: one zero, without a sign
            if key not in known[where]:
                known[where][key] = f"L{len(known[where])}"
                sites[where].add_op(known[where][key], unit, hc=False, permute_dense=True)
            strength *= scale
            names.append(known[where][key])
        if strength != 0:
            terms.append((strength, positions, tuple(names)))
    return terms


def _normalised(matrix: NDArray) -> tuple[complex, NDArray]:
    """Return (element of largest modulus, matrix divided by it); the first such element counts."""
    size = np.abs(matrix).ravel()
    if size.max() == 0:
        return 0.0, matrix
    pivot = matrix.flat[np.argmax(size > size.max() * (1 - 1e-9))]
    unit = matrix / pivot
    if np.iscomplexobj(unit) and np.abs(unit.imag).max() < 1e-14:
        unit = np.ascontiguousarray(unit.real)
    return pivot, unit
