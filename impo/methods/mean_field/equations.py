r"""Mean-field equations of motion of classical spins, generated from a description.

Expectations of products over different spins are factorised. For two operators on one spin the
symmetric product is factorised and <Sx^2 + Sy^2> is replaced by S(S+1) - <Sz>^2 (Huber, Kirton and
Rabl, Appendix B). All cells are equal. The result is a polynomial in s_ja = <S_j^a>.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product

import numpy as np

from impo.arguments import UnsupportedModelError
from impo.arrays import Array
from impo.methods.advice import advice, refuse_own_operators
from impo.model import Cell, LindbladModel, Spin, Term
from impo.operators.local import spin_numbers, spin_vector

Polynomial = dict[tuple[int, ...], complex]  # sorted variables of a monomial
_Groups = dict[tuple[int, Cell], list[Array]]  # (site, cell) to the vectors u of its factors u.S


@dataclass(frozen=True)
class MeanFieldEquations:
    """ds/dt as a polynomial in the 3n components of the n classical spins of a cell.

    Attributes
    ----------
    monomials
        Variables of every monomial, shape (M, degree); one beyond the last is the constant 1.
    coefficients
        Shape (M, 3n).
    """

    monomials: Array
    coefficients: Array

    def flow(self, s: Array) -> Array:
        """Return ds/dt for s of shape (3n,)."""
        return np.asarray(np.prod(np.append(s, 1.0)[self.monomials], axis=1) @ self.coefficients)

    def jacobian(self, s: Array) -> Array:
        """Return d(ds_i/dt)/ds_j, shape (3n, 3n); of `neighbour_equations` (3n, 3n cells)."""
        values = np.append(s, 1.0)[self.monomials]
        out = np.zeros((self.coefficients.shape[1], len(s) + 1))
        for place in range(self.monomials.shape[1]):
            rest = np.prod(np.delete(values, place, axis=1), axis=1)
            np.add.at(out.T, self.monomials[:, place], rest[:, None] * self.coefficients)
        return out[:, : len(s)]


def largest_rate(model: LindbladModel) -> float:
    """Return the fastest rate of a single term or jump for spins of length S; 1 if there is none.

    A term and its conjugate turn a spin at the rate |coefficient| times the lengths of the other
    factors, a jump moves it at the rate times the squared size of its operator over S.
    """
    spins, rates = spin_numbers(model).tolist(), []

    def lengths(term: Term) -> list[float]:
        return [spins[site] for op, site, _ in term.factors if op != "Id"]

    for term in model.terms:
        if found := lengths(term):
            size = abs(term.coefficient) * math.prod(found) / min(found)
            rates.append((1 + term.plus_hc) * size)
    for jump in model.jumps:
        products = jump.products(model.dimension)
        if found := [length for term in products for length in lengths(term)]:
            sizes = [abs(term.coefficient) * math.prod(lengths(term)) for term in products]
            rates.append(jump.rate * (sum(sizes) ** 2 / min(found)))
    return max((rate for rate in rates if rate > 0), default=1.0)


def mean_field_equations(model: LindbladModel) -> MeanFieldEquations:
    """Generate the mean-field equations of a model (Appendix B of Huber et al. for any spins).

    Raises
    ------
    UnsupportedModelError
        If a site is no spin, or a term has more than two operators on one spin; it is named.
    """
    return _generate(model, lambda site, _: 3 * site, 3 * len(model.sites))


def neighbour_equations(model: LindbladModel) -> tuple[MeanFieldEquations, Array]:
    """Generate the equations of one cell among cells that may differ, and where those cells are.

    Returns
    -------
    equations
        ds/dt of cell 0 as a polynomial in the spins of C cells; variable 3 (n cell + site) + a.
    cells
        Displacements of the C cells, shape (C, dimension); the first is 0.
    """
    home = (0,) * model.dimension
    acting = [[term] for term in model.hamiltonian]
    acting += [list(jump.products(model.dimension)) for jump in model.jumps]
    seen = {
        tuple(x - o for x, o in zip(cell, origin, strict=True))
        for terms in acting
        for _, _, cell in chain.from_iterable(term.factors for term in terms)
        for _, _, origin in chain.from_iterable(term.factors for term in terms)
    }
    cells = [home, *sorted(seen - {home})]
    number, n = {cell: i for i, cell in enumerate(cells)}, len(model.sites)
    equations = _generate(
        model, lambda site, cell: 3 * (n * number[cell] + site), 3 * n * len(cells)
    )
    return equations, np.array(cells)


def _generate(
    model: LindbladModel, first: Callable[[int, Cell], int], one: int
) -> MeanFieldEquations:
    """Generate ds/dt of one cell; `first` numbers the x component of a spin, `one` the constant."""
    refuse_own_operators(model, "MeanField")
    total: dict[tuple[int, ...], Array] = {}
    for variable, polynomial in chain(_coherent(model, first), _dissipative(model, first)):
        for key, value in polynomial.items():
            row = total.setdefault(key, np.zeros(3 * len(model.sites), dtype=complex))
            row[variable] += value
    for site in range(len(model.sites)):  # also one on which nothing acts
        _check_spin(model, site, f"site {site}", "is")
    scale = max((np.abs(row).max() for row in total.values()), default=0.0)
    kept = {key: row.real for key, row in total.items() if np.abs(row).max() > 1e-15 * scale}
    degree = max((len(key) for key in kept), default=0) or 1
    monomials = np.array([[*key, *[one] * (degree - len(key))] for key in kept], dtype=int)
    coefficients = np.array(list(kept.values())).reshape(-1, 3 * len(model.sites))
    return MeanFieldEquations(monomials.reshape(-1, degree), coefficients)


def _coherent(
    model: LindbladModel, first: Callable[[int, Cell], int]
) -> Iterator[tuple[int, Polynomial]]:
    """Yield (variable, part of its motion) of d<S_a>/dt = i <[H, S_a]>."""
    for term in model.hamiltonian:
        name = "term " + " ".join(f"{op}[site {site}]" for op, site, _ in term.factors)
        groups = _groups(model, term, name, 2)
        for target, a in product(groups, range(3)):
            rate: Polynomial = {(): 1j * term.coefficient}
            for where, vectors in groups.items():
                if where != target:
                    apart = tuple(c - o for c, o in zip(where[1], target[1], strict=True))
                    x = first(where[0], apart)
                    rate = _times(rate, _mean(model, where[0], vectors, x))
            x = first(target[0], (0,) * model.dimension)
            for turned in _commutators(groups[target], a):
                yield 3 * target[0] + a, _times(rate, _mean(model, target[0], turned, x))


def _dissipative(
    model: LindbladModel, first: Callable[[int, Cell], int]
) -> Iterator[tuple[int, Polynomial]]:
    """Yield (variable, part of its motion) of rate/2 <L^+ [S_a, L] + [L^+, S_a] L> of the jumps."""
    for jump in model.jumps:
        if jump.rate == 0 or jump.op == "Id":
            continue
        products = jump.products(model.dimension)
        for left, right in product(products, repeat=2):
            adjoint = left.adjoint()
            groups = [_groups(model, x, f"jump {jump}", 1) for x in (adjoint, right)]
            size = jump.rate / 2 * adjoint.coefficient * right.coefficient
            yield from _recycled(model, first, size, *groups)


def _recycled(
    model: LindbladModel, first: Callable[[int, Cell], int], size: complex,
    adjoint: _Groups, right: _Groups,
) -> Iterator[tuple[int, Polynomial]]:  # fmt: skip
    """Yield the parts of size * <P [S_a, Q] + [P, S_a] Q>, P and Q products."""
    spins = list(dict.fromkeys([*adjoint, *right]))
    for target, a in product(spins, range(3)):
        rate: Polynomial = {(): size}
        for where in spins:
            if where != target:
                apart = tuple(c - o for c, o in zip(where[1], target[1], strict=True))
                vectors = [*adjoint.get(where, ()), *right.get(where, ())]
                rate = _times(rate, _mean(model, where[0], vectors, first(where[0], apart)))
        x = first(target[0], (0,) * model.dimension)
        before, after = adjoint.get(target, []), right.get(target, [])
        for turned in _commutators(after, a):
            mean = _mean(model, target[0], (*before, *turned), x)
            yield 3 * target[0] + a, _times({(): -1}, _times(rate, mean))
        for turned in _commutators(before, a):
            mean = _mean(model, target[0], (*turned, *after), x)
            yield 3 * target[0] + a, _times(rate, mean)


def _groups(model: LindbladModel, term: Term, name: str, most: int) -> _Groups:
    """Return the spin vectors of a product's factors, collected by (site, cell) in order.

    With more than `most` of them on one spin the model is refused.
    """
    groups: _Groups = {}
    for op, site, cell in term.factors:
        _check_spin(model, site, f"the {name}")
        if op != "Id":
            groups.setdefault((site, cell), []).append(spin_vector(op))
    if any(len(vectors) > most for vectors in groups.values()):
        raise UnsupportedModelError(
            f"MeanField factorises at most two operators on one spin, but the {name} has more; "
            f"{advice(model, 'MeanField')}."
        )
    return groups


def _check_spin(model: LindbladModel, site: int, name: str, verb: str = "acts on") -> None:
    if not isinstance(model.sites[site], Spin):
        raise UnsupportedModelError(
            f"MeanField treats spins, but {name} {verb} a boson; {advice(model, 'MeanField')}."
        )


def _cross_with_axis(vector: Array, a: int) -> Array:
    """Return w with (v x S)_a = w . S."""
    return np.cross(np.eye(3)[a], vector)


def _commutators(vectors: Sequence[Array], a: int) -> Iterator[tuple[Array, ...]]:
    """Yield products of spin vectors whose sum is [prod_i v_i . S, S_a]."""
    for i, vector in enumerate(vectors):
        turned = -1j * _cross_with_axis(vector, a)
        yield (*vectors[:i], turned, *vectors[i + 1 :])


def _mean(model: LindbladModel, site: int, vectors: Sequence[Array], x: int) -> Polynomial:
    """Return the mean-field <one or two operators v . S> of a spin with variables x, x+1, x+2."""
    first, *others = vectors
    if not others:
        return {(x + a,): value for a, value in enumerate(first) if value != 0}
    spin = (model.sites[site].dimension - 1) / 2
    quadratic, linear, constant = _pair(first, others[0], spin)
    out: Polynomial = {}
    for a, b in product(range(3), repeat=2):
        key = tuple(sorted((x + a, x + b)))
        out[key] = out.get(key, 0) + quadratic[a, b]
    out.update({(x + a,): linear[a] for a in range(3)})
    out[()] = constant
    return {key: value for key, value in out.items() if value != 0}


def _pair(u: Array, w: Array, spin: float) -> tuple[Array, Array, complex]:
    """Return Q, q and c with <(u.S)(w.S)> = s.Q.s + q.s + c for two operators on one spin.

    <Sx^2> and <Sy^2> each take half of what <Sx^2 + Sy^2> lacks to S(S+1) - <Sz>^2; the
    antisymmetric part is (u.S)(w.S) - (w.S)(u.S) = i (u x w).S.
    """
    transverse = (u[0] * w[0] + u[1] * w[1]) / 2
    symmetric = np.outer(u, w) - transverse * np.eye(3)
    return symmetric, 0.5j * np.cross(u, w), transverse * spin * (spin + 1)


def pair_expectation(u: Array, w: Array, spin: float, s: Array) -> Array:
    """Return the mean-field <(u.S)(w.S)> of a spin with <S> = s, shape (..., 3)."""
    quadratic, linear, constant = _pair(u, w, spin)
    return np.asarray(np.einsum("...a,ab,...b", s, quadratic, s) + s @ linear + constant)


def _times(left: Polynomial, right: Polynomial) -> Polynomial:
    out: Polynomial = {}
    for (a, x), (b, y) in product(left.items(), right.items()):
        key = tuple(sorted(a + b))
        out[key] = out.get(key, 0) + x * y
    return out
