import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.operators.continuity import flows
from models import aklt, xyz


def spins(terms, jumps=(), sites=2):
    return LindbladModel((Spin(0.5),) * sites, tuple(terms), tuple(jumps))


def test_hopping_flows_to_where_the_spin_is_raised():
    (one, two) = flows(spins([Term(0.7j, ("S+", 1, -2), ("S-", 0, -1), plus_hc=True)]), "Sz")
    for flow in (one, two):
        assert flow.bond == ((1, 0), (0, 1))
    raised = {np.sign(f.matrices[0, 1][0, 1]): f.coefficient for f in (one, two)}
    assert raised[1] == pytest.approx(-1j * -0.7j)  # the conjugate term raises (0, 1)
    assert raised[0] == pytest.approx(1j * 0.7j)


def test_what_cancels_is_no_flow():
    """SxSx - SySy has pairs S+S+ alone, which every site gains by itself."""
    pairs = [Term(0.5, ("Sx", 0, 0), ("Sx", 1, 0)), Term(-0.5, ("Sy", 0, 0), ("Sy", 1, 0))]
    with pytest.raises(ArgumentError, match="`op` must be a charge that some term or jump moves"):
        flows(spins(pairs), "Sz")
    assert len(flows(spins([pairs[0]]), "Sz")) == 2
    assert {f.bond for f in flows(xyz.chain(0.5), "Sz")} == {((0, 0), (0, 1))}


def test_a_mediated_hop_moves_past_the_site_between():
    hop = Term(0.3, ("S+", 0, 0), ("Sz", 1, 0), ("S-", 0, 1), plus_hc=True)
    found = flows(spins([hop]), "Sz")
    assert {f.bond for f in found} == {((0, 0), (0, 1))}
    assert all(len(f.support) == 3 for f in found)


def test_jumps_that_move_a_charge_flow_at_their_rate():
    jump = Jump(0.8, Term(0.5, ("S-", 0, 0), ("S+", 1, 0)))
    (flow,) = flows(spins([], [jump]), "Sz")
    assert flow.bond == ((0, 0), (1, 0))
    assert flow.coefficient * np.kron(flow.matrices[0, 0], flow.matrices[1, 0])[1, 1] == (
        pytest.approx(0.2)
    )
    back = Jump(0.8, Term(0.5, ("S+", 0, 0), ("S-", 1, 0)))
    (flow,) = flows(spins([], [back]), "Sz")
    assert flow.coefficient == pytest.approx(-0.2)


def test_correlated_decay_moves_nothing():
    """Both sites lose to the reservoir that they share."""
    jump = Jump(0.8, Term(1.0, ("S-", 0, 0)), Term(0.5j, ("S-", 1, 0)))
    with pytest.raises(ArgumentError, match="moves between two sites"):
        flows(spins([], [jump]), "Sz")


@pytest.mark.parametrize(
    ("model", "op", "told"),
    [
        (spins([Term(1.0, ("Sx", 0, 0), ("Sx", 1, 0))]), "Sx", "a real diagonal operator"),
        (spins([Term(1.0, ("Sz", 0, 0), ("Sz", 1, 0))]), "Sz", "some term or jump moves"),
        (aklt.chain(), "Sz", r"changes by .* at once: no current is unique"),
        (
            spins(
                [Term(1.0, ("S+", 0, 0), ("S-", 1, 0), ("S-", 0, 1), ("S+", 1, 1), plus_hc=True)]
            ),
            "Sz",
            r"\+1 on \(0, 0\), -1 on \(1, 0\), -1 on \(0, 1\), \+1 on \(1, 1\)",
        ),
    ],
)
def test_charges_without_a_current_are_refused(model, op, told):
    with pytest.raises(ArgumentError, match=rf"^Argument `op` must be .*{told}[^\n]*$"):
        flows(model, op)


def test_a_charge_of_two_kinds_of_sites_is_an_own_operator():
    spin, boson = Spin(0.5, {"Q": np.diag([0.5, -0.5])}), Boson(2, {"Q": np.diag([0.0, 1, 2])})
    swap = Term(0.4, ("S+", 0, 0), ("B", 1, 0), plus_hc=True)
    model = LindbladModel((spin, boson), (swap,))
    assert {f.bond for f in flows(model, "Q")} == {((0, 0), (1, 0))}
    with pytest.raises(ArgumentError, match="some term or jump moves"):
        flows(model, "Sz")
