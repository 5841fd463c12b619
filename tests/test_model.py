import json
import math
from fractions import Fraction

import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.model import Boson, Jump, LindbladModel, Spin, Term, spin_number
from impo.operators.local import local_operators
from models import gain_loss, ising, xy_decay, xyz

MATRIX = np.arange(400.0).reshape(20, 20)  # of several lines when printed
LOWERED = Term(1.0, ("S-", 0, 0)), Term(1j, ("S-", 0, 1))
LOWERED_2D = Term(1.0, ("S-", 0, (0, 0))), Term(1.0, ("S-", 0, (0, 1)))
HOP = Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)


def chain(**changes):
    settings = {"sites": (Spin(1),), "terms": (HOP,), "jumps": (Jump(1.0, "S-", 0),)}
    return LindbladModel(**{**settings, **changes})


@pytest.mark.parametrize("value", [0.5, 1, Fraction(3, 2), np.float64(2.5)])
def test_spin_numbers(value):
    assert spin_number("S", value) == Fraction(float(value))
    assert Spin(value).dimension == 2 * value + 1


@pytest.mark.parametrize("value", [0, -1, 0.3, 1 / 3, math.nan, math.inf, "1", None, True, 1j])
def test_not_spin_numbers(value):
    with pytest.raises(ArgumentError, match="Argument `S` must be a positive multiple of 1/2"):
        Spin(value)


@pytest.mark.parametrize("site", [Spin(1.5), Boson(4)])
def test_hermitian_operators_are_those_of_the_matrices(site):
    matrices = local_operators(site)
    for name in site.operators:
        equal = np.array_equal(matrices[name], matrices[name].conj().T)
        assert site.is_hermitian(name) is equal
    with pytest.raises(ArgumentError, match="`op` must be one of Id"):
        site.is_hermitian("X")


def test_description_is_immutable_and_hashable():
    model = chain()
    with pytest.raises(AttributeError):
        model.dimension = 2
    assert hash(model) == hash(chain())
    assert model == chain(name="other label")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Boson(0), "`cutoff` must be a positive integer"),
        (lambda: Jump(-1, "S-", 0), "`rate` must be a non-negative"),
        (lambda: Jump(math.nan, "S-", 0), "`rate` must be a non-negative"),
        (lambda: Term(math.nan, ("Sz", 0, 0)), "`coefficient` must be a finite complex"),
        (lambda: Term(10**400, ("Sz", 0, 0)), "`coefficient` must be a finite complex"),
        (lambda: Term(1.7e308 + 1.7e308j, ("Sz", 0, 0)), "`coefficient` must be a finite complex"),
        (lambda: Term(MATRIX, ("Sz", 0, 0)), "`coefficient` must be a finite complex"),
        (lambda: Jump(10**400, "S-", 0), "`rate` must be a non-negative"),
        (lambda: Spin(10**400), "`S` must be a positive multiple"),
        (lambda: Spin(MATRIX), "`S` must be a positive multiple"),
        (lambda: chain(sites=MATRIX), "`sites` must be a non-empty tuple"),
        (lambda: chain(terms=HOP), "`terms` must be a tuple"),
        (lambda: chain(parameters=5), "`parameters` must be a mapping"),
        (lambda: chain(dimension=MATRIX), "`dimension` must be one of 1, 2"),
        (lambda: chain(dimension=True), "`dimension` must be one of 1, 2"),
        (lambda: Term(1.0), "at least one factor"),
        (lambda: Term(1.0, ("Sz", 0)), "`factor` must be a tuple"),
        (lambda: Term(1.0, ("Sz", -1, 0)), "`site` must be a non-negative integer"),
        (lambda: Term(1.0, ("Sz", 0, 0.5)), "`cell` must be an integer or"),
        (lambda: chain(sites=()), "`sites` must be a non-empty tuple"),
        (lambda: chain(sites=("Spin",)), "`sites` must be a non-empty tuple"),
        (lambda: chain(sites=Spin(1)), "`sites` must be a tuple"),
        (lambda: chain(dimension=3), "`dimension` must be one of 1, 2"),
        (lambda: chain(dimension=2), "`cell` must be of length 2"),
        (
            lambda: chain(jumps=(Jump(1.0, "S-", 1),)),
            "`site` must be a site of the unit cell",
        ),
        (lambda: chain(jumps=(Jump(1.0, "B", 0),)), "`op` must be one of Id, Sx"),
        (lambda: chain(terms=(Term(1, ("Sa", 0, 0)),)), "`op` must be one of Id, Sx"),
        (lambda: Jump(1.0), "`op` must be the name of a local operator"),
        (lambda: Jump(1.0, *LOWERED, "S-"), "`terms` must be of type `Term`"),
        (lambda: Jump(1.0, LOWERED[0], 0), "`terms` must be of type `Term`"),
        (lambda: Jump(1.0, "S-", 0, *LOWERED), "`op` must be a `Term` like the others"),
        (lambda: Jump(-1.0, *LOWERED), "`rate` must be a non-negative"),
        (lambda: Jump(1e60, Term(1e30, ("S-", 0, 0))), "`coefficient` must be at most 1e.100"),
        (lambda: Jump(1.0, Term(1.0, ("S-", 0, 1001))), "`cell` must be at most 1000 cells"),
        (
            lambda: chain(jumps=(Jump(1.0, *LOWERED, Term(1.0, ("S-", 1, 0))),)),
            "`site` must be a site of the unit cell",
        ),
        (lambda: chain(jumps=(Jump(1.0, Term(2.0, ("B", 0, 0))),)), "`op` must be one of Id, Sx"),
        (lambda: chain(jumps=(Jump(1.0, *LOWERED_2D),)), "`cell` must be of length 1"),
        (lambda: chain(terms=(Term(1, ("S+", 0, 0), ("S-", 0, 1)),)), "Hermitian"),
        (lambda: chain(terms=(Term(1j, ("Sz", 0, 0)),)), "Hermitian"),
    ],
)
def test_bad_descriptions(make, message):
    with pytest.raises(ArgumentError, match=message) as raised:
        make()
    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("other", [MATRIX, np.array(["Sz"]), ["Sz"], {}, None, 1.0, (MATRIX, 0)])
