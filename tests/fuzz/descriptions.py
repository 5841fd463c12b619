"""Random descriptions: mostly what a person may write down, sometimes nonsense.

A description is drawn as plain arguments, because making the model may already be refused.
"""

import math
from typing import Any, NamedTuple

from hypothesis import strategies as st

from impo.model import Boson, Jump, LindbladModel, Spin, Term

OPERATORS = {"Spin": Spin.operators, "Boson": Boson.operators}
MOST_STATES = 40  # of a cell


class Description(NamedTuple):
    """The arguments of a model."""

    sites: list[tuple[str, Any]]
    terms: list[tuple[Any, list[tuple[Any, Any, Any]], Any]]
    jumps: list[tuple[Any, ...]]
    """(rate, operator, site), or (rate, (coefficient, factors, hc), ...) of a sum of products."""
    dimension: Any

    def model(self) -> LindbladModel:
        """Make the model; `ArgumentError` if it is none."""
        kinds = {"Spin": Spin, "Boson": Boson}
        return LindbladModel(
            sites=tuple(kinds[kind](size) for kind, size in self.sites),
            terms=tuple(Term(value, *factors, plus_hc=hc) for value, factors, hc in self.terms),
            jumps=tuple(
                Jump(
                    rate,
                    *(_product(x) if isinstance(x, tuple) and len(x) == 3 else x for x in rest),
                )
                for rate, *rest in self.jumps
            ),
            dimension=self.dimension,
        )


def _product(drawn: tuple[Any, Any, Any]) -> Term:
    value, factors, hc = drawn
    return Term(value, *factors, plus_hc=hc)


NONSENSE = st.sampled_from(
    [None, -1, 0.3, True, "", "x", (), [0], math.nan, math.inf, -math.inf, 10**30, 10**400, 1j, {}]
)
EXTREMES = st.sampled_from(
    [0.0, -0.0, 1e-300, -1e-300, 1e-30, 1e-9, 1e6, -1e6, 1e30, 1e99, 1e101, 1e300, 1e-12j, 1e30j]
)
NUMBERS = st.floats(-3, 3, allow_nan=False, width=32)


def _mostly(usual: st.SearchStrategy, rest: st.SearchStrategy, often: int = 30):
    """Draw from `rest` once in a while: where a number is neither small nor at an end."""
    return st.integers(0, often).flatmap(lambda n: rest if n == often // 2 + 1 else usual)


@st.composite
def _coefficients(draw):
    value = draw(_mostly(NUMBERS, EXTREMES, 12))
    imaginary = draw(_mostly(st.just(0.0), NUMBERS, 4))
    return draw(
        _mostly(st.just(complex(value + 1j * imaginary) if imaginary else value), NONSENSE, 60)
    )


@st.composite
def _sites(draw):
    sites, states = [], 1
    for _ in range(draw(st.integers(1, 3))):
        spin = st.tuples(st.just("Spin"), st.sampled_from([0.5, 0.5, 1, 1.5]))
        boson = st.tuples(st.just("Boson"), st.integers(1, 4))
        kind, size = draw(_mostly(spin, boson, 4))
        states *= int(2 * size + 1) if kind == "Spin" else size + 1
        if sites and states > MOST_STATES:
            break
        sites.append((kind, size))
    return sites


@st.composite
def descriptions(draw):
    """Draw a description of few states, in one or (seldom) two dimensions."""
    sites = draw(_sites())
    dimension = draw(_mostly(st.just(1), st.just(2), 8))
    offset = st.sampled_from([0, 0, 0, 1, 1, -1, 2])
    cell = offset if dimension == 1 else st.tuples(offset, offset)

    def operator(site):
        return _mostly(
            st.sampled_from(OPERATORS[sites[site][0]]), st.sampled_from(["Sz", "N", "X"]), 80
        )

    @st.composite
    def factors(draw):
        site = draw(st.integers(0, len(sites) - 1))
        where = draw(_mostly(cell, NONSENSE, 150))
        return draw(operator(site)), draw(_mostly(st.just(site), NONSENSE, 150)), where

    @st.composite
    def terms(draw):
        chosen = draw(st.lists(factors(), min_size=1, max_size=draw(st.sampled_from([1, 2, 2, 3]))))
        hermitian = len(chosen) == 1 and chosen[0][0] in ("Sx", "Sy", "Sz", "N")
        hc = draw(_mostly(st.just(not hermitian), st.booleans() | NONSENSE, 40))
        return draw(_coefficients()), chosen, hc

    @st.composite
    def jumps(draw):
        site = draw(st.integers(0, len(sites) - 1))
        rate = draw(_mostly(st.floats(2**-6, 3, width=32), EXTREMES | NONSENSE, 20))
        if draw(st.integers(0, 3)) == 2:
            return rate, *draw(st.lists(terms(), min_size=1, max_size=3))
        return rate, draw(operator(site)), site

    drawn = draw(st.lists(terms(), max_size=4))
    dissipators = draw(st.lists(jumps(), max_size=2))
    if draw(st.integers(0, 7)) != 4:  # every site loses something, else little is unique
        for site, (kind, _) in enumerate(sites):
            rate = draw(st.floats(2**-6, 3, width=32))
            dissipators.append((rate, "S-" if kind == "Spin" else "B", site))
    if draw(st.integers(0, 5)) == 3:  # the same twice
        drawn, dissipators = drawn + drawn[:1], dissipators + dissipators[:1]
    return Description(sites, drawn, dissipators, draw(_mostly(st.just(dimension), NONSENSE, 100)))
