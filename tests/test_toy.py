"""The toy of the docs finds what the engine finds, in at most 120 lines without impo."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from impo import ITEBD, steady_state
from models.gain_loss import chain

SOURCE = Path(__file__).parents[1] / "docs" / "toy.py"


@pytest.fixture(scope="module")
def toy():
    spec = importlib.util.spec_from_file_location("toy", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The first two are the points that the toy prints, in PPT and AM; the third is not symmetric.
@pytest.mark.parametrize(("gain", "loss"), [(0.5, 0.5), (2.0, 2.0), (1.5, 0.5)])
def test_agrees_with_the_engine(toy, gain, loss):
    state = steady_state(chain(0.5, 1.0, 0.5, gain, loss), ITEBD(tol=1e-4))
    assert state.status == "converged"
    found = toy.observables(toy.steady_state(1.0, 0.5, gain, loss))
    np.testing.assert_allclose(found["Sz"], state.expect("Sz").value, atol=1e-3)
    np.testing.assert_allclose(found["Var Sz"], state.variance("Sz").value, atol=1e-3)
    neighbours = state.correlation("S+", "S-", (0, 1), max_cells=0).value[0]
    np.testing.assert_allclose(1j * found["Im S+S-"], neighbours, atol=1e-3)


def test_an_update_without_a_gate_changes_nothing(toy):
    tensors = toy.steady_state(1.0, 0.5, 0.5, 0.5, chi=4, steps=((0.2, 2),))
    before = toy.observables(tensors)
    schmidt = [np.ones(4), np.ones(4)]
    toy.update(np.eye(16).reshape(4, 4, 4, 4), tensors, schmidt, 0, chi=64)
    assert tensors[0].shape[2] == 4
    for name, value in toy.observables(tensors).items():
        np.testing.assert_allclose(value, before[name], atol=1e-12)


def test_superoperators_act_on_matrices(toy):
    rng = np.random.default_rng(0)
    operator, rho = rng.normal(size=(2, 2, 2))
    np.testing.assert_allclose(toy.left(operator) @ rho.reshape(4), (operator @ rho).reshape(4))
    np.testing.assert_allclose(toy.right(operator) @ rho.reshape(4), (rho @ operator).reshape(4))
    assert abs(toy.ONE.reshape(4) @ toy.dissipator(operator) @ rho.reshape(4)) < 1e-14


def test_is_short_and_plain():
    text = SOURCE.read_text()
    assert len(text.splitlines()) <= 120
    assert {
        line.split()[1] for line in text.splitlines() if line.startswith(("import", "from"))
    } == {
        "numpy",
        "scipy.linalg",
    }
