"""An operator of an infinite chain in the Heisenberg picture: a window that grows.

The expectation of an operator A is linear in the coefficients of the density operator,
<A> = sum_x a_x c_x with a_x = Tr(A T_x), and while the state stands still A moves:

    da/dt = L^T a.

The identity does not move, and that holds bond by bond, as every term of the Liouvillian conserves
the trace. So A(t) is the identity outside of a finite stretch, the window: gates act there only,
it grows with the light cone of the Trotter steps, and has no boundary that could be felt. Its bonds
stay small where dissipation turns operators of many sites into nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import log

import numpy as np

from impo.arrays import Array
from impo.operators.basis import OperatorBasis
from impo.operators.blocks import block_of, joined
from impo.operators.liouvillian import Generator
from impo.tensor.gates import (
    Bond,
    Gate,
    block_charges,
    block_scales,
    bond_liouvillians,
    physical_legs,
)
from impo.tensor.legs import TRIVIAL, Leg, PhysicalLeg, TensorLayout
from impo.tensor.matrix_product import MatrixProduct, Truncation
from impo.tensor.site_tensors import site_tensors
from impo.tensor.trotter import Step, trotter_step

_SAME = 1e-10  # distance of a normalised tensor from the identity that is none
_CHARGED = 1e-12  # coefficients of another charge than that of the operator


@dataclass(frozen=True, eq=False)
class Adjoint:
    """The motion of operators: all that windows share.

    Attributes
    ----------
    generator
        Master equation on the sites of a tile.
    k_max
        Largest rank of the operators kept.
    weight
        Coefficients a_x of rank k are scaled by (2k + 1)^-weight before a truncation.
    """

    generator: Generator
    k_max: int
    weight: float
    _steps: dict[float, Step] = field(default_factory=dict)

    @cached_property
    def bases(self) -> tuple[OperatorBasis, ...]:
        """Operator basis of every site of the tile."""
        return self.generator.bases(self.k_max)

    @cached_property
    def scales(self) -> list[Array]:
        """What the coefficients of every block are multiplied with; # x."""
        return block_scales(self.generator, self.bases, self.weight)

    @cached_property
    def physical(self) -> list[PhysicalLeg]:
        """Operators of every block, grouped by charge."""
        return physical_legs(self.generator, self.bases)

    @cached_property
    def operators(self) -> list[list[Array]]:
        """Charges of the operators of every site of every block."""
        return block_charges(self.generator, self.bases)

    def span(self, block: int) -> range:
        """Return the positions of any block of the chain, also outside the tile."""
        tile, inside = divmod(block, len(self.generator.spans))
        span, shift = self.generator.spans[inside], tile * len(self.bases)
        return range(span.start + shift, span.stop + shift)

    @cached_property
    def _bonds(self) -> list[Bond]:
        # (s^-1 L s)^T = s L^T s^-1
        bonds = bond_liouvillians(self.generator, self.bases, -self.weight)
        return [Bond({q: block.T.tocsr() for q, block in bond.blocks.items()}) for bond in bonds]

    def step(self, dt: float) -> Step:
        """Return the gates of a Trotter step of the bonds of a tile; they are made once."""
        dt = float(f"{dt:.12g}")  # equal steps share their gates
        if dt not in self._steps:
            self._steps[dt] = trotter_step(self._bonds, dt)
        return self._steps[dt]

    def window(self, position: int, *matrices: Array) -> "Window":
        """Return a product of operators on consecutive sites.

        Parameters
        ----------
        position
            Of the first site.
        matrices
            In the physical frame, each of one charge; one per site.
        """
        first = block_of(self.generator, position)
        last = block_of(self.generator, position + len(matrices) - 1)
        legs, tensors, charge, size, turn = [TRIVIAL], [], 0, 0.0, complex(1)
        for block in range(first, last + 1):
            vector, phase, raised = self._vector(block, position, matrices)
            charge, turn = charge + raised, turn * phase
            legs.append(TRIVIAL if charge == 0 else Leg(((charge, 1),), 0))
            layout = TensorLayout(legs[-2], self.physical[block % len(self.physical)], legs[-1])
            tensor = layout.from_dense(vector[None, :, None])
            norm = float(np.linalg.norm(tensor))
            tensors.append(tensor / norm)
            size += log(norm)
        physical = [self.physical[block % len(self.physical)] for block in range(first, last + 1)]
        product = MatrixProduct(
            physical, legs, tensors, [np.ones(1) for _ in legs], infinite=False, mirror=False
        )
        return Window(self, product, first, size, turn)

    def _vector(
        self, block: int, position: int, matrices: Sequence[Array]
    ) -> tuple[Array, complex, int]:
        """Return the scaled coefficients of a product on one block, a phase, and the charge."""
        site, count = block % len(self.physical), len(self.bases)
        traces = [basis.trace for basis in self.bases]
        for place, matrix in enumerate(matrices, position):
            if place in self.span(block):
                rotated = self.generator.rotated(place, matrix)
                traces[place % count] = self.bases[place % count].measure(rotated)
        vector = joined(self.generator, traces)[site]
        largest = vector[np.argmax(np.abs(vector))]
        turn = complex(largest / abs(largest))  # by the frame; what is left is real if L is
        vector = vector / turn * self.scales[site]
        vector = np.ascontiguousarray(vector.real) if self.generator.real else vector
        (charge,) = {
            charge
            for charge, members in self.physical[site].members.items()
            if np.abs(vector[members]).max() > _CHARGED * np.abs(vector).max()
        }
        return vector, turn, charge

    @cached_property
    def _traces(self) -> list[Array]:
        return joined(self.generator, [basis.trace for basis in self.bases])

    def identity(self, position: int, leg: Leg) -> tuple[Array, float]:
        """Return the normalised tensor of the identity between two equal legs, and its norm.

        The position is that of a block. Legs have one state: few tensors are asked for often.
        """
        site = position % len(self.physical)
        if (site, leg) not in self._identities:
            self._identities[site, leg] = self._identity(site, leg)
        return self._identities[site, leg]

    @cached_property
    def _identities(self) -> dict[tuple[int, Leg], tuple[Array, float]]:
        return {}

    def _identity(self, site: int, leg: Leg) -> tuple[Array, float]:
        vector = self._traces[site] * self.scales[site]
        layout = TensorLayout(leg, self.physical[site], leg)
        tensor = layout.from_dense(vector[None, :, None])
        dtype = float if self.generator.real else complex
        norm = float(np.linalg.norm(tensor))
        return (tensor / norm).astype(dtype), norm


