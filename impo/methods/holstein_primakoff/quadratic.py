r"""Quadratic bosons around a collinear spin configuration: the Holstein-Primakoff expansion.

Every spin points along +z or -z and fluctuates by one boson c_j (Huber, Kirton and Rabl, Eqs. A1
and A2):

    down: S+ = sqrt(2S) c^+, S- = sqrt(2S) c,   Sz = -S + c^+ c
    up:   S+ = sqrt(2S) c,   S- = sqrt(2S) c^+, Sz =  S - c^+ c

Kept to second order, the master equation is that of free bosons. With the Nambu vector
Psi = (c_1 ... c_n, c_1^+ ... c_n^+) of one cell, its Fourier components
Psi_k = N^{-1/2} sum_R exp(-i k R) Psi_R and G_k = <{Psi_k, Psi_k^+}>/2 obey

    d<Psi_k>/dt = X_k <Psi_k>,    dG_k/dt = X_k G_k + G_k X_k^+ + D_k.

D_k depends on k if spins of different cells share a jump.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

import numpy as np
from scipy.linalg import solve_continuous_lyapunov
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from impo.arguments import UnsupportedModelError, fail
from impo.arrays import Array
from impo.methods.advice import TRANSVERSE, advice, refuse_own_operators
from impo.model import Cell, Jump, LindbladModel, Spin, Term

Mode = tuple[int, Cell, int]  # site of the cell, cell, 0 for c or 1 for c^+
Polynomial = dict[tuple[Mode, ...], complex]  # ordered products of modes

_SMALL = 6  # components whose equation is solved as one linear system, for all wave vectors at once
_COPIES = 5  # matrices at a wave vector that are in memory at the same time


def ladder_vector(op: str, spin: float, up: bool) -> Array:
    """Return the coefficients of (c, c^+) in S+, S-, Sx or Sy; zeros for other operators."""
    raising = np.array([1.0, 0.0] if up else [0.0, 1.0], dtype=complex)
    lowering = raising[::-1]
    parts = {
        "S+": raising,
        "S-": lowering,
        "Sx": (raising + lowering) / 2,
        "Sy": (raising - lowering) / 2j,
    }
    return np.asarray(np.sqrt(2 * spin) * parts.get(op, np.zeros(2, dtype=complex)))


def longitudinal(op: str, spin: float, up: bool) -> tuple[float, float]:
    """Return (constant, coefficient of c^+ c) of Sz or Id; zeros for other operators."""
    sign = 1 if up else -1
    return {"Sz": (sign * spin, -sign), "Id": (1.0, 0.0)}.get(op, (0.0, 0.0))


@dataclass(frozen=True)
class QuadraticBosons:
    """The quadratic master equation of the fluctuations, one boson per spin.

    Attributes
    ----------
    configuration
        +1 (up) or -1 (down) of every spin of the cell (or supercell), shape (n,).
    hoppings
        Cell offset r to the matrix, shape (2n, 2n), that couples d<Psi_R>/dt to <Psi_{R+r}>.
    diffusion
        D between the bosons of one cell, shape (2n, 2n), Hermitian.
    shared
        Cell offset r, not zero, to the matrix D between the bosons of cells R and R + r, from jumps
        that they share.
    """

    configuration: tuple[int, ...]
    hoppings: dict[tuple[int, ...], Array]
    diffusion: Array
    shared: dict[tuple[int, ...], Array] = field(default_factory=dict)

    @property
    def modes(self) -> int:
        """Number n of bosons in a cell."""
        return len(self.configuration)

    @cached_property
    def rate(self) -> float:
        """Sum of the norms of all couplings: the scale against which a rate is zero."""
        return float(sum(np.linalg.norm(m, 2) for m in self.hoppings.values()))

    @property
    def reach(self) -> int:
        """Largest distance of a coupling or a shared jump, in cells."""
        offsets = [*self.hoppings, *self.shared]
        return max((abs(x) for offset in offsets for x in offset), default=0)

    @property
    def bytes_per_wave(self) -> float:
        """Memory that a covariance takes at one wave vector, and all that is made on the way."""
        small = max((len(s) for s in self.sectors if len(s) <= _SMALL), default=0)
        return 16.0 * (_COPIES * (2 * self.modes) ** 2 + 2 * small**4)

    def drift(self, k: Array) -> Array:
        """Return X_k, shape (..., 2n, 2n), for wave vectors of shape (..., dimension)."""
        k = np.asarray(k, dtype=float)
        out = np.zeros((*k.shape[:-1], 2 * self.modes, 2 * self.modes), dtype=complex)
        return _add_waves(out, k, self.hoppings)

    def noise(self, k: Array) -> Array:
        """Return D_k for wave vectors as in `drift`; D, shape (2n, 2n), if it is that for all k."""
        k = np.asarray(k, dtype=float)
        if not self.shared:
            return self.diffusion
        out = np.broadcast_to(self.diffusion, (*k.shape[:-1], *self.diffusion.shape)).astype(
            complex
        )
        return _add_waves(out, k, self.shared)

    def cluster_drift(self, periodic: bool) -> Array:
        """Return the drift matrix of one isolated (super)cell, closed to a ring if periodic."""
        if periodic:
            return sum(self.hoppings.values(), np.zeros_like(self.diffusion))
        zero = (0,) * len(next(iter(self.hoppings)))
        return self.hoppings.get(zero, np.zeros_like(self.diffusion))

    def cluster_noise(self, periodic: bool) -> Array:
        """Return D of one isolated (super)cell, closed to a ring if periodic."""
        return sum(self.shared.values(), self.diffusion) if periodic else self.diffusion

    @cached_property
    def sectors(self) -> tuple[Array, ...]:
        """Components of Psi that no coupling connects, as a U(1) symmetry separates c from c^+."""
        matrices = [*self.hoppings.values(), *self.shared.values()]
        linked = sum((np.abs(m) for m in matrices), np.abs(self.diffusion)) != 0
        count, label = connected_components(csr_array(linked), directed=False)
        return tuple(np.flatnonzero(label == i) for i in range(count))

    def spectrum(self, drift: Array) -> Array:
        """Return the eigenvalues of drift matrices (..., 2n, 2n), sector after sector."""
        parts = [np.linalg.eigvals(drift[..., s[:, None], s]) for s in self.sectors]
        return np.concatenate(parts, axis=-1)

    def covariance(self, drift: Array, noise: Array) -> Array:
        """Return the G that solves X G + G X^+ + D = 0 for a stable drift X (..., 2n, 2n).

        `noise` is D, of the same shape as the drift or (2n, 2n).
        """
        out = np.zeros_like(drift)
        for s in self.sectors:
            block = _lyapunov(drift[..., s[:, None], s], noise[..., s[:, None], s])
            out[..., s[:, None], s] = (block + np.swapaxes(block.conj(), -1, -2)) / 2
        return out


def _add_waves(out: Array, k: Array, matrices: Mapping[Cell, Array]) -> Array:
    """Add sum_r e^{i k r} M_r to matrices at the wave vectors k, and return them."""
    for offset, matrix in matrices.items():
        phase = np.exp(1j * (k @ np.array(offset, dtype=float)))
        out += phase[..., None, None] * matrix
    return out


def _lyapunov(drift: Array, diffusion: Array) -> Array:
    """Solve X G + G X^+ = -D for every matrix X of a stack."""
    size = diffusion.shape[-1]
    if drift.ndim == 2:
        return np.asarray(solve_continuous_lyapunov(drift, -diffusion))
    diffusion = np.broadcast_to(diffusion, drift.shape)
    if size > _SMALL:
        flat = zip(drift.reshape(-1, size, size), diffusion.reshape(-1, size, size), strict=True)
        return np.stack([_lyapunov(x, d) for x, d in flat]).reshape(drift.shape)
    one = np.eye(size)
    left = np.einsum("...ac,bd->...abcd", drift, one)
    right = np.einsum("ac,...bd->...abcd", one, drift.conj())
    system = (left + right).reshape(*drift.shape[:-2], size**2, size**2)
    target = -diffusion.reshape(*drift.shape[:-2], size**2, 1)
    return np.linalg.solve(system, target)[..., 0].reshape(drift.shape)


def quadratic_bosons(
    model: LindbladModel, configuration: Sequence[int], shape: Sequence[int] | None = None,
    leaving: bool = True,
) -> QuadraticBosons:  # fmt: skip
    """Expand a model around a collinear configuration (Huber et al., Appendix A, for any model).

    Parameters
    ----------
    model
        Spins with Hamiltonian terms that are at most bilinear in Sx, Sy, S+, S- (any power of Sz)
        and jumps linear in Sx, Sy, S+, S- of one or several spins.
    configuration
        +1 or -1 for every spin, in the order of the cells of `shape` (last index fastest), then the
        sites of the unit cell.
    shape
        Number of unit cells, in each direction, over which the configuration extends; None for one.
    leaving
        Whether jumps that several such supercells share are kept.

    Raises
    ------
    ArgumentError
        If the configuration has the wrong length or entries.
    UnsupportedModelError
        If the model has a term or jump outside this class, or one that tilts the spins away from z.
    """
    shape = tuple(shape) if shape is not None else (1,) * model.dimension
    cells = list(product(*[range(length) for length in shape]))
    n = len(cells) * len(model.sites)
    spins = tuple(configuration)
    if len(spins) != n or any(s not in (1, -1) for s in spins):
        raise fail("configuration", f"{n} entries +1 or -1", configuration)
    _check_spins(model)

    def place(site: int, cell: Cell) -> tuple[int, Cell]:
        """Return the number of a spin in its supercell, and the supercell."""
        inside = tuple(c % length for c, length in zip(cell, shape, strict=True))
        outer = tuple(c // length for c, length in zip(cell, shape, strict=True))
        return cells.index(inside) * len(model.sites) + site, outer

    total: Polynomial = {}
    for origin, term in product(cells, model.hamiltonian):
        _check_bilinear(model, term)
        for modes, value in _expand(model, term, origin, place, spins).items():
            total[modes] = total.get(modes, 0) + value
    _check_linear(model, total)
    hoppings = _hoppings(total, n, model.dimension)
    zero = (0,) * model.dimension
    noises = {zero: np.zeros((2 * n, 2 * n), dtype=complex)}
    for origin, jump in product(cells, model.jumps):
        ladder = _ladder(model, jump, origin, place, spins)
        if leaving or set(ladder) <= {zero}:
            _add_jump(jump.rate, ladder, hoppings, noises)
    return QuadraticBosons(spins, hoppings, noises.pop(zero), noises)


def _hoppings(total: Polynomial, n: int, dimension: int) -> dict[Cell, Array]:
    """Return the coherent part of `QuadraticBosons.hoppings` from the quadratic part of H.

    d Psi_a/dt = i [H, Psi_a], [Psi_b Psi_c, Psi_a] = Psi_b [Psi_c, Psi_a] + [Psi_b, Psi_a] Psi_c.
    """
    hoppings = {(0,) * dimension: np.zeros((2 * n, 2 * n), dtype=complex)}
    for modes, value in total.items():
        if len(modes) == 2:
            for kept, (site, cell, dagger) in (modes, modes[::-1]):
                offset = tuple(c - r for r, c in zip(cell, kept[1], strict=True))
                matrix = hoppings.setdefault(offset, np.zeros((2 * n, 2 * n), dtype=complex))
                sign = -1 if dagger else 1
                matrix[site + n * (1 - dagger), kept[0] + n * kept[2]] += 1j * value * sign
    return hoppings


def _check_spins(model: LindbladModel) -> None:
    """Refuse a model with bosons, naming a term that contains one, or with own operators."""
    refuse_own_operators(model, "HolsteinPrimakoff")
    bosons = [j for j, site in enumerate(model.sites) if not isinstance(site, Spin)]
    if bosons:
        terms = [t for t in model.terms if any(site in bosons for _, site, _ in t.factors)]
        longest = max(terms, key=lambda term: len(term.factors), default=None)
        name = f"term {longest.names}" if longest else f"site {bosons[0]}"
        raise UnsupportedModelError(
            f"Only spins can be expanded around a polarised state, but the {name} acts on a boson; "
            f"{advice(model, 'HolsteinPrimakoff')}."
        )


def _check_bilinear(model: LindbladModel, term: Term) -> None:
    """Refuse a term with more than two transverse factors."""
    if sum(op in TRANSVERSE for op, _, _ in term.factors) > 2:
        raise UnsupportedModelError(
            f"Holstein-Primakoff bosons need couplings bilinear in S+ and S-, but the "
            f"term {term.names} is not; {advice(model, 'HolsteinPrimakoff')}."
        )


def _check_linear(model: LindbladModel, total: Polynomial) -> None:
    """Refuse a model whose linear terms do not cancel, naming one of them."""
    by_spin: dict[tuple[int, int], complex] = {}
    for modes, value in total.items():
        if len(modes) == 1:
            site, _, dagger = modes[0]
            by_spin[site, dagger] = by_spin.get((site, dagger), 0) + value
    scale = max((abs(value) for value in total.values()), default=0.0)
    for (site, _), value in by_spin.items():
        if not abs(value) <= 1e-12 * scale:
            site %= len(model.sites)
            term = next(
                t
                for t in model.terms
                if sum(op in TRANSVERSE for op, _, _ in t.factors) == 1
                and any(op in TRANSVERSE and s == site for op, s, _ in t.factors)
            )
            raise UnsupportedModelError(
                f"A collinear configuration along z is no stationary point: the term {term.names} "
                f"tilts the spins; {advice(model, 'HolsteinPrimakoff')}."
            )


def _expand(
    model: LindbladModel,
    term: Term,
    origin: Cell,
    place: Callable[[int, Cell], tuple[int, Cell]],
    spins: Sequence[int],
) -> Polynomial:
    """Return a term in one cell as a polynomial of the bosons, to second order."""
    out: Polynomial = {(): term.coefficient}
    for op, site, offset in term.factors:
        cell = tuple(o + x for o, x in zip(origin, offset, strict=True))
        position, outer = place(site, cell)
        spin, up = (model.sites[site].dimension - 1) / 2, spins[position] > 0
        constant, number = longitudinal(op, spin, up)
        annihilate, create = (position, outer, 0), (position, outer, 1)
        vector = ladder_vector(op, spin, up)
        factor: Polynomial = {
            (): constant,
            (annihilate,): vector[0],
            (create,): vector[1],
            (create, annihilate): number,
        }
        longer: Polynomial = {}
        for (left, x), (right, y) in product(out.items(), factor.items()):
            if x * y != 0 and len(left) + len(right) <= 2:
                longer[left + right] = longer.get(left + right, 0) + x * y
        out = longer
    return out


def _ladder(
    model: LindbladModel, jump: Jump, origin: Cell,
    place: Callable[[int, Cell], tuple[int, Cell]], spins: Sequence[int],
) -> dict[Cell, Array]:  # fmt: skip
    """Return the coefficients of Psi in a jump operator, by supercell; none if it does nothing.

    A number beside them would be a field that tilts the spins.
    """
    out: dict[Cell, Array] = {}
    if jump.strength == 0:
        return out
    for term in jump.products(model.dimension):
        factors = [factor for factor in term.factors if factor[0] != "Id"]
        alone = not factors and len(jump.products(model.dimension)) == 1
        if not alone and [op in TRANSVERSE for op, _, _ in factors] != [True]:
            raise UnsupportedModelError(
                f"Holstein-Primakoff bosons need jumps linear in S+ and S-, but the jump {jump} is "
                f"not; {advice(model, 'HolsteinPrimakoff')}."
            )
        for op, site, offset in factors:
            position, outer = place(site, tuple(o + x for o, x in zip(origin, offset, strict=True)))
            vector = ladder_vector(op, (model.sites[site].dimension - 1) / 2, spins[position] > 0)
            n = len(spins)
            row = out.setdefault(outer, np.zeros(2 * n, dtype=complex))
            row[[position, position + n]] += term.coefficient * vector
    return out


def _add_jump(
    rate: float, ladder: Mapping[Cell, Array],
    hoppings: dict[Cell, Array], noises: dict[Cell, Array],
) -> None:  # fmt: skip
    """Add rate * (L rho L^+ - {L^+ L, rho}/2) with L = sum_r l_r . Psi_r, r the (super)cells.

    The adjoint dissipator gives D(A) = (L^+ [A, L] + [L^+, A] L)/2 and D(AB) = D(A)B + A D(B) +
    [L^+, A][B, L].
    """
    for (here, left), (there, right) in product(ladder.items(), repeat=2):
        offset = tuple(t - h for t, h in zip(there, here, strict=True))
        for matrices in (hoppings, noises):
            if offset not in matrices:
                matrices[offset] = np.zeros((len(left), len(left)), dtype=complex)
        rows, columns = _touched(left), _touched(right)
        one, two = left[rows], right[columns]
        (_, jumped, conjugate), (adjoint, follows, behind) = map(_commutators, (one, two))
        block, half = np.ix_(rows, columns), len(columns) // 2
        drift = np.outer(jumped, adjoint) - np.outer(conjugate, two)
        symmetric = np.outer(conjugate, follows) + np.outer(jumped, behind)
        hoppings[offset][block] += rate / 2 * drift
        # Psi^+ is Psi with c and c^+ exchanged
        noises[offset][block] -= rate / 2 * np.roll(symmetric, half, axis=1)


def _touched(ladder: Array) -> Array:
    """Return the components of Psi of the spins on which a jump acts: all c, then all c^+."""
    n = len(ladder) // 2
    spins = np.unique(np.flatnonzero(ladder) % n)
    return np.concatenate([spins, spins + n])


def _commutators(ladder: Array) -> tuple[Array, Array, Array]:
    """Return the coefficients of Psi in L^+, [Psi, L] and [Psi, L^+] for L = ladder . Psi."""
    n = len(ladder) // 2
    signs = np.repeat([1.0, -1.0], n)  # [c, c^+] = 1
    adjoint = np.roll(ladder.conj(), n)
    return adjoint, signs * np.roll(ladder, n), signs * np.roll(adjoint, n)
