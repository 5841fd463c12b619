"""The operators of a finite cluster in one charge sector.

A density operator is expanded in products of one-site operators. Only the products that carry the
wanted charges are ever listed.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.memory import amount, product, refuse_larger
from impo.methods.advice import advice
from impo.model import Boson, LindbladModel, Site, Spin
from impo.operators.lattice import lattice_shape
from impo.operators.liouvillian import Generator, finite_cluster
from impo.operators.local import operator_charges
from impo.operators.sparse_basis import SparseBasis, sparse_basis

if TYPE_CHECKING:
    from impo.methods.exact.method import Exact


Charge = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Sector:
    """All products T_x1 (x) T_x2 (x) ... of one-site operators with given charges.

    Attributes
    ----------
    generator
        The master equation of the cluster.
    bases
        Operator basis of every site.
    charge
        Value of every weak U(1) charge of the generator.
    index
        Shape (n, sites): which operator every site holds, in ascending mixed-radix order.
    """

    generator: Generator
    bases: tuple[SparseBasis, ...]
    charge: Charge
    index: Array

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def strides(self) -> Array:
        """Place values of the mixed-radix number of a product."""
        sizes = [len(basis) for basis in self.bases]
        return np.array([np.prod(sizes[i + 1 :], dtype=np.int64) for i in range(len(sizes))])

    @cached_property
    def keys(self) -> Array:
        """The mixed-radix number of every product, ascending."""
        return self.index @ self.strides

    def locate(self, keys: Array) -> Array:
        """Return the positions of products given by their numbers."""
        found = np.searchsorted(self.keys, keys)
        if np.any(self.keys[np.minimum(found, len(self) - 1)] != keys):
            raise AssertionError("A term of the Liouvillian leaves its charge sector.")
        return found

    @cached_property
    def trace(self) -> Array:
        """The trace of every product."""
        out = np.ones(len(self))
        for site, basis in enumerate(self.bases):
            out *= basis.trace[self.index[:, site]]
        return out

    @cached_property
    def adjoint(self) -> Array:
        """The position of the transpose of every product; the charge must be zero."""
        columns = [basis.transposed[self.index[:, s]] for s, basis in enumerate(self.bases)]
        return self.locate(np.stack(columns, axis=1) @ self.strides)

    @cached_property
    def low_moments(self) -> tuple[Array, Array]:
        """Products on at most two sites with ranks k + k' <= 4, and their operator norms."""
        ranks = np.stack([b.k[self.index[:, s]] for s, b in enumerate(self.bases)], axis=1)
        low = np.flatnonzero((ranks.sum(axis=1) <= 4) & (np.count_nonzero(ranks, axis=1) <= 2))
        sizes = [b.size[self.index[low, s]] for s, b in enumerate(self.bases)]
        return low, np.prod(sizes, axis=0)

    def embedding(self, larger: "Sector") -> Array:
        """Return the positions of the products in a sector with larger bases."""
        columns = [
            operator_positions(small, large)[self.index[:, s]]
            for s, (small, large) in enumerate(zip(self.bases, larger.bases, strict=True))
        ]
        return larger.locate(np.stack(columns, axis=1) @ larger.strides)


def site_bases(generator: Generator, k_max: int | None = None) -> tuple[SparseBasis, ...]:
    """Return the operator basis of every site; spins are cut at multipole rank `k_max`."""
    return tuple(sparse_basis(site, k_max) for site in generator.sites)


def top_rank(bases: Sequence[SparseBasis]) -> int:
    """Return the largest multipole rank in the bases of all sites."""
    return max(int(basis.k.max()) for basis in bases)


def zero_charge(generator: Generator) -> Charge:
    """Return the charges of the sector that holds the steady state."""
    return (0,) * len(generator.charges)


def sector_sizes(
    generator: Generator, k_max: int | None, positions: Sequence[int] | None = None
) -> Counter[Charge]:
    """Return the number of products of some sites (all) with every charge that occurs."""
    counts: Counter[Charge] = Counter({zero_charge(generator): 1})
    for number in range(len(generator.sites)) if positions is None else positions:
        weights, site = generator.charges[:, number], generator.sites[number]
        total: Counter[Charge] = Counter()
        for q, operators in operator_charges(site, largest_rank(site, k_max)).items():
            step = (weights * q).tolist()
            for old, many in counts.items():
                here = tuple(a + b for a, b in zip(old, step, strict=True))
                total[here] += many * operators
        counts = total
    return counts


def sector_size(generator: Generator, k_max: int | None, charge: Charge) -> int:
    """Return the number of products with the given charges, without making any."""
    sites = range(len(generator.sites))
    middle = len(sites) // 2
    left, right = (
        sector_sizes(generator, k_max, part) for part in (sites[:middle], sites[middle:])
    )
    rest = {old: tuple(a - b for a, b in zip(charge, old, strict=True)) for old in left}
    return sum(many * right[rest[old]] for old, many in left.items())


def largest_rank(site: Site, k_max: int | None) -> int:
    """Return the largest rank that is kept; at least rank + 1 operators have the charge zero."""
    full = site.dimension - 1
    return full if k_max is None or not isinstance(site, Spin) else min(k_max, full)


def least_bytes(generator: Generator, k_max: int | None, charge: Charge) -> tuple[int, float]:
    """Return the number of products in a sector, and memory that it takes at the very least."""
    rows = sector_size(generator, k_max, charge)
    diagonals = max(
        (largest_rank(site, k_max) + 1) ** 2 * site.dimension for site in generator.sites
    )
    return rows, _ROW * float(rows) + 20 * diagonals


