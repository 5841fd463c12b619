"""Chains that reach beyond neighbours, against rings, and against what is known without blocks."""

from dataclasses import replace

import numpy as np
import pytest

from impo import (
    ITEBD,
    Estimate,
    Exact,
    Jump,
    LindbladModel,
    Spin,
    Status,
    Term,
    check,
    evolve,
    load,
    steady_state,
)
from impo.scans.checkpoint import Checkpoint
from models import gain_loss, nonreciprocal
from tests.jump_models import far

ONE = nonreciprocal.chain(0.5, J=1.0, rate=0.7, phase=-1.2, gain=0.5, loss=0.4)
TWO = nonreciprocal.chain(0.5, J=0.6, rate=0.5, phase=-0.4, gain=0.3, loss=0.5)
QUICK = ITEBD(tol=1e-3)


def moved(term, place):
    """Return a term with its operators at other (site, cell)."""
    factors = [(name, *place(site, cell[0])) for name, site, cell in term.factors]
    return Term(term.coefficient, *factors, plus_hc=term.plus_hc)


def relocated(model, place):
    """Return terms and jumps of a model with its operators at other (site, cell)."""
    terms = [moved(term, place) for term in model.terms]
    jumps = [Jump(j.rate, *[moved(term, place) for term in j.products(1)]) for j in model.jumps]
    return terms, jumps


def side_by_side(even, odd):
    """Return two chains of one site per cell that know nothing of each other, site by site."""
    terms, jumps = [], []
    for leg, model in enumerate((even, odd)):
        more = relocated(model, lambda site, cell, leg=leg: (leg, cell))
        terms, jumps = terms + more[0], jumps + more[1]
    return LindbladModel((*even.sites, *odd.sites), terms, jumps)


def close(found, known, share=1.0):
    """Say whether two estimates agree within their errors."""
    gap = np.abs(np.asarray(found.value) - known.value)
    return bool(np.all(gap <= share * (np.asarray(found.error) + known.error)))


@pytest.fixture(scope="module")
def alone():
    return [steady_state(model, QUICK) for model in (ONE, TWO)]


@pytest.fixture(scope="module")
def both():
    state = steady_state(side_by_side(ONE, TWO), QUICK)
    assert state.status is Status.CONVERGED
    assert state.generator.blocks == (2, 2)
    return state


@pytest.mark.slow
def test_two_chains_side_by_side(both, alone):
    """Sites of either are second neighbours: all that is known of them is known from chains."""
    for leg, known in enumerate(alone):
        pair = ("S+", "S-", (leg, leg))
        for found, expected in (
            (both.correlation(*pair, 4), known.correlation("S+", "S-", (0, 0), 4)),
            (both.structure_factor("S+", "S-", [0.0, 0.7], (leg, leg)),
             known.structure_factor("S+", "S-", [0.0, 0.7])),
        ):  # fmt: skip
            assert close(found, expected)
        assert close(both.expect("Sz"), _at(leg, known.expect("Sz"), both.expect("Sz")))
        pairs = [[(leg, 0), (leg, 1)], [(0, 0), (0, 1)]]
        rho, other = both.density_matrix(pairs[0]), known.density_matrix(pairs[1])
        np.testing.assert_allclose(rho, other, atol=1e-3)
    # the larger bond dimension goes to the other chain: lengths of this one are no better known
    assert "same modes" in both.decay("S+", "S-", (0, 0)).reason
    decays = both.decay("S+", "S-", (1, 1)), alone[1].decay("S+", "S-")
    assert close(*(decay.length for decay in decays))
    assert close(*(decay.wavenumber for decay in decays))
    one, two = alone
    found = both.two_time("S-", "S+", [0.5], (1, 1), 1)
    assert close(found, two.two_time("S-", "S+", [0.5], max_cells=1))
    assert found.error.max() < 5e-3 < np.abs(found.value[0, 1])
    whole = one.purity_density.value + two.purity_density.value
    assert both.purity_density.value == pytest.approx(whole, abs=1e-3)
    entropy = one.operator_entropy.value[0] + two.operator_entropy.value[0]
    np.testing.assert_allclose(both.operator_entropy.value, entropy, atol=1e-3)
    assert abs(both.mutual_information([(0, 0), (1, 0)]).value) < 1e-6
    assert both.mutual_information([(0, 0), (0, 1)]).value > 5e-3
    for charge, state in zip(((1, 0), (0, 1)), alone, strict=True):
        mode = both.transfer_spectrum(charge=charge, count=1)[0]
        length = state.correlation_length("S+", "S-").value
        assert mode.length.value == pytest.approx(length, abs=0.01)
    assert abs(both.liouvillian_variance.mean) < 1e-3


def _at(leg, value, whole):
    """Return the estimate of a site of a cell, and of the others what they are."""
    value = [value.value[0] if n == leg else x for n, x in enumerate(whole.value)]
    return replace(whole, value=np.array(value), error=np.array(whole.error))


