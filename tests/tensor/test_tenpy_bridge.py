"""The matrix product operator against dense Liouvillians, and tensors to TeNPy and back."""

from functools import reduce
from itertools import pairwise, product

import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.model import Jump, LindbladModel, Spin, Term
from impo.operators.liouvillian import finite_cluster, infinite_chain
from impo.operators.local import local_operators
from impo.tensor.tenpy_bridge import canonical, from_mps, liouvillian_model, operator_sites, to_mps
from models import gain_loss, ising, xy_decay, xyz
from tests.jump_models import FAR, NEIGHBOURS


def with_field(S):
    """The gain-loss chain with XXZ couplings and a field: a charge, but no real gauge."""
    base = gain_loss.chain(S=S, g=1.0, h=0.6, gain=1.3, loss=0.8)
    terms = (
        *base.terms,
        Term(0.7, ("Sz", 0, 0), ("Sz", 1, 0)),
        Term(0.4, ("Sz", 1, 0), ("Sz", 0, 1)),
        Term(0.3, ("Sz", 0, 0)),
    )
    return LindbladModel(base.sites, terms, base.jumps)


def three_spins():
    """A three-site cell with terms on two neighbours, on two distant sites and on three."""
    terms = (
        Term(0.5, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
        Term(0.3, ("S+", 1, 0), ("S-", 0, 1), plus_hc=True),
        Term(0.2, ("S+", 1, 0), ("Sz", 2, 0), ("S-", 0, 1), plus_hc=True),
    )
    return LindbladModel(
        (Spin(0.5), Spin(0.5), Spin(0.5)), terms, (Jump(0.9, "S+", 0), Jump(0.4, "S-", 2))
    )


MODELS = {
    "real gauge, S=1/2": (gain_loss.chain(0.5, g=1.0, h=0.6, gain=1.3, loss=0.8), 4),
    "real gauge, S=1": (gain_loss.chain(1, g=1.0, h=0.6, gain=1.3, loss=0.8), 3),
    "real gauge, S=3/2": (gain_loss.chain(1.5, g=1.0, h=0.6, gain=1.3, loss=0.8), 2),
    "complex charge, S=1/2": (with_field(0.5), 4),
    "complex charge, S=1": (with_field(1), 3),
    "complex charge, S=3/2": (with_field(1.5), 2),
    "one site, S=1": (xy_decay.chain(1, g=1.0, loss=0.7), 3),
    "Ising": (ising.chain(J=1.0, field=0.4, loss=0.9), 4),
    "XYZ": (xyz.chain(), 4),
    "correlated jumps": (NEIGHBOURS["correlated"], 4),
    "nonreciprocal jumps, S=1": (NEIGHBOURS["nonreciprocal, S = 1"], 3),
    "jumps without a charge": (NEIGHBOURS["general"], 4),
    "jumps of range 3": (FAR["range 3"], 4),
    "three sites": (three_spins(), 4),
}


def dense_liouvillian(model, n, start=0, alone=False):
    """The Liouvillian of n sites from `start`, from the description alone, on C^d (x) C^d.

    Of a jump that leaves these sites, what pairs of products on them give; nothing if they stand
    `alone`.
    """
    cell = len(model.sites)
    sites = [model.sites[p % cell] for p in range(start, start + n)]
    names = [local_operators(site) for site in sites]

    def embed(factors):
        return reduce(
            np.kron,
            [
                reduce(np.matmul, [names[i][op] for op, p in factors if p == i], names[i]["Id"])
                for i in range(n)
            ],
        )

    one = np.eye(int(np.prod([site.dimension for site in sites])))
    total = 0j * np.kron(one, one)
    for shift in range(-4, n + 3):

        def inside(terms, shift=shift):
            """Return the products that lie on these sites."""
            placed = [
                (x.coefficient, [(op, (c[0] + shift) * cell + s - start) for op, s, c in x.factors])
                for x in terms
            ]
            return [
                value * embed(factors)
                for value, factors in placed
                if all(0 <= p < n for _, p in factors)
            ]

        for H in inside(model.hamiltonian):
            total += -1j * (np.kron(H, one) - np.kron(one, H.T))
        for jump in model.jumps:
            parts = inside(jump.products(1))
            if alone and len(parts) < len(jump.products(1)):
                continue
            for L, other in product(parts, repeat=2):
                K = other.conj().T @ L / 2
                pair = np.kron(L, other.conj()) - np.kron(K, one) - np.kron(one, K.T)
                total += jump.rate * pair
    return total


def operator_columns(generator, bases, n, start=0):
    """Columns T_x1 (x) T_x2 ..., turned from the rotated to the physical frame, as vectors."""
    columns = np.ones((1, 1, 1))
    for position in range(start, start + n):
        basis = bases[position % len(bases)]
        local = basis.matrices * np.exp(-1j * generator.phase(position) * basis.q)[:, None, None]
        columns = np.einsum("xij,ykl->xyikjl", columns, local)
        a, b, i, k, j, m = columns.shape
        columns = columns.reshape(a * b, i * k, j * m)
    return columns.reshape(len(columns), -1).T


def dense_mpo(mpo, n, start=0):
    """The part of an MPO that lies within n sites, in the order of the operator bases."""
    left = np.eye(mpo.get_W(start).get_leg("wL").ind_len)[mpo.get_IdL(start)]
    total = left[:, None, None]
    for i in range(start, start + n):
        order = np.argsort(mpo.sites[i % mpo.L].perm)
        W = mpo.get_W(i).transpose(["wL", "wR", "p", "p*"]).to_ndarray()[:, :, order][..., order]
        total = np.einsum("aij,abkl->bikjl", total, W)
        b, i_, k, j, m = total.shape
        total = total.reshape(b, i_ * k, j * m)
    return total[mpo.get_IdR(start + n - 1)]


@pytest.mark.parametrize("charges", [True, False])
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * name.endswith("S=1")) for name in MODELS],
)
def test_infinite_operator_is_the_sum_of_dense_terms(name, charges):
    model, n = MODELS[name]
    generator = infinite_chain(model)
    bases = generator.bases()
    mpo = liouvillian_model(generator, bases, charges=charges).H_MPO
    mpo.test_sanity()
    for start in (0, 1):
        columns = operator_columns(generator, bases, n, start)
        exact = columns.conj().T @ dense_liouvillian(model, n, start) @ columns
        np.testing.assert_allclose(dense_mpo(mpo, n, start), exact, atol=1e-12)
    assert (mpo.dtype == np.float64) == generator.real


