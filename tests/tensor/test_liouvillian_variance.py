"""Mean and variance of L per site against finite segments, dense operators and exact states."""

from functools import reduce

import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.model import LindbladModel, Term
from impo.operators.liouvillian import finite_cluster, infinite_chain
from impo.tensor.liouvillian_variance import liouvillian_variance
from impo.tensor.tenpy_bridge import from_mps, liouvillian_model, to_mps
from models import gain_loss, xy_decay, xyz

BASE = gain_loss.chain(0.5, g=1.0, h=0.6, gain=1.3, loss=0.8)
FIELD = LindbladModel(BASE.sites, (*BASE.terms, Term(0.3, ("Sz", 0, 0))), BASE.jumps)
LONG = LindbladModel(
    BASE.sites, (*BASE.terms, Term(0.3, ("Sz", 0, 0), ("Sz", 1, 2)),), BASE.jumps
)  # fmt: skip
MODELS = {
    "real gauge": gain_loss.chain(1, g=1.0, h=0.6, gain=1.3, loss=0.8),
    "complex": FIELD,
    "one site": xy_decay.chain(0.5, loss=0.7),
    "no charge": xyz.chain(),
    "five sites apart": LONG,
}


def random_mps(generator, bases, sites, chis, seed):
    """A random canonical state; charges of the bonds within -1 ... 1."""
    rng = np.random.default_rng(seed)
    weights = generator.charges
    bonds = [np.sort(rng.integers(-1, 2, (chi, len(weights))), axis=0) for chi in chis]
    tensors = []
    for i, basis in enumerate(bases):
        right = bonds[(i + 1) % len(bases)]
        q = np.outer(basis.q, weights[:, i])
        allowed = (bonds[i][:, None, None] + q[None, :, None] == right[None, None]).all(-1)
        tensor = rng.normal(size=allowed.shape) * np.exp(-0.5 * basis.k)[None, :, None]
        if not generator.real:
            tensor = tensor + 0.3j * rng.normal(size=allowed.shape)
        tensors.append(np.where(allowed, tensor, 0))
    return to_mps(sites, tensors, bonds)


def segment_moments(mps, mpo, tiles):
    """<L> and <L^+ L> for the terms of L inside 1, 2, ... tiles of the infinite state."""
    tensors, _, values = from_mps(mps)
    chi = len(values[0])
    state = np.zeros((chi, mpo.chi[0], mpo.chi[0], chi), complex)
    state[:, mpo.get_IdL(0), mpo.get_IdL(0), :] = np.diag(values[0] ** 2)
    out = []
    for _ in range(tiles):
        for i, B in enumerate(tensors):
            order = np.argsort(mpo.sites[i].perm)
            W = mpo.get_W(i).transpose(["wL", "wR", "p", "p*"]).to_ndarray()
            W = W[:, :, order][..., order]
            state = np.einsum("abcd,dpe->abcpe", state, B)
            state = np.einsum("abcpe,cfqp->abfqe", state, W, optimize=True)
            state = np.einsum("abfqe,bgqp->agfpe", state, W.conj(), optimize=True)
            state = np.einsum("agfpe,aph->hgfe", state, B.conj(), optimize=True)
        none, done = mpo.get_IdL(0), mpo.get_IdR(mps.L - 1)
        out.append((np.trace(state[:, none, done]), np.trace(state[:, done, done])))
    return np.array(out).T


@pytest.mark.parametrize("name", MODELS)
def test_growth_of_finite_segments(name):
    generator = infinite_chain(MODELS[name])
    bases = generator.bases()
    model = liouvillian_model(generator, bases)
    mps = random_mps(generator, bases, model.lat.mps_sites(), [6, 7], seed=3)
    mean, variance = liouvillian_variance(mps, model.H_MPO)
    first, second = segment_moments(mps, model.H_MPO, 40)
    spread = second.real - np.abs(first) ** 2
    n = mps.L
    assert mean == pytest.approx((first[-1] - first[-2]) / n, abs=1e-11)
    assert variance == pytest.approx((spread[-1] - spread[-2]) / n, abs=1e-9)
    assert variance > 0.1  # a random state is far from any eigenstate