@pytest.mark.slow
def test_what_files_hold_of_blocks(both, tmp_path):
    both.save(tmp_path / "point.h5")
    again = load(tmp_path / "point.h5")
    assert again == both
    assert again.expect("Sz") == both.expect("Sz")
    assert check(tmp_path / "point.h5").reproduced
    warm = steady_state(side_by_side(ONE, replace(TWO, terms=ONE.terms)), QUICK, again)
    assert warm.status is Status.CONVERGED
    assert warm.history[0]["time"] < both.history[-1]["time"]


@pytest.mark.slow
def test_a_term_of_no_effect_changes_nothing(alone):
    """A chain of neighbours in blocks: a tile of four cells, whose modes are those of one."""
    model = replace(ONE, terms=(*ONE.terms, Term(1e-11, ("Sz", 0, 0), ("Sz", 0, 2))))
    state, known = steady_state(model, replace(QUICK, tol=3e-4)), alone[0]
    assert state.generator.blocks == (2, 2)
    assert len(state.generator.sites) == 4
    assert state.status is Status.CONVERGED
    for found, expected in (
        (state.expect("Sz"), known.expect("Sz")),
        (state.variance("Sz"), known.variance("Sz")),
        (state.correlation("S+", "S-", max_cells=6), known.correlation("S+", "S-", max_cells=6)),
        (state.connected("Sz", "Sz", max_cells=2), known.connected("Sz", "Sz", max_cells=2)),
        (state.purity_density, known.purity_density),
        (state.mutual_information(), known.mutual_information()),
    ):
        assert close(found, expected)
    slow, expected = (s.transfer_spectrum(charge=1, count=1)[0] for s in (state, known))
    assert slow.length.value == pytest.approx(expected.length.value, abs=0.02)
    assert slow.wavenumber.value == pytest.approx(expected.wavenumber.value, abs=0.05)


@pytest.mark.slow
def test_equal_sublattices_of_one_site_per_cell(alone):
    """Twice the length, half the wavenumber, and the same with another pi: equal eigenvalues."""
    terms, jumps = relocated(ONE, lambda site, cell: (site, 2 * cell))
    state = steady_state(replace(ONE, terms=terms, jumps=jumps), replace(QUICK, tol=3e-4))
    assert len(state.generator.sites) == 4
    known, found = alone[0].decay("S+", "S-"), state.decay("S+", "S-")
    error = 2 * known.length.error + found.length.error
    assert found.length.value == pytest.approx(2 * known.length.value, abs=error)
    angle = known.wavenumber.value / 2
    error = known.wavenumber.error + found.wavenumber.error
    angles = sorted(abs(mode.wavenumber.value) for mode in found.modes[:2])
    assert angles == pytest.approx([angle, np.pi - angle], abs=error)
    assert error < 0.1
    near = alone[0].correlation("S+", "S-", max_cells=2)
    far = state.correlation("S+", "S-", max_cells=4)
    assert close(replace(far, value=far.value[::2], error=far.error[::2]), near)


@pytest.mark.slow
def test_levels_that_lack_the_same_modes():
    """The larger level goes to other charges: both make one mode of three in Sz, and agree on it.

    Of equal sublattices the chain alone knows better: C(4) is off by an eighth of its size.
    """
    terms, jumps = relocated(ONE, lambda site, cell: (site, 2 * cell))
    both, alone = replace(ONE, terms=terms, jumps=jumps), steady_state(ONE, ITEBD(tol=1e-6))
    near, k = alone.connected("Sz", "Sz", max_cells=4), np.array([0.0, 0.4, 1.1])
    coarse = steady_state(both, replace(QUICK, tol=3e-4))
    pair = next(one for one in coarse.refinements if one.kind == "chi")
    assert pair.unknown_of(0)
    assert not pair.unknown_of(1)
    assert coarse.decay("Sz", "Sz").length is None
    assert "same modes" in coarse.decay("Sz", "Sz").reason
    assert coarse.correlation_length("S+", "S-") is not None
    fine = steady_state(both, replace(QUICK, tol=1e-5))
    length = alone.correlation_length("Sz", "Sz")
    assert close(fine.correlation_length("Sz", "Sz"), Estimate(2 * length.value, 2 * length.error))
    for state, widest in ((coarse, 1e-4), (fine, 1e-5)):
        every = state.connected("Sz", "Sz", max_cells=8)
        assert close(replace(every, value=every.value[::2], error=every.error[::2]), near)
        assert np.all(np.abs(every.value[1::2]) < every.error[1::2])
        found = state.structure_factor("Sz", "Sz", k)
        assert close(found, alone.structure_factor("Sz", "Sz", 2 * k))
        assert found.error.max() < widest


