"""The decision table row by row, without a single Trotter step."""

from dataclasses import replace
from math import inf

import pytest

from impo.refinement.budget import ErrorBudget
from impo.refinement.decide import Decision, Limits, decide, setting_share

TOL = 1e-4
LIMITS = Limits(TOL, t_max=100.0)
SMALL = {"chi": 1e-5, "k_max": 1e-6, "dt": 1e-6}
GOOD = ErrorBudget(1e-6, SMALL)  # accurate, all is measured


def budget(errors=SMALL, **changes):
    return replace(GOOD, settings=errors, **changes)


def limits(**changes):
    return replace(LIMITS, **changes)


def without(*kinds, **others):
    return {kind: error for kind, error in {**SMALL, **others}.items() if kind not in kinds}


@pytest.mark.parametrize(
    ("errors", "asked", "decision"),
    [
        (budget({"chi": inf}, diverged=True), limits(), Decision.DONE),
        # two starts
        (budget(met=False, meeting_time=99.0), limits(), Decision.WAIT),
        (budget(met=False, meeting_time=99.0), limits(settle=True), Decision.WAIT),
        (budget(met=False, meeting_time=100.0), limits(), Decision.STAY_APART),
        (budget(met=False, meeting_time=100.0), limits(settle=True), Decision.GO_ON_ALONE),
        (budget(met=False, late=True), limits(last_chi=True), Decision.STAY_APART),
        (budget(met=None), limits(), Decision.RAISE_CHI),
        (budget(met=None), limits(last_chi=True), Decision.DONE),
        # the bond dimension comes first
        (budget({"chi": 0.71e-4}), limits(ranks_cut=True), Decision.RAISE_CHI),
        (budget({"chi": 0.69e-4}), limits(ranks_cut=True), Decision.VARY_RANK),
        (budget({"chi": 0.71e-4}), limits(last_chi=True, ranks_cut=True), Decision.VARY_RANK),
        (budget({"chi": 0.71e-4}, late=True), limits(ranks_cut=True), Decision.VARY_RANK),
        (budget({"chi": 0.0}, unrelaxed=0.71e-4), limits(last_chi=True), Decision.RAISE_CHI),
        (budget({"chi": 0.0}, unrelaxed=0.69e-4), limits(last_chi=True), Decision.VARY_STEP),
        # then the rank
        (budget(without("dt", k_max=3e-5)), limits(ranks_cut=True, rank_rises=True),
         Decision.RAISE_RANK),
        (budget(without("dt", k_max=2e-5)), limits(ranks_cut=True, rank_rises=True),
         Decision.VARY_STEP),
        (budget(without("dt", k_max=3e-5)), limits(ranks_cut=True), Decision.VARY_STEP),
        (budget(without("dt", k_max=3e-5), late=True), limits(ranks_cut=True, rank_rises=True),
         Decision.VARY_STEP),
        (budget(without("dt", "k_max")), limits(), Decision.VARY_STEP),
        # then the Trotter step
        (budget(without(dt=3e-5)), limits(), Decision.SHORTEN_STEP),
        (budget(step_residual=3e-5), limits(), Decision.SHORTEN_STEP),
        (budget(without(dt=2e-5)), limits(), Decision.DONE),
        (budget(without(dt=3e-5)), limits(step_error=4e-5), Decision.SHORTEN_STEP),
        (budget(without(dt=3e-5)), limits(step_error=3.1e-5), Decision.DONE),
        (budget(without(dt=3e-5), late=True), limits(), Decision.DONE),
        # the whole
        (budget(), limits(), Decision.DONE),
        (budget(time=1e-3), limits(), Decision.RAISE_CHI),
        (budget(residual=1e-3), limits(), Decision.RAISE_CHI),
        (budget(residual=1e-3), limits(last_chi=True), Decision.DONE),
        (budget(time=1e-3, late=True), limits(), Decision.DONE),
        # a state that is not positive
        (budget(lowest_eigenvalue=-1e-3), limits(), Decision.RAISE_CHI),
        (budget(lowest_eigenvalue=-1e-3), limits(last_chi=True), Decision.DONE),
        (budget(lowest_eigenvalue=-1e-3), limits(ranks_cut=True, rank_rises=True),
         Decision.RAISE_RANK),
        (budget(lowest_eigenvalue=-1e-3), limits(last_chi=True, ranks_cut=True, rank_rises=True),
         Decision.RAISE_RANK),
        (budget(lowest_eigenvalue=-1e-3), limits(ranks_cut=True), Decision.DONE),
        (budget(lowest_eigenvalue=-1e-2, time=1e-3), limits(ranks_cut=True, rank_rises=True),
         Decision.RAISE_CHI),
        # ranks that are cut for good
        (budget(without(k_max=1.1e-4)), limits(ranks_cut=True), Decision.DONE),
        (budget(without(k_max=0.9e-4), time=2e-5), limits(ranks_cut=True), Decision.RAISE_CHI),
    ],
)  # fmt: skip
def test_rows(errors, asked, decision):
    assert decide(errors, asked) is decision


def test_the_share_of_rank_and_step():
    large = budget(without(chi=1e-2))
    assert setting_share(large, limits()) == TOL / 4
    assert setting_share(large, limits(last_chi=True)) == 1e-2 / 4
    assert setting_share(replace(large, late=True), limits()) == 1e-2 / 4
    assert setting_share(budget(), limits(last_chi=True)) == TOL / 4
    moving = replace(large, unrelaxed=1e-3)  # the same level is repeated
    assert setting_share(moving, limits(last_chi=True)) == TOL / 4


def test_a_large_chi_error_relaxes_what_the_others_may_have():
    errors = {"chi": 1e-2, "dt": 1e-3}
    assert decide(budget(errors), limits(last_chi=True)) is Decision.DONE
    errors = {"chi": 1e-2, "dt": 3e-3}
    assert decide(budget(errors), limits(last_chi=True)) is Decision.SHORTEN_STEP


def test_unknown_errors_are_never_accurate():
    for errors in ({"chi": inf, "dt": 0.0}, {"chi": float("nan"), "dt": 0.0}):
        assert decide(budget(errors), limits()) is Decision.RAISE_CHI
        assert decide(budget(errors), limits(last_chi=True)) is Decision.DONE
