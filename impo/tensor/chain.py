"""A density operator as a matrix product, and the two-site update that evolves it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from impo.tensor.decompose import Decomposition, complete, leading, worthwhile
from impo.tensor.legs import TRIVIAL, Leg, PhysicalLeg, TensorLayout
from impo.tensor.plan import Sector, contraction_plan, split_plan

# A choice of states is kept while its discarded weight is below this multiple of the smallest.
STICKY = 1.05


@dataclass(frozen=True)
class Truncation:
    """What a decomposition keeps: at most `chi` states, none below `cutoff` times the largest."""

    chi: int
    cutoff: float = 1e-14


@dataclass
class Chain:
    """Coefficients of a density operator in a (weighted) operator basis: right-canonical tensors.

    Attributes
    ----------
    physical
        Operators of every site, grouped by charge.
    legs
        Virtual index left of every site; an open chain has one more, right of the last site.
    tensors
        Flat arrays in the order of `TensorLayout`.
    singular_values
        Of the bond left of every site, in the order of its leg.
    infinite
        Whether the sites repeat.
    mirror
        Whether charges q and -q are kept as mirror images (real, charged).
    """

    physical: list[PhysicalLeg]
    legs: list[Leg]
    tensors: list[NDArray]
    singular_values: list[NDArray]
    infinite: bool
    mirror: bool

    def __len__(self) -> int:
        return len(self.tensors)

    def copy(self) -> "Chain":
        """Return a chain that can be evolved without changing this one."""
        return replace(
            self,
            legs=list(self.legs),
            tensors=list(self.tensors),
            singular_values=list(self.singular_values),
        )

    def right_leg(self, site: int) -> Leg:
        """Return the virtual index right of a site."""
        return self.legs[(site + 1) % len(self.legs)]

    def layout(self, site: int) -> TensorLayout:
        """Return the order of the elements of a tensor."""
        return TensorLayout(self.legs[site], self.physical[site], self.right_leg(site))

    def dense(self, site: int) -> NDArray:
        """Return the full tensor of a site; # vL p vR."""
        return self.layout(site).to_dense(self.tensors[site])

    @property
    def bond_dimension(self) -> int:
        """Largest number of states on a bond."""
        return max(leg.size for leg in self.legs)

    def update(self, bond: int, gate: dict[int, NDArray], truncation: Truncation) -> float:
        """Apply a gate to sites bond, bond + 1 and return the discarded weight.

        The order is Hastings' variant of Vidal's update: theta = S C, C = gate B B, is decomposed,
        and B_left = C V^+ avoids the division by singular values.
        """
        i, j = bond, (bond + 1) % len(self)
        plan = contraction_plan(
            self.legs[i], self.legs[(i + 1) % len(self.legs)], self.right_leg(j),
            self.physical[i], self.physical[j], self.mirror,
        )  # fmt: skip
        first, second = self.tensors[i], self.tensors[j].take(plan.regroup)
        pieces = [
            (first[a].reshape(m) @ second[b].reshape(n)).ravel()  # (vL p0) (p1 vR)
            for a, m, b, n in plan.products
        ]
        theta = np.concatenate([*pieces, np.zeros(1, first.dtype)])
        gated = np.concatenate(
            [
                (gate[charge] @ gather(theta).reshape(shape)).ravel()  # (p0 p1) (vL vR)
                for charge, (gather, shape) in plan.gate_input.items()
            ]
        )
        matrices = [_sector_matrix(sector, gated) for sector in plan.sectors]  # (vL p0) (p1 vR)
        factors, kept, discarded, norm = _decompose(
            plan.sectors, matrices, self.singular_values[i], second, truncation
        )
        split = split_plan(plan, kept)
        right = [f.vectors[:number] for f, number in zip(factors, kept, strict=True)]
        left = [c @ v.conj().T for c, v in zip(matrices, right, strict=True)]
        self.tensors[i] = split.first(np.concatenate([x.ravel() for x in left])) / norm
        self.tensors[j] = split.second(np.concatenate([x.ravel() for x in right]))
        middle = (i + 1) % len(self.legs)
        self.legs[middle] = split.middle
        self.singular_values[middle] = _ordered(
            split.middle,
            plan.sectors,
            [f.values[:number] / norm for f, number in zip(factors, kept, strict=True)],
        )
        return discarded


