import math
import pickle
from fractions import Fraction

import numpy as np
import pytest

from impo import arguments
from impo.arguments import ArgumentError

MATRIX = np.arange(400.0).reshape(20, 20)  # of several lines when printed
NOT_NUMBERS = ["1", None, True, 1j, [1], math.nan, math.inf, -math.inf, MATRIX, 10**400]


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            arguments.positive_integer,
            [1, np.int64(3), 2**53],
            [0, -1, 1.0, True, "1", None, MATRIX, 2**53 + 1, 10**400, 10**5000],
        ),
        (arguments.non_negative_integer, [0, 7], [-1, 0.0, False, None, MATRIX]),
        (arguments.finite, [-1.5, 0, Fraction(1, 3), np.float32(2)], NOT_NUMBERS),
        (arguments.positive, [1e-300, 3], [0, -1, *NOT_NUMBERS]),
        (arguments.non_negative, [0, 0.5], [-1e-300, *NOT_NUMBERS]),
        (arguments.boolean, [True, False, np.True_], [0, 1, None, "yes"]),
    ],
)
def test_checks(check, good, bad):
    for value in good:
        assert check("x", value) == pytest.approx(float(value))
    for value in bad:
        with pytest.raises(ArgumentError, match=r"^Argument `x` must be .*, but is .*\.$"):
            check("x", value)


def test_types_are_plain():
    assert type(arguments.positive_integer("x", np.int32(2))) is int
    assert type(arguments.finite("x", Fraction(1, 2))) is float


PAIR = (("S+", "S-"),)


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        (("S+", "S-"), PAIR), (["S+", np.str_("S-")], PAIR), ([["S+", "S-"]], PAIR),
        ([("Sz", "Sz"), ["S+", "S-"]], (("Sz", "Sz"), *PAIR)),
    ],
)  # fmt: skip
def test_pairs_of_names(value, pairs):
    found = arguments.pairs_of_names("x", value)
    assert found == pairs
    assert all(type(name) is str for pair in found for name in pair)


@pytest.mark.parametrize(
    "value",
    [
        "S+", "S+S-", ["S+"], [["S+"]], [("S+", "S-", "Sz")], ["S+", "S-", "Sz"],
        ["S+", ["Sz", "Sz"]], (1, 2), [(1, "S-")], (None, "S-"), 3, None, (), [],
        {"S+": "S-"}, MATRIX, {"S+", "S-"},
    ],
)  # fmt: skip
def test_what_is_no_pair_of_names(value):
    """Neither are numbers names, nor is a word of two letters a pair."""
    with pytest.raises(ArgumentError, match=r"^Argument `x` must be pairs of names of operators"):
        arguments.pairs_of_names("x", value)


def test_one_of():
    assert arguments.one_of("x", "a", ("a", "b")) == "a"
    with pytest.raises(ArgumentError, match="must be one of a, b, but is 'c'"):
        arguments.one_of("x", "c", ("a", "b"))
    assert type(arguments.one_of("x", np.int64(2), (1, 2))) is int


@pytest.mark.parametrize(
    "value", [MATRIX, np.array(["a"]), np.array("a"), ["a"], {}, ("a", MATRIX), None, True, 1.0]
)
def test_one_of_takes_names_and_whole_numbers_only(value):
    """Arrays have no truth value, lists no hash; what is equal to a choice need not be one."""
    for allowed in (("a", "b"), (1, 2), {"a": 1}):
        with pytest.raises(ArgumentError, match=r"^Argument `x` must be one of .*, but is .*\.$"):
            arguments.one_of("x", value, allowed)


@pytest.mark.parametrize("kind", [ArgumentError, arguments.UnsupportedModelError])
def test_messages_are_one_line(kind):
    assert str(kind("first\n  second")) == "first second"
    again = pickle.loads(pickle.dumps(kind("first")))
    assert (type(again), str(again)) == (kind, "first")


def test_long_values_are_cut():
    for value in (MATRIX, 10**400, [MATRIX] * 3):
        assert len(arguments.shown(value)) <= 200
        assert arguments.shown(value).endswith(" ...")
    assert arguments.shown(np.eye(2)) == "array([[1., 0.], [0., 1.]])"


def test_what_cannot_be_printed_is_no_second_error():
    for value in (10**5000, [10**5000]):
        assert arguments.shown(value) == f"{type(value).__name__} with too many digits to print"
    assert len(arguments.shown(["a" * 10**6] * 10**5)) <= 200


def test_an_evolution_has_not_too_many_times():
    assert len(arguments.rising_times(range(10**5))) == 10**5
    with pytest.raises(ArgumentError, match="`times` must be at most 100000 numbers, but are 1000"):
        arguments.rising_times(range(10**9))
    with pytest.raises(ArgumentError, match=r"^Argument `times` must be .*, but is \[1000.*\.$"):
        arguments.rising_times([10**400])


def test_rising_times():
    assert list(arguments.rising_times([0, 1, 1, 2.5])) == [0, 1, 1, 2.5]
    for bad in (
        [], 1.0, [[0.0]], [np.nan], [-1.0], [5e-324], [0.0, 2.0, 1.0], ["a"], [1j], None,
        -MATRIX[0],
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match=r"^Argument `times` must be .*, but is .*\.$"):
            arguments.rising_times(bad)
