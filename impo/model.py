"""The description of a dissipative lattice: symbols only, validated when it is built.

A `LindbladModel` states the master equation

    d rho/dt = -i [H, rho] + sum_j rate_j (L_j rho L_j^+ - {L_j^+ L_j, rho} / 2),

with H the sum over all unit cells of its terms, hbar = 1. Every method reads this one description.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Complex, Integral, Real
from typing import Any, ClassVar

import numpy as np

from impo.arguments import (
    ArgumentError,
    boolean,
    fail,
    finite,
    non_negative,
    non_negative_integer,
    one_of,
    positive_integer,
)

Cell = tuple[int, ...]
Factor = tuple[str, int, Cell]
Place = tuple[int, int | Cell]
"""A site of the unit cell, and the cell (a pair in two dimensions)."""
_Product = tuple[tuple[Cell, int, tuple[str, ...]], ...]

_ADJOINT = {
    "Id": "Id", "Sx": "Sx", "Sy": "Sy", "Sz": "Sz", "S+": "S-", "S-": "S+",
    "N": "N", "B": "Bd", "Bd": "B",
}  # fmt: skip


_LARGEST_SPIN = 2**50  # its states m can be told apart as floats
_LARGEST_NUMBER = 1e100  # of coefficients and rates: squares and products stay finite
_FARTHEST = 1000  # cells between the sites of a term


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
        return _ADJOINT[str(one_of("op", op, self.operators))] == op


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


def _operator(name: Any) -> str:
    if not isinstance(name, str):
        raise fail("op", "the name of a local operator, such as 'Sz', and no matrix", name)
    return str(name)


def _is_finite(value: Any) -> bool:
    """Return whether a value is a complex number whose modulus is finite."""
    try:
        return isinstance(value, Complex) and math.isfinite(abs(complex(value)))
    except OverflowError:
        return False


def _cell(value: Any) -> Cell:
    numbers = value if isinstance(value, tuple | list) else (value,)
    if not all(isinstance(x, Integral) and not isinstance(x, bool) for x in numbers):
        raise fail("cell", "an integer or a tuple of integers", value)
    if any(abs(x) > _FARTHEST for x in numbers):
        raise fail("cell", f"at most {_FARTHEST} cells away", value)
    return tuple(int(x) for x in numbers)


@dataclass(frozen=True)
class Term:
    """coefficient * product of named local operators, one copy in every unit cell.

    Parameters
    ----------
    coefficient
        Complex number of at most 1e100 in size.
    *factors
        (operator name, site of the unit cell, cell offset), multiplied from left to right. The
        offset is an int in one dimension and a tuple of ints in two, up to 1000 in size.
    plus_hc
        Whether the Hermitian conjugate is added.

    Raises
    ------
    ArgumentError
        If the coefficient is not finite or too large, or a factor is no such triple.
    """

    coefficient: complex
    factors: tuple[Factor, ...]
    plus_hc: bool = False

    def __init__(
        self, coefficient: complex, *factors: tuple[str, int, int | Cell], plus_hc: bool = False
    ):
        if not _is_finite(coefficient):
            raise fail("coefficient", "a finite complex number", coefficient)
        if abs(complex(coefficient)) > _LARGEST_NUMBER:
            raise fail("coefficient", f"at most {_LARGEST_NUMBER:g} in size", coefficient)
        if not factors:
            raise ArgumentError("A `Term` must have at least one factor (operator, site, cell).")
        clean = []
        for factor in factors:
            if not isinstance(factor, tuple | list) or len(factor) != 3:
                raise fail("factor", "a tuple (operator, site, cell)", factor)
            name, site, cell = factor
            clean.append((_operator(name), non_negative_integer("site", site), _cell(cell)))
        object.__setattr__(self, "coefficient", complex(coefficient))
        object.__setattr__(self, "factors", tuple(clean))
        object.__setattr__(self, "plus_hc", boolean("plus_hc", plus_hc))

    def adjoint(self) -> "Term":
        """Return the Hermitian conjugate (without `plus_hc`)."""
        factors = [(_ADJOINT[name], site, cell) for name, site, cell in reversed(self.factors)]
        return Term(self.coefficient.conjugate(), *factors)

    @property
    def support(self) -> tuple[tuple[int, Cell], ...]:
        """The different (site, cell) on which the term acts, sorted."""
        return tuple(sorted({(site, cell) for _, site, cell in self.factors}))


@dataclass(frozen=True)
class Jump:
    """Dissipator rate * (L rho L^+ - {L^+ L, rho} / 2), L the operator `op` on `site` of each cell.

    The gain and loss rates Gamma of Huber, Kirton and Rabl, Eq. (2), are S * rate.

    Parameters
    ----------
    rate
        Not negative and at most 1e100, in the units of the terms of the Hamiltonian.
    op
        Name of a local operator.
    site
        Site of the unit cell.

    Raises
    ------
    ArgumentError
        If an argument is none of that.
    """

    rate: float
    op: str
    site: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", non_negative("rate", self.rate))
        if self.rate > _LARGEST_NUMBER:
            raise fail("rate", f"at most {_LARGEST_NUMBER:g}", self.rate)
        object.__setattr__(self, "op", _operator(self.op))
        object.__setattr__(self, "site", non_negative_integer("site", self.site))


def _normal_order(term: Term) -> tuple[complex, _Product]:
    """Return (coefficient, key): operators on different sites commute; the first cell is 0."""
    origin = min(cell for _, _, cell in term.factors)
    by_site: dict[tuple[Cell, int], list[str]] = {}
    for name, site, cell in term.factors:
        shifted = tuple(x - o for x, o in zip(cell, origin, strict=True))
        if name != "Id":
            by_site.setdefault((shifted, site), []).append(name)
    return term.coefficient, tuple((*where, tuple(ops)) for where, ops in sorted(by_site.items()))


@dataclass(frozen=True)
class LindbladModel:
    """An infinite lattice of unit cells with Hamiltonian terms and local jump operators.

    Parameters
    ----------
    sites
        The sites of the unit cell, `Spin` or `Boson`.
    terms
        Hamiltonian terms of one unit cell; the Hamiltonian is their sum over all cells.
    jumps
        Local dissipators of one unit cell.
    dimension
        Dimension of the lattice, 1 or 2.
    name, parameters
        Where the description comes from; only for labels, files and tables.

    Raises
    ------
    ArgumentError
        If an operator or a site does not exist, a rate is negative or not finite, an offset has the
        wrong length, or the Hamiltonian is not Hermitian.
    """

    sites: tuple[Site, ...]
    terms: tuple[Term, ...] = ()
    jumps: tuple[Jump, ...] = ()
    dimension: int = 1
    name: str = field(default="", compare=False)
    parameters: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False)

    def __post_init__(self) -> None:
        for label in ("sites", "terms", "jumps"):
            value = getattr(self, label)
            if not isinstance(value, Iterable) or getattr(value, "shape", None) == ():
                raise fail(label, "a tuple", value)
            object.__setattr__(self, label, tuple(value))
        named = isinstance(self.parameters, Mapping)
        if not named or not all(isinstance(key, str) for key in self.parameters):
            raise fail("parameters", "a mapping of names to values", self.parameters)
        if not isinstance(self.name, str):
            raise fail("name", "a string", self.name)
        object.__setattr__(self, "parameters", dict(self.parameters))
        object.__setattr__(self, "dimension", one_of("dimension", self.dimension, (1, 2)))
        self._check_parts()
        self._check_hermitian()

    def _check_parts(self) -> None:
        if not self.sites or not all(isinstance(site, Spin | Boson) for site in self.sites):
            raise fail("sites", "a non-empty tuple of `Spin` and `Boson`", self.sites)
        for label, kind in (("terms", Term), ("jumps", Jump)):
            for item in getattr(self, label):
                if not isinstance(item, kind):
                    raise fail(label, f"a tuple of `{kind.__name__}`", item)
        for name, site, cell in (factor for term in self.terms for factor in term.factors):
            self.check_operator(name, site)
            if len(cell) != self.dimension:
                raise fail("cell", f"of length {self.dimension} (the lattice dimension)", cell)
        for jump in self.jumps:
            self.check_operator(jump.op, jump.site)

    def check_operator(self, name: Any, site: Any) -> None:
        """Raise an `ArgumentError` unless the unit cell has this site, with this operator."""
        whole = isinstance(site, Integral) and not isinstance(site, bool)
        if not whole or not 0 <= site < len(self.sites):
            raise fail("site", f"a site of the unit cell, 0 ... {len(self.sites) - 1}", site)
        one_of("op", name, self.sites[site].operators)

    def _check_hermitian(self) -> None:
        totals: dict[_Product, complex] = {}
        for term in self.hamiltonian:
            for sign, part in ((1, term), (-1, term.adjoint())):
                coefficient, key = _normal_order(part)
                totals[key] = totals.get(key, 0) + sign * coefficient
        scale = max((abs(term.coefficient) for term in self.terms), default=0.0)
        for key, rest in totals.items():
            if not abs(rest) <= 1e-12 * scale:
                names = " ".join(f"{'.'.join(ops)}[site {site}]" for _, site, ops in key) or "Id"
                raise ArgumentError(
                    f"The Hamiltonian must be Hermitian, but the conjugate of {names} is missing; "
                    "write it out or use plus_hc=True."
                )

    @property
    def hamiltonian(self) -> tuple[Term, ...]:
        """All Hamiltonian terms of one cell, Hermitian conjugates written out."""
        out: list[Term] = []
        for term in self.terms:
            out.append(Term(term.coefficient, *term.factors))
            if term.plus_hc:
                out.append(term.adjoint())
        return tuple(out)

    @property
    def label(self) -> str:
        """Name and parameters in one line, for messages and figure titles."""
        values = ", ".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.name or 'model'}({values})"

    def to_json(self) -> dict[str, Any]:
        """Return the description as plain numbers, strings and lists; `from_json` reads it."""
        return {
            "sites": [
                {"spin": str(site.S)} if isinstance(site, Spin) else {"boson": site.cutoff}
                for site in self.sites
            ],
            "terms": [
                {
                    "coefficient": [term.coefficient.real, term.coefficient.imag],
                    "factors": [[name, site, list(cell)] for name, site, cell in term.factors],
                    "plus_hc": term.plus_hc,
                }
                for term in self.terms
            ],
            "jumps": [[jump.rate, jump.op, jump.site] for jump in self.jumps],
            "dimension": self.dimension, "name": self.name,
            "parameters": {key: told_parameter(value) for key, value in self.parameters.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "LindbladModel":
        """Rebuild a description from what `to_json` returned.

        Raises
        ------
        ArgumentError
            If it is not valid, as for any other description.
        """
        sites = tuple(
            Spin(Fraction(site["spin"])) if "spin" in site else Boson(site["boson"])
            for site in data["sites"]
        )
        terms = tuple(
            Term(complex(*term["coefficient"]), *term["factors"], plus_hc=term["plus_hc"])
            for term in data["terms"]
        )
        jumps = tuple(Jump(*jump) for jump in data["jumps"])
        return cls(sites, terms, jumps, data["dimension"], data["name"], data["parameters"])


def told_parameter(value: Any) -> Any:
    """Return a parameter as JSON knows it, or its text; a real number of any type as a float."""
    value = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(value, Real) and not isinstance(value, Integral):
        value = float(value)
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return str(value)
    return value
