"""The operators of a relaxation: none has an expectation value, none depends on the others."""

import numpy as np
import pytest
from scipy import sparse

from impo import Exact, Jump, LindbladModel, Spin, Term, steady_state
from impo.semidefinite.relaxation import _pruned, relaxation
from impo.semidefinite.window import Window, block_sizes
from models import gain_loss, ising, xyz


def uniform(op):
    """Return a chain with one site in the cell: XX coupling, gain and loss."""
    return LindbladModel(
        (Spin(0.5),),
        (Term(0.7, ("S+", 0, 0), (op, 0, 1), plus_hc=True),),
        (Jump(1.0, "S-", 0), Jump(0.4, "S+", 0)),
    )


MODELS = {
    "gain_loss": gain_loss.chain(0.5, gain=1.5, loss=1.0),
    "spin_one": gain_loss.chain(1.0, gain=1.5, loss=1.0),
    "one_site": uniform("S-"),
    "staggered_charge": uniform("S+"),
    "moving_frame": LindbladModel(  # whose real gauge differs from tile to tile
        (Spin(0.5), Spin(0.5)),
        (
            Term(0.6, ("S+", 0, 0), ("S+", 1, 0), plus_hc=True),
            Term(0.5 * np.exp(0.7j), ("S+", 1, 0), ("S+", 0, 1), plus_hc=True),
        ),
        (Jump(1.0, "S-", 0), Jump(0.3, "S+", 0), Jump(0.8, "S-", 1)),
    ),
    "no_charge": ising.chain(),
    "xyz": xyz.chain(0.9, 1.2, 0.4, 0.8),
    "next_neighbours": LindbladModel(
        (Spin(0.5),),
        (
            Term(0.5, ("S+", 0, 0), ("S-", 0, 2), plus_hc=True),
            Term(0.3, ("Sz", 0, 0), ("Sz", 0, 1)),
        ),
        (Jump(1.0, "S-", 0), Jump(0.4, "S+", 0)),
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_operators_vanish_in_the_steady_state_of_a_ring(name):
    """A ring that is longer than the window obeys all that an infinite chain does."""
    model = MODELS[name]
    unit = len(model.sites)
    cells = (4 if name == "spin_one" else 6) // unit
    sites = cells * unit - 1
    relaxed = relaxation(model, sites)
    positions = range(relaxed.first, relaxed.first + sites)
    state = steady_state(model, Exact(cells=cells, periodic=True, gap=False))
    part = state.density_matrix([(p % unit, p // unit % cells) for p in positions])
    u, window = relaxed.generator.frame(positions), relaxed.window
    rotated = u.conj()[:, None] * part * u
    elements = rotated[window.bra, window.ket]
    rotated[window.bra, window.ket] = 0
    assert np.abs(rotated).max() < 1e-9
    values = relaxed.constraints.conj() @ elements
    assert len(values) >= 4
    assert np.abs(values).max() < 1e-8


@pytest.mark.parametrize("name", MODELS)
def test_no_operator_is_a_sum_of_others(name):
    relaxed = relaxation(MODELS[name], 4 if name == "spin_one" else 5)
    dense = relaxed.constraints.toarray()
    real = np.hstack([dense.real, dense.imag])
    assert np.linalg.matrix_rank(real, tol=1e-9) == len(real)


@pytest.mark.parametrize("name", MODELS)
def test_operators_are_hermitian(name):
    relaxed = relaxation(MODELS[name], 5)
    swapped = relaxed.constraints[:, relaxed.window.transposed]
    assert abs(relaxed.constraints - swapped.conj()).max() < 1e-12
    assert np.isrealobj(relaxed.constraints.data) == relaxed.generator.real
    assert np.all(relaxed.uncertainty < 1e-10)


def test_what_is_pruned_is_counted():
    matrix = sparse.csr_array([[1.0, 3e-14, 0.0, 4e-14], [0.0, 2.0, 1e-3, 0.0]])
    kept, norms = _pruned(matrix)
    assert kept.toarray().tolist() == [[1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 1e-3, 0.0]]
    assert norms == pytest.approx([5e-14, 0.0])
    assert matrix.nnz == 5


def test_windows_begin_where_the_cut_couplings_are_weak():
    strong_inside = gain_loss.chain(0.5, g=1.0, h=0.2)
    assert relaxation(strong_inside, 6).first == 1  # bonds h g h g h: inner pairs are whole
    assert relaxation(gain_loss.chain(0.5, g=0.2, h=1.0), 6).first == 0
    assert relaxation(gain_loss.dimer(0.5), 4).first == 0  # nothing is cut: all sites are inner


def test_windows_of_sites_and_their_partial_traces():
    rng = np.random.default_rng(1)
    charges = np.array([[1, 1, -1]])
    sites = (Spin(0.5), Spin(1), Spin(0.5))
    window = Window(sites, charges)
    assert sorted(map(len, window.blocks)) == sorted(block_sizes(sites, charges))
    half = rng.normal(size=(12, 12))
    rho = np.zeros((12, 12))
    rho[window.bra, window.ket] = (half @ half.T)[window.bra, window.ket]
    elements = rho[window.bra, window.ket]
    for block, states in zip(window.split(elements), window.blocks, strict=True):
        assert np.array_equal(block, rho[np.ix_(states, states)])
    tensor = rho.reshape(2, 3, 2, 2, 3, 2)
    for first, known in ((0, "abcdec->abde"), (1, "abcaef->bcef")):
        part = Window(sites[first : first + 2], charges[:, first : first + 2])
        traced = np.einsum(known, tensor).reshape(6, 6)
        found = window.reduction(part, first) @ elements
        assert found == pytest.approx(traced[part.bra, part.ket])
