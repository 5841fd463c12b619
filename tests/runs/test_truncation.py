import re
from pathlib import Path

import numpy as np
import pytest

from impo.results.store import load
from impo.tensor.gates import bond_liouvillians
from runs.benchmarks import truncation
from runs.benchmarks._density_matrix_truncation import DenseChain
from runs.benchmarks.truncation import SCHEMES, Setting, System, exponential, power

DOCS = Path(__file__).parents[2] / "docs"
STEP = 0.2
SYSTEM = System(1.0, 1.5, 0.7, 2, dt=STEP)
PLAIN = exponential(0.0)(SYSTEM, 0.0)


def updated(chi, rank):
    """Return a truncated chain after one more update of bond 1, truncated to chi."""
    chain = SYSTEM.dense(PLAIN, 18, 1.0, None)
    gate = SYSTEM.gates(PLAIN, mirror=False)[1, False]
    blocks = [(SYSTEM.pairs(1, charge), gate[charge]) for charge in SYSTEM.bonds[1].blocks]
    chain.update(1, blocks, chi, rank)
    return SYSTEM.environment(chain, PLAIN)


def marginals(environment, rank):
    """Return what must stay: an operator of low rank on one site, any on all beyond the cut."""
    low = SYSTEM.bases[0].k <= rank
    return environment.marginal(1, 3)[low], environment.marginal(0, 3)[..., low]


@pytest.mark.parametrize("rank", [0, 1])
def test_local_density_matrices_are_kept_exactly(rank):
    whole, cut, plain = updated(10**4, None), updated(12, rank), updated(12, None)
    assert len(cut.charges[0]) <= 12 < len(whole.charges[0])
    for exact, kept, usual in zip(*(marginals(x, rank) for x in (whole, cut, plain)), strict=True):
        np.testing.assert_allclose(kept, exact, atol=1e-12)
        assert np.abs(usual - exact).max() > 1e-6
    assert np.abs(cut.marginal(1, 2) - whole.marginal(1, 2)).max() > 1e-6


def test_uncut_it_is_the_plain_update():
    for first, second in zip(
        marginals(updated(10**4, 1), 2), marginals(updated(10**4, None), 2), strict=True
    ):
        np.testing.assert_allclose(first, second, atol=1e-12)


def test_too_few_states_for_the_density_matrices():
    with pytest.raises(ValueError, match="must be at least 17"):
        updated(16, 2)


@pytest.mark.parametrize(("chi", "time", "tolerance"), [(10, 1.0, 1e-3), (10**4, STEP, 1e-11)])
def test_the_dense_chain_is_that_of_the_engine(chi, time, tolerance):
    weights = power(1.5)(SYSTEM, 0.0)
    engine = SYSTEM.observables(SYSTEM.engine(weights, chi, time), weights)
    dense = SYSTEM.observables(SYSTEM.dense(weights, chi, time, None), weights)
    # where they cut, they may differ by a state: the engine keeps its charges if it can
    np.testing.assert_allclose(dense, engine, atol=tolerance)


@pytest.mark.parametrize("scheme", [name for name, (_, rank) in SCHEMES.items() if rank is None])
def test_weights_are_a_similarity_transformation(scheme):
    weights = SCHEMES[scheme][0](SYSTEM, 3 * STEP)
    for basis, exponent in zip(SYSTEM.bases, weights, strict=True):
        assert exponent[basis.k == 0] == 0
        assert np.all(np.isfinite(exponent))
        assert all(len(np.unique(exponent[basis.k == k])) == 1 for k in range(3))
    found = SYSTEM.observables(SYSTEM.engine(weights, 10**4, STEP), weights)
    expected = SYSTEM.observables(SYSTEM.engine(PLAIN, 10**4, STEP), PLAIN)
    np.testing.assert_allclose(found, expected, atol=1e-11)


def test_powers_are_the_weights_of_the_engine():
    own = SYSTEM.scaled(power(0.8)(SYSTEM, 0.0), mirror=False)
    engine = bond_liouvillians(SYSTEM.generator, SYSTEM.bases, 0.8)
    for first, second in zip(own, engine, strict=True):
        assert first.blocks.keys() == second.blocks.keys()
        for charge, block in first.blocks.items():
            other = second.blocks[charge].toarray()
            np.testing.assert_allclose(block.toarray(), other, atol=1e-13)


def test_mixed_state():
    chain = DenseChain.mixed(SYSTEM.bases, [basis.q for basis in SYSTEM.bases])
    values = SYSTEM.observables(chain, PLAIN)
    np.testing.assert_allclose(values, [[0, 0], [2 / 3, 2 / 3], [0, 0]], atol=1e-13)


def test_study(monkeypatch):
    settings = {0.5: Setting(1, 1.2, (7,), 16), 1.0: Setting(2, 1.2, (7, 9), 24, dense=False)}
    monkeypatch.setattr(truncation, "SETTINGS", settings)
    data = truncation.compute(quick=True)
    assert data["error"].shape == (2, 2, len(SCHEMES), 2, 3)
    missing = np.isnan(data["error"]).any(axis=-1)
    assert missing[0, :, :, 1].all()
    assert missing[1, :, 8:].all()
    assert not missing[0, :, :, 0].any()
    assert not missing[1, :, :8].any()
    assert np.nanmax(data["error"]) < 0.1
    figure = truncation.draw(data)
    assert len(figure.axes) == 4
    mean = truncation.typical(data, slice(0, 1))
    worst = data["error"][1, 0, 0, :, 0]
    assert mean[1, 0, 0] == pytest.approx(np.sqrt(worst[0] * worst[1]))


def test_table_of_the_page_is_that_of_its_data():
    data = load(DOCS / "truncation.h5")
    schemes = list(data["scheme"])
    unit = schemes.index("(2k+1)^-1")
    rows = dict(
        re.findall(r"^\| ([^|]*) \| (\d.*) \|$", (DOCS / "truncation.md").read_text(), re.M)
    )
    assert set(rows) == set(schemes)
    for number, observables in enumerate((slice(0, 1), slice(None))):
        errors = np.log(truncation.typical(data, observables))  # S phase scheme
        ratio = (errors - errors[..., unit : unit + 1]).transpose(2, 0, 1)
        for name, each in zip(schemes, ratio, strict=True):
            told = [cell.split(", ") for cell in rows[name].split(" | ")]
            known = [one for one in each if np.isfinite(one).all()]
            for cell, found in zip(told, [*each, np.array(known)], strict=True):
                if len(cell) == 2:  # not the unit, and not what is not computed
                    digits = len(cell[number].partition(".")[2])
                    mean = np.exp(found.mean())
                    assert abs(mean - float(cell[number])) <= 0.51 * 10.0**-digits, (name, cell)
