"""Ways to other software: a model as operators of QuTiP (a state has `SteadyState.to_qutip`)."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from impo.arguments import UnsupportedModelError, boolean
from impo.model import Cell, LindbladModel
from impo.operators.lattice import cell_counts, lattice_shape, place_in_cluster
from impo.operators.local import local_operators
from impo.results.fields import optional

_LARGEST = 2**14  # states of a cluster

Factors = Sequence[tuple[str, int, Cell]]


def to_qutip(
    model: LindbladModel, cells: int | tuple[int, ...] = 1, periodic: bool = False
) -> tuple[Any, list[Any]]:
    """Return the Hamiltonian and the collapse operators of a finite cluster as `qutip.Qobj`.

    d rho/dt = -i [H, rho] + sum_c (c rho c^+ - {c^+ c, rho} / 2), c = sqrt(rate) L. The factors of
    the tensor product are the sites of cell 0, those of cell 1, ...; in two dimensions the second
    direction runs fastest. States of a site are m = S ... -S, or n = 0 ... cutoff.

    Parameters
    ----------
    model
        The description.
    cells
        Number of unit cells; in two dimensions a pair.
    periodic
        Whether terms that leave the cluster re-enter on the other side; otherwise dropped.

    Returns
    -------
    H, c_ops
        Hamiltonian, and one operator for every jump of every cell whose rate is not zero.

    Raises
    ------
    ArgumentError
        If an argument is none of that, or QuTiP is not installed.
    UnsupportedModelError
        If the cluster has more than 16,384 states.
    """
    qutip, periodic = optional("qutip", "to_qutip"), boolean("periodic", periodic)
    shape = lattice_shape(model, cell_counts(cells))
    dimensions = _dimensions(model, shape)
    place = partial(place_in_cluster, shape, periodic, len(model.sites))
    matrices = [
        {name: qutip.Qobj(matrix) for name, matrix in local_operators(site).items()}
        for site in model.sites
    ]
    identities = [qutip.qeye(d) for d in dimensions]

    def product(factors: Factors, origin: Cell) -> Any:
        """Return a product of operators on the cluster: zero if it leaves an open one."""
        found = list(identities)
        for name, site, offset in factors:
            cell = tuple(x + o for x, o in zip(origin, offset, strict=True))
            if (where := place(site, cell)) is None:
                return 0
            found[where] = found[where] @ matrices[site][name]
        return qutip.tensor(found)

    cluster, home = list(np.ndindex(shape)), (0,) * model.dimension
    terms = (
        term.coefficient * product(term.factors, cell)
        for cell in cluster for term in model.hamiltonian
    )  # fmt: skip
    jumps = [jump for jump in model.jumps if jump.rate > 0]
    return sum(terms, 0 * qutip.tensor(identities)), [
        math.sqrt(jump.rate) * product([(jump.op, jump.site, home)], cell)
        for cell in cluster for jump in jumps
    ]  # fmt: skip


def _dimensions(model: LindbladModel, shape: tuple[int, ...]) -> list[int]:
    """Return the number of states of every site of a cluster that is not too large."""
    dimensions = [site.dimension for site in model.sites] * math.prod(shape)
    if (states := math.prod(map(float, dimensions))) > _LARGEST:
        raise UnsupportedModelError(
            f"`to_qutip` writes out matrices of up to {_LARGEST} states, but the cluster has "
            f"{states:.3g}; use fewer cells."
        )
    return dimensions
