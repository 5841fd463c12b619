"""A density operator as a matrix product, and the two-site update that evolves it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from impo.arrays import Array
from impo.compilation import watch
from impo.tensor.contraction import contraction_plan
from impo.tensor.gates import Gate
from impo.tensor.interrupts import interruptible
from impo.tensor.kernel import rebuild, two_site
from impo.tensor.legs import TRIVIAL, Leg, PhysicalLeg, TensorLayout
from impo.tensor.split import split_plan
from impo.tensor.tables import Decomposed

watch()  # the kernel may have to be compiled

_two_site, _rebuild = interruptible(two_site), interruptible(rebuild)

PROBE = np.random.default_rng(0).standard_normal(10007)  # new directions come from somewhere


@dataclass(frozen=True)
class Truncation:
    """What a decomposition keeps: at most `chi` states, none below `cutoff` times the largest."""

    chi: int
    cutoff: float = 1e-14


@dataclass(eq=False)
class MatrixProduct:
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
        Whether the sites are the MPS unit cell of an infinite chain ("tile" throughout), or all.
    mirror
        Whether charges q and -q are kept as mirror images (real, charged).
    """

    physical: list[PhysicalLeg]
    legs: list[Leg]
    tensors: list[Array]
    singular_values: list[Array]
    infinite: bool
    mirror: bool

    def __len__(self) -> int:
        return len(self.tensors)

    def copy(self) -> "MatrixProduct":
        """Return a state that can be evolved without changing this one."""
        return replace(
            self, legs=list(self.legs), tensors=list(self.tensors),
            singular_values=list(self.singular_values),
        )  # fmt: skip

    def right_leg(self, site: int) -> Leg:
        """Return the virtual index right of a site."""
        return self.legs[(site + 1) % len(self.legs)]

    def layout(self, site: int) -> TensorLayout:
        """Return the order of the elements of a tensor."""
        return TensorLayout(self.legs[site], self.physical[site], self.right_leg(site))

    def dense(self, site: int) -> Array:
        """Return the full tensor of a site; # vL p vR."""
        return self.layout(site).to_dense(self.tensors[site])

    @property
    def bond_dimension(self) -> int:
        """Largest number of states on a bond."""
        return max(leg.size for leg in self.legs)

    def update(self, bond: int, gate: Gate, truncation: Truncation) -> tuple[float, float]:
        """Apply a gate to sites bond, bond + 1; return the discarded weight and the norm taken out.

        Hastings' variant (J. Math. Phys. 50, 095207, 2009) of Vidal's update, with S the singular
        values left of the first site and B the right-canonical tensors:

            C = gate B B     # vL p0 p1 vR  =  [p0 p1] [p0' p1'],  vL p0' [vM],  [vM] p1' vR
            S C = U S' V     # (vL p0) vM,  vM,  vM (p1 vR); truncated to chi
            B_1 = V          # vM p1 vR
            B_0 = C V^+      # vL p0 vM  =  vL p0 [p1 vR],  vM [p1 vR]

        B_0 = S^-1 U S' without the division by S. All of it is done per charge of a leg.
        """
        i, j = bond, (bond + 1) % len(self)
        middle = (i + 1) % len(self.legs)
        plan = contraction_plan(
            self.legs[i], self.legs[middle], self.right_leg(j),
            self.physical[i], self.physical[j], self.mirror,
        )  # fmt: skip
        decomposed = _two_site(
            self.tensors[i], self.tensors[j], gate.flat(plan.gate_charges), tuple(plan.tables),
            self.singular_values[i], PROBE, truncation.chi, truncation.cutoff,
        )  # fmt: skip
        found = Decomposed(*decomposed)
        split = split_plan(plan, tuple(found.kept.tolist()))
        self.tensors[i], self.tensors[j], self.singular_values[middle] = _rebuild(
            decomposed, plan.tables.sectors, split.first, split.second, split.order
        )
        self.legs[middle] = split.middle
        return float(found.discarded), float(found.norm)


def product_state(
    coefficients: Sequence[Array], physical: Sequence[PhysicalLeg], infinite: bool, mirror: bool
) -> MatrixProduct:
    """Return a product state from the coefficients of each site; only charge 0 may be present."""
    n = len(coefficients)
    legs = [TRIVIAL] * (n if infinite else n + 1)
    state = MatrixProduct(list(physical), legs, [], [np.ones(1)] * len(legs), infinite, mirror)
    for site, values in enumerate(coefficients):
        layout = TensorLayout(TRIVIAL, physical[site], TRIVIAL)
        flat = layout.from_dense(values[None, :, None])
        state.tensors.append(flat / np.linalg.norm(flat))
    return state
