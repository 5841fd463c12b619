"""Modes and lengths of correlation functions: sums of modes, right values, and reasons."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from impo import ITEBD, ArgumentError, Boson, Jump, LindbladModel, Spin, Term, load, steady_state
from impo.methods.itebd.correlations import fitted_length, visible_slope
from impo.methods.itebd.lengths import Waves, decay_of
from impo.methods.itebd.tracking import spectrum
from impo.results.modes import ENDS
from models import gain_loss, xy_decay

TRANSVERSE, ALONG = ("S+", "S-"), ("Sz", "Sz")


def precessing(terms=(("Sx", 2.0), ("Sy", 1.2))):
    """A chain with an anisotropic coupling in a field: correlations turn as they decay."""
    return LindbladModel(
        (Spin(0.5),),
        (*(Term(c, (op, 0, 0), (op, 0, 1)) for op, c in terms), Term(2.0, ("Sz", 0, 0))),
        (Jump(1.0, "S-", 0),),
    )


def summed(decay, count):
    """Return the sum over the modes at the distances 1 ... count."""
    r = np.arange(1, count + 1)
    return sum(
        mode.amplitude.value * np.exp((-1 / mode.length.value + 1j * mode.wavenumber.value) * r)
        for mode in decay.modes
    )


@pytest.fixture(scope="module")
def state():
    return steady_state(gain_loss.chain(0.5, 1.0, 0.5, 1.5, 1.0), ITEBD(tol=1e-3))


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        (gain_loss.chain(1, 1.0, 0.3, 1.5, 0.7), {}),
        (gain_loss.chain(0.5, 1.0, 0.3, 1.5, 0.7), {"charges": False}),
        (xy_decay.chain(S=0.5, g=1.0, loss=1.3), {}),
        (precessing(), {}),
    ],
    ids=["cell of two", "no charges", "cell of one", "no symmetry"],
)
def test_the_modes_add_up_to_the_function(model, settings, monkeypatch):
    monkeypatch.setattr("impo.methods.itebd.lengths._TOLD", 10**6)
    monkeypatch.setattr("impo.methods.itebd.lengths._ROOT", 0.0)
    found = steady_state(model, ITEBD(tol=1e-2, **settings))
    for sites in {(0, 0), (len(model.sites) - 1, 0)}:
        for pair in (TRANSVERSE, ALONG, ("Sx", "Sx"), ("Sx", "Sy")):
            values = found.connected(*pair, sites, 6).value
            np.testing.assert_allclose(summed(found.decay(*pair, sites), 6), values[1:], atol=1e-10)


def test_a_length_from_the_modes_and_by_a_fit(state):
    found = state.decay(*TRANSVERSE)
    assert found.agree
    assert found.spectral == found.length == state.correlation_length(*TRANSVERSE)
    assert found.value == pytest.approx(0.4806, abs=found.error)
    assert found.error < 0.03 * found.value
    assert found.wavenumber.value == found.wavenumber.error == 0
    assert str(found).startswith("length 0.48")


def test_a_function_that_vanishes_at_every_other_distance():
    """The same chain in a cell half as long, in which S+S- is zero at even distances."""
    long = steady_state(gain_loss.chain(0.5, 1.0, 1.0, 1.3, 1.3), ITEBD(tol=1e-3))
    short = steady_state(xy_decay.chain(S=0.5, g=1.0, loss=1.3), ITEBD(tol=1e-3))
    assert abs(short.connected(*TRANSVERSE, (0, 0), 1).value[1]) < 1e-12
    one, two = long.decay(*TRANSVERSE), short.decay(*TRANSVERSE)
    assert abs(2 * one.value - two.value) <= 2 * one.error + two.error
    assert two.value == pytest.approx(1.1419, abs=two.error)
    assert two.error < 0.05 * two.value


def test_an_oscillating_function():
    found = steady_state(precessing(), ITEBD(tol=1e-3))
    along_x, along_z = found.decay("Sx", "Sx"), found.decay(*ALONG)
    assert along_x.value == pytest.approx(1.1706, abs=along_x.error)
    assert along_x.error < 0.05 * along_x.value
    assert along_x.wavenumber.value == pytest.approx(2.888, abs=along_x.wavenumber.error)
    assert along_x.fitted is None
    # its slowest mode has a small amplitude: near neighbours alone would tell half of the length
    assert along_z.value > 2 * max(along_z.fitted.value - along_z.fitted.error, 0.5)


@pytest.mark.parametrize(
    ("spin", "gain", "loss", "pair", "right", "error"),
    [
        (0.5, 0.8, 0.8, TRANSVERSE, 0.4840, 0.006),
        (1.0, 0.3, 0.3, ALONG, 0.955, 0.002),
        (1.5, 0.6, 0.2, TRANSVERSE, 1.0516, 0.0007),
        (2.0, 0.6, 0.2, TRANSVERSE, 1.3262, 0.0058),
    ],
)
def test_functions_of_which_few_distances_are_known(spin, gain, loss, pair, right, error):
    state = steady_state(gain_loss.chain(spin, 1.0, 0.5, gain, loss), ITEBD(tol=1e-3))
    found = state.decay(*pair)
    assert found.value == pytest.approx(right, abs=found.error + error)
    assert found.error < 0.15 * right


def test_what_is_not_known_has_a_reason(state):
    rough = steady_state(gain_loss.chain(1, 1.0, 0.5, 0.3, 0.3), ITEBD(tol=1e-2))
    found = rough.decay(*TRANSVERSE)
    assert found.length is rough.correlation_length(*TRANSVERSE) is None
    assert np.isnan([found.value, found.error]).all()
    assert str(found) == found.reason
    assert "take a smaller tol" in found.reason
    alone = steady_state(gain_loss.chain(0.5, 1.0, 0.0, 1.5, 1.0), ITEBD(tol=1e-3))
    assert "not correlated" in alone.decay(*TRANSVERSE).reason
    assert "not correlated" in state.decay("S+", "Sz").reason  # by symmetry


def test_the_spectrum_of_the_transfer_matrix(state, tmp_path):
    raising, neutral, every = (state.transfer_spectrum(charge) for charge in (1, 0, None))
    length = state.decay(*TRANSVERSE).length
    assert raising[0].length == length
    assert raising[0].charge == 1
    assert raising[0].stands_out
    assert neutral[0].length.value < length.value
    lengths = [mode.length.value for mode in every]
    assert len(lengths) == 8
    assert lengths == sorted(lengths, reverse=True)
    assert {mode.charge for mode in every[:2]} == {-1, 1}  # mirror images of each other
    assert len(state.transfer_spectrum(count=3)) == 3
    state.save(tmp_path / "state.h5")
    assert load(tmp_path / "state.h5").transfer_spectrum(1) == raising
    for mode in every:  # what is not found again has no error
        assert np.isfinite(mode.length.error) or not mode.stands_out
    for wrong in ({"charge": 77}, {"count": 0}):
        with pytest.raises(ArgumentError):
            state.transfer_spectrum(**wrong)


def test_a_mode_is_followed_to_itself_in_another_gauge(state):
    approx = state.approximation
    one = spectrum(approx, 1, (0.5, 0.5))
    nearest, apart = one.followed(one)
    good = one.sizes > 1e-10
    np.testing.assert_array_equal(nearest[good], np.arange(len(good))[good])
    assert apart[good].max() < 1e-6
    other = spectrum(state.refinements[0].coarser, 1, (0.5, 0.5))
    nearest, apart = one.followed(other)
    assert nearest[0] == 0
    assert 0 < apart[0] < 0.1


def test_a_mode_is_not_followed_to_one_that_is_over_within_a_tile(state):
    one = spectrum(state.approximation, 1, (0.5, 0.5))
    over = replace(one, modes=one.modes._replace(values=0 * one.values))
    np.testing.assert_allclose(one.followed(over)[1][one.sizes > 0], 1.0)


def test_the_error_of_a_fit_knows_its_misfit():
    """Steps of 0.434 and 0.339 are no exponential."""
    values = np.array([0.25, 2.26e-2, 2.26e-3, 1.18e-4])
    errors = values / [1e4, 1512, 837, 59.7]
    length, error = fitted_length(values, errors, 3)
    assert 0.33 < length < 0.45
    assert error > 0.08
    values = 0.3 * np.exp(-np.arange(9) / 1.7)
    length, error = fitted_length(values, 1e-4 * values, 8)
    assert length == pytest.approx(1.7, rel=1e-12)
    assert error < 1e-3


def test_the_slope_where_few_distances_are_known():
    r = np.arange(6)
    one = 0.3 * np.exp(-r / 0.4)
    found = visible_slope(one, np.where(r < 4, 1e-3, 2.0) * one)
    assert found.rate == pytest.approx(2.5, rel=1e-12)
    assert 1e-3 < found.error < 3e-3
    assert not found.staggered
    assert visible_slope(one * (-1.0) ** r, 1e-3 * one).staggered
    # without a third distance it may be curved, by what C(0) tells or by a tenth
    short = np.where(r < 3, 0.0, 2.0) * one
    assert visible_slope(one, short).error == pytest.approx(0.25)
    assert visible_slope(one + 0.7 * (r == 0), short).error == pytest.approx(np.log(1.0 / 0.3))
    # two exponentials: the slope is not that of the slower one, and its error says so
    two = np.exp(-3.0 * r) + 0.05 * np.exp(-1.5 * r)
    found = visible_slope(two, np.where(r < 4, 1e-4, 2.0) * two)
    assert found.rate - found.error < 1.5 < found.rate
    for lost in (np.cos(2.0 * r) * one, 0 * one):  # one that turns, and none
        assert visible_slope(lost, 1e-3 * one) is None
    assert visible_slope(one, np.where(r < 2, 0.0, 2.0) * one) is None


def test_a_visible_decay_where_no_mode_is_found_again():
    one, unknown = np.ones(1), np.full(1, np.inf)
    lost = Waves(one, unknown, 0 * one, 0 * one, one, unknown, one, one)
    values = 0.3 * (-1.0) ** np.arange(40) * np.exp(-np.arange(40) / 0.4)
    errors = np.where(np.arange(40) < 4, 1e-3 * np.abs(values), 1.0)
    found = decay_of(lost, values, errors, 1.0)
    assert found.value == pytest.approx(0.4, abs=found.error)
    assert found.wavenumber.value == np.pi
    assert found.spectral is None
    assert found.crossover == found.window[1] == 3
    assert "of the visible decay" in str(found)
    assert decay_of(lost, values, np.abs(values) * 0.9, 1.0).length is None
    fitted = decay_of(lost, np.abs(values), errors, 1.0)
    assert fitted.value == pytest.approx(0.4, abs=fitted.error)
    assert fitted.crossover == fitted.window[1] == 3


@pytest.mark.slow
def test_bosons_with_hopping_against_the_gaussian_solution():
    """Hopping 1 and 0.6, loss on both sites, a little gain on one: xi = 1.680695 cells."""
    sites = (Boson(5), Boson(5))
    terms = (
        Term(1.0, ("Bd", 0, 0), ("B", 1, 0), plus_hc=True),
        Term(0.6, ("Bd", 1, 0), ("B", 0, 1), plus_hc=True),
    )
    jumps = (Jump(0.5, "B", 0), Jump(0.5, "B", 1), Jump(0.03, "Bd", 0))
    state = steady_state(LindbladModel(sites, terms, jumps), ITEBD(tol=1e-4))
    found = state.decay("Bd", "B")
    assert found.value == pytest.approx(1.680695, abs=found.error)
    assert found.error < 0.05 * found.value


@pytest.mark.slow
def test_bosons_created_in_pairs_against_the_gaussian_solution():
    """H = D n + J (b+_j b_{j+1} + h.c.) + K (b_j b_{j+1} + h.c.) with loss G: waves that turn.

    With e = D + 2 J cos k and d = 2 K cos k the rates of the pair (b_k, b+_-k) are
    -G/2 +- i sqrt(e^2 - d^2); the covariance has its poles where two of them add up to zero:
    e^2 - d^2 = -G^2/4, at complex k.
    """
    detuning, hopping, pairing, loss = 0.5, 0.5, 0.1, 1.0
    model = LindbladModel(
        (Boson(3),),
        (
            Term(detuning, ("N", 0, 0)),
            Term(hopping, ("Bd", 0, 0), ("B", 0, 1), plus_hc=True),
            Term(pairing, ("B", 0, 0), ("B", 0, 1), plus_hc=True),
        ),
        (Jump(loss, "B", 0),),
    )
    squares = 4 * (hopping**2 - pairing**2), 4 * detuning * hopping, detuning**2 + loss**2 / 4
    k = np.arccos(np.roots(squares)[0].astype(complex))
    assert abs(1 / k.imag) == pytest.approx(1.869526, abs=1e-6)
    state = steady_state(model, ITEBD(tol=1e-3))
    for pair in (("Bd", "B"), ("B", "B")):
        found = state.decay(*pair)
        assert found.value == pytest.approx(abs(1 / k.imag), abs=found.error)
        assert found.wavenumber.value == pytest.approx(abs(k.real), abs=found.wavenumber.error)
        assert found.error < 0.01 * found.value


def test_a_function_that_ends_at_the_next_cell_has_no_length():
    """Decoupled dimers that lie across the edge of the cell."""
    state = steady_state(gain_loss.chain(0.5, 0.0, 1.0, 1.5, 1.0), ITEBD(tol=1e-3))
    found = state.decay(*TRANSVERSE, (1, 0))
    assert abs(state.connected(*TRANSVERSE, (1, 0), 1).value[1]) > 0.1
    assert found.length is None
    assert found.reason == ENDS
    assert not any(mode.stands_out for mode in state.transfer_spectrum(1))


def test_wavenumbers_are_those_of_the_physical_frame():
    """A hopping with a phase turns the frame from cell to cell."""
    terms = (
        Term(np.exp(0.5j), ("Bd", 0, 0), ("B", 1, 0), plus_hc=True),
        Term(0.6, ("Bd", 1, 0), ("B", 0, 1), plus_hc=True),
    )
    jumps = (Jump(1.0, "B", 0), Jump(1.0, "B", 1), Jump(0.03, "Bd", 0))
    state = steady_state(LindbladModel((Boson(2), Boson(2)), terms, jumps), ITEBD(tol=1e-2))
    assert state.generator.phase_advance == pytest.approx(0.5)
    seen = state.decay("Bd", "B").modes
    waves = [(mode.length.value, mode.wavenumber.value) for mode in state.transfer_spectrum(1)]
    for mode in seen[:3]:
        apart = np.array(waves) - (mode.length.value, mode.wavenumber.value)
        assert np.abs(apart).sum(axis=1).min() < 1e-9


def test_a_state_can_be_sent_to_other_processes_after_its_lengths(state):
    length = state.correlation_length(*TRANSVERSE)
    again = pickle.loads(pickle.dumps(state))
    assert again.correlation_length(*TRANSVERSE) == length
    assert again.transfer_spectrum(1) == state.transfer_spectrum(1)


def test_a_state_that_has_run_away_has_no_length(state):
    approx = replace(state.approximation, matrix_product=state.approximation.matrix_product.copy())
    approx.matrix_product.tensors[0] *= np.nan
    assert "run away" in replace(state, approximation=approx).decay(*TRANSVERSE).reason


@pytest.mark.parametrize("amplitude", [0.0, 1e-12, 1e-9])
def test_where_a_slower_mode_may_take_over(amplitude):
    """Its amplitude may be as large as its error, 1e-4, beside one of 0.1."""
    rates, amplitudes = np.array([0.2, 1.0]), np.array([amplitude, 0.1])
    errors, one = np.array([1e-4, 0.0]), np.ones(2)
    waves = Waves(rates, 0 * one, 0 * one, 0 * one, amplitudes, errors, one, one)
    values = np.append(1.0, amplitudes @ np.exp(-np.outer(rates, np.arange(1, 40))))
    found = decay_of(waves, values, np.full(40, 1e-4), 1.0)
    assert (found.value, found.error) == (1.0, 0.0)
    assert found.crossover == pytest.approx(np.log(0.1 / (1e-4 + amplitude)) / 0.8)
    assert "of the visible decay" in str(found)
    # it has not taken over where the function is seen
    assert decay_of(waves, values, np.full(40, 1e-9), 1.0).crossover == 18
