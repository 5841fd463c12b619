"""TWA against exact small systems and the closed forms of the linearised theory."""

import math
from functools import cache

import numpy as np
import pytest
import qutip

from impo import TWA, Exact, HolsteinPrimakoff, evolve, steady_state
from impo.methods.twa import solve
from impo.model import Jump, LindbladModel, Spin, Term
from impo.results.estimate import Status
from models import xy_decay
from models.gain_loss import chain, dimer, square


def assert_agrees(found, exact, bias, sigmas=3.0):
    """Within `sigmas` standard errors plus the stated bias of the approximation."""
    exact = np.real(exact)
    assert np.all(np.abs(found.value - exact) <= sigmas * found.error + bias * np.abs(exact))


@pytest.mark.parametrize(
    "jumps",
    [
        ((0.08, "S+"), (0.05, "S-")),
        pytest.param(((0.02, "S+"), (0.06, "S-")), marks=pytest.mark.slow),
    ],
)
def test_single_spin(jumps):
    """A spin in a field with gain and loss at once."""
    model = LindbladModel(
        (Spin(12),),
        (Term(0.3, ("Sx", 0, 0)), Term(0.2, ("Sz", 0, 0))),
        tuple(Jump(rate, op, 0) for rate, op in jumps),
    )
    exact = steady_state(model, Exact(gap=False))
    state = steady_state(model, TWA(cells=64, trajectories=256, tol=2e-3, max_time=1000))
    assert state.status is Status.CONVERGED
    for op in ("Sz", "Sx", "Sy"):
        assert_agrees(state.expect(op), exact.expect(op).value, 0.01)
    assert_agrees(state.variance("Sz"), exact.variance("Sz").value, 0.02)


POINTS = [(0.6, 0.6), (1.0, 1.0), (1.5, 0.3), (1.5, 1.0), (0.4, 2.0)]


@pytest.mark.slow
@pytest.mark.parametrize(("gain", "loss"), POINTS)
def test_dimer(gain, loss):
    """S = 12, on and off the symmetry line; bias at most 1 % of <S_z> and 2 % of the variance."""
    model = dimer(12, 1.0, gain, loss)
    exact = steady_state(model, Exact(gap=False))
    state = steady_state(model, TWA(cells=50, trajectories=256, tol=4e-3, max_time=500, seed=3))
    assert state.status is Status.CONVERGED
    assert_agrees(state.expect("Sz"), exact.expect("Sz").value, 0.01)
    assert_agrees(state.variance("Sz"), exact.variance("Sz").value, 0.02)


@pytest.mark.slow
def test_dimer_dynamics():
    """One spin along x, one down, against the master equation, to 1 % of S."""
    S, g, gain, loss = 6, 1.0, 1.3, 0.6
    times = [0.0, 0.5, 1.0, 2.0]
    x, y, z = (
        [qutip.tensor(op, qutip.qeye(13)), qutip.tensor(qutip.qeye(13), op)]
        for op in (qutip.jmat(S, "x"), qutip.jmat(S, "y"), qutip.jmat(S, "z"))
    )
    hamiltonian = g / S * (x[0] * x[1] + y[0] * y[1])
    jumps = [
        math.sqrt(gain / S) * (x[0] + 1j * y[0]),
        math.sqrt(loss / S) * (x[1] - 1j * y[1]),
    ]
    along_x = qutip.jmat(S, "x").eigenstates()[1][-1]
    ket = qutip.tensor(along_x, qutip.basis(13, 12))
    exact = qutip.mesolve(hamiltonian, ket, times, jumps, e_ops=[*x, *y, *z]).expect
    model = dimer(S, g, gain, loss)
    state = evolve(model, TWA(cells=100, trajectories=512), [[1, 0, 0], [0, 0, -1]], times)
    for number, op in enumerate(("Sx", "Sy", "Sz")):
        found = state.expect(op)
        expected = np.transpose(exact[2 * number : 2 * number + 2])
        assert np.all(np.abs(found.value - expected) <= 3 * found.error + 0.01 * S)


