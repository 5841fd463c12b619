"""Statements of the paper, each with what is measured of it in a result file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impo.results.dataset import Dataset

CONFIRMED, CORRECTED, NARROWER = "confirmed", "corrected", "narrower than stated"
MISSED = "not reproduced"
"""What is found of a statement; also of one whose measured number is not what it should be."""

Number = tuple[float, float]
"""A value and its error; nan where the number is exact but for rounding, or has no error bar."""

_A = "tests/physics/test_appendix_a.py"
_B = "tests/physics/test_appendix_b.py"
_E = "tests/physics/test_errata.py"
_X = "tests/physics/test_exact_systems.py"
_S = "tests/runs/test_studies.py"


@dataclass(frozen=True)
class Claim:
    """A quantitative statement of the paper.

    Attributes
    ----------
    place
        Where it stands.
    statement
        What it says.
    quantity
        What of it is measured.
    study
        The study whose data are read.
    measure
        Returns the number and its error from these data.
    holds
        Whether a number bears out the finding.
    finding
        What is then found of the statement.
    test
        The test that checks it.
    """

    place: str
    statement: str
    quantity: str
    study: str
    measure: Callable[[Dataset], Number]
    holds: Callable[[float], bool]
    finding: str
    test: str


def near(target: float, within: float) -> Callable[[float], bool]:
    """Return whether a number is close to another."""
    return lambda value: abs(value - target) <= within


def above(limit: float) -> Callable[[float], bool]:
    """Return whether a number is larger than a limit."""
    return lambda value: value > limit


def below(limit: float) -> Callable[[float], bool]:
    """Return whether a number is smaller than a limit."""
    return lambda value: value < limit


def _exact(value: float) -> Number:
    return float(value), float("nan")


def _pair(values: Sequence[float]) -> Number:
    return float(values[0]), float(values[1])


def _row(data: Dataset, dim: str, value: float) -> int:
    """Return the index of a coordinate."""
    found = int(np.argmin(np.abs(data[dim] - value)))
    assert np.isclose(data[dim][found], value), (dim, value)
    return found


def _edge(phase: str) -> Callable[[Dataset], Number]:
    def measure(data: Dataset) -> Number:
        product = data[f"boundary_{phase}"] * data["boundary_gain"]
        product = product[np.isfinite(product)]
        return float(product.mean()), float(np.ptp(product))

    return measure


def _between(data: Dataset) -> Number:
    """Count points between the boundaries at which some configuration is stable."""
    gain, loss = np.meshgrid(data["gain"], data["loss"], indexing="ij")
    mixed = (gain * loss > 0.5**2) & (gain * loss < 1.5**2)
    return _exact(np.sum(data["phase"][mixed] != 0))


def _exponent(curve: str) -> Callable[[Dataset], Number]:
    return lambda data: _pair(data.attributes["nu"][curve])


def _least_gap(data: Dataset) -> Number:
    """Return the imbalance at which the slowest mode without a charge is slowest."""
    return _exact(data["imbalance"][data["decay_rates"][0, :, 1].argmin()])


def _mixed(measure: int) -> Callable[[Dataset], Number]:
    return lambda data: _exact(data["mixed"][_row(data, "S_mixed", 12.0), measure])


def _maxima(data: Dataset) -> Number:
    """Count the maxima of the number distribution at the transition."""
    p = data["number"][_row(data, "F_point", 1.76)]
    inner = (p[1:-1] > p[:-2]) & (p[1:-1] > p[2:]) & (p[1:-1] > 1e-4)
    return _exact(int(inner.sum()) + int(p[0] > p[1]))


def _solved_and_closed(data: Dataset) -> Number:
    same = np.abs(data["F_closed"][:, None] - data["F_solved"]).argmin(axis=0)
    return _exact(np.abs(data["purity"] - data["purity_closed"][:, same]).max())


def _twa_end(name: str, which: Callable[[NDArray], float]) -> Callable[[Dataset], Number]:
    """Measure TWA of S = 1000 on both sites at the largest loss of path (i), in AM."""

    def measure(data: Dataset) -> Number:
        error = data[f"twa_i_{name}_error"][-1].max()
        return float(which(data[f"twa_i_{name}"][-1])), float(error)

    return measure


def _twa_start(data: Dataset) -> Number:
    return float(data["twa_i_Sz"][0].min()), float(data["twa_i_Sz_error"][0].max())


def _largest(name: str) -> Callable[[Dataset], Number]:
    def measure(data: Dataset) -> Number:
        at = np.nanargmax(data[name])
        return float(data[name].flat[at]), float(data[f"{name}_error"].flat[at])

    return measure


def _odd(data: Dataset) -> Number:
    total = np.abs(data["impo_ii_Sz"].sum(axis=-1))
    at = total.argmax()
    return float(total.flat[at]), float(data["impo_ii_Sz_error"].sum(axis=-1).flat[at])


def _small_spin_length(data: Dataset) -> Number:
    at = np.nanargmax(data["impo_ii_xi"][0])
    return float(data["impo_ii_xi"][0, at]), float(data["impo_ii_xi_error"][0, at])


def _methods_apart(phase: str, name: str) -> Callable[[Dataset], Number]:
    """Measure TWA minus linearised bosons at S = 1000."""

    def measure(data: Dataset) -> Number:
        p = list(data["phase"]).index(phase)
        at = {"TWA": _row(data, "TWA_S", 1000), "HPA": _row(data, "HPA_S", 1000)}
        off = data[f"TWA_{name}"][p, at["TWA"]] - data[f"HPA_{name}"][p, at["HPA"]]
        error = np.atleast_1d(data[f"TWA_{name}_error"][p, at["TWA"]])
        worst = np.abs(np.atleast_1d(off)).argmax()
        return float(np.atleast_1d(off)[worst]), float(error[worst])

    return measure


def _transverse(sites: int, rate: float) -> Callable[[Dataset], Number]:
    def measure(data: Dataset) -> Number:
        at = list(data["sites"]).index(sites), _row(data, "rate", rate)
        return float(data["by_sites_transverse"][at]), float(data["by_sites_error"][at])

    return measure


def _growth_by_sixteen(name: str) -> Callable[[Dataset], Number]:
    def measure(data: Dataset) -> Number:
        tau, error = data[f"tau_{name}"], data[f"tau_{name}_error"]
        first, last = _row(data, "S", 64), _row(data, "S", 1024)
        ratio = tau[last] / tau[first]
        return float(ratio), float(ratio * np.hypot(*(error / tau)[[first, last]]))

    return measure


def _mean_field_end(data: Dataset) -> Number:
    return _exact(data["mean_field_perp"][:, -1].min())


def _configurations(phase: str, kind: int) -> Callable[[Dataset], Number]:
    return lambda data: _exact(data[f"counts_{phase}"][_row(data, "cells", 4), kind])


def _one_site_variance(data: Dataset) -> Number:
    at = _row(data, "S_steady", 4), 0, 2
    return float(data["ppt"][at]), float(data["ppt_error"][at])


def _threshold(theory: int) -> Callable[[Dataset], Number]:
    return lambda data: _exact(data["threshold"][_row(data, "S_threshold", 4), theory])


def _peak(ratio: float) -> Callable[[Dataset], Number]:
    return lambda data: _exact(data["peak"][_row(data, "ratio", ratio), 0])


def _stable_share(local: float) -> Callable[[Dataset], Number]:
    """Return the share of points with gain = loss at which AM is stable."""
    return lambda data: _exact(
        (np.diagonal(data["stable"][_row(data, "local", local)]) % 2 == 1).mean()
    )


_DIMER = [
    Claim("Eq. 3", "AM is stable for Γ_g Γ_l > (g+h)²", "boundary, g + h = 3/2", "fig1c",
          _edge("AM"), near(2.25, 1e-6), CONFIRMED, f"{_A}::test_eq3_phase_boundaries"),
    Claim("Eq. 3", "FM up is stable for Γ_g Γ_l < (g-h)²", "boundary, g - h = 1/2", "fig1c",
          _edge("FM_up"), near(0.25, 1e-6), CONFIRMED, f"{_A}::test_eq3_phase_boundaries"),
    Claim("Eq. 3", "FM down is stable for Γ_g Γ_l < (g-h)²", "boundary, g - h = 1/2", "fig1c",
          _edge("FM_down"), near(0.25, 1e-6), CONFIRMED, f"{_A}::test_eq3_phase_boundaries"),
    Claim("Fig. 1c", "between the boundaries nothing is ordered",
          "points with a stable configuration", "fig1c",
          _between, near(0, 0), CONFIRMED, f"{_S}::check_fig1c"),
    Claim("Fig. 2a", "M_z is odd under exchange of gain and loss", "largest sum of both", "fig2",
          lambda d: _exact(np.nanmax(np.abs(d["order"] + d["order"].T))), below(1e-6), CONFIRMED,
          f"{_S}::check_fig2"),
    Claim("Fig. 2b", "⟨M_z⟩ = 0 on the line gain = loss", "largest |⟨M_z⟩|/S", "fig2",
          lambda d: _exact(np.nanmax(np.abs(d["magnetisation"].sum(axis=-1)))), below(1e-6),
          CONFIRMED, f"{_S}::check_fig2"),
    Claim("Eq. 4", "the PT state is fully mixed but for terms of order Γ/g",
          "power of Γ in the distance, S = 4", "fig2", lambda d: _exact(d["slope"][-1]),
          near(1, 1e-3), CONFIRMED, f"{_S}::check_fig2"),
    Claim("Sec. III A", "the gap closes like 1/S at Γ = g", "exponent, no charge, S → ∞", "fig2",
          lambda d: _pair(d["exponent_limit_q0"]), near(1, 0.15), CONFIRMED,
          f"{_E}::test_gap_closes_for_large_spin_not_for_small"),
    Claim("Sec. III A", "the smallest gap closes like 1/S at Γ = g",
          "local exponent, charge 1, S = 6 to 8", "fig2",
          lambda d: _exact(d["local_exponent_q1"][-1]), below(0.9), NARROWER,
          f"{_X}::test_smallest_gap_at_the_transition_carries_charge"),
    Claim("Sec. III A", "scaled impurity 0.957 for S = 12, Γ = g/2",
          "participation of the diagonal", "fig3", _mixed(1), near(0.957, 1e-3), CORRECTED,
          f"{_X}::test_mixed_dimer_impurity_and_diagonal_participation"),
    Claim("Sec. III A", "scaled impurity 0.957 for S = 12, Γ = g/2", "the impurity itself", "fig3",
          _mixed(0), near(0.549, 1e-3), CORRECTED,
          f"{_X}::test_mixed_dimer_impurity_and_diagonal_participation"),
    Claim("Eq. 5", "the scaled impurity has a limit above zero", "limit S → ∞", "fig3",
          lambda d: _pair(d["mixed_limit"][0]), above(0.5), CONFIRMED, f"{_S}::check_fig3"),
    Claim("Fig. 3a", "the gap is smallest at Γ_g = Γ_l", "imbalance of the minimum", "fig3",
          _least_gap, near(0, 0), CONFIRMED, f"{_S}::check_fig3"),
    Claim("Fig. 4", "Kerr: two numbers of quanta coexist at F/gamma = 1.76",
          "maxima of P(n), D = 20", "fig4", _maxima, near(2, 0), CONFIRMED, f"{_S}::check_fig4"),
    Claim("Eq. 7", "the master equation of the Kerr oscillator",
          "purity minus closed form, largest", "fig4", _solved_and_closed, below(1e-5), CORRECTED,
          f"{_E}::test_kerr_transition_needs_the_factor_of_two_in_the_dissipator"),
    Claim("Sec. III B", "Kerr: ε_L ~ e^(-D)", "c of e^(-cD)", "fig4",
          lambda d: _exact(d["gap_exponent"][0]), near(0.44, 0.05), NARROWER,
          f"{_E}::test_kerr_gap_closes_much_more_slowly_than_exp_minus_d"),
    Claim("Sec. III B", "Kerr: one eigenvalue closes", "the next one over gamma, D = 15", "fig4",
          lambda d: _exact(d["gap"][-1, 1]), above(1.7), CONFIRMED, f"{_S}::check_fig4"),
]  # fmt: skip

_CHAIN = [
    Claim("Fig. 5a", "FM: both sites are polarised", "smaller ⟨S_z⟩/S, S = 1000", "fig5",
          _twa_start, above(0.98), CONFIRMED, f"{_S}::check_fig5"),
    Claim("Fig. 5a", "AM: site A is up", "⟨S_z⟩/S, S = 1000", "fig5",
          _twa_end("Sz", np.max), above(0.99), CONFIRMED, f"{_S}::check_fig5"),
    Claim("Fig. 5a", "AM: site B is down", "⟨S_z⟩/S, S = 1000", "fig5",
          _twa_end("Sz", np.min), below(-0.99), CONFIRMED, f"{_S}::check_fig5"),
    Claim("Fig. 5b", "fluctuations vanish in the ordered phases", "Var/S² in AM, S = 1000", "fig5",
          _twa_end("Sz_var", np.max), below(1e-3), CONFIRMED, f"{_S}::check_fig5"),
    Claim("Fig. 5b", "PPT: fluctuations are of order S²", "largest Var/S², S = 1000", "fig5",
          _largest("twa_i_Sz_var"), above(0.2), CONFIRMED, f"{_S}::check_fig5"),
    Claim("Sec. IV B", "⟨M_z⟩ = 0 for gain = loss", "largest |⟨M_z⟩|/S of iMPO", "fig5",
          _odd, below(2e-3), CONFIRMED, f"{_S}::check_fig5"),
    Claim("Fig. 5d", "small spins have no diverging length", "largest ξ, S = 1/2", "fig5",
          _small_spin_length, below(0.6), CONFIRMED, f"{_S}::check_fig5"),
    Claim("Sec. IV C", "ξ grows at the AM-PPT transition for large spins",
          "largest ξ of S = 8 over that of S = 1/2", "lengths",
          lambda d: _exact(d["height"][-1] / d["height"][0]), above(3), CONFIRMED,
          f"{_S}::check_lengths"),
    Claim("Sec. IV C", "ξ ~ |Γ - Γ_c|^-0.5 in both phases", "exponent in AM, TWA, S = 1000", "nu",
          _exponent("TWA_S1000_AM"), near(0.5, 0.03), CONFIRMED, f"{_S}::check_nu"),
    Claim("Sec. IV C", "ξ ~ |Γ - Γ_c|^-0.5 in both phases", "exponent in PPT, TWA, S = 128", "nu",
          _exponent("TWA_S128_PPT"), above(1), NARROWER, f"{_S}::check_nu"),
    Claim("App. A", "the exponent of ξ is always 1/2", "exponent in AM, linear bosons", "nu",
          _exponent("HPA_AM"), near(0.5, 0.01), CONFIRMED, f"{_S}::check_nu"),
    Claim("Sec. IV C", "the transition is at Γ_c = g + h", "Γ/g of the largest ξ, S = 8",
          "lengths", lambda d: (float(d["position"][-1]), float(d["position_error"][-1])),
          near(1.5, 0.2), CONFIRMED, f"{_S}::check_lengths"),
    Claim("Sec. IV C", "finite spins have a smooth crossover", "Γ/g of the largest ξ, S = 1/2",
          "lengths", lambda d: (float(d["position"][0]), float(d["position_error"][0])),
          below(1.4), CONFIRMED, f"{_S}::check_lengths"),
    Claim("App. A", "linearised bosons describe AM at large S", "TWA minus HPA, ⟨S_z⟩/S, S = 1000",
          "crossover", _methods_apart("AM", "Sz"), near(0, 1e-4), CONFIRMED,
          f"{_S}::check_crossover"),
    Claim("App. A", "linearised bosons describe FM at large S", "TWA minus HPA, ⟨S_z⟩/S, S = 1000",
          "crossover", _methods_apart("FM", "Sz"), near(0, 1e-4), CONFIRMED,
          f"{_S}::check_crossover"),
    Claim("A17, A18", "ξ in AM", "TWA minus HPA, in cells, S = 1000", "crossover",
          _methods_apart("AM", "xi"), near(0, 0.3), CONFIRMED,
          f"{_A}::test_a16_a17_a18_correlation_length"),
    Claim("A17, A18", "ξ in FM, with +C", "TWA minus HPA, in cells, S = 1000", "crossover",
          _methods_apart("FM", "xi"), near(0, 0.5), CORRECTED,
          f"{_E}::test_printed_lambda_is_that_of_the_antiferromagnet"),
    Claim("A19", "nu = 1/2 at the end of FM", "local exponent closest to it", "fm_boundary",
          lambda d: _exact(d["exponent"][0]), near(0.5, 1e-4), CONFIRMED,
          f"{_A}::test_a19_critical_exponent"),
    Claim("Eq. 3", "h = g: there is no FM phase", "least growth rate about FM", "fm_boundary",
          lambda d: _exact(d["growth"][-1].min()), above(0), CONFIRMED,
          f"{_S}::check_fm_boundary"),
    Claim("Sec. IV C", "FM ends with a jump of the magnetisation",
          "least ⟨S_z⟩/S closest to the end, S = 10,000", "fm_boundary",
          lambda d: _exact(d["polarisation"][-1, 0].min()), above(0.9), CONFIRMED,
          f"{_S}::check_fm_boundary"),
]  # fmt: skip

_SYMMETRY = [
    Claim("Fig. 7a", "n_C = 1 breaks the symmetry", "S_⊥/S at Γ = 1.5 g", "fig7ab",
          _transverse(1, 1.5), above(0.5), CONFIRMED, f"{_S}::check_fig7ab"),
    Claim("Fig. 7a", "larger clusters break it less", "S_⊥/S of n_C = 3 at Γ = 1.2 g", "fig7ab",
          _transverse(3, 1.2), below(0.5), CONFIRMED,
          "tests/methods/cluster_mean_field/test_solve.py"
          "::test_broken_symmetry_shrinks_with_the_cluster"),
    Claim("Sec. IV D", "n_C = 1 is the regular mean field", "Var/S² of one site in PPT, S = 4",
          "gutzwiller", _one_site_variance, above(0.2), CORRECTED,
          f"{_B}::test_one_site_steady_state_keeps_fluctuations"),
    Claim("Sec. IV D", "n_C = 1 breaks the symmetry below g + h", "threshold over g + h, S = 4",
          "gutzwiller", _threshold(0), near(1, 1e-6), CONFIRMED,
          f"{_B}::test_thresholds_of_both_theories"),
    Claim("Eq. 9", "mean field breaks the symmetry below g + h", "threshold over g + h, S = 4",
          "gutzwiller", _threshold(1), near(8 / 9, 1e-6), NARROWER,
          f"{_B}::test_eq9_order_parameter"),
    Claim("Fig. 7c", "τ_sb grows by less than 2 from S to 16 S", "ratio of times to 1/e, S = 64",
          "fig7c", _growth_by_sixteen("e"), above(2), NARROWER, f"{_S}::check_fig7c"),
    Claim("Fig. 7c", "τ_sb grows by less than 2 from S to 16 S", "ratio of times to 0.1, S = 64",
          "fig7c", _growth_by_sixteen("0.1"), near(2, 0.2), NARROWER, f"{_S}::check_fig7c"),
    Claim("Fig. 7c", "mean field keeps S_⊥", "smallest S_⊥/S at the last time", "fig7c",
          _mean_field_end, above(0.5), CONFIRMED, f"{_S}::check_fig7c"),
    Claim("Fig. 8", "AM: the antiferromagnet is stable", "stable ones of 256 configurations",
          "fig8", _configurations("AM", 0), near(1, 0), CONFIRMED, f"{_S}::check_fig8"),
    Claim("Fig. 8", "PPT: all configurations are unstable", "stable ones of 256 configurations",
          "fig8", _configurations("PPT", 0), near(0, 0), CONFIRMED, f"{_S}::check_fig8"),
    Claim("Fig. 8b", "PPT: a considerable fraction grows slowly",
          "of 256, below half of the mean rate", "fig8", _configurations("PPT", 3), near(36, 0),
          NARROWER, f"{_E}::test_slowly_growing_configurations_of_the_ppt_phase"),
    Claim("Fig. 8b", "PPT: a considerable fraction grows slowly",
          "of 256, below a tenth of the mean rate", "fig8", _configurations("PPT", 2), near(0, 0),
          NARROWER, f"{_E}::test_slowly_growing_configurations_of_the_ppt_phase"),
    Claim("Fig. 8a", "PT: some configurations only oscillate", "marginal ones of 256", "fig8",
          _configurations("PT", 1), above(0), CONFIRMED, f"{_S}::check_fig8"),
    Claim("A26", "dimer: negativity is largest at the transition", "Γ/g of the maximum",
          "negativity", _peak(0.0), near(1, 0.003), CONFIRMED,
          f"{_A}::test_a26_negativity_on_the_symmetry_line"),
    Claim("After A26", "the same is found for larger chains", "Γ/(g+h) of the maximum, h = g/2",
          "negativity", _peak(0.5), near(1.121, 2e-3), CORRECTED,
          f"{_E}::test_where_the_two_site_negativity_of_a_chain_peaks"),
    Claim("Sec. VI", "the dropped term is a common Stark shift",
          "share of the line gain = loss with AM, w = 2 g", "cavity_array", _stable_share(2.0),
          near(1, 0), CORRECTED, f"{_E}::test_dropped_stark_terms_stabilise_the_antiferromagnet"),
    Claim("Sec. VI", "cavities without that term have the phases of Fig. 1c",
          "share of the line gain = loss with AM, w = 0", "cavity_array", _stable_share(0.0),
          below(1), CONFIRMED, f"{_S}::check_cavity_array"),
]  # fmt: skip

CLAIMS: tuple[Claim, ...] = (*_DIMER, *_CHAIN, *_SYMMETRY)