def test_what_is_no_operator_site_or_cell(other):
    """In one line, also where it has no hash and no truth value."""
    model = chain()
    attempts = {
        "op": [
            lambda: Jump(1.0, other, 0),
            lambda: Term(1.0, (other, 0, 0)),
            lambda: model.check_operator(other, 0),
        ],
        "site": [
            lambda: Jump(1.0, "S-", other),
            lambda: Term(1.0, ("Sz", other, 0)),
            lambda: model.check_operator("Sz", other),
        ],
        "cell": [lambda: Term(1.0, ("Sz", 0, other))],
        "factor": [lambda: Term(1.0, other)],
        "terms": [lambda: chain(terms=(other,))],
        "jumps": [lambda: chain(jumps=[other])],
    }
    for name, makers in attempts.items():
        for make in makers:
            with pytest.raises(ArgumentError, match=f"^Argument `{name}` must be") as raised:
                make()
            assert len(str(raised.value).splitlines()) == 1


def test_numbers_of_other_types_become_plain():
    """So that equal descriptions have equal texts, and thereby equal file names."""
    one = LindbladModel((Boson(3),), (), (Jump(1, "B", 0),), dimension=1)
    two = LindbladModel(
        (Boson(np.int64(3)),), (), (Jump(np.float64(1), np.str_("B"), np.int64(0)),),
        dimension=np.int64(1),
    )  # fmt: skip
    assert json.dumps(one.to_json()) == json.dumps(two.to_json())


def test_hermitian_by_hand_and_across_cells():
    left = Term(0.5j, ("S+", 0, 0), ("S-", 0, 1))
    right = Term(-0.5j, ("S+", 0, 3), ("S-", 0, 2))  # the conjugate, two cells further
    assert len(chain(terms=(left, right)).hamiltonian) == 2
    assert Term(0.5j, ("S+", 0, 0), ("S-", 0, 1)).adjoint().coefficient == -0.5j


@pytest.mark.parametrize(
    "model",
    [
        gain_loss.chain(S=1.5, g=1, h=0.3, gain=0.7, loss=1.1),
        gain_loss.square(S=0.5),
        xy_decay.chain(S=1),
        ising.chain(),
        xyz.chain(),
        chain(jumps=(Jump(0.5, *LOWERED), Jump(1, "S-", 0), Jump(2, Term(1j, ("Sz", 0, 3))))),
        LindbladModel((Spin(1),), (), (Jump(0.5, *LOWERED_2D),), dimension=2),
        LindbladModel(
            (Spin(1), Boson(4)), (), (Jump(2, "B", 1),), parameters={"x": Fraction(1, 3)}
        ),
    ],
)
def test_json_round_trip(model):
    again = LindbladModel.from_json(json.loads(json.dumps(model.to_json())))
    assert again == model
    assert again.name == model.name
    assert again.to_json() == model.to_json()


def test_any_parameter_can_be_told():
    """They are labels: what JSON does not know becomes text."""
    given = {"J": 1 + 2j, "n": np.int64(3), "x": np.array([0.5, 1.0]), "f": len, "g": 0.1}
    model = LindbladModel((Spin(1),), (), (Jump(2, "S-", 0),), parameters=given)
    told = json.loads(json.dumps(model.to_json()["parameters"]))
    assert told == {"J": "(1+2j)", "n": 3, "x": [0.5, 1.0], "f": str(len), "g": 0.1}


