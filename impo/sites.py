"""The sites of a lattice: spins and bosons, with the names of their operators."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from impo.arguments import ArgumentError, fail, finite, one_of, positive_integer

ADJOINT = {
    "Id": "Id", "Sx": "Sx", "Sy": "Sy", "Sz": "Sz", "S+": "S-", "S-": "S+",
    "N": "N", "B": "Bd", "Bd": "B",
}  # fmt: skip
"""The name of the adjoint of every named operator."""

_LARGEST_SPIN = 2**50  # its states m can be told apart as floats


def spin_number(name: str, value: Any) -> Fraction:
    """Return a spin quantum number as a fraction, or raise `ArgumentError` unless 2S = 1, 2, ..."""
    allowed = "a positive multiple of 1/2"
    try:
        doubled = Fraction(finite(name, value)) * 2
    except ArgumentError:
        raise fail(name, allowed, value) from None
    if doubled.denominator != 1 or doubled < 1:
        raise fail(name, allowed, value)
    if doubled > 2 * _LARGEST_SPIN:
        raise fail(name, f"{allowed} up to 2^50", value)
    return doubled / 2


class _Operators:
    """What sites of both kinds know of their local operators."""

    operators: ClassVar[tuple[str, ...]]
    """Names of the local operators."""
    order_pairs: ClassVar[tuple[tuple[str, str], ...]]
    """Pairs of operators whose correlations show an order: transverse, then along z (or of n)."""

    def is_hermitian(self, op: str) -> bool:
        """Return whether an operator is its own adjoint; unknown ones raise `ArgumentError`."""
        return ADJOINT[str(one_of("op", op, self.operators))] == op


@dataclass(frozen=True)
class Spin(_Operators):
    """A spin of quantum number S; operators Id, Sx, Sy, Sz, S+, S-; states m = S, ..., -S.

    Operators are raw (hbar = 1): Sz has the eigenvalues m, S+ raises m by one.

    Raises
    ------
    ArgumentError
        Unless S is a positive multiple of 1/2.
    """

    operators = ("Id", "Sx", "Sy", "Sz", "S+", "S-")
    order_pairs = (("S+", "S-"), ("Sz", "Sz"))
    S: Fraction

    def __init__(self, S: float | Fraction):
        object.__setattr__(self, "S", spin_number("S", S))

    @property
    def dimension(self) -> int:
        """Dimension 2S + 1 of the Hilbert space."""
        return int(2 * self.S) + 1


@dataclass(frozen=True)
class Boson(_Operators):
    """A boson with at most `cutoff` quanta; operators Id, N, B, Bd; states n = 0, ..., cutoff.

    B lowers n by one, with the matrix element sqrt(n); N is Bd B. Products of operators are formed
    on the truncated space. Methods measure what the cut-off changes.

    Raises
    ------
    ArgumentError
        Unless `cutoff` is a positive integer.
    """

    operators = ("Id", "N", "B", "Bd")
    order_pairs = (("Bd", "B"), ("N", "N"))
    cutoff: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "cutoff", positive_integer("cutoff", self.cutoff))

    @property
    def dimension(self) -> int:
        """Dimension cutoff + 1 of the truncated Hilbert space."""
        return self.cutoff + 1


Site = Spin | Boson
