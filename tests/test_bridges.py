"""Models and states as objects of QuTiP."""

import math

import numpy as np
import pytest
import qutip

from impo import Exact, steady_state, to_qutip
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from models import cavity, cavity_array, gain_loss, ising, kerr, xy_decay, xyz

SKEW = LindbladModel(
    (Spin(0.5), Boson(1)),
    (Term(0.3 + 0.4j, ("S+", 0, 0), ("B", 1, 1), plus_hc=True), Term(0.7, ("Sx", 0, 0)),
     Term(0.2, ("Sz", 0, 0), ("N", 1, 0), ("Sy", 0, 1))),
    (Jump(1.0, "S-", 0), Jump(0.3, "Sx", 0), Jump(0.5, "B", 1)),
)  # fmt: skip
CASES = {
    "gain and loss": (gain_loss.dimer(1, gain=1.5, loss=0.7), 1, False),
    "open chain": (gain_loss.chain(0.5, 1.0, 0.4, 0.6, 1.1), 2, False),
    "ring": (gain_loss.chain(0.5, 1.0, 0.4, 0.6, 1.1), 2, True),
    "plane": (xyz.chain(), 3, True),
    "cells with two kinds of sites": (SKEW, 2, False),
    "the same on a ring": (SKEW, 3, True),
    "cavity": (
        cavity.dimer(
            0.5, delta=3.0, Gc=1.0, G=0.4, gamma_c=0.5, gamma=1.0, cutoff_c=1, cutoff_ab=1
        ),
        1,
        False,
    ),
    "cavities": (cavity_array.chain(0.5, delta=3.0, Gc=1.0, J1=0.5, J2=0.3), 2, False),
    "Ising": (ising.chain(), 4, True),
    "Kerr": (kerr.oscillator(1.0, 0.3, cutoff=8), 1, False),
    "decay": (xy_decay.chain(0.5), 4, False),
    "square": (gain_loss.square(0.5), (1, 2), True),
}


@pytest.mark.parametrize("name", CASES)
def test_a_cluster_has_the_steady_state_of_exact(name):
    model, cells, periodic = CASES[name]
    state = steady_state(model, Exact(cells=cells, periodic=periodic, gap=False))
    matrix = qutip.liouvillian(*to_qutip(model, cells, periodic)).to("CSR").data_as("csr_matrix")
    shape = (cells,) * model.dimension if isinstance(cells, int) else cells
    places = [
        (site, cell if model.dimension > 1 else cell[0])
        for cell in np.ndindex(shape) for site in range(len(model.sites))
    ]  # fmt: skip
    rho = state.to_qutip(places)
    assert rho.dims == [[site.dimension for site in model.sites] * math.prod(shape)] * 2
    scale = abs(matrix).sum(axis=0).max()
    assert np.abs(matrix @ rho.full().ravel(order="F")).max() < 1e-8 * scale
    assert rho.tr() == pytest.approx(1)


def test_what_cannot_be_written_out_is_refused():
    with pytest.raises(UnsupportedModelError, match=r"6.55e[+]04; use fewer cells"):
        to_qutip(gain_loss.chain(0.5), 8)
    with pytest.raises(ArgumentError, match="`periodic`"):
        to_qutip(gain_loss.chain(0.5), 1, "no")
    with pytest.raises(ArgumentError, match="`cells`"):
        to_qutip(gain_loss.chain(0.5), 0)


def test_a_part_of_a_state_keeps_its_expectations():
    state = steady_state(gain_loss.chain(1, 1.0, 0.4, 0.6, 1.1), Exact(cells=2, periodic=True))
    rho = state.to_qutip([(1, 0), (0, 1)])
    one, other = qutip.jmat(1, "z"), qutip.qeye(3)
    z = [qutip.tensor(one, other), qutip.tensor(other, one)]
    assert qutip.expect(z[0], rho) == pytest.approx(state.expect("Sz").value[1])
    assert qutip.expect(z[1], rho) == pytest.approx(state.expect("Sz").value[0])
    pair = state.correlation("Sz", "Sz", (1, 0), 1).value[1]
    assert qutip.expect(z[0] * z[1], rho) == pytest.approx(pair.real)


def test_a_table_for_pandas():
    state = steady_state(gain_loss.dimer(1, gain=1.5, loss=0.7), Exact())
    table = state.to_dataframe()
    np.testing.assert_allclose(table["Sz"], state.expect("Sz").value)
    assert list(table.index) == [0, 1]