def test_gain_and_loss_in_standard_form():
    model = gain_loss.chain(S=2, g=1.0, h=0.5, gain=1.5, loss=1.0)
    assert [(jump.rate, jump.op, jump.site) for jump in model.jumps] == [
        (0.75, "S+", 0),
        (0.5, "S-", 1),
    ]
    assert [term.coefficient for term in model.terms] == [0.25, 0.125]
    for bad in ({"S": 0.3}, {"gain": -1}, {"loss": math.nan}, {"g": "1"}):
        with pytest.raises(ArgumentError):
            gain_loss.chain(**{"S": 1, **bad})


def test_every_site_of_the_square_has_bonds_g_g_h_h():
    model = gain_loss.square(S=0.5, g=1.0, h=0.25)
    bonds = [(term.coefficient, term.factors) for term in model.terms]
    for site in (0, 1):
        assert sorted(value.real for value, factors in bonds for f in factors if f[1] == site) == [
            0.25, 0.25, 1.0, 1.0,
        ]  # fmt: skip
    neighbours = set()
    for _, (one, two) in bonds:
        a, b = (one, two) if one[1] == 0 else (two, one)
        neighbours.add(tuple(np.subtract(b[2], a[2])))
    assert len(neighbours) == 4  # four different B around each A


def test_pairs_that_show_an_order_are_operators_of_the_site():
    assert Spin(1).order_pairs == (("S+", "S-"), ("Sz", "Sz"))
    assert Boson(2).order_pairs == (("Bd", "B"), ("N", "N"))
    for site in (Spin(1), Boson(2)):
        assert {op for pair in site.order_pairs for op in pair} <= set(site.operators)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Spin(2**51), "`S` must be a positive multiple of 1/2 up to 2^50, but is 22517998"),
        (lambda: Spin(1e300), "`S` must be a positive multiple of 1/2 up to 2^50"),
        (lambda: Boson(10**30), "`cutoff` must be a positive integer up to 2^53"),
        (lambda: Term(1e101, ("Sz", 0, 0)), "`coefficient` must be at most 1e+100 in size, but is"),
        (lambda: Term(1e100 + 1e100j, ("Sz", 0, 0)), "`coefficient` must be at most 1e+100 in si"),
        (lambda: Term(1, ("Sz", 0, 1001)), "`cell` must be at most 1000 cells away, but is 1001"),
        (lambda: Term(1, ("Sz", 0, (0, -(10**400)))), "`cell` must be at most 1000 cells away"),
        (lambda: Term(1, ("Sz", 0, True)), "`cell` must be an integer or a tuple of integers"),
        (lambda: Term(1, ("Sz", 0, 0), plus_hc=np.eye(2)), "`plus_hc` must be True or False, but"),
        (lambda: Term(1, ("Sz", 0, 0), plus_hc="no"), "`plus_hc` must be True or False, but is 'n"),
        (lambda: Term(1, (np.eye(2), 0, 0)), "`op` must be the name of a local operator"),
        (lambda: Jump(1, np.eye(2), 0), "`op` must be the name of a local operator"),
        (lambda: Jump(1e101, "S-", 0), "`rate` must be at most 1e+100, but is 1e+101"),
        (lambda: LindbladModel(np.array(1)), "`sites` must be a tuple, but is array(1)"),
        (lambda: LindbladModel([Spin(1)], [None]), "`terms` must be a tuple of `Term`, but is Non"),
        (lambda: LindbladModel([Spin(1)], jumps=[1]), "`jumps` must be a tuple of `Jump`, but is"),
        (lambda: LindbladModel([1]), "`sites` must be a non-empty tuple of `Spin`, `Boson`"),
        (
            lambda: LindbladModel([Spin(1)], dimension=3),
            "`dimension` must be one of 1, 2, but is 3",
        ),
        (lambda: LindbladModel([Spin(1)], name=5), "`name` must be a string, but is 5"),
        (lambda: LindbladModel([Spin(1)], name=np.eye(2)), "`name` must be a string, but is array"),
        (lambda: LindbladModel([Spin(1)], parameters=5), "`parameters` must be a mapping of names"),
        (
            lambda: LindbladModel([Spin(1)], parameters={1: 2}),
            "`parameters` must be a mapping of n",
        ),
    ],
)
def test_what_is_no_description_is_one_line(make, message):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_numbers_up_to_the_limits_are_descriptions():
    model = LindbladModel(
        (Spin(2**50), Boson(2**53)), (Term(1e100, ("Sz", 0, -1000), ("Sz", 0, 1000)),),
        (Jump(np.float32(1.0), "S-", np.int64(0)), Jump(1e100, "B", 1), Jump(5e-324, "B", 1)),
    )  # fmt: skip
    assert model.sites[0].dimension == 2**51 + 1
    assert LindbladModel.from_json(json.loads(json.dumps(model.to_json()))) == model


def test_old_descriptions_keep_their_text():
    model = chain(jumps=(Jump(1, "S-", 0),))
    assert model.to_json()["jumps"] == [[1.0, "S-", 0]]
