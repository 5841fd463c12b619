"""The sites of a lattice: spins, bosons and levels, with the names of their operators."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from impo.arguments import ArgumentError, fail, finite, one_of, positive_integer
from impo.arrays import Array

ADJOINT = {
    "Id": "Id", "Sx": "Sx", "Sy": "Sy", "Sz": "Sz", "S+": "S-", "S-": "S+",
    "N": "N", "B": "Bd", "Bd": "B",
}  # fmt: skip
"""The name of the adjoint of every named operator."""

_LARGEST_SPIN = 2**50  # its states m can be told apart as floats
_LARGEST_CHARGE = 1000  # of a level
_LARGEST_ELEMENT = 1e100  # of an own operator
_NAME = re.compile("[A-Za-z][A-Za-z0-9_+-]*")
_DAGGER = "^+"
_ROUNDING = 1e-14


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


def adjoint_name(op: str) -> str:
    """Return the name of the adjoint of an operator; that of an own one ends in ^+."""
    if op in ADJOINT:
        return ADJOINT[op]
    return op.removesuffix(_DAGGER) if op.endswith(_DAGGER) else op + _DAGGER


def _own_operators(operators: Any, d: int) -> tuple[tuple[str, bytes], ...]:
    """Return names and elements of own operators of a site with d states, checked."""
    if not isinstance(operators, Mapping):
        raise fail("operators", "a mapping of names to matrices", operators)
    out = []
    for name, given in operators.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in ADJOINT:
            raise fail(
                "operators", "named by letters, digits, _, + or -, other than impo's own", name
            )
        try:
            matrix = np.array(given, dtype=complex)
        except (TypeError, ValueError, OverflowError):
            raise fail(f"operators[{name!r}]", "a matrix of numbers", given) from None
        if matrix.shape != (d, d):
            raise ArgumentError(
                f"Argument `operators[{name!r}]` must be of shape ({d}, {d}), but has the shape "
                f"{matrix.shape}."
            )
        if not np.all(np.abs(matrix) <= _LARGEST_ELEMENT) or not np.any(matrix):
            raise fail(
                f"operators[{name!r}]",
                f"of numbers up to {_LARGEST_ELEMENT:g} in size, not all zero", given,
            )  # fmt: skip
        out.append((name, (matrix + 0.0).tobytes()))  # + 0.0: one zero, without a sign
    return tuple(out)


class _Operators:
    """What sites of all kinds know of their local operators."""

    operators: ClassVar[tuple[str, ...]]
    """Names of the local operators."""
    order_pairs: ClassVar[tuple[tuple[str, str], ...]]
    """Pairs of operators whose correlations show an order: transverse, then along z (or of n)."""
    own: tuple[tuple[str, bytes], ...]

    def _set_own(self, d: int, operators: Any, own: tuple[tuple[str, bytes], ...]) -> None:
        """Check and keep own operators on d states, and list their names and their adjoints'."""
        if operators:
            own = _own_operators(operators, d)
        if any(len(elements) != 16 * d**2 for _, elements in own):
            raise fail("own", f"operators on {d} states", [name for name, _ in own])
        object.__setattr__(self, "own", own)
        if own:
            names = [name for name, _ in own]
            names += [adjoint for name in names if (adjoint := self.adjoint(name)) not in names]
            object.__setattr__(self, "operators", (*type(self).operators, *names))

    @property
    def own_matrices(self) -> dict[str, Array]:
        """The matrices of own operators, and of their adjoints by the name with ^+."""
        found = {}
        for name, elements in self.own:
            d = math.isqrt(len(elements) // 16)
            matrix = np.frombuffer(elements, complex).reshape(d, d)
            found[name] = matrix if np.any(matrix.imag) else np.ascontiguousarray(matrix.real)
        return found | {adjoint_name(name): matrix.conj().T for name, matrix in found.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """All names that a factor may have: an operator may have several."""
        return tuple(
            dict.fromkeys([*self.operators, *(adjoint_name(name) for name, _ in self.own)])
        )

    def adjoint(self, op: str) -> str:
        """Return the name of the adjoint of an operator: the operator's own if it is Hermitian."""
        if op in ADJOINT:
            return ADJOINT[op]
        known = self.own_matrices
        matrix = known[op].conj().T
        off = _ROUNDING * np.abs(matrix).max()
        same = (name for name, _ in self.own if np.abs(known[name] - matrix).max() <= off)
        return next(same, adjoint_name(op))

    def is_hermitian(self, op: str) -> bool:
        """Return whether an operator is its own adjoint; unknown ones raise `ArgumentError`."""
        return self.adjoint(str(one_of("op", op, self.names))) == op


@dataclass(frozen=True, init=False)
class Spin(_Operators):
    """A spin of quantum number S; operators Id, Sx, Sy, Sz, S+, S-; states m = S, ..., -S.

    Operators are raw (hbar = 1): Sz has the eigenvalues m, S+ raises m by one.

    Parameters
    ----------
    S
        Spin quantum number.
    operators
        Own operators, a mapping of names to matrices of shape (2S + 1, 2S + 1). The adjoint of an
        own operator "Q" is called "Q^+" in a term, if it is no other own operator.
    own
        What became of `operators`, for `dataclasses.replace`.

    Raises
    ------
    ArgumentError
        Unless S is a positive multiple of 1/2 and the operators have its size.

    Examples
    --------
    >>> Spin(1.5).dimension
    4
    >>> Spin(1, operators={"dark": [[0, 0, 0], [0, 1, 0], [0, 0, 0]]}).operators
    ('Id', 'Sx', 'Sy', 'Sz', 'S+', 'S-', 'dark')
    """

    operators = ("Id", "Sx", "Sy", "Sz", "S+", "S-")
    order_pairs = (("S+", "S-"), ("Sz", "Sz"))
    S: Fraction
    own: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    def __init__(
        self, S: float | Fraction, operators: Mapping[str, Any] | None = None,
        own: tuple[tuple[str, bytes], ...] = (),
    ):  # fmt: skip
        object.__setattr__(self, "S", spin_number("S", S))
        self._set_own(self.dimension, operators, own)

    @property
    def dimension(self) -> int:
        """Dimension 2S + 1 of the Hilbert space."""
        return int(2 * self.S) + 1


@dataclass(frozen=True, init=False)
class Boson(_Operators):
    """A boson with at most `cutoff` quanta; operators Id, N, B, Bd; states n = 0, ..., cutoff.

    B lowers n by one, with the matrix element sqrt(n); N is Bd B. Products of operators are formed
    on the truncated space. Methods measure what the cut-off changes: of own operators, whose
    elements beyond the cut-off are not known, with smaller cut-offs alone.

    Parameters
    ----------
    cutoff
        Largest number of quanta.
    operators
        Own operators, a mapping of names to matrices of shape (cutoff + 1, cutoff + 1). The adjoint
        of an own operator "Q" is called "Q^+" in a term, if it is no other own operator.
    own
        What became of `operators`, for `dataclasses.replace`.

    Raises
    ------
    ArgumentError
        Unless `cutoff` is a positive integer and the operators have its size.

    Examples
    --------
    >>> Boson(6).dimension, Boson(6).adjoint("B")
    (7, 'Bd')
    """

    operators = ("Id", "N", "B", "Bd")
    order_pairs = (("Bd", "B"), ("N", "N"))
    cutoff: int
    own: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    def __init__(
        self, cutoff: int, operators: Mapping[str, Any] | None = None,
        own: tuple[tuple[str, bytes], ...] = (),
    ):  # fmt: skip
        object.__setattr__(self, "cutoff", positive_integer("cutoff", cutoff))
        self._set_own(self.dimension, operators, own)

    @property
    def dimension(self) -> int:
        """Dimension cutoff + 1 of the truncated Hilbert space."""
        return self.cutoff + 1

    def with_cutoff(self, cutoff: int) -> "Boson | None":
        """Return the boson with another cut-off; None if an own operator is not known there."""
        d, known = cutoff + 1, self.own_matrices
        own = {name: known[name][:d, :d] for name, _ in self.own}
        if cutoff < 1 or any(len(m) < d or not np.any(m) for m in own.values()):
            return None
        return Boson(cutoff, own)


@dataclass(frozen=True, init=False)
class Level(_Operators):
    """A site with any few states 0 ... dimension - 1; operators Id, N and own ones.

    N is the number of the state.

    Parameters
    ----------
    dimension
        Number of states, two or more.
    operators
        Own operators, a mapping of names to matrices of shape (dimension, dimension). The adjoint
        of an own operator "Q" is called "Q^+" in a term, if it is no other own operator.
    charges
        The charge of every state, integers that are not all equal; None if the states have none: a
        model with such a site is treated without any charge. A state with several charges has
        their sum, each times a factor that tells them apart, as 10 * first + second.
    own
        What became of `operators`, for `dataclasses.replace`.

    Raises
    ------
    ArgumentError
        Unless the arguments are that and the operators have the size of the site.

    Examples
    --------
    >>> Level(3, {"up": [[0, 0, 0], [1, 0, 0], [0, 1, 0]]}, charges=(0, 1, 2)).operators
    ('Id', 'N', 'up', 'up^+')
    """

    operators = ("Id", "N")
    order_pairs = (("N", "N"),)
    dimension: int
    charges: tuple[int, ...] | None
    own: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    def __init__(
        self, dimension: int, operators: Mapping[str, Any] | None = None,
        charges: Sequence[int] | None = None, own: tuple[tuple[str, bytes], ...] = (),
    ):  # fmt: skip
        d = positive_integer("dimension", dimension)
        if d < 2:
            raise fail("dimension", "two or more states", dimension)
        object.__setattr__(self, "dimension", d)
        object.__setattr__(self, "charges", None if charges is None else _charges(charges, d))
        self._set_own(self.dimension, operators, own)

    @property
    def cutoff(self) -> int:
        """The largest number of a state, as of a boson; nothing is cut off."""
        return self.dimension - 1


def _charges(given: Any, d: int) -> tuple[int, ...]:
    """Return the charges of the states of a `Level`, or raise `ArgumentError`."""
    listed = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else []
    whole = all(isinstance(x, Integral) and not isinstance(x, bool) for x in listed)
    if not whole or len(listed) != d or len(set(listed)) < 2:
        raise fail("charges", f"{d} integers, not all equal, or None", given)
    if max(map(abs, listed)) > _LARGEST_CHARGE:
        raise fail("charges", f"integers up to {_LARGEST_CHARGE} in size", given)
    return tuple(map(int, listed))


Site = Spin | Boson | Level