@pytest.mark.parametrize("name", MODELS)
def test_finite_operator_is_the_dense_liouvillian(name):
    model, n = MODELS[name]
    cells = n // len(model.sites)
    n = cells * len(model.sites)
    generator = finite_cluster(model, cells)
    bases = generator.bases()
    mpo = liouvillian_model(generator, bases, bc="finite").H_MPO
    columns = operator_columns(generator, bases, n)
    exact = columns.conj().T @ dense_liouvillian(model, n, alone=True) @ columns
    np.testing.assert_allclose(dense_mpo(mpo, n), exact, atol=1e-12)


@pytest.mark.parametrize("charges", [True, False])
@pytest.mark.parametrize(
    ("name", "k_max"),
    [
        ("real gauge, S=1", None),
        ("real gauge, S=1", 1),
        ("complex charge, S=3/2", None),
        ("complex charge, S=3/2", 2),
        ("one site, S=1", 1),
    ],
)
def test_hermitian_and_cut_bases(name, k_max, charges):
    """Without charges (Hermitian operators), and projected to low ranks."""
    model, n = MODELS[name]
    generator = infinite_chain(model, charges=charges)
    bases = generator.bases(k_max)
    mpo = liouvillian_model(generator, bases).H_MPO
    columns = operator_columns(generator, bases, n, 1)
    exact = columns.conj().T @ dense_liouvillian(model, n, 1) @ columns
    np.testing.assert_allclose(dense_mpo(mpo, n, 1), exact, atol=1e-12)
    assert mpo.dtype == (np.float64 if generator.real else np.complex128)


@pytest.mark.parametrize("charges", [True, False])
@pytest.mark.parametrize("name", ["real gauge, S=1", "complex charge, S=1/2", "XYZ"])
def test_the_weight_is_a_similarity_transformation(name, charges):
    model, n = MODELS[name]
    generator = infinite_chain(model, charges=charges)
    bases = generator.bases()
    scale = np.ones(1)
    for position in range(n):
        scale = np.kron(scale, (2.0 * bases[position % len(bases)].k + 1) ** -1.5)
    plain = dense_mpo(liouvillian_model(generator, bases).H_MPO, n)
    weighted = dense_mpo(liouvillian_model(generator, bases, weight=1.5).H_MPO, n)
    np.testing.assert_allclose(weighted, scale[:, None] * plain / scale, atol=1e-11)
    assert np.abs(weighted - plain).max() > 0.1


