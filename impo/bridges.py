"""Ways to other software: a model as operators of QuTiP (a state has `SteadyState.to_qutip`)."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from impo.arguments import UnsupportedModelError, boolean
from impo.model import Cell, LindbladModel, Term
from impo.operators.lattice import cell_counts, lattice_shape, place_in_cluster
from impo.operators.local import local_operators
from impo.results.fields import optional

_LARGEST = 2**14  # states of a cluster


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
        Whether a term or jump of which a product leaves the cluster re-enters on the other side; or
        else has no copy there.

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

    Examples
    --------
    >>> from models.gain_loss import dimer
    >>> H, c_ops = to_qutip(dimer(S=0.5))  # spin A is pumped, spin B is damped
    """
    qutip, periodic = optional("qutip", "to_qutip"), boolean("periodic", periodic)
    shape = lattice_shape(model, cell_counts(cells))
    identities = [qutip.qeye(d) for d in _dimensions(model, shape)]
    place = partial(place_in_cluster, shape, periodic, len(model.sites))
    matrices = [
        {name: qutip.Qobj(matrix) for name, matrix in local_operators(site).items()}
        for site in model.sites
    ]

    def total(products: Sequence[Term], origin: Cell) -> Any:
        """Return a sum of products on the cluster: None if one of them leaves an open one."""
        out = 0
        for term in products:
            found = list(identities)
            for name, site, offset in term.factors:
                cell = tuple(x + o for x, o in zip(origin, offset, strict=True))
                if (where := place(site, cell)) is None:
                    return None
                found[where] = found[where] @ matrices[site][name]
            out = out + term.coefficient * qutip.tensor(found)
        return out

    terms, jumps = _copies(model, shape, total)
    return sum(terms, 0 * qutip.tensor(identities)), jumps


def _copies(
    model: LindbladModel, shape: tuple[int, ...], total: Callable[[Sequence[Term], Cell], Any]
) -> tuple[list[Any], list[Any]]:
    """Return what `total` makes of all terms, and of all jumps times the root of their rates."""
    cells = list(np.ndindex(shape))
    terms = [total([term], cell) for cell in cells for term in model.hamiltonian]
    jumps = [
        (math.sqrt(jump.rate), total(jump.products(model.dimension), cell))
        for cell in cells for jump in model.jumps if jump.rate > 0
    ]  # fmt: skip
    return [x for x in terms if x is not None], [a * x for a, x in jumps if x is not None]


def _dimensions(model: LindbladModel, shape: tuple[int, ...]) -> list[int]:
    """Return the number of states of every site of a cluster that is not too large."""
    dimensions = [site.dimension for site in model.sites] * math.prod(shape)
    if (states := math.prod(map(float, dimensions))) > _LARGEST:
        raise UnsupportedModelError(
            f"`to_qutip` writes out matrices of up to {_LARGEST} states, but the cluster has "
            f"{states:.3g}; use fewer cells."
        )
    return dimensions
