"""The optimum is that of a general solver; ill-posed problems end in an honest bound."""

import numpy as np
import pytest
from scipy import sparse

from impo import Jump, LindbladModel, Spin, Term, bounds
from impo.semidefinite.constraints import Constraints
from impo.semidefinite.interior_point import best_multipliers
from impo.semidefinite.observable import elements, terms_of
from impo.semidefinite.relaxation import relaxation
from models import gain_loss, ising, xyz


def optimum_by_clarabel(relaxed, values):
    """Return the largest t for which C - sum_i y_i A_i - t is positive; real models only."""
    import clarabel

    window = relaxed.window
    upper = np.flatnonzero(window.bra <= window.ket)
    places = [window.number(window.bra[upper], window.ket[upper])]
    size = np.repeat(np.arange(len(window.blocks)), [len(b) ** 2 for b in window.blocks])[upper]
    order = np.lexsort((window.bra[upper], window.ket[upper], size))  # column by column
    places = places[0][order]
    scale = np.where(window.bra[places] == window.ket[places], 1.0, np.sqrt(2))
    identity = sparse.csr_array((window.bra == window.ket)[None, :].astype(float))
    columns = sparse.vstack([relaxed.constraints, identity])[:, places]
    matrix = sparse.csc_matrix((columns @ sparse.diags_array(scale)).T)
    cost = np.zeros(matrix.shape[1])
    cost[-1] = -1.0
    cones = [clarabel.PSDTriangleConeT(len(block)) for block in window.blocks]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    none = sparse.csc_matrix((len(cost), len(cost)))
    solver = clarabel.DefaultSolver(none, cost, matrix, values[places] * scale, cones, settings)
    return solver.solve().x[-1]


@pytest.mark.parametrize(
    ("model", "sites"),
    [(gain_loss.chain(0.5, gain=1.5, loss=1.0), 5), (gain_loss.chain(0.5, gain=0.5, loss=0.5), 5),
     (gain_loss.chain(1, gain=1.5, loss=1.0), 4)],
)  # fmt: skip
def test_the_optimum_is_that_of_a_general_solver(model, sites):
    pytest.importorskip("clarabel")
    relaxed = relaxation(model, sites)
    wanted = elements(relaxed, terms_of(model, "Sz", 0), "Sz").values
    found = bounds(model, "Sz", sites=sites, tol=1e-7)
    assert found.lower == pytest.approx(optimum_by_clarabel(relaxed, wanted), abs=1e-6)
    assert found.upper == pytest.approx(-optimum_by_clarabel(relaxed, -wanted), abs=1e-6)


@pytest.mark.parametrize("model", [gain_loss.chain(0.5), ising.chain()], ids=["real", "complex"])
def test_the_matrix_of_a_step_is_that_of_dense_products(model):
    relaxed = relaxation(model, 4)
    constraints, window = Constraints(relaxed.window, relaxed.constraints), relaxed.window
    identity = (window.bra == window.ket).astype(float)
    dense = np.vstack([relaxed.constraints.toarray(), identity])
    rng = np.random.default_rng(2)
    pairs, known, traces = [], 0, 0
    for n, states in enumerate(window.blocks):
        size = len(states)
        half = rng.normal(size=(2, size, size)) + 1j * rng.normal(size=(2, size, size))
        half = half.real if relaxed.generator.real else half
        y, z = half @ half.conj().transpose(0, 2, 1)
        some = dense[:, window.starts[n] : window.starts[n + 1]].reshape(-1, size, size)
        known = known + np.einsum("iab,bc,jcd,da->ij", some, y, some, z, optimize=True)
        traces = traces + np.einsum("iab,ba->i", some, y)
        pairs.append((y, z))
    left, right = zip(*pairs, strict=True)
    assert constraints.products(left, right) == pytest.approx(known.real, abs=1e-9)
    assert constraints.traces(left) == pytest.approx(traces.real, abs=1e-10)
    weights = rng.normal(size=len(constraints))
    for n, block in enumerate(constraints.combination(weights)):
        assert block.ravel() == pytest.approx(
            weights @ dense[:, window.starts[n] : window.starts[n + 1]]
        )


@pytest.mark.parametrize(
    "model",
    [
        gain_loss.chain(0.5, gain=0.0, loss=1.0),  # all spins down: no state inside the cone
        LindbladModel((Spin(0.5),), (Term(1.0, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),),
                      (Jump(1.0, "Sz", 0),)),  # every magnetisation is stationary
        xyz.chain(1e-6, 1.0, 1.0, 1e-6),
        gain_loss.chain(0.5, gain=1e-8, loss=1e-8),
        gain_loss.chain(0.5, gain=1e8, loss=1.0),
        LindbladModel((Spin(0.5),), (), (Jump(0.0, "Id", 0),)),
    ],
    ids=["pure", "conserved", "near_symmetry", "weak", "stiff", "nothing"],
)  # fmt: skip
def test_ill_posed_problems_end_in_an_interval(model):
    found = bounds(model, "Sz", sites=4)
    assert -0.5 - 1e-9 <= found.lower <= found.upper <= 0.5 + 1e-9
    if model.jumps[0].op == "Id":
        assert found.width > 0.99
    elif model.jumps[0].rate == 0:
        assert -0.5 in found
        assert found.width < 1e-3
    if model.jumps[0].op == "Sz":
        assert found.width > 0.99


def test_the_steps_are_few():
    model = gain_loss.chain(0.5, gain=1.5, loss=1.0)
    relaxed = relaxation(model, 6)
    wanted = elements(relaxed, terms_of(model, "Sz", 0), "Sz").values
    gaps = []
    best_multipliers(
        relaxed.window.split(wanted), Constraints(relaxed.window, relaxed.constraints), 1e-6,
        lambda size, gap: gaps.append(gap),
    )  # fmt: skip
    assert len(gaps) < 20
    assert gaps[-1] < 1e-6