def test_models_cover_all_kinds_of_generator():
    kinds = {(g.real, len(g.charges)) for g in (infinite_chain(m) for m, _ in MODELS.values())}
    assert {(True, 1), (False, 1), (True, 0)} <= kinds


def test_the_trace_is_conserved():
    generator = infinite_chain(gain_loss.chain(1, gain=1.3, loss=0.8))
    bases = generator.bases()
    L = dense_mpo(liouvillian_model(generator, bases).H_MPO, 2)
    assert np.abs(np.kron(bases[0].trace, bases[1].trace) @ L).max() < 1e-13


def test_a_tile_is_no_finite_chain():
    generator = infinite_chain(gain_loss.chain(0.5))
    with pytest.raises(ArgumentError, match="finite cluster"):
        liouvillian_model(generator, generator.bases(), bc="finite")


def random_tensors(generator, bases, chis, rng, spread=2):
    """Tensors that obey the charge rule, with unsorted charges on the bonds; not canonical."""
    n = len(bases)
    C = len(generator.charges)
    charges = [rng.integers(-spread, spread + 1, (chi, C)) for chi in chis]
    for bond in charges:
        bond[0] = 0
    tensors = []
    for i, basis in enumerate(bases):
        left, right = charges[i], charges[(i + 1) % n]
        q = np.outer(basis.q, generator.charges[:, i])
        allowed = (left[:, None, None] + q[None, :, None] == right[None, None]).all(-1)
        tensor = rng.normal(size=allowed.shape)
        if not generator.real:
            tensor = tensor + 1j * rng.normal(size=allowed.shape)
        tensors.append(np.where(allowed, tensor, 0))
    return tensors, charges


def transfer(tensors, others):
    """The transfer matrix <others|tensors> of a tile."""
    total = None
    for B, A in zip(tensors, others, strict=True):
        E = np.einsum("apb,cpd->acbd", B, A.conj())
        E = E.reshape(E.shape[0] * E.shape[1], -1)
        total = E if total is None else total @ E
    return total


