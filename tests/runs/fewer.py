"""What tests solve of a study: a part of its quick form, of the same kind as the rest."""

import numpy as np


def only(**chosen):
    """Return a change of `curves`: only those of some names, each changed by a function."""

    def changed(curves):
        return lambda quick: {name: chosen[name](curves(quick)[name]) for name in chosen}

    return changed


def whole(curve):
    return curve


def at(spin):
    """Return a change of a curve (spins, method): one spin only."""
    return lambda curve: ([spin], curve[1])


def few_rates(twa):
    """Return a change of `_twa` of fig5: rates far from the boundaries, and one other."""

    def changed(quick):
        (losses, rates), methods = twa(quick)
        return [losses[[0, 4, 6, 7, 8]], rates[[0, 4]]], methods

    return changed


# What tests change in a study: fewer spins, rates and phases, of which those left out are solved in
# the same way. A function takes what the study has, and returns what the test has instead.
FEWER = {
    "bench_engine": {
        "CASES": {"quick": ((0.5, 1e-3),)}, "EQUAL": {"quick": (0.5, 12)},
        "PATIENCE": {"quick": 0.5}, "SCALING": {"quick": ((2,), (12, 16))},
    },
    "boundary": {"DELTAS": (0.0, 0.5, 1.0)},
    "cavity_array": {"_POINTS": {True: 4}},
    "certified": {
        "_LOSSES": lambda losses: {True: losses[True][[0, 3, 7]]},
        "_MAP": lambda rates: {True: rates[True][[0, 4]]},
    },
    "coexistence": {"_SIZES": {True: ((0.5,), 3)}},
    "crossover": {"curves": only(ring=at(1), TWA=at(8), HPA=at(1000), iMPO=at(0.5))},
    "fig1c": {"_POINTS": {True: (8, 9)}},
    "fig2": {
        "_PLANE": {True: (2, 4)}, "_LINE": {True: (1.0, 2)}, "_TRANSITION": {True: (1.0, 2, 3, 4)},
    },
    "fig5": {"SPINS": (0.5,), "_twa": few_rates},
    "fig6": {"SPINS": (0.5, 100.0), "_TWA": {True: (0.3, 0.75, 1.08)}},
    "fig7ab": {"CLUSTERS": {"quick": (2, 3)}, "SPINS": {"quick": (0.5, 1.5)}},
    "fig8": {"_CELLS": {True: 4}},
    "fig9": {"_SPINS": (0.5,)},
    "lattice_gap": {
        "_RATES": {True: (2.5,)}, "_CHAINS": {True: {0.5: ((2.5,), 1e-3)}},
        "_DIMERS": {True: (0.5,)},
    },
    "lengths": {"curves": only(**dict.fromkeys(("HPA", "iMPO S=0.5"), whole))},
    "negativity": {"RATIOS": (0.0, 0.5)},
    "nu": {"curves": only(**dict.fromkeys(("HPA", "TWA S=1000", "iMPO S=0.5"), whole))},
    "phase_diagram": {"_AXES": {True: np.array([0.2, 0.7, 2.7])}},  # of every phase a point
    "quench": {"RATES": {"AM": 2.0}, "_SPINS": {True: (0.5,)}},
    "spectra": {"_RATES": {"AM": (3.0, 2.4)}},
    "truncation": {"POINTS": {True: ((0.5,), ("AM", "PPT"))}},
    "twa_validity": {
        "_POINTS": {"AM": (2.6, 1.9), "PPT": (1.7, 1.1), "FM": (0.9, 0.2)},
        "_SPINS": {True: (0.5, 2.0)}, "_PAIRS": {True: (2.5, 5)},
    },
}  # fmt: skip


def shrink(name, module, monkeypatch):
    """Let a study solve what `FEWER` leaves of its quick form."""
    for setting, values in FEWER.get(name, {}).items():
        whole_setting = getattr(module, setting)
        monkeypatch.setattr(module, setting, values(whole_setting) if callable(values) else values)