def image(model, cells, state):
    """L applied to a dense state of an open chain, one axis per site."""
    generator = finite_cluster(model, cells)
    out = np.zeros(state.shape, complex)
    for positions, matrices in generator.superoperators(generator.bases()):
        part = state
        for p, matrix in zip(positions, matrices, strict=True):
            part = np.moveaxis(np.tensordot(matrix, part, (1, p)), 0, p)
        out += part
    return out


@pytest.mark.parametrize("name", ["real gauge", "complex", "no charge"])
def test_product_states_against_dense_operators(name):
    """Without correlations mean and variance of open chains grow by 2e and 2v per two sites."""
    model = MODELS[name]
    generator = infinite_chain(model)
    bases = generator.bases()
    lattice = liouvillian_model(generator, bases)
    rng = np.random.default_rng(2)
    local = [np.where(basis.q == 0, rng.normal(size=len(basis)), 0) for basis in bases]
    local = [vector / np.linalg.norm(vector) for vector in local]
    mps = to_mps(
        lattice.lat.mps_sites(),
        [vector[None, :, None] for vector in local],
        [np.zeros((1, len(generator.charges)))] * 2,
        [np.ones(1)] * 2,
    )
    moments = []
    for n in (2, 4):
        state = reduce(np.multiply.outer, [local[i % 2] for i in range(n)])
        moved = image(model, n // len(model.sites), state)
        first = np.vdot(state, moved)
        moments.append((first, np.linalg.norm(moved) ** 2 - abs(first) ** 2))
    mean, variance = liouvillian_variance(mps, lattice.H_MPO)
    assert mean == pytest.approx((moments[1][0] - moments[0][0]) / 2, abs=1e-12)
    assert variance == pytest.approx((moments[1][1] - moments[0][1]) / 2, abs=1e-12)
    assert abs(mean) > 0.1


def test_exact_steady_state_of_dimers():
    """Without coupling between cells the state is known: L rho = 0, so e = v = 0."""
    model = gain_loss.dimer(1, g=1.0, gain=1.3, loss=0.8)
    generator = infinite_chain(model)
    lattice = liouvillian_model(generator, generator.bases(), charges=False)
    dense = [image(model, 1, column.reshape(9, 9)).ravel().real for column in np.eye(81)]
    rho = np.linalg.svd(np.transpose(dense))[2][-1].reshape(9, 9)
    U, S, V = np.linalg.svd(rho)
    mps = to_mps(
        lattice.lat.mps_sites(),
        [(U * S)[None], V[:, :, None]],
        [np.zeros((1, 0)), np.zeros((9, 0))],
        [np.ones(1), S],
    )
    assert mps.norm_test().max() < 1e-10
    mean, variance = liouvillian_variance(mps, lattice.H_MPO)
    assert abs(mean) < 1e-13
    assert abs(variance) < 1e-13


def test_a_superposition_of_two_states_has_no_variance_per_site():
    """Where <L>/N differs between the two states the variance grows like N^2."""
    generator = infinite_chain(xyz.chain())
    lattice = liouvillian_model(generator, generator.bases())
    B = np.zeros((2, 4, 2))
    B[0, 0, 0] = 1
    B[1, :2, 1] = np.sqrt(0.5)
    weights = np.full(2, np.sqrt(0.5))
    mps = to_mps(lattice.lat.mps_sites(), [B, B], [np.zeros((2, 0))] * 2, [weights] * 2)
    with pytest.raises(ArithmeticError, match="does not converge"):
        liouvillian_variance(mps, lattice.H_MPO)


def test_other_states_are_refused():
    generator = infinite_chain(BASE)
    bases = generator.bases()
    model = liouvillian_model(generator, bases)
    mps = random_mps(generator, bases, model.lat.mps_sites(), [4, 5], seed=1)
    finite = liouvillian_model(
        finite_cluster(BASE, 1), finite_cluster(BASE, 1).bases(), bc="finite"
    )
    with pytest.raises(ArgumentError, match="infinite"):
        liouvillian_variance(mps, finite.H_MPO)
    mps.set_B(0, 2 * mps.get_B(0))
    with pytest.raises(ArgumentError, match="canonical"):
        liouvillian_variance(mps, model.H_MPO)