def ordered_phase(S, gain, loss, g, h):
    """<S_z> of both sites (Eqs. A9, A11-A14, with the missing occupation), and lambda (A17)."""
    P = gain * loss
    C = math.sqrt(((g - h) ** 2 - P) * ((g + h) ** 2 - P))
    if (g + h) ** 2 < P:
        total = gain + loss
        up, down = loss / total * (P / C - 1), gain / total * (P / C - 1)
        return (S - up, down - S), (P - g**2 - h**2 - C) / (2 * g * h)
    decay = (P - g**2 - h**2 + C) / (2 * g * h)
    if gain > loss:
        d = gain - loss
        return (S - loss / d * (1 + P / C), S - loss / d * (1 + gain**2 / C)), decay
    d = loss - gain
    return (gain / d * (1 + loss**2 / C) - S, gain / d * (1 + P / C) - S), decay


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gain", "loss"), [(1.5, 2.0), (3.0, 0.9), (1.5, 0.1), (0.9, 0.15), (0.1, 1.3)]
)
def test_ordered_phases(gain, loss):
    """N = 50, S = 1000, g != h: magnetisations, variances and correlations of Gaussian bosons."""
    S, g, h = 1000, 1.0, 0.5
    state = steady_state(
        chain(S, g, h, gain, loss),
        TWA(cells=50, trajectories=256, tol=1.2e-5, max_time=400, seed=1),
    )
    assert state.status is Status.CONVERGED
    magnetisations, decay = ordered_phase(S, gain, loss, g, h)
    signs = np.sign(magnetisations)
    numbers = S - np.abs(magnetisations)
    found = state.expect("Sz")
    # the linearised theory itself is good to relative order n / S
    bias = 5 * (1 + numbers.max()) / S
    assert np.all(np.abs(S - signs * found.value - numbers) <= 3 * found.error + bias * numbers)
    spread = state.variance("Sz")
    thermal = numbers * (numbers + 1)
    assert np.all(np.abs(spread.value - thermal) <= 3 * spread.error + 2 * bias * thermal)
    pairs = state.correlation("S+", "S-", (0, 0), 6)
    # A16 with lambda^s: <c+ c> between cells, the same on both sides of normal ordering
    amplitude = numbers[0] + (loss / (gain + loss) if gain * loss > (g + h) ** 2 else 0)
    if gain * loss < (g + h) ** 2:
        amplitude = numbers[0] - (loss / (gain - loss) if gain > loss else 0)
        if loss > gain:
            amplitude = numbers[0] - gain / (loss - gain)
    expected = 2 * S * amplitude * decay ** np.arange(1, 7)
    deviation = np.abs(pairs.value[1:] - expected)
    assert np.all(deviation <= 3.5 * pairs.error[1:] + 2 * bias * np.abs(expected))
    told = state.decay("S+", "S-")
    if told.length is not None:
        exact = -1 / math.log(abs(decay))
        assert abs(told.value - exact) <= 3 * told.error + bias * exact
        wavenumber = 0.0 if decay > 0 else math.pi
        assert abs(told.wavenumber.value - wavenumber) <= 4 * told.wavenumber.error


@pytest.mark.slow
def test_correlation_length_near_the_transition():
    """xi = 1/arccosh(|P - g^2 - h^2| / 2 g h) in AM."""
    g, h, gain, loss = 1.0, 0.5, 1.65, 1.5
    state = steady_state(chain(1000, g, h, gain, loss), TWA(cells=50, trajectories=512, tol=2e-5))
    assert state.status is Status.CONVERGED
    exact = 1 / math.acosh(abs(gain * loss - g**2 - h**2) / (2 * g * h))
    length = state.correlation_length("S+", "S-")
    assert length.error < 0.1 * exact
    assert abs(length.value - exact) <= 3 * length.error + 0.02 * exact


