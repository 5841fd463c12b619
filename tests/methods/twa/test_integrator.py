"""The compiled integrator: its random numbers, its orders, and the length of the spins."""

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from impo.methods.twa.equations import spin_equations
from impo.methods.twa.integrator import LANES, advance, draw_many, kick_amplitudes, random_streams
from impo.methods.twa.samples import coherent, isotropic
from impo.model import Jump, LindbladModel, Spin, Term
from models.gain_loss import chain
from runs.benchmarks.bench_twa import numpy_advance


def test_random_numbers_are_normal_and_independent():
    generators, _ = random_streams(1, 0)
    noise = draw_many(generators, 40000)
    x, y, sign = (noise[:, part].ravel() for part in range(3))
    count = len(x)
    for normal in (x, y):
        assert stats.kstest(normal, "norm").pvalue > 1e-3
        for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3), (6, 15)):
            spread = np.std(normal**power) / np.sqrt(count)
            assert abs(np.mean(normal**power) - moment) < 4 * spread
    assert set(sign) == {-1.0, 1.0}
    for product in (x * y, x**2 * y**2 - 1, sign, sign * x, sign * y, sign * x * y, x[1:] * x[:-1]):
        assert abs(product.mean()) < 4 * product.std() / np.sqrt(count)
    lanes = noise[:, 0]
    correlation = np.corrcoef(lanes.T) - np.eye(LANES)
    assert np.abs(correlation).max() < 5 / np.sqrt(len(lanes))


def test_random_streams_differ_and_repeat():
    first, _ = random_streams(3, 0, 1)
    again, _ = random_streams(3, 0, 1)
    other, _ = random_streams(3, 1, 0)
    np.testing.assert_array_equal(first, again)
    assert not np.any(first == other)


@pytest.mark.parametrize(("dt", "tolerance"), [(0.05, 1e-3), (0.003, 1e-9)])
def test_compiled_equals_numpy(dt, tolerance):
    """The same noise in both: different code, the same path but for seventh order in the angles."""
    equations = spin_equations(chain(2, 1.0, 0.4, 1.5, 0.6), (3,))
    generators, generator = random_streams(7, 0)
    spins = isotropic(equations.lengths, generator)
    steps, n = 20, 6
    noise = draw_many(generators.copy(), steps * n).reshape(steps, n, 3, LANES)
    expected = numpy_advance(spins.reshape(n, 3, LANES), equations, dt, noise)
    advance(spins, generators, equations, dt, steps)
    np.testing.assert_allclose(spins.reshape(n, 3, LANES), expected, atol=tolerance)


