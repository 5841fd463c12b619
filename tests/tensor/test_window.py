"""Operators in the Heisenberg picture against states that evolve."""

import numpy as np
import pytest

from impo import ITEBD, Jump, LindbladModel, Spin, Term, evolve
from impo.operators.liouvillian import infinite_chain, kept_charges
from impo.operators.local import local_operators
from impo.tensor.environment import TraceEnvironment
from impo.tensor.gates import physical_legs
from impo.tensor.matrix_product import Truncation, product_state
from impo.tensor.overlap import Overlap
from impo.tensor.window import Adjoint
from models import gain_loss


def anisotropic():
    """A chain without a charge."""
    coupling = ((0.8, "Sx"), (0.5, "Sy"), (0.3, "Sz"))
    return LindbladModel(
        (Spin(0.5),),
        (*(Term(c, (op, 0, 0), (op, 0, 1)) for c, op in coupling), Term(0.7, ("Sx", 0, 0))),
        (Jump(0.6, "S-", 0), Jump(0.3, "Sz", 0)),
    )


def complex_chain():
    """A chain with a charge, but no gauge in which the Liouvillian is real."""
    hop = Term(0.7 + 0.4j, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    return LindbladModel(
        (Spin(0.5),), (hop, Term(0.6, ("Sz", 0, 0), ("Sz", 0, 1)), Term(0.9, ("Sz", 0, 0))),
        (Jump(0.6, "S-", 0), Jump(0.2, "S+", 0)),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "charges"),
    [
        (gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7), True),
        (gain_loss.chain(1.0, 1.0, 0.4, 1.5, 0.7), True),
        (anisotropic(), False),
        (complex_chain(), True),
    ],
    ids=["charge", "spin 1", "no charge", "complex"],
)
def test_the_mean_in_a_product_state_moves_as_the_state_does(model, charges):
    generator = kept_charges(infinite_chain(model, charges=charges))
    adjoint = Adjoint(generator, 2, 0.5)
    site = generator.sites[0]
    operators = local_operators(site)
    up = np.eye(site.dimension)[0]
    start = [(np.outer(up, up), np.eye(site.dimension) / site.dimension)[n % 2] for n in range(2)]
    start = start[: len(model.sites)]
    window = adjoint.window(1, operators["Sz"]).evolved(adjoint.step(0.05), 12, Truncation(64))
    bases = generator.bases(2)
    coefficients = [
        bases[n].expand(generator.rotated(n, start[n % len(start)])) for n in range(len(bases))
    ]
    coefficients = [c.real if generator.real else c for c in coefficients]
    product = product_state(coefficients, physical_legs(generator, bases), True, generator.mirror)
    common = [(np.arange(len(basis)), np.arange(len(basis))) for basis in bases]
    overlap = Overlap(window, TraceEnvironment(product, bases, 0.0), common, 0, 2)
    moved = evolve(model, ITEBD(chi_max=32, tol=1e-5, charges=charges), start, [0.6])
    right = moved.expect("Sz")
    value, error = right.value[0, 1 % len(start)], right.error[0, 1 % len(start)]
    assert overlap.expectation() == pytest.approx(value, abs=max(2 * error, 1e-7))
    assert error < 1e-4


def test_a_window_does_not_grow_beyond_what_the_operator_reaches():
    """Decoupled dimers: the other site of the dimer is all."""
    generator = kept_charges(infinite_chain(gain_loss.chain(0.5, 1.0, 0.0, 1.5, 0.7)))
    adjoint = Adjoint(generator, 1, 0.0)
    window = adjoint.window(0, local_operators(Spin(0.5))["S+"])
    window = window.evolved(adjoint.step(0.1), 20, Truncation(32, 1e-12))
    assert (window.first, window.end) == (0, 2)
    assert window.product.bond_dimension <= 4
    identity = adjoint.window(0, np.eye(2)).evolved(adjoint.step(0.1), 20, Truncation(32, 1e-12))
    assert len(identity.product) == 2
    assert identity.product.bond_dimension == 1


@pytest.mark.parametrize("first", [0, 1], ids=["in a cell", "between cells"])
def test_a_product_of_neighbours_moves_as_their_correlation_does(first):
    """And other products act on the state in front of it: at time zero traces of matrices."""
    model = gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7)
    generator = kept_charges(infinite_chain(model))
    adjoint, bases = Adjoint(generator, 1, 0.5), generator.bases(1)
    raise_, lower, flat = (local_operators(Spin(0.5))[name] for name in ("S+", "S-", "Sz"))
    start = [np.diag([0.9, 0.1]), np.diag([0.2, 0.8])]
    coefficients = [bases[n].expand(generator.rotated(n, start[n % 2])).real for n in range(2)]
    product = product_state(coefficients, physical_legs(generator, bases), True, generator.mirror)
    environment = TraceEnvironment(product, bases, 0.0)
    common = [(np.arange(len(basis)), np.arange(len(basis))) for basis in bases]
    window = adjoint.window(first, raise_, lower)

    seconds = [(lower, raise_), (flat, flat)]
    actions = [
        np.array([bases[p % 2].left(generator.rotated(p, pair[n])) for pair in seconds])
        for n, p in enumerate((first, first + 1))
    ]
    found = Overlap(window, environment, common, first, first + 2).with_operators(first, *actions)
    rho = np.kron(start[first], start[1 - first])
    expected = [np.trace(np.kron(raise_, lower) @ np.kron(*pair) @ rho) for pair in seconds]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert abs(found[0]) > 0.01

    window = window.evolved(adjoint.step(0.05), 12, Truncation(64))
    moved = evolve(model, ITEBD(chi_max=32, tol=1e-5), start, [0.6])
    after = moved.correlation("S+", "S-", (first, 1 - first), max_cells=1)
    value, error = after.value[0, first], after.error[0, first]
    mean = Overlap(window, environment, common, first, first + 2).expectation()
    assert mean == pytest.approx(value, abs=max(2 * error, 1e-7))
    assert abs(value) > 0.01
