"""Spectra of rings by wave number, condition numbers, and the slowest eigenvalues."""

import numpy as np
import pytest
from scipy import sparse
from scipy.linalg import eig

import tests.qutip_oracle as oracle
from impo import (
    ITEBD,
    ArgumentError,
    Exact,
    Jump,
    LindbladModel,
    Spin,
    Term,
    UnsupportedModelError,
    spectrum,
)
from impo.methods.exact.conditions import condition_numbers
from impo.methods.exact.modes import SlowModes
from impo.methods.exact.slowest import slowest_eigenvalues
from impo.methods.exact.spectrum import ring_modes
from models.gain_loss import chain, dimer

ALL = 10**6
CHAIN = chain(0.5, 1.0, 0.4, 1.5, 0.7)
TILTED = LindbladModel(
    sites=(Spin(0.5), Spin(0.5)),
    terms=(
        Term(0.7, ("Sx", 0, 0), ("Sy", 1, 0)), Term(0.4, ("Sz", 1, 0), ("Sx", 0, 1)),
        Term(0.3, ("Sx", 0, 0)),
    ),
    jumps=(Jump(0.9, "S-", 0), Jump(0.5, "S+", 1), Jump(0.2, "Sz", 1)),
)  # fmt: skip


def _by_wave_number(model, cells, charge):
    method = Exact(cells=cells, periodic=True)
    waves = 2 * np.pi * np.arange(cells) / cells
    parts = [spectrum(model, method, charge, k, count=ALL) for k in waves]
    assert max(part.residuals.max(initial=0.0) for part in parts) < 1e-11
    return np.concatenate([part.eigenvalues for part in parts])


@pytest.mark.parametrize(
    ("model", "charges"),
    [(CHAIN, range(-4, 5)), (chain(0.5, 1.0, 0.0, 1.5, 0.7), range(-4, 5)), (TILTED, [None])],
)
def test_all_charges_and_wave_numbers_together_are_the_spectrum_of_qutip(model, charges):
    found = np.concatenate([_by_wave_number(model, 2, charge) for charge in charges])
    expected = np.linalg.eigvals(oracle.liouvillian(model, 2, True))
    assert oracle.distance(found, expected) < 1e-9


def test_three_cells():
    found = _by_wave_number(CHAIN, 3, 4)
    whole = spectrum(CHAIN, Exact(cells=3, periodic=True), 4, count=ALL)
    assert oracle.distance(found, whole.eigenvalues) < 1e-9


def test_one_excitation_above_the_vacuum():
    """Hopping with a phase, so that k and -k differ: z = -2i J cos(k + phi) - gamma / 2."""
    J, phi, gamma, cells = 0.7, 0.4, 0.3, 5
    hop = Term(J * np.exp(1j * phi), ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    model = LindbladModel(sites=(Spin(0.5),), terms=(hop,), jumps=(Jump(gamma, "S-", 0),))
    method = Exact(cells=cells, periodic=True)
    for m in range(cells):
        k = 2 * np.pi * m / cells
        found = spectrum(model, method, 1, k, count=ALL).eigenvalues
        expected = -2j * J * np.cos(k + phi) - gamma / 2
        assert np.abs(found - expected).min() < 1e-12
        assert np.abs(found.real + gamma / 2).min() < 1e-12
        assert np.max(found.real) < -gamma / 2 + 1e-12


def test_condition_numbers_by_arnoldi_and_of_all_vectors(monkeypatch):
    model = dimer(1.5, gain=1.7, loss=0.6)
    dense = spectrum(model, Exact(), 1, count=6)
    values, left, right = eig(SlowModes(_matrix(model, 1)).matrix.toarray(), left=True, right=True)
    expected = 1 / np.abs(np.sum(left.conj() * right, axis=0))
    for value, condition in zip(dense.eigenvalues, dense.condition_numbers, strict=True):
        same = np.argmin(np.abs(values - value))
        assert condition == pytest.approx(expected[same], rel=1e-6)
        assert condition > 1
    monkeypatch.setattr("impo.methods.exact.modes._DENSE", 10)
    found = spectrum(model, Exact(), 1, count=6)
    np.testing.assert_allclose(found.condition_numbers, dense.condition_numbers, rtol=1e-6)


def _matrix(model, charge):
    from impo.methods.exact.assembly import liouvillian
    from impo.methods.exact.sector import charge_sector, cluster, site_bases

    generator = cluster(model, Exact())
    return liouvillian(charge_sector(generator, site_bases(generator), (charge,)))


def test_condition_number_at_an_exceptional_point():
    assert np.all(np.isinf(condition_numbers(np.array([[1.0, 1.0], [0.0, 0.0]]))))
    close = np.array([[1.0, 1.0], [0.0, 1e-6]])
    np.testing.assert_allclose(condition_numbers(close), 1e6, rtol=1e-5)


def test_the_slowest_by_arnoldi_are_the_slowest_of_all(monkeypatch):
    """With the steady state among them, whose eigenvalue of zero ARPACK overlooks unshifted."""
    method = Exact(cells=3, periodic=True)
    for charge, k in ((0, 0.0), (1, 2 * np.pi / 3)):
        _, (modes,) = ring_modes(CHAIN, method, charge, k)
        dense, _ = slowest_eigenvalues(modes, 3)
        with monkeypatch.context() as patch:
            patch.setattr("impo.methods.exact.slowest._DENSE", 10)
            found, residuals = slowest_eigenvalues(modes, 3)
        np.testing.assert_allclose(found.real, dense.real, atol=1e-9)
        assert residuals.max() < 1e-8
    assert abs(slowest_eigenvalues(SlowModes(sparse.csr_array([[-2.0]])), 3)[0][0] + 2) < 1e-15


def test_refusals():
    ring = Exact(cells=3, periodic=True)
    with pytest.raises(ArgumentError, match="multiple of 2 pi / 3"):
        spectrum(CHAIN, ring, 0, np.pi)
    with pytest.raises(ArgumentError, match="periodic=True"):
        spectrum(CHAIN, Exact(cells=3), 0, 0.0)
    with pytest.raises(ArgumentError, match="`k`"):
        spectrum(CHAIN, ring, 0, "zero")
    with pytest.raises(ArgumentError, match="`count`"):
        spectrum(CHAIN, ring, 0, 0.0, count=0)
    with pytest.raises(ArgumentError, match="`charge`"):
        spectrum(CHAIN, ring, 9, 0.0)
    with pytest.raises(UnsupportedModelError, match="no `spectrum`"):
        spectrum(CHAIN, ITEBD())
    with pytest.raises(ArgumentError, match="`model`"):
        spectrum("chain", ring)
    pairs = Term(0.5, ("S+", 0, 0), ("S+", 0, 1), plus_hc=True)
    alternating = LindbladModel(sites=(Spin(0.5),), terms=(pairs,), jumps=(Jump(1.0, "S-", 0),))
    ring = Exact(cells=4, periodic=True)
    with pytest.raises(ArgumentError, match="alternates"):
        spectrum(alternating, ring, 1, 0.0)
    assert abs(spectrum(alternating, ring, 0, 0.0, count=1).eigenvalues[0]) < 1e-12
