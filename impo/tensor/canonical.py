"""The canonical form of a finite chain, by the two-site update with gates that do nothing."""

from collections.abc import Sequence

from impo.tensor.gates import Bond
from impo.tensor.matrix_product import MatrixProduct, Truncation


def make_canonical(product: MatrixProduct, bonds: Sequence[Bond], chi: int) -> None:
    """Bring an open chain with any tensors to canonical form, in place, with up to `chi` states.

    From right to left, every update leaves a right-canonical tensor behind and keeps the product.
    Back from left to right, the states left of the bond are then orthogonal as well, so that the
    singular values are those of the whole chain, and the truncation is optimal.

    Parameters
    ----------
    product
        Tensors of an open chain; singular values are not looked at.
    bonds
        Liouvillians of its bonds, of which only the shape counts.
    chi
        Largest bond dimension.
    """
    gates = [bond.gate(0.0) for bond in bonds]
    whole = Truncation(product.bond_dimension)
    for bond in reversed(range(len(bonds))):
        product.update(bond, gates[bond], whole)
    for bond, gate in enumerate(gates):
        product.update(bond, gate, Truncation(chi))
