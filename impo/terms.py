"""What acts on the sites: products of operators, and jump operators that are sums of products."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Complex, Integral
from typing import Any

from impo.arguments import (
    ArgumentError,
    boolean,
    fail,
    non_negative,
    non_negative_integer,
)
from impo.sites import adjoint_name

Cell = tuple[int, ...]
Factor = tuple[str, int, Cell]

_LARGEST_NUMBER = 1e100  # of coefficients and rates: squares and products stay finite
_FARTHEST = 1000  # cells between the sites of a term


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

    Examples
    --------
    >>> print(Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True))
    0.5 S+[site 0] S-[site 0, cell (1,)]
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
        factors = [(adjoint_name(name), site, cell) for name, site, cell in reversed(self.factors)]
        return Term(self.coefficient.conjugate(), *factors)

    @property
    def names(self) -> str:
        """The factors in words for messages: `S+[site 0] S-[site 1, cell (1,)]`."""
        return " ".join(
            f"{op}[site {site}" + (f", cell {cell}]" if any(cell) else "]")
            for op, site, cell in self.factors
        )

    def __str__(self) -> str:
        """Return the coefficient, unless it is one, and the factors in words."""
        value = self.coefficient
        size = f"({value:g}) " if value.imag else "" if value == 1 else f"{value.real:g} "
        return size + self.names

    @property
    def support(self) -> tuple[tuple[int, Cell], ...]:
        """The different (site, cell) on which the term acts, sorted."""
        return tuple(sorted({(site, cell) for _, site, cell in self.factors}))


def written_out(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Return terms with their Hermitian conjugates written out."""
    out: list[Term] = []
    for term in terms:
        out.append(Term(term.coefficient, *term.factors))
        if term.plus_hc:
            out.append(term.adjoint())
    return tuple(out)


@dataclass(frozen=True, init=False)
class Jump:
    """Dissipator rate * (L rho L^+ - {L^+ L, rho} / 2), one copy in every unit cell.

    `Jump(rate, op, site)`: L is the operator `op` on `site` of the cell. `Jump(rate, Term(...),
    Term(...), ...)`: L is the sum of these products, on sites that may lie in other cells.

    The gain and loss rates Gamma of Huber, Kirton and Rabl, Eq. (2), are S * rate.

    Parameters
    ----------
    rate
        Not negative and at most 1e100, in the units of the terms of the Hamiltonian.
    op
        Name of a local operator, or the first product.
    site
        Site of the unit cell, or the second product if there is one.
    *others
        More products.

    Attributes
    ----------
    op, site
        None unless L is one named operator on one site of the cell.
    terms
        The products whose sum is L, conjugates written out; empty if L is named by `op`.

    Raises
    ------
    ArgumentError
        If an argument is none of that, or the rate times a squared coefficient exceeds 1e100.

    Examples
    --------
    >>> print(Jump(0.3, "S-", 0))
    S-[site 0]
    >>> print(Jump(0.3, Term(1, ("S-", 0, 0)), Term(1j, ("S-", 0, 1))))  # correlated decay
    S-[site 0] + (0+1j) S-[site 0, cell (1,)]
    """

    rate: float
    op: str | None
    site: int | None
    terms: tuple[Term, ...]

    def __init__(
        self, rate: float, op: str | Term | None = None, site: int | Term | None = None,
        *others: Term, terms: tuple[Term, ...] = (),
    ):  # fmt: skip
        rate = non_negative("rate", rate)
        if rate > _LARGEST_NUMBER:
            raise fail("rate", f"at most {_LARGEST_NUMBER:g}", rate)
        products: tuple[Any, ...] = tuple(terms)
        if isinstance(op, Term):
            products = (op, *(() if site is None else (site,)), *others)
        elif others:
            raise fail("op", "a `Term` like the others, or (op, site) alone", op)
        if products:
            op, site, products = _sum_of_products(rate, products)
        else:
            op, site = _operator(op), non_negative_integer("site", site)
        for name, value in (("rate", rate), ("op", op), ("site", site), ("terms", products)):
            object.__setattr__(self, name, value)

    def products(self, dimension: int) -> tuple[Term, ...]:
        """Return the products whose sum is L, on a lattice of one or two dimensions."""
        if self.op is None or self.site is None:
            return self.terms
        return (Term(1.0, (self.op, self.site, (0,) * dimension)),)

    @property
    def strength(self) -> float:
        """The rate times the sum of the squared coefficients; zero if nothing is dissipated."""
        return self.rate * sum(abs(term.coefficient) ** 2 for term in self.products(1))

    def __str__(self) -> str:
        """Return the operator as messages print it, without the rate."""
        return " + ".join(map(str, self.products(1)))


def _sum_of_products(
    rate: float, products: tuple[Any, ...]
) -> tuple[str | None, int | None, tuple[Term, ...]]:
    """Return (op, site, terms) of a jump: a single operator of the cell itself by its name."""
    for term in products:
        if not isinstance(term, Term):
            raise fail("terms", "of type `Term`: the products whose sum is the jump operator", term)
    written = written_out(products)
    size = max(abs(term.coefficient) for term in written)
    if rate * size**2 > _LARGEST_NUMBER:
        raise fail("coefficient", f"at most {_LARGEST_NUMBER:g} when squared, times the rate", size)
    (op, site, cell), *more = written[0].factors
    if len(written) == 1 and not more and not any(cell) and written[0].coefficient == 1:
        return op, site, ()
    return None, None, written