@pytest.mark.parametrize(
    "name", ["real gauge, S=1", "complex charge, S=1/2", "one site, S=1", "XYZ"]
)
def test_infinite_state_there_and_back(name):
    generator = infinite_chain(MODELS[name][0])
    bases = generator.bases()
    rng = np.random.default_rng(5)
    tensors, charges = random_tensors(generator, bases, [7, 9], rng)
    sites = operator_sites(generator, bases)
    mps = to_mps(sites, tensors, charges)
    mps.test_sanity()
    assert mps.norm_test().max() < 1e-10

    canonical_tensors, bonds, values = from_mps(mps)
    for B in canonical_tensors:
        one = np.einsum("apb,cpb->ac", B, B.conj())
        np.testing.assert_allclose(one, np.eye(len(one)), atol=1e-12)
    # the same state: the mixed transfer matrix has as large an eigenvalue as the original one
    own = np.abs(np.linalg.eigvals(transfer(tensors, tensors))).max()
    mixed = np.abs(np.linalg.eigvals(transfer(tensors, canonical_tensors))).max()
    assert mixed == pytest.approx(np.sqrt(own), rel=1e-12)

    again = to_mps(sites, canonical_tensors, bonds, values)
    again.test_sanity()
    assert again.norm_test().max() < 1e-10
    orders = [
        np.argsort(bond.sum(axis=1), kind="stable") for bond in bonds
    ]  # to_mps sorts the bonds by charge
    for i, new in enumerate(from_mps(again)[0]):
        old = canonical_tensors[i][orders[i]][:, :, orders[(i + 1) % 2]]
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("name", ["real gauge, S=1/2", "complex charge, S=1/2", "XYZ"])
def test_finite_state_there_and_back(name):
    model, _ = MODELS[name]
    generator = finite_cluster(model, 4 // len(model.sites))
    bases = generator.bases()
    rng = np.random.default_rng(6)
    tensors, charges = random_tensors(generator, bases, [1, 6, 9, 7], rng)
    mps = to_mps(operator_sites(generator, bases), tensors, charges, bc="finite")
    mps.test_sanity()
    assert mps.norm_test().max() < 1e-10

    def dense(tensors):
        vector = reduce(lambda v, B: np.tensordot(v, B, (-1, 0)), tensors).ravel()
        return vector / np.linalg.norm(vector)

    expected = dense(tensors)
    found, bonds, values = from_mps(mps)
    assert abs(np.vdot(expected, dense(found))) == pytest.approx(1.0, abs=1e-12)
    for i in range(3):  # singular values against those of the dense vector
        size = int(np.prod([len(basis) for basis in bases[: i + 1]]))
        exact = np.linalg.svd(expected.reshape(size, -1), compute_uv=False)
        np.testing.assert_allclose(
            np.sort(values[i + 1])[::-1], exact[: len(values[i + 1])], atol=1e-12
        )
    again = to_mps(operator_sites(generator, bases), found, bonds, values, bc="finite")
    assert again.norm_test().max() < 1e-10


def test_site_permutation_keeps_the_operator_order():
    generator = infinite_chain(xy_decay.chain(1))  # weights 1, -1
    bases = generator.bases()
    sites = operator_sites(generator, bases)
    for site, basis, weight in zip(sites, bases, generator.charges[0], strict=True):
        charges = site.leg.to_qflat()[:, 0]
        assert all(a <= b for a, b in pairwise(charges))
        np.testing.assert_array_equal(charges, weight * basis.q[site.perm])
        assert all(site.perm[site.state_index(f"T{x}")] == x for x in range(len(basis)))
    assert any(np.any(site.perm != np.arange(site.dim)) for site in sites)


def test_bad_tensors_are_refused():
    generator = infinite_chain(gain_loss.chain(0.5))
    bases = generator.bases()
    sites = operator_sites(generator, bases)
    tensors, charges = random_tensors(generator, bases, [4, 5], np.random.default_rng(0))
    with pytest.raises(ArgumentError, match="break charge"):
        to_mps(sites, [np.ones_like(B) for B in tensors], charges)
    with pytest.raises(ArgumentError, match="length 2"):
        to_mps(sites, tensors[:1], charges)
    with pytest.raises(ArgumentError, match="`charges` must have length 2"):
        to_mps(sites, tensors, charges[:1])
    with pytest.raises(ArgumentError, match=r"the lengths \[4, 5\]"):
        to_mps(sites, tensors, charges, [np.ones(4), np.ones(4)])
    with pytest.raises(ArgumentError, match="fit together"):
        to_mps(sites, [tensors[0][:, :, :-1], tensors[1]], charges)
    with pytest.raises(ArgumentError, match="hold 1 integer"):
        to_mps(sites, tensors, [charges[0][:-1], charges[1]])
    with pytest.raises(ArgumentError, match="one of infinite, finite"):
        to_mps(sites, tensors, charges, bc="segment")


def test_a_state_without_canonical_form_is_refused():
    """Nilpotent tensors: the infinite state has norm zero."""
    generator = infinite_chain(ising.chain())
    sites = operator_sites(generator, generator.bases())
    B = np.zeros((2, 4, 2))
    B[0, 0, 1] = 1
    with pytest.raises(ArithmeticError, match="No canonical form"):
        to_mps(sites, [B, B], [np.zeros((2, 0))] * 2)
    B[0, 0, 1] = np.nan
    with pytest.raises(ArgumentError, match="finite"):
        to_mps(sites, [B, B], [np.zeros((2, 0))] * 2)


def test_canonical_leaves_its_argument_alone():
    generator = infinite_chain(gain_loss.chain(0.5))
    bases = generator.bases()
    tensors, charges = random_tensors(generator, bases, [4, 5], np.random.default_rng(1))
    mps = to_mps(operator_sites(generator, bases), tensors, charges)
    mps.set_B(0, 2 * mps.get_B(0), form=None)
    before = mps.get_B(0, None).to_ndarray()
    assert canonical(mps).norm_test().max() < 1e-10
    np.testing.assert_array_equal(before, mps.get_B(0, None).to_ndarray())


def test_canonical_form_of_a_canonical_state():
    """Twice is once, and a small change is repaired without losing small singular values."""
    generator = infinite_chain(gain_loss.chain(1))
    bases = generator.bases()
    tensors, charges = random_tensors(generator, bases, [12, 14], np.random.default_rng(4))
    for tensor in tensors:
        tensor *= 0.03 ** np.arange(tensor.shape[2])  # singular values down to 1e-12 or less
    mps = to_mps(operator_sites(generator, bases), tensors, charges)
    assert min(mps.get_SL(i).min() for i in range(2)) < 1e-10
    once = canonical(mps)
    assert once.chi == mps.chi
    mps.set_B(0, mps.get_B(0) + 1e-6 * mps.get_B(0) * np.pi, form="B")
    mps.set_SL(0, mps.get_SL(0) * (1 + 1e-6 * np.arange(mps.chi[-1])))
    repaired = canonical(mps)
    assert repaired.norm_test().max() < 1e-12
    assert repaired.chi == mps.chi
