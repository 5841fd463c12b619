"""The table "By the model" of docs/choose_a_method.md: which method treats what."""

import re
from pathlib import Path

import numpy as np
import pytest

from impo import (
    ITEBD,
    TEBD,
    TWA,
    ClusterMeanField,
    Exact,
    HolsteinPrimakoff,
    Jump,
    LindbladModel,
    MeanField,
    Spin,
    Term,
    UnsupportedModelError,
    evolve,
    steady_state,
)
from impo.operators.product_state import Coherent
from models import bose_hubbard, gain_loss, ladder

PAGE = (Path(__file__).parents[2] / "docs" / "choose_a_method.md").read_text()
ONE = Spin(1)
QUADRUPOLE = Spin(1, operators={"Q": np.diag([1.0, -2.0, 1.0])})


def spins(*more: Term | Jump, spin: Spin = ONE) -> LindbladModel:
    """Return a chain with hopping, gain and loss, and with more terms and jumps."""
    return LindbladModel(
        sites=(spin,),
        terms=(
            Term(0.5, ("S+", 0, 0), ("S-", 0, 1)),
            Term(0.5, ("S-", 0, 0), ("S+", 0, 1)),
            *(one for one in more if isinstance(one, Term)),
        ),
        jumps=(
            Jump(1.0, "S-", 0),
            Jump(0.3, "S+", 0),
            *(one for one in more if isinstance(one, Jump)),
        ),
    )


MODELS = {
    "couplings of neighbours on a chain": gain_loss.chain(S=1),
    "couplings of next neighbours, S = 1/2 or 1": spins(Term(0.3, ("Sz", 0, 0), ("Sz", 0, 2))),
    "couplings far beyond neighbours": spins(Term(0.3, ("Sz", 0, 0), ("Sz", 0, 5))),
    "two dimensions": gain_loss.square(S=1),
    "two chains side by side (a ladder)": ladder.ladder(0.5),
    "a field along x": spins(Term(0.3, ("Sx", 0, 0))),
    "dephasing by S_z": spins(Jump(0.3, "Sz", 0)),
    "a jump that is a sum, S⁻_j + i S⁻_{j+1}": spins(
        Jump(0.3, Term(1.0, ("S-", 0, 0)), Term(1j, ("S-", 0, 1)))
    ),
    "a jump that is a product, S_z S⁻ of neighbours": spins(
        Jump(0.3, Term(1.0, ("Sz", 0, 0), ("S-", 0, 1)))
    ),
    "own operators of a spin": spins(Term(0.5, ("Q", 0, 0), ("Q", 0, 1)), spin=QUADRUPOLE),
    "bosons": bose_hubbard.chain(cutoff=1),
}
COLUMNS = (
    ITEBD(chi_max=4, tol=0.1),
    TEBD(cells=6, tol=0.1),
    Exact(cells=2),
    TWA(cells=16, trajectories=4),
    HolsteinPrimakoff(),
    MeanField(),
    ClusterMeanField(4),
)
IN_TWO_DIMENSIONS = {"exact": Exact(cells=(2, 1)), "twa": TWA(cells=(4, 4), trajectories=4)}


def rows() -> dict[str, list[bool]]:
    """Return what the table says of every feature and method."""
    table = PAGE[PAGE.index("## By the model") : PAGE.index("An empty")]
    lines = re.findall(r"^\| (.+?) \|(.*)\|$", table, re.MULTILINE)
    names = [cell.strip() for cell in lines[0][1].split("|")]
    assert names == [type(method).__name__ for method in COLUMNS]
    return {name: [cell.strip() == "yes" for cell in cells.split("|")] for name, cells in lines[1:]}


def treats(method, model) -> bool:
    spins = all(isinstance(site, Spin) for site in model.sites)
    try:
        if isinstance(method, HolsteinPrimakoff):
            steady_state(model, method)  # a model without a stable phase is treated, and fails
        elif spins:
            evolve(model, method, [Coherent(0.0, 0.0)] * len(model.sites), [0.0])
        elif isinstance(method, MeanField | ClusterMeanField):
            evolve(model, method, None, [0.0])
        else:
            evolve(model, method, [np.eye(site.dimension)[0] for site in model.sites], [0.0])
    except UnsupportedModelError:
        return False
    return True


def test_every_row_has_a_model():
    assert rows().keys() == MODELS.keys()


@pytest.mark.filterwarnings("ignore:TWA is meant for large S")
@pytest.mark.parametrize("feature", MODELS)
def test_a_feature(feature):
    model = MODELS[feature]
    methods = [
        IN_TWO_DIMENSIONS.get(method.name, method) if model.dimension == 2 else method
        for method in COLUMNS
    ]
    assert [treats(method, model) for method in methods] == rows()[feature]