def charge_sector(
    generator: Generator, bases: Sequence[SparseBasis], charge: Charge | None = None
) -> Sector:
    """List all products with the given charges (None: all zero).

    Raises
    ------
    ArgumentError
        If the number of charges is not that of the generator, or no product carries them.
    """
    charge = zero_charge(generator) if charge is None else tuple(charge)
    if len(charge) != len(generator.charges):
        raise ArgumentError(
            f"Argument `charge` must be {len(generator.charges)} integers, but is {charge}."
        )
    middle = (len(bases) + 1) // 2
    left, left_charge = _all_products(bases[:middle], generator.charges[:, :middle])
    right, right_charge = _all_products(bases[middle:], generator.charges[:, middle:])
    wanted = np.array(charge, dtype=int) - left_charge
    _, label = np.unique(np.concatenate([wanted, right_charge]), axis=0, return_inverse=True)
    label = label.ravel()
    wanted_label, right_label = label[: len(left)], label[len(left) :]
    order = np.argsort(right_label, kind="stable")
    first = np.searchsorted(right_label[order], wanted_label, side="left")
    many = np.searchsorted(right_label[order], wanted_label, side="right") - first
    if many.sum() == 0:
        raise ArgumentError(f"Argument `charge` must be a charge of the cluster, but is {charge}.")
    offset = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    chosen = order[np.repeat(first, many) + offset]
    index = np.concatenate([np.repeat(left, many, axis=0), right[chosen]], axis=1)
    return Sector(generator, tuple(bases), charge, index)


def _all_products(bases: Sequence[SparseBasis], weights: Array) -> tuple[Array, Array]:
    """Return the indices (n, sites) and charges (n, charges) of all products of some sites."""
    sizes = [len(basis) for basis in bases]
    index = np.indices(sizes).reshape(len(sizes), -1).T if sizes else np.zeros((1, 0), dtype=int)
    charge = np.zeros((len(index), len(weights)), dtype=int)
    for site, basis in enumerate(bases):
        charge += basis.q[index[:, site], None] * weights[:, site]
    return index, charge


def operator_positions(old: SparseBasis, new: SparseBasis) -> Array:
    """Return where the operators of a basis stand in another of the same site; -1 if nowhere."""
    if old is new or len(old) == len(new):
        return np.arange(len(old))
    place = {label: x for x, label in enumerate(zip(new.k, new.q, strict=True))}
    return np.array([place.get(label, -1) for label in zip(old.k, old.q, strict=True)])


def hermitian_parts(sector: Sector) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Return isometries onto the symmetric and the antisymmetric operators of a zero-charge sector.

    Coefficients c of a Hermitian operator obey c(transpose of x) = c(x)*: their real part is
    symmetric, their imaginary part antisymmetric. A real Liouvillian does not mix the two.
    """
    here, there = np.arange(len(sector)), sector.adjoint
    alone, paired = here[here == there], here[here < there]

    def chosen(rows: Array) -> sparse.csr_array:
        """Return the isometry onto some products."""
        entries = (np.ones(len(rows)), (rows, np.arange(len(rows))))
        return sparse.csr_array(entries, shape=(len(sector), len(rows)))

    one, other = np.sqrt(0.5) * chosen(paired), np.sqrt(0.5) * chosen(there[paired])
    symmetric = sparse.csr_array(sparse.hstack([chosen(alone), one + other]))
    return symmetric, sparse.csr_array(one - other)


_ROW = 8 * 70  # bytes that a row of the Liouvillian takes at the very least
LOWEST_RANK = 4  # at which the search for a multipole cut-off begins
_DENSE_OPERATORS = 12  # matrices of one site, about, that are in memory at the same time


def cluster(model: LindbladModel, method: "Exact", charges: bool = True) -> Generator:
    """Return the generator of the cluster that the settings name, if it may fit in memory.

    At the very least its Liouvillian has the products of operators without a charge on any site.
    """
    shape, k_max = lattice_shape(model, method.cells), method.k_max
    states = max(site.dimension for site in model.sites)
    refuse_larger(
        f"Exact cannot treat {model.label}, where a site has {states} states",
        _DENSE_OPERATORS * 16 * float(states) ** 2,
        advice(model, "Exact", *_smaller(model)),
    )
    cells, rank = math.prod(shape), LOWEST_RANK if isinstance(k_max, str) else k_max
    rows = product([largest_rank(site, rank) + 1 for site in model.sites], cells)
    bound = "at least " if math.isfinite(rows) else ""
    what = _what(model, cells * len(model.sites), rows, bound)
    refuse_larger(what, _ROW * rows, remedy(model))
    return finite_cluster(model, shape, method.periodic, charges)


def _what(model: LindbladModel, sites: int, rows: float, bound: str = "") -> str:
    """Return what a refusal says of a cluster."""
    return (
        f"Exact cannot treat {model.label} on {sites} sites, where its Liouvillian has {bound}"
        f"{amount(rows)} rows"
    )


def _smaller(model: LindbladModel) -> list[str]:
    """Return what of a description may be smaller."""
    return ["a smaller `cutoff`"] if any(isinstance(s, Boson) for s in model.sites) else []


def remedy(model: LindbladModel) -> str:
    """Return what helps where a cluster is too large."""
    rank = ["a smaller `k_max`"] if any(isinstance(s, Spin) for s in model.sites) else []
    return advice(model, "Exact", *rank, "fewer cells")


def refuse_large_sector(generator: Generator, rows: int, size: float) -> None:
    """Raise `UnsupportedModelError` if a sector of so many products needs too much memory."""
    model = generator.model
    refuse_larger(_what(model, len(generator.sites), float(rows)), size, remedy(model))
