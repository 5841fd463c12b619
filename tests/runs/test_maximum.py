import numpy as np
import pytest

from runs._maximum import maximum


def test_the_maximum_of_a_smooth_function_between_its_samples():
    x = np.linspace(0.5, 2.0, 11)
    values = 2 * np.exp(-((x - 1.23) ** 2)) * (1 + 0.2 * x)
    fine = np.linspace(1, 1.6, 60001)
    curve = 2 * np.exp(-((fine - 1.23) ** 2)) * (1 + 0.2 * fine)
    found = maximum(x[::-1], values[::-1], 0 * x)
    assert found.position.value == pytest.approx(fine[curve.argmax()], abs=found.position.error)
    assert found.height.value == pytest.approx(curve.max(), abs=found.height.error)
    assert found.position.error < 0.02
    assert found.height.error < 1e-2 * curve.max()


def test_errors_of_samples_are_those_of_the_maximum():
    x = np.linspace(0.5, 2.0, 11)
    values = np.exp(-((x - 1.23) ** 2))
    errors = 0.01 * values
    found = maximum(x, values, errors)
    rng = np.random.default_rng(3)
    heights = [
        maximum(x, values + errors * rng.standard_normal(len(x)), errors).height.value
        for _ in range(200)
    ]
    assert 0.7 * found.height.error < np.std(heights) < 1.3 * found.height.error


@pytest.mark.parametrize(
    "values", [[1, 2, 3, 4, 5], [1, 2, np.nan, 1, np.nan], [np.nan] * 5, [1, -2, 0, 1, 2]]
)
def test_no_maximum_at_an_edge_or_of_too_few_samples(values):
    assert maximum(np.arange(5.0), np.array(values, dtype=float), np.full(5, 0.1)) is None
