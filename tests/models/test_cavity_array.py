import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.methods.holstein_primakoff.quadratic import quadratic_bosons
from impo.methods.holstein_primakoff.stability import largest_growth
from models.cavity_array import chain, couplings
from models.gain_loss import chain as gain_loss


def test_couplings_against_the_inverse_of_a_long_array():
    delta, coupling, j1, j2 = 2.0, 0.3, 0.7, 0.4
    n = 400
    matrix = delta * np.eye(n)
    for site in range(n - 1):
        matrix[site, site + 1] = matrix[site + 1, site] = -(j1 if site % 2 == 0 else j2)
    inverse = -(coupling**2) * np.linalg.inv(matrix)
    found, a = couplings(delta, coupling, j1, j2), n // 2
    assert found["local_exact"] == pytest.approx(inverse[a, a], rel=1e-10)
    assert found["g_exact"] == pytest.approx(inverse[a, a + 1], rel=1e-10)
    assert found["h_exact"] == pytest.approx(inverse[a, a - 1], rel=1e-10)
    assert found["next_exact"] == pytest.approx(inverse[a, a + 2], rel=1e-10)


def test_leading_order_is_reached_for_weak_tunnelling():
    off = []
    for j in (0.04, 0.02):
        found = couplings(1.0, 0.3, j, j / 2)
        off.append(max(abs(found[f"{key}_exact"] / found[key] - 1) for key in ("g", "h", "local")))
    assert off[0] / off[1] == pytest.approx(4, rel=0.05)


def test_without_the_local_term_it_is_the_gain_loss_chain():
    spin, delta, coupling = 3.0, 5.0, 2.0
    g, h = (-2 * spin * j * coupling**2 / delta**2 for j in (0.8, 0.5))
    array = chain(spin, delta, coupling, 0.8, 0.5, 1.2, 0.9, local=False)
    expected = gain_loss(spin, g, h, 1.2, 0.9)
    assert array.jumps == expected.jumps
    for one, two in zip(array.terms, expected.terms, strict=True):
        assert one.factors == two.factors
        assert one.coefficient == pytest.approx(two.coefficient)


@pytest.mark.parametrize(("gain", "loss"), [(0.3, 0.2), (1.1, 0.4), (0.9, 0.9)])
def test_local_term_stabilises_the_antiferromagnet(gain, loss):
    """AM is stable for gain loss (1 + 4 w^2/(gain + loss)^2) > (g + h)^2, w = 2S |local|.

    delta > J1 + J2 makes w > g + h, and AM stable on the whole line gain = loss.
    """
    spin, delta = 5.0, 1.6
    coupling = delta / np.sqrt(2 * spin)  # g = 1, h = 0.5
    growth = {}
    for local in (True, False):
        model = chain(spin, delta, coupling, 1.0, 0.5, gain, loss, local=local)
        growth[local] = {
            signs: largest_growth(quadratic_bosons(model, signs))[0] for signs in ((1, -1), (1, 1))
        }
    total, detuning = gain + loss, delta
    root = np.sqrt((gain - loss) ** 2 / 4 - detuning**2 + 1.5**2 + 1j * (gain - loss) * detuning)
    assert growth[True][1, -1] == pytest.approx(-total / 2 + root.real, abs=1e-9)
    stable = gain * loss * (1 + 4 * detuning**2 / total**2) > 1.5**2
    assert (growth[True][1, -1] < 0) == stable
    assert growth[False][1, -1] > 0
    assert growth[True][1, 1] == pytest.approx(growth[False][1, 1], abs=1e-9)  # a common shift


def test_detuning_inside_the_band_is_refused():
    with pytest.raises(ArgumentError, match=r"larger than \|J1\| \+ \|J2\|"):
        couplings(1.0, 0.3, 0.8, 0.4)
