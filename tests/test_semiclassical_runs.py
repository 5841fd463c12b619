"""The studies of this theory, in reduced form: their data are right and their figures draw."""

import numpy as np
import pytest

from runs import cavity_array, fig1c, fig6, fig7ab, fig8, fm_boundary, gutzwiller, negativity


def drawn(study, data):
    figure = study.draw(data)
    figure.canvas.draw()
    assert figure.axes
    for name, variable in data.variables.items():
        assert np.ndim(variable.values) == len(variable.dims), name
        for axis, dim in enumerate(variable.dims):
            if dim in data:
                assert len(data[dim]) == np.shape(variable.values)[axis], name


def test_fig8():
    data = fig8.compute(True)
    drawn(fig8, data)
    at_four = list(data["cells"]).index(4)
    assert list(data["counts_AM"][at_four]) == [1, 0, 0, 0, 255]
    assert data["counts_PPT"][at_four][0] == 0
    assert data["counts_PT"][at_four][1] > 0


def test_fm_boundary():
    data = fm_boundary.compute(True)
    drawn(fm_boundary, data)
    assert data["exponent"][0] == pytest.approx(0.5, abs=1e-3)
    assert np.all(data["growth"][-1] > 0)  # h = g: no FM phase is left
    assert data["polarisation"][-1, 0].min() > 0.9  # large S: polarised up to the boundary


@pytest.mark.slow
def test_fig6():
    data = fig6.compute(True)
    drawn(fig6, data)
    below = data["rate"] < 0.9 * 1.5
    np.testing.assert_allclose(data["transverse"][-1][below], data["limit"][below], atol=0.02)


@pytest.mark.slow
def test_fig1c():
    data = fig1c.compute(True)
    drawn(fig1c, data)
    assert max(data.attributes["largest_deviation_from_eq_3"].values()) < 1e-8


@pytest.mark.slow
def test_cavity_array():
    data = cavity_array.compute(True)
    drawn(cavity_array, data)
    gain, loss = np.meshgrid(data["gain"], data["loss"], indexing="ij")
    for strength, stable in zip(data["local"], data["stable"], strict=True):
        expected = gain * loss * (1 + 4 * strength**2 / (gain + loss) ** 2) > 1.5**2
        np.testing.assert_array_equal(stable % 2 == 1, expected)
        assert np.all(np.diag(stable) % 2 == 1) == (strength > 1.5)  # on the symmetry line


@pytest.mark.slow
def test_fig7ab(monkeypatch):
    monkeypatch.setitem(fig7ab.RATES, "quick", np.array([0.8, 1.6]))
    monkeypatch.setitem(fig7ab.SPINS, "quick", (0.5, 1.5))
    data = fig7ab.compute(True)
    drawn(fig7ab, data)
    assert data.unconverged == 0
    assert np.all(np.diff(data["by_sites_transverse"][:, 1]) < 0)


@pytest.mark.slow
def test_gutzwiller():
    data = gutzwiller.compute(True)
    drawn(gutzwiller, data)
    assert data.unconverged == 0
    spins = data["S_threshold"]
    np.testing.assert_allclose(data["threshold"][:, 0], 1, atol=1e-6)
    np.testing.assert_allclose(data["threshold"][:, 1], 2 * spins / (2 * spins + 1), atol=1e-9)
    off = np.abs(data["attracted"][:, 0] - data["attracted"][:, 1])
    assert np.all(off[1:] < 0.75 * off[:-1])  # towards 1/2 for every doubling of S
    assert np.all(data["ppt"][:, 0, 2] > 0.2)  # the variance stays
    assert np.all(np.abs(np.diff(data["ppt"], axis=1)[:, 0, 1]) > 0.08)
    quickly = data["motion"][:, 0]
    assert np.all(quickly[1:] < 0.6 * quickly[:-1])
    assert np.all(data["motion"][-1, 1:] >= data["motion"][-1, :-1])


def test_negativity(monkeypatch):
    monkeypatch.setattr(negativity, "RATIOS", (0.0, 0.5))
    data = negativity.compute(True)
    drawn(negativity, data)
    dimer, pair = data["peak"]
    assert dimer[0] < 1.01  # at the transition
    assert pair[0] == pytest.approx(1.121, abs=2e-3)
    np.testing.assert_allclose(data["negativity"].max(axis=1), [dimer[1], pair[1]], rtol=2e-3)