@dataclass(eq=False)
class Window:
    """A(t) on the sites on which it is not the identity.

    Attributes
    ----------
    adjoint
        How it moves.
    product
        Scaled coefficients of the sites of the window, a matrix product of norm one.
    first
        Position of its first site on the chain.
    log_norm
        Logarithm of its norm.
    turn
        A phase by which it is multiplied.
    """

    adjoint: Adjoint
    product: MatrixProduct
    first: int
    log_norm: float
    turn: complex

    @property
    def end(self) -> int:
        """Position after its last site."""
        return self.first + len(self.product)

    def evolved(self, step: Step, count: int, truncation: Truncation) -> "Window":
        """Return A(t) after `count` Trotter steps."""
        later = replace(self, product=self.product.copy())
        later.product.physical = list(self.product.physical)
        for number in range(count):
            first = step.stages[0] if number == 0 else step.joined
            for bonds, gates in (first, *step.stages[1 : -1 if number < count - 1 else None]):
                later._apply(bonds, gates, truncation)
        return later

    def _apply(self, bonds: Sequence[int], gates: Sequence[Gate], truncation: Truncation) -> None:
        """Apply the gates of every second bond of the chain, as far as they do anything."""
        period, parity = len(self.adjoint.physical), bonds[0] % 2
        if self.first % 2 != parity:
            self._grow_left()
        if self.end % 2 != parity:
            self._grow_right()
        by_bond = dict(zip(bonds, gates, strict=True))
        for site in range(0, len(self.product), 2):
            gate = by_bond[(self.first + site) % period]
            _, norm = self.product.update(site, gate, truncation)
            self.log_norm += log(norm)
        self._trim()

    def _grow_left(self) -> None:
        product, position = self.product, self.first - 1
        tensor, norm = self.adjoint.identity(position, TRIVIAL)
        product.physical.insert(0, self.adjoint.physical[position % len(self.adjoint.physical)])
        product.tensors.insert(0, tensor)
        product.legs.insert(0, TRIVIAL)
        product.singular_values.insert(0, np.ones(1))
        self.first, self.log_norm = position, self.log_norm + log(norm)

    def _grow_right(self) -> None:
        product, leg, position = self.product, self.product.legs[-1], self.end
        tensor, norm = self.adjoint.identity(position, leg)
        product.physical.append(self.adjoint.physical[position % len(self.adjoint.physical)])
        product.tensors.append(tensor)
        product.legs.append(leg)
        product.singular_values.append(np.ones(1))
        self.log_norm += log(norm)

    def _trim(self) -> None:
        """Take sites off both ends on which the operator is the identity."""
        product = self.product
        while len(product) > 2:
            at_left = self._sign(0, self.first)
            if at_left:
                product.tensors[1] = at_left * product.tensors[1]
                gone, bond, leg = 0, 0, TRIVIAL
            else:
                at_right = self._sign(len(product) - 1, self.end - 1)
                if not at_right:
                    return
                product.tensors[-2] = at_right * product.tensors[-2]
                gone, bond, leg = len(product) - 1, len(product), product.legs[-1]
            self.log_norm -= log(self.adjoint.identity(self.first + gone, leg)[1])
            del product.physical[gone], product.tensors[gone]
            del product.legs[bond], product.singular_values[bond]
            self.first += gone == 0

    def _sign(self, site: int, position: int) -> float:
        """Return by what a tensor differs from the identity if that is a sign; else zero."""
        product = self.product
        if product.legs[site] != product.legs[site + 1]:
            return 0.0
        tensor = product.tensors[site]
        one, _ = self.adjoint.identity(position, product.legs[site])
        if tensor.shape != one.shape:
            return 0.0
        sign = float(np.sign(np.real(np.vdot(one, tensor))))
        return sign if np.linalg.norm(tensor - sign * one) < _SAME else 0.0

    @property
    def sites(self) -> range:
        """Positions of the sites of the window."""
        return range(self.adjoint.span(self.first).start, self.adjoint.span(self.end - 1).stop)

    def coefficients(self, position: int) -> Array:
        """Return a_x of a site of the chain, of norm one in the window; # vL x vR."""
        if position not in self._coefficients:
            self._coefficients[position] = self._coefficients_of(position)
        return self._coefficients[position]

    @cached_property
    def _coefficients(self) -> dict[int, Array]:
        """What is known already: a window is seen in several states, and moves as another one."""
        return {}

    def _coefficients_of(self, position: int) -> Array:
        if position not in self.sites:
            return self.adjoint.bases[position % len(self.adjoint.bases)].trace[None, :, None]
        block = block_of(self.adjoint.generator, position)
        number, inside = block - self.first, block % len(self.adjoint.physical)
        tensor = self.product.dense(number) / self.adjoint.scales[inside][:, None]
        left, right = self.product.legs[number].charges, self.product.right_leg(number).charges
        parts = site_tensors(tensor, left, right, self.adjoint.operators[inside])
        return parts.tensors[position - self.adjoint.span(block).start]
