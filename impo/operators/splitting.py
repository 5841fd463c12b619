"""From matrices to symbols: rate matrices as jumps, matrices on several sites as terms."""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from impo.arguments import ArgumentError, fail
from impo.arrays import Array
from impo.model import Jump, Place, Site, Spin, Term
from impo.operators.local import local_operators

_ROUNDING = 1e-12  # relative: smaller rates and coefficients are zero
_CIRCLE = 1e-5  # distance from the unit circle of a double zero on it, which rounding splits
_SPLIT = 1e-10  # relative accuracy of split rates
_MOST_STATES = 6  # of a spin, whose monomials are far enough from parallel
_MOST_PLACES = 3


def jumps_from_rates(matrix: Any, factors: Sequence[Any]) -> tuple[Jump, ...]:
    r"""Return jumps with the dissipator sum_ab M_ab (A_a rho A_b^+ - {A_b^+ A_a, rho} / 2).

    Parameters
    ----------
    matrix
        The rates M: Hermitian without negative eigenvalues, shape (n, n). With a single factor A_j
        on a chain also its rates with the cells r = 0 ... R further on, shape (R + 1,): M_{j, j+r}
        is the r-th of them in every cell j, and the conjugate to the left.
    factors
        The n operators A, each (operator, site, cell) or a `Term`; a copy of all in every cell.

    Returns
    -------
    tuple of Jump
        One for every eigenvalue that is not zero; of rates with other cells one, which is a sum
        over R + 1 cells.

    Raises
    ------
    ArgumentError
        If the matrix is not Hermitian, has a negative eigenvalue or another size.

    Examples
    --------
    >>> from impo import jumps_from_rates
    >>> collective = jumps_from_rates([[1, 1], [1, 1]], [("S-", 0, 0), ("S-", 0, 1)])
    >>> [round(jump.strength, 6) for jump in collective]  # one jump, the sum of both
    [2.0]
    """
    terms = [x if isinstance(x, Term) else Term(1.0, x) for x in factors]
    rates = _matrix("matrix", matrix)
    if rates.ndim == 1 and len(terms) == 1:
        return _from_band(rates, terms[0])
    if rates.shape != (len(terms),) * 2:
        raise fail("matrix", f"of shape ({len(terms)}, {len(terms)}), as there are factors", matrix)
    scale = np.abs(rates).max()
    if np.abs(rates - rates.conj().T).max() > _ROUNDING * scale:
        raise fail("matrix", "Hermitian", matrix)
    values, vectors = np.linalg.eigh(rates)
    if values[0] < -_ROUNDING * len(values) * scale:
        raise ArgumentError(
            f"Argument `matrix` must have no negative eigenvalue, but has {values[0]:.6g}."
        )
    return tuple(
        _jump(value, vector, terms)
        for value, vector in zip(values, vectors.T, strict=True)
        if value > _ROUNDING * len(values) * scale
    )


def _matrix(name: str, value: Any) -> Array:
    """Return a non-empty array of finite complex numbers that are not all zero."""
    try:
        array = np.asarray(value, dtype=complex)
    except (TypeError, ValueError, OverflowError):
        raise fail(name, "a matrix of numbers", value) from None
    if not array.size or not np.all(np.isfinite(array)) or not np.any(array):
        raise fail(name, "of finite numbers that are not all zero", value)
    return array


def _jump(rate: float, weights: Array, terms: Sequence[Term]) -> Jump:
    """Return rate and the weighted sum of terms, those with a weight of zero left out."""
    pivot = weights[np.argmax(np.abs(weights))]
    weights = weights * (abs(pivot) / pivot)  # the phase of a jump operator is free
    kept = [
        Term(complex(weight) * term.coefficient, *term.factors, plus_hc=term.plus_hc)
        for weight, term in zip(weights, terms, strict=True)
        if abs(weight) > _ROUNDING
    ]
    return Jump(float(rate), *kept)


def _from_band(rates: Array, term: Term) -> tuple[Jump, ...]:
    """Return the jump whose products with its own copies have the given rates (Fejer and Riesz).

    sum_r M_r z^r = f(z) f*(1/z) on the unit circle, with f of the zeros on one side of it; double
    zeros on the circle itself are shared.
    """
    if term.plus_hc or any(len(cell) != 1 for _, _, cell in term.factors):
        raise fail("factors", "one product on a chain for rates with other cells", term)
    scale, count = np.abs(rates).max(), 64 * len(rates)
    waves = np.exp(2j * np.pi * np.arange(count) / count)
    spectrum = (2 * np.polyval(rates[::-1], waves)).real - rates[0].real
    if abs(rates[0].imag) > _ROUNDING * scale or spectrum.min() < -_ROUNDING * scale:
        raise ArgumentError(
            "Argument `matrix` must be rates that are not negative at any wave number, but has "
            f"{spectrum.min():.6g}."
        )
    weights = _spectral_factor(np.trim_zeros(rates, "b"))
    products = [
        Term(term.coefficient, *((op, site, cell[0] + r) for op, site, cell in term.factors))
        for r in range(len(weights))
    ]
    return (_jump(1.0, weights, products),)


