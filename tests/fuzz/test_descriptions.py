"""Whatever the description and the settings: a result with an honest verdict, or one line."""

import contextlib
import dataclasses
import math
import re
import signal
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from impo import ITEBD, ClusterMeanField, Exact
from impo.analysis.check import check
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods import METHODS
from impo.methods.api import evolve, steady_state
from impo.operators.blocks import block_layout
from impo.results.estimate import Status
from tests.fuzz.descriptions import descriptions
from tests.fuzz.profiles import fuzz
from tests.fuzz.settings import SETTINGS, settings

COMPUTING = 20  # seconds of processor time after which a call hangs
BY_CLASS = {method.__name__: method for method in METHODS.values()}
QUICK = {
    "ITEBD": {"chi_max": 2, "tol": 0.5, "t_max": 0.1}, "Exact": {"gap": False},
    "TEBD": {"cells": 2, "chi_max": 2, "tol": 0.5, "t_max": 0.1},
    "TWA": {"cells": 5, "trajectories": 16, "max_time": 0.1, "dt": 0.01}, "HolsteinPrimakoff": {},
    "MeanField": {"t_max": 0.1},
}  # fmt: skip


class HangError(Exception):
    """A call takes too long."""


@contextlib.contextmanager
def limited():
    """Raise `HangError` after `COMPUTING` seconds of processor time."""

    def stop(*_):
        raise HangError(f"still computing after {COMPUTING} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, COMPUTING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "TWA is meant for large S")
            yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def attempt(ask):
    """Return what a call returns, or the error with which it is refused in one line."""
    try:
        with limited():
            return ask()
    except (ArgumentError, UnsupportedModelError) as error:
        refusal = error
    assert "\n" not in str(refusal)
    assert 10 < len(str(refusal)) < 1000
    return refusal


def numbers(state):
    """Return all values and errors that a state gives on its sites and for neighbours."""
    found = []
    for site in state.model.sites:
        for op in site.operators:
            found += [state.expect(op), state.variance(op)]
    first = state.model.sites[0].operators
    found.append(state.correlation(first[1], first[1], (0, 0), 3))
    return [np.asarray(part) for one in found if one is not None for part in (one.value, one.error)]


def _in_large_blocks(model):
    return model.dimension == 1 and max(block_layout(model).states, default=1) > 4


def affordable(model, method):
    """Say whether a cluster or the blocks of a chain are small enough for a second or so."""
    if isinstance(method, ITEBD) and _in_large_blocks(model):
        return False
    cells = method.cells if isinstance(method, Exact) else 1
    count = (cells if isinstance(cells, int) else math.prod(cells)) ** model.dimension
    if isinstance(method, ClusterMeanField):
        count = method.sites / len(model.sites)
    return math.prod(site.dimension for site in model.sites) ** min(count, 9) < 50


def treats(name, model):
    """Say whether a method that was named does not refuse the model."""
    method = BY_CLASS[name](**QUICK.get(name, {"sites": len(model.sites)}))
    if isinstance(method, ITEBD) and _in_large_blocks(model):
        return True  # what takes too long for a test
    found = attempt(lambda: steady_state(model, method))
    return not isinstance(found, UnsupportedModelError)


def built(description, chosen):
    """Return a model and a method that can be afforded, or None if one is refused in one line."""
    method, values = chosen
    found = attempt(lambda: (description.model(), method(**values)))
    if isinstance(found, ArgumentError):
        return None
    assume(affordable(*found))
    return found


@pytest.mark.slow
@fuzz(30)
@given(descriptions(), settings())
def test_solving_ends_in_a_verdict_or_in_one_line(description, chosen):
    if (made := built(description, chosen)) is None:
        return
    model, method = made
    state = attempt(lambda: steady_state(model, method))
    if isinstance(state, UnsupportedModelError):
        named = set(re.findall(r"`(\w+)`", str(state))) & set(BY_CLASS)
        assert named <= {name for name in named if treats(name, model)}
    if isinstance(state, ArgumentError | UnsupportedModelError):
        return
    everything = attempt(lambda: numbers(state))
    assert not isinstance(everything, ArgumentError), everything
    if state.status == Status.CONVERGED:
        assert all(np.all(np.isfinite(part)) for part in everything), state.message
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state.h5"
            state.save(path)
            report = check(path)
            assert report.reproduced, str(report)


@st.composite
def _starts(draw, model, method):
    """Draw a start: mostly of a kind that the method knows, sometimes of another, or nonsense."""
    by_states = method.name in ("exact", "itebd", "tebd")
    known = ["vectors", "matrices"] if by_states else ["none", "directions"]
    others = ["none", "directions", "vectors", "matrices", "nonsense"]
    kind = draw(st.sampled_from(4 * known + others))
    number = st.floats(-2, 2, width=32)
    if draw(st.booleans()):
        number |= st.sampled_from([0.0, 1e300, 1e-300, math.nan])
    if kind == "none":
        return None
    if kind == "nonsense":
        return draw(st.sampled_from([5, "x", [], [None], object(), [[1, 2]], {"a": 1}]))
    if kind == "directions":
        return [[draw(number) for _ in range(3)] for _ in model.sites]
    vectors = [[draw(number) for _ in range(site.dimension)] for site in model.sites]
    if kind == "vectors":
        return vectors
    with np.errstate(all="ignore"):
        return [np.diag(np.abs(vector)) for vector in vectors]


@fuzz(30)
@given(descriptions(), settings(("exact", "mf", "cmf", "twa", "itebd", "tebd")), st.data())
def test_evolving_ends_in_a_trajectory_or_in_one_line(description, chosen, data):
    if (made := built(description, chosen)) is None:
        return
    model, method = made
    start = data.draw(_starts(model, method))
    times = data.draw(
        st.lists(st.floats(0, 0.5), min_size=1, max_size=3).map(sorted)
        | st.sampled_from([[], [1e300], [-1.0], ["a"], None, [1.0, 0.5], 10**400, [[0.0]]])
    )
    trajectory = attempt(lambda: evolve(model, method, start, times))
    if not isinstance(trajectory, ArgumentError | UnsupportedModelError):
        everything = attempt(lambda: numbers(trajectory.states[-1]))
        assert not isinstance(everything, ArgumentError)
        if trajectory.status == Status.CONVERGED:
            assert all(np.all(np.isfinite(part)) for part in everything)


def test_every_setting_of_every_method_is_drawn():
    fields = {name: {f.name for f in dataclasses.fields(m)} for name, m in METHODS.items()}
    drawn = {name: set(values) for name, values in SETTINGS.items()}
    assert drawn == fields | {"itebd": fields["itebd"] - {"backend"}}  # tested against the kernel
