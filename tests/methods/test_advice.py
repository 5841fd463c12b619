"""A refusal names only methods that treat the model."""

import re
from dataclasses import replace

import pytest

from impo import ITEBD, TEBD, TWA, ClusterMeanField, Exact, HolsteinPrimakoff, MeanField
from impo.arguments import UnsupportedModelError
from impo.methods import METHODS
from impo.methods.advice import advice, treating
from impo.methods.api import steady_state
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from models import gain_loss
from tests.jump_models import FAR, NEIGHBOURS

QUICK = {
    "ITEBD": ITEBD(chi_max=2, tol=0.5, t_max=0.1), "Exact": Exact(gap=False),
    "TEBD": TEBD(cells=2, chi_max=2, tol=0.5, t_max=0.1),
    "TWA": TWA(cells=5, trajectories=16, max_time=0.1, dt=1e-3),
    "HolsteinPrimakoff": HolsteinPrimakoff(), "MeanField": MeanField(t_max=0.1),
}  # fmt: skip


TWO = (Spin(0.5), Spin(0.5))


def model(*terms, jump="S-", sites=TWO, dimension=1):
    lost = [Jump(1.0, jump if isinstance(site, Spin) else "B", j) for j, site in enumerate(sites)]
    return LindbladModel(sites, terms, lost, dimension)


def z(*factors):
    return Term(0.5, *[("Sz", site, cell) for site, cell in factors])


REFUSED = {
    "three neighbours": model(z((0, 0), (1, 0), (0, 1))),
    "three on two sites": model(Term(0.4, ("Sx", 0, 0), ("Sx", 1, 0), ("Sx", 1, 0))),
    "three on one spin": model(Term(0.4, *[("Sx", 0, 0)] * 3), sites=(Spin(1.5),)),
    "fourth neighbours": model(z((0, 0), (0, 2))),
    "far": model(z((0, 0), (1, 3))),
    "dephasing": model(jump="Sz"),
    "field": model(Term(0.3, ("Sx", 0, 0))),
    "bosons": model(
        Term(0.2, ("S+", 0, 0), ("B", 1, 0), plus_hc=True), sites=(Spin(0.5), Boson(2))
    ),
    "plane": gain_loss.square(0.5, 1.0, 0.4, 1.5, 0.7),
    "bosons in a plane": model(
        Term(0.2, ("Bd", 0, (0, 0)), ("B", 0, (1, 0)), plus_hc=True), sites=(Boson(2),), dimension=2
    ),
    "many states": model(sites=(Spin(700), Spin(700)), jump="S-"),
    "many states of a boson": model(sites=(Boson(10**5),)),
    "correlated decay": replace(NEIGHBOURS["correlated"], terms=()),
    "two operators of a jump on one spin": replace(
        NEIGHBOURS["general, S = 1"], terms=(), sites=(Spin(0.5), Spin(0.5))
    ),
    "losses of pairs of bosons": NEIGHBOURS["bosons"],
    "jumps of range 2": FAR["range 2"],
    "large cell": model(sites=(Spin(0.5),) * 30),
}  # fmt: skip


def method_of(name, described):
    return QUICK[name] if name in QUICK else ClusterMeanField(len(described.sites))


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore:TWA is meant for large S")
def test_named_methods_treat_the_model(case):
    described, refusals = REFUSED[case], 0
    for name in (method.__name__ for method in METHODS.values()):
        try:
            steady_state(described, method_of(name, described))
        except UnsupportedModelError as error:
            refusals += 1
            named = re.findall(r"`(\w+)`", str(error).rpartition(";")[2])
            assert name not in named
            assert set(named) & set(treating(described)) >= set(named) & set(QUICK)
            assert name not in treating(described)
    assert refusals


def test_advice_is_the_end_of_a_sentence():
    assert (
        advice(REFUSED["plane"], "ITEBD")
        == "use `Exact`, `TWA`, `HolsteinPrimakoff` or `MeanField`"
    )
    assert advice(REFUSED["bosons in a plane"], "TWA") == "use `Exact`"
    assert advice(REFUSED["bosons in a plane"], "Exact", "fewer cells") == "use fewer cells"
    nothing = advice(REFUSED["many states of a boson"], "Exact")
    assert nothing == "no other method is known to treat this model"


@pytest.mark.parametrize("name", ["TWA", "HolsteinPrimakoff"])
def test_a_term_of_three_spins_that_reaches_far_is_none_of_itebd(name):
    with pytest.raises(
        UnsupportedModelError, match="; use `Exact`, `MeanField` or `ClusterM"
    ) as caught:
        steady_state(
            model(Term(0.5, *[("Sx", site, cell) for site, cell in ((0, 0), (1, 0), (0, 2))])),
            QUICK[name],
        )
    assert "ITEBD" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("TWA", "TWA cannot treat the jump .*: it is not linear in the components of spins"),
        ("HolsteinPrimakoff", "Holstein-Primakoff bosons need jumps linear in S. and S-, but the "
         "jump .* is not"),
    ],
)  # fmt: skip
def test_jumps_that_are_products_are_refused_by_name(name, why):
    lost = Jump(0.9, Term(1.0, ("S-", 0, 0), ("S-", 1, 0)))
    with pytest.raises(UnsupportedModelError, match=why.replace(".*", r"S-\[site 0\] S-\[site 1\]")
                       + "; use `ITEBD`, `Exact`, `MeanField` or"):  # fmt: skip
        steady_state(LindbladModel(TWO, (), (lost,)), QUICK[name])
