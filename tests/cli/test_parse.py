import math

import pytest

from impo.arguments import ArgumentError
from impo.cli import parse
from impo.scans.grid import Axis
from models import gain_loss
from tests.dense import Dense


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("3/2", 1.5), ("-1/4", -0.25), ("40", 40), ("1e-3", 1e-3), ("-0.5", -0.5), ("None", None),
        ("true", True), ("False", False), ("auto", "auto"), ("1/0", "1/0"), ("2,None", (2, None)),
        ("1+0.5j", 1 + 0.5j), ("-2j", -2j), ("1e-3-.5j", 1e-3 - 0.5j), ("(1+2j)", 1 + 2j),
        ("j", "j"), ("infj", "infj"), ("J1", "J1"), ("1+j2", "1+j2"),
    ],
)  # fmt: skip
def test_values(text, meaning):
    assert parse.value(text) == meaning
    assert type(parse.value(text)) is type(meaning)


def test_nan_is_a_number_and_left_to_the_checks():
    assert math.isnan(parse.value("nan"))


def test_assignments():
    assert parse.assignments(["S=3/2", "name=a=b"]) == {"S": 1.5, "name": "a=b"}
    for bad in (["S"], ["=1"], ["S="], ["2S=1"], ["S=1", "S=2"]):
        with pytest.raises(ArgumentError, match="must be given"):
            parse.assignments(bad)


def test_axes():
    assert parse.axis("S=1/2:3/2:3") == Axis(("S",), (0.5, 1.0, 1.5))
    assert parse.axis("gain,loss=0.1:3:30").names == ("gain", "loss")
    assert parse.axis("loss=0.1:3:30").values[::29] == (0.1, 3.0)
    assert parse.axis("loss=2:1:1").values == (2.0,)
    assert parse.axis("g=0.1:0.3:3").values == (0.1, 0.2, 0.3)
    assert parse.axis("g=0.1:0.7:7").values == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    assert parse.axis("g=1/3:2/3:2").values == (1 / 3, 2 / 3)
    for bad in (
        "loss",
        "loss=1",
        "loss=1:2",
        "loss=1:2:3:4",
        "a b=1:2:3",
        "=1:2:3",
        "x=a:2:3",
        "x=true:2:3",
    ):
        with pytest.raises(ArgumentError, match="`--over` must be name=start:stop:count"):
            parse.axis(bad)
    for bad in ("loss=0:nan:3", "loss=None:1:2", "loss=1:2:3:lin", "loss=1:2:3:log:x", "a,b=1"):
        with pytest.raises(ArgumentError, match="`--over` must be"):
            parse.axis(bad)
    for bad in ("loss=0:1:0", "loss=0:1:2.5"):
        with pytest.raises(ArgumentError, match="`count` must be a positive integer"):
            parse.axis(bad)


def test_lists():
    """A comma ties names on the left of the equals sign, and lists values on its right."""
    assert parse.axis("loss=0.1,0.3,1") == Axis(("loss",), (0.1, 0.3, 1.0))
    assert parse.axis("gain,loss=1,3/2") == Axis(("gain", "loss"), (1.0, 1.5))
    found = parse.axis("chi_max=20,40,60").values
    assert found == (20, 40, 60)
    assert {type(x) for x in found} == {int}
    assert {type(x) for x in parse.axis("S=1/2,1").values} == {float}
    for bad in ("loss=1,", "loss=,", "loss=1,nan", "backend=kernel,tenpy", "charges=true,false"):
        with pytest.raises(ArgumentError, match=r"or name=value,value,\.\.\. of finite numbers"):
            parse.axis(bad)
    with pytest.raises(ArgumentError, match="at most 100000 points, but has 100001"):
        parse.axis("loss=" + ",".join(["1"] * 100_001))


def test_logarithmic_grids():
    assert parse.axis("loss=0.01:10:4:log").values == (0.01, 0.1, 1.0, 10.0)
    assert parse.axis("loss=10:0.1:3:log").values == (10.0, 1.0, 0.1)
    assert parse.axis("gain,loss=1:4:2:log").names == ("gain", "loss")
    found = parse.axis("chi_max=10:1000:3:log").values
    assert found == (10, 100, 1000)
    assert {type(x) for x in found} == {int}
    assert parse.axis("loss=1:2:3:log").values[1] == pytest.approx(2**0.5, rel=1e-15)
    for bad in ("loss=0:1:3:log", "loss=-1:1:3:log", "loss=-2:-1:3:log"):
        with pytest.raises(ArgumentError, match="must be of positive ends if its values are log"):
            parse.axis(bad)
    with pytest.raises(ArgumentError, match="at most 100000 points"):
        parse.axis("loss=1:2:100001:log")