def _spectral_factor(rates: Array) -> Array:
    """Return f with rates_r = sum_s f_s f*_{s+r}."""
    roots = np.roots(np.concatenate([rates[::-1], rates.conj()[1:]]))
    chosen = list(roots[np.abs(roots) < 1 - _CIRCLE])
    touching = roots[np.abs(np.abs(roots) - 1) <= _CIRCLE]
    angles = np.sort(np.angle(touching))
    if len(angles) % 2 == 0 and len(angles):
        gaps = np.diff(angles, append=angles[0] + 2 * np.pi)
        start = int(np.argmax(gaps)) + 1  # no pair lies across the largest gap
        angles = np.concatenate([angles[start:], angles[:start] + 2 * np.pi])
        chosen += list(np.exp(0.5j * (angles[::2] + angles[1::2])))
    weights = np.atleast_1d(np.poly(chosen)).astype(complex)
    weights *= math.sqrt(rates[0].real / np.sum(np.abs(weights) ** 2))
    n = len(weights)
    found = [np.vdot(weights[r:], weights[: n - r]) for r in range(n)]
    if n != len(rates) or np.abs(found - rates).max() > _SPLIT * np.abs(rates).max():
        raise ArgumentError(
            "Argument `matrix` must be rates that are not negative at any wave number, but no jump "
            "operator with these rates is found."
        )
    return weights


def terms_from_matrix(
    matrix: Any, places: Sequence[Place], sites: Sequence[Site]
) -> tuple[Term, ...]:
    """Return products of named operators whose sum is a matrix on one to three spins.

    Each one-site factor is S+ to some power times Sz to another, or the adjoint of that; they form
    a basis. A Hermitian matrix gives terms that are Hermitian together.

    Parameters
    ----------
    matrix
        Of the order d1 d2 ..., the states of the last place running fastest, m = S ... -S.
    places
        (site, cell) of every tensor factor, all different.
    sites
        The sites of the unit cell.

    Returns
    -------
    tuple of Term
        For the Hamiltonian or for a `Jump`; nothing is added to them.

    Raises
    ------
    ArgumentError
        If the matrix has another size, or a place is no spin, or of too large a spin.

    Examples
    --------
    >>> import numpy as np
    >>> from impo import Spin, terms_from_matrix
    >>> print(*terms_from_matrix(np.diag([1.0, -1.0, -1.0, 1.0]), [(0, 0), (0, 1)], [Spin(0.5)]))
    4 Sz[site 0] Sz[site 0, cell (1,)]
    """
    chosen = _spins_at(places, sites)
    dims = [site.dimension for site in chosen]
    order, found = math.prod(dims), _matrix("matrix", matrix)
    if found.shape != (order, order):
        raise fail("matrix", f"of shape ({order}, {order}), the states of `places`", matrix)
    n = len(dims)
    tensor = found.reshape(dims * 2).transpose([x for s in range(n) for x in (s, n + s)])
    bases = [_monomials(site) for site in chosen]
    for d, (_, inverse) in zip(dims, bases, strict=True):  # the next site comes to the front
        tensor = np.moveaxis(np.tensordot(inverse, tensor.reshape(d * d, -1), 1), 0, -1)
        tensor = tensor.reshape(-1)
    tensor = tensor.reshape([d * d for d in dims])
    if np.abs(found - found.conj().T).max() <= _ROUNDING * np.abs(found).max():
        tensor = (tensor + tensor[np.ix_(*map(_conjugates, dims))].conj()) / 2
    scale = np.abs(tensor).max()
    terms = []
    for index in np.argwhere(np.abs(tensor) > _ROUNDING * scale):
        factors = [
            (op, *place)
            for which, place, (names, _) in zip(index, places, bases, strict=True)
            for op in names[which]
        ]
        factors = factors or [("Id", *places[0])]
        terms.append(Term(complex(tensor[tuple(index)]), *factors))
    return tuple(terms)


def _spins_at(places: Sequence[Place], sites: Sequence[Site]) -> list[Site]:
    """Return the sites at some places, or refuse what is no small spin."""
    if not 1 <= len(places) <= _MOST_PLACES or len(set(places)) < len(places):
        raise fail("places", f"one to {_MOST_PLACES} different (site, cell) pairs", places)
    chosen = []
    for place in places:
        site, _ = place
        if not isinstance(site, int) or not 0 <= site < len(sites):
            raise fail("places", f"pairs with a site below {len(sites)}", place)
        if not isinstance(sites[site], Spin) or sites[site].dimension > _MOST_STATES:
            raise fail(
                "sites", f"spins up to S = {Fraction(_MOST_STATES - 1, 2)} at `places`", sites[site]
            )
        chosen.append(sites[site])
    return chosen


def _labels(d: int) -> list[tuple[int, int]]:
    """Return by how much the products raise m, and their powers of Sz."""
    return [(q, power) for q in range(-d + 1, d) for power in range(d - abs(q))]


def _conjugates(d: int) -> list[int]:
    """Return the places of the adjoint products."""
    labels = _labels(d)
    return [labels.index((-q, power)) for q, power in labels]


def _monomials(site: Site) -> tuple[list[tuple[str, ...]], Array]:
    """Return operator names of the products, and the matrix that expands matrices in them.

    The products are (S+)^q Sz^power and their adjoints.
    """
    known = local_operators(site)
    names = [("S+",) * q + ("Sz",) * power + ("S-",) * -q for q, power in _labels(site.dimension)]
    columns = [
        reduce(np.matmul, [known[op] for op in factors], known["Id"]).ravel() for factors in names
    ]
    return names, np.linalg.inv(np.array(columns).T)
