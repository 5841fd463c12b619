"""Conserved local densities: found where they exist, and nowhere else."""

import pytest

from impo import Boson, Exact, Jump, LindbladModel, Spin, Status, Term, steady_state
from impo.operators.conserved import conserved_densities
from impo.operators.liouvillian import infinite_chain
from models import gain_loss, ising, xy_decay, xyz
from tests.hidden_laws import models
from tests.jump_models import FAR, NEIGHBOURS

HALF = Spin(0.5)
HIDDEN = [*models(7, 60, 0.5), *models(8, 12, 1)]  # a dark pair is every third
EXCHANGE = Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (LindbladModel((HALF,), (EXCHANGE,), (Jump(1, "Sz", 0),)), "Sz[site 0] + Sz[site 0, ce"),
        (  # only the sum over a Heisenberg chain that noise does not turn is conserved
            LindbladModel(
                (HALF,), (EXCHANGE, Term(1, ("Sz", 0, 0), ("Sz", 0, 1))), (Jump(1, "Sx", 0),)
            ),
            "Sx[site 0] + Sx[site 0, cell 1]",
        ),
        (  # a closed site beside a damped one
            LindbladModel(
                (HALF, HALF),
                (Term(0.5, ("Sx", 1, 0)), Term(0.3, ("Sx", 0, 0))),
                (Jump(1, "S-", 0),),
            ),
            "Sx[site 1]",
        ),
        (  # two spins that are in a singlet stay so
            LindbladModel(
                (HALF,) * 3,
                (
                    Term(1, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
                    Term(1, ("S+", 2, 0), ("S-", 1, 0), plus_hc=True),
                ),
                (Jump(1, "S-", 1),),
            ),
            "Sz[site 0] Sz[site 2]",
        ),
        (  # S_z^2 of a spin 1
            LindbladModel(
                (Spin(1),),
                (Term(0.5, ("S+", 0, 0), ("S+", 0, 0), plus_hc=True),),
                (Jump(1, "Sz", 0),),
            ),
            "T2[site 0",
        ),
        (LindbladModel((Boson(4),), (Term(1, ("N", 0, 0)),), (Jump(1, "N", 0),)), "T1[site 0"),
        (  # asymmetric hops conserve the magnetisation
            LindbladModel((HALF,), (), (Jump(1, Term(1, ("S+", 0, 0), ("S-", 0, 1))),)),
            "Sz[site 0] + Sz[site 0, cell 1]",
        ),
        (  # losses of neighbouring pairs conserve the difference of the sublattices
            LindbladModel(
                (HALF,), (), (Jump(1, Term(1j, ("S-", 0, 0), ("S-", 0, 1))), Jump(0.3, "Sz", 0))
            ),
            "Sz[site 0] - Sz[site 0, cell 1]",
        ),
    ],
)
def test_finds_and_names_what_is_conserved(model, text):
    found = conserved_densities(model)
    assert len(found) > 0
    assert text in str(found)


@pytest.mark.parametrize(
    "model",
    [
        gain_loss.chain(0.5, 1.0, 0.5, 1.5, 1.0),
        gain_loss.chain(2, 1.0, 0.5, 1.5, 1.0),
        gain_loss.chain(0.5, 1e-8, 0.0, 1.0, 0.0),  # slow, but nothing is conserved
        ising.chain(),
        xyz.chain(),
        xy_decay.chain(0.5),
        LindbladModel((HALF,), (Term(0.7, ("Sx", 0, 0)),), (Jump(1, "S-", 0),)),
        LindbladModel((HALF,), (EXCHANGE,), (Jump(1.0, "Sz", 0), Jump(1e-9, "S-", 0))),
        LindbladModel((Boson(4),), (Term(1, ("N", 0, 0)),), (Jump(1, "B", 0),)),
        *NEIGHBOURS.values(),
        *FAR.values(),
    ],
)
def test_finds_nothing_where_the_state_is_unique(model):
    assert len(conserved_densities(model)) == 0


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(model, marks=[pytest.mark.slow] * (number % 4 > 0))
        for number, model in enumerate(HIDDEN)
    ],
)
def test_hidden_conservation_laws(model):
    """None is missed, in no unit of time."""
    found = conserved_densities(model)
    assert len(found) > 0
    scaled = LindbladModel(
        model.sites,
        [Term(1e4 * term.coefficient, *term.factors) for term in model.hamiltonian],
        [Jump(1e4 * jump.rate, jump.op, jump.site) for jump in model.jumps],
    )
    assert len(conserved_densities(scaled)) == len(found)


@pytest.mark.parametrize("model", HIDDEN[2:12:3])
def test_agrees_with_the_null_space_of_a_cluster(model):
    """Pairs in cells that are not coupled: a conserved density is a second null vector."""
    assert max(max(c.positions) for c in infinite_chain(model, charges=False).components) <= 5
    exact = steady_state(model, Exact())
    assert exact.status is Status.FAILED
    assert exact.diagnostics["null_space_dimension"] > 1
    assert len(conserved_densities(model)) > 0


def test_does_not_depend_on_rounding_of_large_rates():
    """A strongly damped neighbour makes a slow mode, not a conserved one."""
    for strong in (1e3, 1e6):
        model = LindbladModel(
            (HALF, HALF),
            (Term(0.5, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),),
            (Jump(strong, "S-", 0), Jump(0.2 / strong, "S+", 1)),
        )
        assert len(conserved_densities(model)) == 0