def scanned(words, fixed=(), settings=(), function=gain_loss.chain):
    """Return the axes and the settings among them for the method `dense`."""
    return parse.grid(words, function, "dense", dict(fixed), dict(settings))


def test_grids(dense):
    axes, of_method = scanned(["S=1/2:1:2", "loss=0:1:3"], {"g": 1})
    assert [axis.names for axis in axes] == [("S",), ("loss",)]
    assert of_method == set()
    for words, fixed, settings in (
        (["S=1:2:2"], {"S": 1}, {}),
        (["S=1:2:2", "S=1:2:2"], {}, {}),
        (["a,a=1:2:2"], {}, {}),
        (["accuracy=1:2:2"], {}, {"accuracy": 1}),
        (["model.accuracy=1:2:2", "method.accuracy=1:2:2"], {}, {}),
    ):
        with pytest.raises(ArgumentError, match="given twice"):
            scanned(words, fixed, settings)


def test_grids_over_settings(dense):
    axes, of_method = scanned(["loss,accuracy=1:2:2", "method.tol=0:1:2"], {"tol": 1})
    assert [axis.names for axis in axes] == [("loss", "accuracy"), ("tol",)]
    assert of_method == {"accuracy", "tol"}
    for function in (lambda tol: None, lambda **anything: None):
        with pytest.raises(ArgumentError, match=r"written model\.tol or method\.tol"):
            scanned(["tol=1:2:2"], function=function)
        assert scanned(["model.tol=1:2:2"], function=function)[1] == set()
        assert scanned(["method.tol=1:2:2"], function=function)[1] == {"tol"}
    with pytest.raises(ArgumentError, match="must be name=start:stop:count"):
        scanned(["other.tol=1:2:2"])


def test_whole_values_are_integers():
    assert [type(x) for x in parse.axis("n=20:60:3").values] == [int] * 3
    assert parse.axis("n=1:2:3").values == (1, 1.5, 2)
    assert [type(x) for x in parse.axis("n=1.0:2:2").values] == [float] * 2


def test_methods(dense):
    assert parse.method("dense", {"tol": 1e-3}) == Dense(tol=1e-3)
    with pytest.raises(ArgumentError, match=r"`--method` must be one of .*dense"):
        parse.method("fancy", {})
    with pytest.raises(ArgumentError, match="settings of `dense` raised TypeError"):
        parse.method("dense", {"tol": "x"})
    with pytest.raises(ArgumentError, match="Unknown setting `chi`: `dense` takes accuracy, tol"):
        parse.method("dense", {"chi": 3})


def test_models():
    function = parse.model_function("models.gain_loss:chain")
    assert function is gain_loss.chain
    model = parse.build("models.gain_loss:chain", function, {"S": 1, "h": 0.25})
    assert model == gain_loss.chain(S=1, h=0.25)
    assert model.name == "models.gain_loss:chain"


def test_a_model_without_a_label_gets_that_of_the_command():
    def bare(S, h=0.5, **rest):
        model = gain_loss.dimer(S)
        return type(model)(model.sites, model.terms, model.jumps)

    model = parse.build("mine:bare", bare, {"S": 1, "x": 2})
    assert model.label == "mine:bare(h=0.5, S=1, x=2)"


def test_numbers_that_are_too_long_are_text():
    for text in ("9" * 5000 + "/3", "1/" + "9" * 5000, "9" * 400 + "/1"):
        assert parse.value(text) == text
    assert parse.value("9" * 5000) == math.inf  # refused by what it is given to


def test_a_grid_is_counted_before_it_is_made(dense):
    for words, size in (
        (["loss=0:1:1000000000"], "1000000000"),
        ([f"loss=0:1:{10**15}"], f"{10**15}"),
        (["loss=0:1:1000", "gain=0:1:1000"], "1000 x 1000"),
    ):
        with pytest.raises(ArgumentError, match=f"at most 100000 points, but has {size}"):
            scanned(words)