@pytest.mark.slow
def test_a_cell_may_begin_anywhere():
    base = gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.8)
    longer = Term(0.3, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    model = replace(base, terms=(*base.terms, longer, Term(0.4, ("Sz", 1, 0), ("Sz", 1, 1))))
    terms, jumps = relocated(model, lambda site, cell: (1 - site, cell + site))
    states = [steady_state(m, QUICK) for m in (model, replace(model, terms=terms, jumps=jumps))]
    here, there = states
    assert all(state.status is Status.CONVERGED for state in states)
    up, down = here.expect("Sz"), there.expect("Sz")
    np.testing.assert_allclose(up.value, down.value[::-1], atol=float(np.max(up.error)))
    assert abs(up.value.sum()) > 0.02
    one, two = here.correlation("S+", "S-", (0, 1), 3), there.correlation("S+", "S-", (1, 0), 4)
    np.testing.assert_array_less(np.abs(one.value - two.value[1:]), one.error + two.error[1:])


@pytest.mark.slow
def test_jumps_on_three_sites_in_a_ring():
    model = replace(far(2), jumps=(*far(2).jumps, Jump(0.6, "S-", 0)))
    state = steady_state(model, QUICK)
    assert state.status is Status.CONVERGED
    rings = [steady_state(model, Exact(cells=n, periodic=True, gap=False)) for n in (6, 7)]
    for read in (lambda s: s.expect("Sz").value, lambda s: s.correlation("S+", "S-").value[1:3]):
        six, seven = map(read, rings)
        np.testing.assert_allclose(read(state), seven, atol=2e-4 + 0.5 * np.abs(seven - six).max())


@pytest.mark.slow
def test_range_three_against_a_ring():
    """Strong loss: correlations end before the ring of seven sites closes."""
    model = replace(far(3), jumps=(*far(3).jumps, Jump(1.2, "S-", 0)))
    state = steady_state(model, ITEBD(tol=1e-2))
    assert state.status is Status.CONVERGED
    assert state.generator.blocks == (3, 3)
    ring = steady_state(model, Exact(cells=7, periodic=True, gap=False))
    np.testing.assert_allclose(state.expect("Sz").value, ring.expect("Sz").value, atol=2e-5)
    found, known = (s.correlation("S+", "S-", max_cells=3).value[3] for s in (state, ring))
    assert found == pytest.approx(known, abs=1e-4)
    assert abs(known) > 0.01


@pytest.mark.slow
def test_motion_from_a_product_state():
    """Before the ends of a ring are felt, the infinite chain moves as it does."""
    model, times, start = far(2), [0.0, 0.1, 0.2], [np.diag([0.9, 0.1])]
    chain = evolve(model, ITEBD(tol=1e-4, chi_max=32), start, times)
    ring = evolve(model, Exact(cells=7, periodic=True), start, times)
    assert chain.status is Status.CONVERGED
    np.testing.assert_allclose(chain.expect("Sz").value, ring.expect("Sz").value, atol=1e-5)
    found, known = (s.correlation("S+", "S-", max_cells=2).value for s in (chain, ring))
    np.testing.assert_allclose(found, known, atol=3e-5)
    assert np.abs(found[-1, 2]) > 0.01


@pytest.mark.slow
def test_a_dark_state_of_jumps_on_three_sites():
    """L_j = Z_j (1 + Z_{j-1} X_j Z_{j+1}) / 2 turns every stabiliser of the cluster state to -1.

    B. Kraus et al., Phys. Rev. A 78, 042307 (2008). The state is pure, and Z and X of a single site
    have no mean.
    """
    flip = Term(8.0, ("Sz", 0, 0), ("Sz", 0, 1), ("Sx", 0, 1), ("Sz", 0, 2))
    model = LindbladModel((Spin(0.5),), (), (Jump(1.0, Term(1.0, ("Sz", 0, 1)), flip),))
    state = steady_state(model, ITEBD(tol=1e-4))
    assert state.status is Status.CONVERGED
    rho = state.density_matrix([(0, 0), (0, 1), (0, 2)])
    z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    stabiliser = np.kron(np.kron(z, x), z)
    np.testing.assert_allclose(rho, (np.eye(8) - stabiliser) / 8, atol=1e-4)
    assert state.purity_density.value == pytest.approx(0, abs=1e-3)
    assert state.residual < 1e-4


@pytest.mark.slow
def test_an_interrupted_computation_goes_on_to_the_same_numbers(both, tmp_path):
    seen = []

    def stop(entry):
        seen.append(entry)
        if len(seen) == len(both.history) - 3:
            raise KeyboardInterrupt

    keeping = Checkpoint(tmp_path / "point", "key", 0.0, stop)
    with pytest.raises(KeyboardInterrupt):
        steady_state(both.model, QUICK, progress=keeping)
    kept = Checkpoint(tmp_path / "point", "key")
    resumed = steady_state(both.model, QUICK, progress=kept)
    assert resumed.expect("Sz") == both.expect("Sz")
    assert list(resumed.history) == list(both.history)