def test_mean_of_a_kick_is_the_diffusion_to_second_order():
    """E R over the kick against exp(v (Lx^2 + Ly^2) / 2) by quadrature; the error is O(v^3)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    x, y = (a.ravel() for a in np.meshgrid(nodes, nodes))
    weight = np.outer(weights, weights).ravel() / weights.sum() ** 2
    errors = []
    for v in (0.1, 0.05):
        equations = spin_equations(
            LindbladModel((Spin(1),), (), (Jump(v, "Sx", 0), Jump(v, "Sy", 0))), (1,)
        )
        a, b, c = 2 * kick_amplitudes(equations, 1.0)[0]
        mean = np.zeros((3, 3))
        for eta in (-1, 1):
            angles = np.stack([a * x, b * y, np.full_like(x, c * eta)], axis=1)
            turns = Rotation.from_rotvec(angles).as_matrix()
            mean += np.einsum("q,qij->ij", weight, turns) / 2
        exact = np.diag(np.exp([-v / 2, -v / 2, -v]))
        errors.append(np.abs(mean - exact).max())
    assert errors[1] < 1e-4
    assert np.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.25)


def mean_after(equations, start, dt, time, repeats=1):
    """Means of m and their standard errors, over all spins (independent), lanes and repeats."""
    means, squares = np.zeros(3), np.zeros(3)
    for repeat in range(repeats):
        generators, _ = random_streams(11, round(100 / dt), repeat)
        spins = np.repeat(np.tile(start, len(equations.lengths))[:, None], LANES, axis=1)
        advance(spins, generators, equations, dt, round(time / dt))
        samples = spins.reshape(-1, 3, LANES)
        means += samples.mean(axis=(0, 2)) / repeats
        squares += (samples**2).mean(axis=(0, 2)) / repeats
    count = repeats * LANES * len(equations.lengths)
    return means, np.sqrt((squares - means**2) / count)


def assert_second_order(errors, spread):
    """Errors at dt, dt/2, dt/4; the last may be lost in the noise."""
    assert errors[0] > 20 * spread
    assert np.log2(errors[0] / (errors[1] + 2 * spread)) > 1.5
    assert errors[1] / 16 - 3 * spread < errors[2] < errors[1] / 2.5 + 3 * spread


@pytest.mark.slow
def test_weak_order_is_two_with_nonlinear_drift():
    """<m_z> of a spin with gain against the Fokker-Planck equation in Legendre polynomials.

    d<f>/dt = <a (1 - z^2) f' + (r/2) ((1 - z^2) f')'>, a = r (S + 1/2).
    """
    S, r, time, copies = 1, 0.6, 2.0, 100000
    equations = spin_equations(LindbladModel((Spin(S),), (), (Jump(r, "S+", 0),)), (copies,))
    size = 60
    k = np.arange(size)
    generator = np.diag(-0.5 * r * k * (k + 1.0))
    # (1 - z^2) P_k' = k (k + 1) / (2 k + 1) (P_{k-1} - P_{k+1})
    factor = r * (S + 0.5) * k * (k + 1) / (2 * k + 1)
    generator += np.diag(factor[1:], -1).T - np.diag(factor[:-1], 1).T
    legendre = np.polynomial.legendre.legvander([-0.5], size - 1)[0]
    exact = (expm(time * generator).T @ legendre)[1]
    errors = []
    for dt in (1.0, 0.5, 0.25):
        mean, spread = mean_after(equations, [np.sqrt(0.75), 0, -0.5], dt, time, repeats=5)
        errors.append(abs(mean[2] - exact))
    assert_second_order(errors, spread[2])


@pytest.mark.slow
def test_weak_order_is_two_with_a_field():
    """A field and noise that do not commute: means obey d<m>/dt = b x <m> - D <m> exactly."""
    rate, time, copies = 0.4, 2.0, 100000
    field = (Term(1.2, ("Sx", 0, 0)), Term(0.5, ("Sz", 0, 0)))
    jumps = (Jump(rate, "S+", 0), Jump(rate, "S-", 0))
    equations = spin_equations(LindbladModel((Spin(3),), field, jumps), (copies,))
    cross = np.array([[0, -0.5, 0], [0.5, 0, -1.2], [0, 1.2, 0]])
    exact = expm(time * (cross - np.diag([rate, rate, 2 * rate]))) @ [0.6, 0, 0.8]
    errors = []
    for dt in (1.0, 0.5, 0.25):
        mean, spread = mean_after(equations, [0.6, 0, 0.8], dt, time, repeats=5)
        errors.append(np.linalg.norm(mean - exact))
    assert_second_order(errors, spread.max())


@pytest.mark.slow
def test_weak_order_is_two_with_noises_that_do_not_commute():
    """Noise about three axes that are not those of x, y and z, in a field, as above."""
    time, copies = 2.0, 20000
    field = (Term(1.2, ("Sx", 0, 0)), Term(0.5, ("Sz", 0, 0)))
    axes = np.array([[0.5, 0, 0.6], [0, 0.4, -0.5], [0.3, 0.5, 0]])
    jumps = [Jump(1.0, *map(Term, axis, [("Sx", 0, 0), ("Sy", 0, 0), ("Sz", 0, 0)]))
             for axis in axes]  # fmt: skip
    equations = spin_equations(LindbladModel((Spin(3),), field, jumps), (copies,))
    assert len(equations.shared.starts) == 3 * copies + 1
    covariance = axes.T @ axes
    cross = np.array([[0, -0.5, 0], [0.5, 0, -1.2], [0, 1.2, 0]])
    damping = (np.trace(covariance) * np.eye(3) - covariance) / 2
    exact = expm(time * (cross - damping)) @ [0.6, 0, 0.8]
    errors = []
    for dt in (1.0, 0.5, 0.25):
        mean, spread = mean_after(equations, [0.6, 0, 0.8], dt, time, repeats=5)
        errors.append(np.linalg.norm(mean - exact))
    assert_second_order(errors, spread.max())


def refined_errors(model, spins, levels, time, finest):
    """Root-mean-square distance to the finest path when the same Brownian path is coarsened."""
    equations = spin_equations(model, (1,))
    n = len(equations.lengths)
    generator = np.random.default_rng(5)
    paths = spins.shape[2]
    slices = generator.normal(size=(finest, n, 2, paths))

    def path(steps):
        noise = np.empty((steps, n, 3, paths))
        sums = slices.reshape(steps, -1, n, 2, paths).sum(axis=1)
        noise[:, :, :2] = sums / np.sqrt(finest // steps)
        noise[:, :, 2] = generator.choice([-1.0, 1.0], size=(steps, n, paths))
        return numpy_advance(spins, equations, time / steps, noise)

    reference = path(finest)
    return [np.sqrt(np.mean(np.sum((path(s) - reference) ** 2, axis=1))) for s in levels]


@pytest.mark.slow
@pytest.mark.parametrize(("op", "order"), [("S+", 0.5), ("Sx", 1.0)])
def test_strong_order(op, order):
    """1/2 with two noise axes, 1 with one."""
    model = LindbladModel(
        (Spin(1), Spin(1)),
        (Term(0.5, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),),
        (Jump(1.0, op, 0), Jump(1.0, op, 1)),
    )
    spins = isotropic(np.ones(2), np.random.default_rng(2), 400).reshape(2, 3, 400)
    errors = refined_errors(model, spins, (8, 16, 32, 64), 1.0, 2048)
    slope = -np.polyfit(np.log2([8, 16, 32, 64]), np.log2(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.12)


@pytest.mark.slow
def test_stationary_variance_has_no_error_of_second_order():
    """Damping Gamma = 1 of a nearly polarised spin: <1 - m_z> against the exact distribution.

    p(z) ~ e^{2 a z}, a = S + 1/2, is the stationary solution of the Fokker-Planck equation.
    """
    S, copies = 20, 20000
    equations = spin_equations(LindbladModel((Spin(S),), (), (Jump(1 / S, "S+", 0),)), (copies,))
    length = S + 0.5
    exact = 1 / np.tanh(2 * length) - 1 / (2 * length)
    for dt in (0.4, 0.2):
        mean, spread = mean_after(equations, [0, 0, 1.0], dt, 12.0)
        assert abs(mean[2] - exact) < 3 * spread[2] + 0.05 * dt**2 * (1 - exact)


@pytest.mark.slow
def test_length_is_conserved_over_a_million_steps():
    equations = spin_equations(chain(4, 1.0, 0.5, 1.5, 0.7), (1,))
    generators, generator = random_streams(1, 0)
    spins = isotropic(equations.lengths, generator)
    advance(spins, generators, equations, 0.05, 10**6)
    lengths = np.linalg.norm(spins.reshape(2, 3, LANES), axis=1)
    assert np.abs(lengths - 1).max() < 1e-12


def test_coherent_state_has_the_moments_of_its_wigner_function():
    lengths = np.full(2, 5.5)
    direction = np.array([[0.6, 0, 0.8], [0, 0, -1.0]])
    generator = np.random.default_rng(0)
    samples = [coherent(lengths, direction, generator).reshape(2, 3, LANES) for _ in range(4000)]
    s = 5.5 * np.concatenate(samples, axis=-1)
    error = s.std(axis=-1) / np.sqrt(s.shape[-1])
    assert np.all(np.abs(s.mean(axis=-1) - 5 * direction) < 4 * error)
    np.testing.assert_allclose(np.linalg.norm(s, axis=1), 5.5)
    across = s[1, 0] ** 2 + s[1, 1] ** 2  # S+S- + S-S+ = 2 S in a polarised state
    assert abs(across.mean() - 5) < 4 * across.std() / np.sqrt(len(across))