@pytest.mark.slow
def test_square_lattice_antimagnet():
    """Bonds g, g, h, h: the sum over the waves of a finite torus, stable for P > 4 (g + h)^2."""
    S, g, h, gain, loss, edge = 500, 1.0, 0.4, 3.6, 2.9, 8
    k = 2 * np.pi * np.arange(edge) / edge
    k1, k2 = np.meshgrid(k, k, indexing="ij")
    g_k = g * (1 + np.exp(1j * k2)) + h * np.exp(1j * k1) * (1 + np.exp(1j * k2))
    P = gain * loss
    excess = np.mean(P / (P - np.abs(g_k) ** 2)) - 1
    state = steady_state(
        square(S, g, h, gain, loss), TWA(cells=edge, trajectories=128, dt=0.02, tol=2e-5)
    )
    assert state.status is Status.CONVERGED
    expected = np.array([S - loss / (gain + loss) * excess, gain / (gain + loss) * excess - S])
    found = state.expect("Sz")
    assert np.all(np.abs(found.value - expected) <= 3 * found.error + 0.02 * (S - np.abs(expected)))


@pytest.mark.slow
def test_standard_errors_are_right(monkeypatch):
    """Over 400 independent runs the pulls about the ensemble mean have variance near one."""
    for name in ("conserved_quantity", "turning_sites"):  # the same for all: the model is
        monkeypatch.setattr(solve, name, cache(getattr(solve, name)))
    model = chain(8, 1.0, 0.5, gain=1.5, loss=0.7)
    names = ("Sz", "Sz_var", "S+S-")
    values, errors = [], []
    for seed in range(400):
        state = steady_state(
            model, TWA(cells=2, trajectories=32, tol=0.2, max_time=220, seed=1000 + seed)
        )
        assert state.status is Status.CONVERGED
        pairs = state.correlation("S+", "S-", (0, 0), 1)
        found = [state.expect("Sz")[0], state.variance("Sz")[1]]
        values.append([*[x.value for x in found], pairs.value[1]])
        errors.append([*[x.error for x in found], pairs.error[1]])
    pulls = (values - np.mean(values, axis=0)) / errors
    for name, spread in zip(names, pulls.var(axis=0, ddof=1), strict=True):
        assert 0.8 < spread < 1.25, name


@pytest.mark.slow
def test_critical_side_of_the_disordered_phase_is_not_called_converged():
    """Winding of the transverse order survives: the two starts keep different correlations."""
    model = chain(1000, 1.0, 0.5, gain=1.46, loss=1.46)
    state = steady_state(model, TWA(cells=50, trajectories=64, tol=2e-2, max_time=150))
    assert state.status is Status.NOT_CONVERGED
    assert not state.diagnostics["starts_agree"]
    far = [
        state.moments.half(start).correlation("S+", "S-", (0, 0), 20)[20].value.real
        for start in (0, 1)
    ]
    error = state.correlation("S+", "S-", (0, 0), 20)[20].error
    assert error >= abs(far[1] - far[0])


def wave(S):
    """Return one spin a cell whose slowest fluctuation is a wave of finite length."""
    terms = (
        Term(0.2 / S, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),
        Term(0.04 / S, ("S+", 0, 0), ("S+", 0, 1), plus_hc=True),
        Term(0.15, ("Sz", 0, 0)),
    )
    return LindbladModel((Spin(S),), terms, (Jump(0.3 / S, "S-", 0), Jump(0.1 / S, "S+", 0)))


@pytest.mark.parametrize(
    ("model", "ops", "wavenumber"),
    [(wave(200.0), ("S+", "S+"), 1.761), (xy_decay.chain(200, 1.0, 2.2), ("S+", "S-"), None)],
)
def test_trajectories_and_linear_waves_have_one_decay(model, ops, wavenumber):
    """A finite wavenumber, and a function that vanishes at every other distance."""
    exact = steady_state(model, HolsteinPrimakoff()).decay(*ops)
    found = steady_state(model, TWA(cells=40, trajectories=256, seed=2)).decay(*ops)
    assert found.error < 0.1 * found.value
    assert abs(found.value - exact.value) < 3.5 * found.error
    if wavenumber is not None:
        assert exact.wavenumber.value == pytest.approx(wavenumber, abs=1e-3)
        off = abs(found.wavenumber.value - exact.wavenumber.value)
        assert off < 3.5 * found.wavenumber.error < 0.2
