"""Random settings of every method, small enough for a second or two; some are nonsense."""

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from impo.methods import METHODS
from impo.methods.base import Method

WRONG = [
    0, -1, 0.0, 1e-300, 1e300, math.nan, math.inf, 10**30, 10**400, "x", "", None, True, [], (),
    np.zeros((2, 2)), 1j, object(),
]  # fmt: skip


def _tolerances(low: float, high: float):
    return st.floats(math.log10(low), math.log10(high)).map(lambda exponent: 10**exponent)


def _whole(low: int, high: int):
    return st.integers(low, high) | st.integers(low, high).map(np.int64)


SETTINGS: dict[str, dict[str, st.SearchStrategy]] = {
    "itebd": {
        "chi_max": _whole(1, 16), "k_max": st.none() | _whole(1, 4), "weight": st.floats(0, 10),
        "tol": _tolerances(1e-3, 10), "charges": st.booleans(), "t_max": st.floats(0.01, 50),
        "length_tol": st.none() | _tolerances(0.1, 10), "lengths": st.just((("Sz", "Sz"),)),
    },
    "tebd": {
        "cells": _whole(1, 3), "chi_max": _whole(1, 12), "k_max": st.none() | _whole(1, 4),
        "weight": st.none() | st.floats(0, 10), "tol": _tolerances(1e-3, 10),
        "charges": st.booleans(), "t_max": st.floats(0.01, 50),
    },
    "exact": {
        "cells": st.sampled_from([1, 1, 1, 2, (1,), (1, 1)]), "periodic": st.booleans(),
        "k_max": st.sampled_from([None, None, "auto", 1, 2, 3]), "tol": _tolerances(1e-14, 10),
        "gap": st.booleans(),
    },
    "twa": {
        "cells": st.integers(1, 4) | st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "trajectories": _whole(1, 64), "dt": _tolerances(1e-2, 0.3), "seed": _whole(0, 5),
        "periodic": st.booleans(), "max_time": st.floats(0.01, 20), "tol": _tolerances(1e-3, 10),
        "length_tol": st.none() | _tolerances(0.1, 10), "lengths": st.just((("Sz", "Sz"),)),
        "scheme": st.sampled_from(["wigner", "wigner", "hybrid"]),
    },
    "hpa": {"configuration": st.none() | st.text("+-", max_size=3)},
    "mf": {"t_max": st.floats(0.01, 50)},
    "cmf": {"sites": _whole(1, 3), "tol": _tolerances(1e-10, 10)},
}  # fmt: skip


@st.composite
def settings(draw, names: tuple[str, ...] = tuple(METHODS)) -> tuple[type[Method], dict[str, Any]]:
    """Draw a method and its settings; once in a while, one of them is wrong."""
    name = draw(st.sampled_from(names))
    chosen = {key: draw(values) for key, values in SETTINGS[name].items()}
    if draw(st.integers(0, 15)) == 9:
        chosen[draw(st.sampled_from(list(chosen)))] = draw(st.sampled_from(WRONG))
    return METHODS[name], chosen
