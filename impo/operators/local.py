"""Matrices of local operators and the multipole operator basis.

States of a spin are ordered m = S, S-1, ..., -S; states of a boson n = 0, 1, ..., cutoff.
All matrices are in units of hbar = 1.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from impo.arguments import fail
from impo.arrays import Array
from impo.model import Boson, Level, LindbladModel, Site, Spin

_TINY = 1e-13

SPIN_VECTORS = {
    "Sx": (1.0, 0, 0), "Sy": (0, 1.0, 0), "Sz": (0, 0, 1.0), "S+": (1, 1j, 0), "S-": (1, -1j, 0),
}  # fmt: skip
"""The components (x, y, z) of u for every spin operator u . S."""


def spin_vector(op: str) -> Array:
    """Return u with op = u . S, for Sx, Sy, Sz (real), S+ and S- (complex)."""
    return np.array(SPIN_VECTORS[op])


def spin_operators(spin: float) -> dict[str, Array]:
    """Return the matrices Id, Sz, S+, S-, Sx, Sy of a spin.

    Parameters
    ----------
    spin
        Spin quantum number S = 1/2, 1, 3/2, ...

    Returns
    -------
    dict
        Name to matrix of shape (2S+1, 2S+1); all real but Sy.
    """
    m = spin - np.arange(round(2 * spin) + 1)
    raising = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), k=1)
    return {
        "Id": np.eye(len(m)), "Sz": np.diag(m), "S+": raising, "S-": raising.T.copy(),
        "Sx": (raising + raising.T) / 2, "Sy": (raising - raising.T) / 2j,
    }  # fmt: skip


def boson_operators(cutoff: int) -> dict[str, Array]:
    """Return the matrices Id, N, B (annihilation) and Bd (creation) of a boson.

    Parameters
    ----------
    cutoff
        Largest occupation number that is kept; the dimension is cutoff + 1.
    """
    annihilation = np.diag(np.sqrt(np.arange(1.0, cutoff + 1)), k=1)
    return {
        "Id": np.eye(cutoff + 1), "N": np.diag(np.arange(cutoff + 1.0)),
        "B": annihilation, "Bd": annihilation.T.copy(),
    }  # fmt: skip


def multipole_diagonals(dimension: int, k_max: int) -> dict[tuple[int, int], Array]:
    r"""Return the q-th diagonals of the multipole operators T_kq for 0 <= q <= k <= k_max.

    T_kq is proportional to the part of S_+^q p(S_z), p a polynomial of degree k - q, that is
    orthogonal to all T_k'q with k' < k (a Stieltjes recursion with full reorthogonalisation, so it
    stays orthonormal for dimensions of several hundred). It is the spherical tensor operator of
    rank k in a real normalisation, Tr T_kq^T T_k'q' = delta_kk' delta_qq'.

    Returns
    -------
    dict
        (k, q) to the elements <m + q| T_kq |m>, ordered by falling m, length dimension - q.
    """
    spin = (dimension - 1) / 2
    m = spin - np.arange(dimension)
    ladder = np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1))  # <m+1|S+|m>
    diagonals = {}
    for q in range(k_max + 1):
        top = np.ones(dimension - q)
        for step in range(q):  # keep the elements of S_+^q near one: only their direction matters
            top *= ladder[step : step + dimension - q]
            top /= np.linalg.norm(top)
        polynomials = [top / np.linalg.norm(top)]
        z = m[: dimension - q] - q / 2
        for _ in range(k_max - q):
            new = z * polynomials[-1]
            for _ in range(2):  # the second sweep removes what rounding left
                for old in polynomials:
                    new = new - old * (old @ new)
            polynomials.append(new / np.linalg.norm(new))
        for k, vector in enumerate(polynomials, start=q):
            diagonals[k, q] = vector
    return diagonals


def multipole_basis(dimension: int, k_max: int) -> tuple[Array, Array, Array]:
    """Return the multipole operators T_kq with k <= k_max, sorted by q, then k.

    Parameters
    ----------
    dimension
        Dimension d = 2S + 1 of the local Hilbert space.
    k_max
        Largest rank; d - 1 spans all operators.

    Returns
    -------
    matrices
        Shape ((k_max+1)^2, d, d), real, Hilbert-Schmidt orthonormal. T_00 = 1/sqrt(d) and
        T_{k,-q} = T_kq^T.
    k, q
        Integer arrays of length (k_max+1)^2; T_kq raises m by q.
    """
    diagonals = multipole_diagonals(dimension, k_max)
    labels = [(k, q) for q in range(-k_max, k_max + 1) for k in range(abs(q), k_max + 1)]
    matrices = np.zeros((len(labels), dimension, dimension))
    for matrix, (k, q) in zip(matrices, labels, strict=True):
        upper = np.diag(diagonals[k, abs(q)], k=abs(q))
        matrix[:] = upper if q >= 0 else upper.T
    k, q = np.array(labels).T
    return matrices, k, q


def local_operators(site: Site) -> dict[str, Array]:
    """Return the matrices of all operators of a site by all their names.

    Examples
    --------
    >>> from impo import Spin
    >>> local_operators(Spin(1))["Sz"].diagonal()  # states m = S ... -S
    array([ 1.,  0., -1.])
    """
    if isinstance(site, Spin):
        found = spin_operators(float(site.S))
    elif isinstance(site, Boson):
        found = boson_operators(site.cutoff)
    else:
        states = np.arange(float(site.dimension))
        found = {"Id": np.eye(site.dimension), "N": np.diag(states)}
    return {**found, **site.own_matrices} if site.own else found


def changed_cutoffs(sites: Sequence[Site], cutoffs: Sequence[int | None]) -> tuple[Site, ...]:
    """Return sites with other cut-offs of bosons; None keeps a site.

    Raises
    ------
    ArgumentError
        If own operators of a boson are not known there.
    """
    out: list[Site] = []
    for site, cutoff in zip(sites, cutoffs, strict=True):
        if cutoff is None or not isinstance(site, Boson):
            out.append(site)
        elif (changed := site.with_cutoff(cutoff)) is None:
            raise fail("cutoff", "one for which own operators of the boson are known", cutoff)
        else:
            out.append(changed)
    return tuple(out)


def spin_numbers(model: LindbladModel) -> Array:
    """Return S of every site of the unit cell, shape (n,); cutoff / 2 of a boson."""
    return np.array([(site.dimension - 1) / 2 for site in model.sites])


def operator_norm(sites: Iterable[Site], op: str) -> float:
    """Return the largest spectral norm of an operator among the sites that have it, else 1."""
    norms = [np.linalg.norm(local_operators(s)[op], 2) for s in sites if op in s.operators]
    return float(max(norms, default=1.0))


def state_charges(site: Site) -> Array:
    """Return m (spin), n (boson) or the charge (level) of the states of a site, in order."""
    if isinstance(site, Spin):
        return float(site.S) - np.arange(site.dimension)
    if isinstance(site, Level):
        return np.array(site.charges or (0,) * site.dimension, dtype=float)
    return np.arange(float(site.dimension))


def stepwise(site: Site) -> bool:
    """Return whether the charge rises or falls by one from state to state, or there is none."""
    steps = np.diff(state_charges(site))
    return bool(np.all(steps == steps[0]) and abs(steps[0]) <= 1)


def equally_charged(site: Site) -> bool:
    """Return whether states of a site share a charge, though not all do."""
    return not stepwise(site) and len(set(state_charges(site))) < site.dimension


def operator_charges(site: Site, k_max: int | None = None) -> Counter[int]:
    """Return how many operators of a site, up to a rank, raise the charge by how much."""
    if stepwise(site):
        top = site.dimension - 1 if k_max is None else min(k_max, site.dimension - 1)
        return Counter({q: top + 1 - abs(q) for q in range(-top, top + 1)})
    charges = state_charges(site)
    return Counter(np.rint(np.subtract.outer(charges, charges)).astype(int).ravel().tolist())


def rising(site: Site) -> bool:
    """Return whether the charge rises from state to state, as of a boson; True if there is none."""
    charges = state_charges(site)
    return bool(charges[0] <= charges[-1])


def charge_parts(site: Site, matrix: Array) -> dict[int, Array]:
    """Split a one-site matrix into parts that raise m (or n) by a definite integer q."""
    charges = state_charges(site)
    raised = np.rint(charges[:, None] - charges[None, :]).astype(int)
    found = np.unique(raised[np.abs(matrix) > _TINY * max(np.abs(matrix).max(), 1e-300)])
    return {int(q): np.where(raised == q, matrix, 0) for q in found}


def frame(sites: Sequence[Site], phases: Sequence[float] | Array) -> Array:
    """Return the diagonal of the unitary u = exp(-i sum_j phi_j m_j), shape (d,).

    It turns the frame in which S+_j = e^{i phi_j} S~+_j to the physical one, rho_physical =
    u rho u^+; d is the dimension of all sites, the last of which runs fastest.
    """
    u: Array = np.ones(1)
    for site, phase in zip(sites, phases, strict=True):
        u = np.kron(u, np.exp(-1j * phase * state_charges(site)))
    return u