def _sector_matrix(sector: Sector, gated: NDArray) -> NDArray:
    values = sector.pick(gated)
    if sector.pick_mirror is not None:
        values += sector.pick_mirror(gated)
    return values.reshape(sector.shape)


def _decompose(
    sectors: Sequence[Sector],
    matrices: Sequence[NDArray],
    weights: NDArray,
    second: NDArray,
    truncation: Truncation,
) -> tuple[list[Decomposition], tuple[int, ...], float, float]:
    """Decompose all sectors of theta = weights * matrices and select what is kept.

    Large sectors are decomposed only as far as they may be kept: should a sector have missed enough
    to hold a state that deserves a place, it is decomposed completely.
    """
    thetas = [weights[s.row_state, None] * m for s, m in zip(sectors, matrices, strict=True)]
    factors = []
    for sector, theta in zip(sectors, thetas, strict=True):
        guess = sector.old(second) if sector.old else None
        if guess is not None and len(guess) and worthwhile(theta.shape, len(guess)):
            factors.append(leading(theta, guess))
        else:
            factors.append(complete(theta))
    while True:
        kept, discarded, norm, threshold = _select(factors, sectors, truncation)
        missing = [n for n, f in enumerate(factors) if f.missed > threshold**2]
        if not missing:
            return factors, kept, discarded, norm
        for n in missing:
            factors[n] = complete(thetas[n])


def _select(
    factors: Sequence[Decomposition], sectors: Sequence[Sector], truncation: Truncation
) -> tuple[tuple[int, ...], float, float, float]:
    """Return the states kept per sector, the discarded weight, the norm, and what earns a place.

    A pair of charges q, -q is kept or cut as one. The numbers of states that the bond had before
    are kept where the best choice is hardly better: every new set of charges costs a new plan.
    """
    merged = np.concatenate([f.values for f in factors])
    owner = np.repeat(np.arange(len(sectors)), [len(f.values) for f in factors])
    multiplicity = np.array([sector.multiplicity for sector in sectors])
    order = np.argsort(-merged, kind="stable")
    fits = np.cumsum(multiplicity[owner[order]]) <= truncation.chi
    large = merged[order] > truncation.cutoff * merged[order[0]]
    chosen = order[fits & large]
    kept = np.bincount(owner[chosen], minlength=len(sectors))
    full = bool(np.any(large & ~fits))
    threshold = merged[chosen[-1]] if full else truncation.cutoff * merged[order[0]]
    tails = [np.cumsum(np.append(f.missed, f.values[::-1] ** 2))[::-1] for f in factors]

    def lost(numbers: NDArray) -> float:
        return float(sum(m * t[n] for m, t, n in zip(multiplicity, tails, numbers, strict=True)))

    before = np.array([sector.before for sector in sectors])
    possible = np.all(before < [len(t) for t in tails])
    size = multiplicity @ before
    comparable = full and possible and multiplicity @ kept - 1 <= size <= truncation.chi
    if comparable and lost(before) <= STICKY * lost(kept):
        kept = before
    discarded, total = lost(kept), lost(np.zeros_like(kept))
    norm = float(np.sqrt(total - discarded))
    return tuple(kept.tolist()), discarded / total, norm, float(threshold)


def _ordered(leg: Leg, sectors: Sequence[Sector], values: Sequence[NDArray]) -> NDArray:
    """Return singular values in the order of a leg, mirrored charges included."""
    out = np.empty(leg.size)
    filled: dict[int, int] = {}
    for sector, s in zip(sectors, values, strict=True):
        for charge in (
            {sector.charge, -sector.charge} if sector.multiplicity == 2 else {sector.charge}
        ):
            if len(s):
                start = leg.offsets[charge] + filled.get(charge, 0)
                out[start : start + len(s)] = s
                filled[charge] = filled.get(charge, 0) + len(s)
    return out


def product_chain(
    coefficients: Sequence[NDArray], physical: Sequence[PhysicalLeg], infinite: bool, mirror: bool
) -> Chain:
    """Return a product state from the coefficients of each site; only charge 0 may be present."""
    n = len(coefficients)
    legs = [TRIVIAL] * (n if infinite else n + 1)
    chain = Chain(list(physical), legs, [], [np.ones(1)] * len(legs), infinite, mirror)
    for site, values in enumerate(coefficients):
        layout = TensorLayout(TRIVIAL, physical[site], TRIVIAL)
        flat = layout.from_dense(values[None, :, None])
        chain.tensors.append(flat / np.linalg.norm(flat))
    return chain
