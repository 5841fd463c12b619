"""Long windows by SCS: the same intervals, certified in the same way."""

import sys

import numpy as np
import pytest

from impo import UnsupportedModelError, bounds
from impo.semidefinite import bounds as module
from models import gain_loss, ising, xyz

MODELS = {
    "gain_loss": (gain_loss.chain(0.5, gain=1.5, loss=1.0), 6),
    "spin_one": (gain_loss.chain(1, gain=1.5, loss=1.0), 4),
    "complex": (ising.chain(), 4),
    "slow": (xyz.chain(0.9, 1.2, 0.4, 0.8), 4),
}


@pytest.fixture
def always_split(monkeypatch):
    """Let SCS solve small problems, too."""
    pytest.importorskip("scs")
    monkeypatch.setattr(module, "LARGE", 0)


@pytest.mark.parametrize("name", MODELS)
def test_intervals_are_those_of_the_interior_point_method(name, monkeypatch):
    pytest.importorskip("scs")
    model, sites = MODELS[name]
    best = bounds(model, "Sz", sites=sites, tol=1e-8)
    monkeypatch.setattr(module, "LARGE", 0)
    found = bounds(model, "Sz", sites=sites, tol=1e-7)
    assert best.lower - 2e-5 < found.lower < best.lower + 1e-8
    assert best.upper - 1e-8 < found.upper < best.upper + 2e-5


@pytest.mark.usefixtures("always_split")
def test_an_early_end_gives_a_wider_interval():
    model, sites = MODELS["gain_loss"]
    seen = []
    wide, narrow = (bounds(model, "Sz", sites=sites, tol=tol, progress=seen.append)
                    for tol in (3e-2, 1e-6))  # fmt: skip
    assert wide.lower < narrow.lower < narrow.upper < wide.upper
    gaps = [now.error for now in seen if now.stage == "lower end of Sz"]
    assert gaps[-1] < 1e-4 < gaps[0]


@pytest.mark.usefixtures("always_split")
def test_numbers_that_are_not_finite_end_in_the_trivial_interval(monkeypatch):
    import scs

    class Broken:
        def __init__(self, *_, **__):
            pass

        def update(self, b):
            self.size = len(b)

        def solve(self, **_):
            nothing = np.full(self.size, np.nan)
            info = {"status_val": -4, "res_dual": np.nan, "dobj": np.nan}
            return {"x": nothing, "y": nothing, "s": nothing, "info": info}

    monkeypatch.setattr(scs, "SCS", Broken)
    found = bounds(MODELS["gain_loss"][0], "Sz", sites=4)
    assert (round(found.lower, 9), round(found.upper, 9)) == (-0.5, 0.5)


@pytest.mark.usefixtures("always_split")
def test_an_interrupt_is_passed_on(monkeypatch):
    import scs

    class Interrupted(scs.SCS):
        def solve(self, **start):
            answer = super().solve(**start)
            answer["info"]["status_val"] = scs.SIGINT
            return answer

    monkeypatch.setattr(scs, "SCS", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        bounds(MODELS["gain_loss"][0], "Sz", sites=4)


def test_without_scs_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scs", None)
    monkeypatch.setattr(module, "LARGE", 0)
    with pytest.raises(UnsupportedModelError, match=r"install 'impo\[bounds\]'") as caught:
        bounds(MODELS["gain_loss"][0], "Sz", sites=4)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "scs", None)
    assert bounds(MODELS["gain_loss"][0], "Sz", sites=4).width > 0  # short windows need none


@pytest.mark.slow
def test_a_long_window():
    pytest.importorskip("scs")
    found = bounds(MODELS["gain_loss"][0], "Sz", sites=9, tol=3e-4)
    assert 0.3229453 in found  # iMPO
    assert found.width / 0.5 < 0.004
