import random

import numpy as np
import pytest
import scipy.linalg

from impo import ITEBD, Exact, Status, evolve, steady_state
from models.contact import classical, quantum

UP, EMPTY = [np.array([1.0, 0.0])], [np.array([0.0, 1.0])]


def active(state):
    found = state.expect("Sz")
    return found.value[0] + 0.5, found.error[0]


def kinetic_monte_carlo(rate, sites=300, time=150.0, settle=30.0, seed=4):
    """Return the mean density of active sites of a ring, by random events in the order of time."""
    draw = random.Random(seed)
    places, where = list(range(sites)), list(range(sites))  # active sites, and their places there
    clock, total = 0.0, 0.0
    while places and clock < time:
        step = draw.expovariate(len(places) * (1 + rate))
        total += len(places) * max(0.0, min(clock + step, time) - max(clock, settle))
        clock += step
        site = draw.choice(places)
        if draw.random() * (1 + rate) < 1:
            last = places[-1]
            places[where[site]], where[last] = last, where[site]
            places.pop()
            where[site] = -1
        else:
            other = (site + draw.choice((-1, 1))) % sites
            if where[other] < 0:
                where[other] = len(places)
                places.append(other)
    return total / (time - settle) / sites


def test_the_probabilities_of_a_ring_are_those_of_the_rate_equations():
    n, rate, decay, time = 5, 4.0, 0.8, 0.7
    matrix = np.zeros((2**n, 2**n))
    for state in range(2**n):
        for site in range(n):
            up = [state >> ((site + d) % n) & 1 for d in (-1, 0, 1)]
            away = decay if up[1] else rate / 2 * (up[0] + up[2])
            matrix[state ^ (1 << site), state] += away
            matrix[state, state] -= away
    model = classical(rate, decay)
    trajectory = evolve(model, Exact(cells=n, periodic=True), UP, [0.0, time])
    full = np.zeros(2**n)
    full[-1] = 1.0
    expected = scipy.linalg.expm(time * matrix) @ full
    mean = sum(expected[s] for s in range(2**n) if s & 1)
    assert active(trajectory.states[1])[0] == pytest.approx(mean, abs=1e-9)
    pair = sum(expected[s] for s in range(2**n) if s & 3 == 3)
    joint = trajectory.states[1].distribution([(0, 0), (0, 1)])
    assert joint[0, 0] == pytest.approx(pair, abs=1e-9)


@pytest.mark.slow
def test_the_density_is_that_of_kinetic_monte_carlo():
    rate = 6.0
    state = steady_state(classical(rate), ITEBD(tol=1e-3), start=UP)
    assert state.status is Status.CONVERGED
    density, error = active(state)
    assert density == pytest.approx(kinetic_monte_carlo(rate), abs=error + 0.01)


@pytest.mark.parametrize("model", [classical(6.0), quantum(8.0)], ids=["classical", "quantum"])
def test_the_empty_state_stays_empty(model):
    state = steady_state(model, ITEBD(tol=1e-2, chi_max=10), start=EMPTY)
    assert active(state)[0] == pytest.approx(0, abs=1e-10)
    assert state.residual < 1e-9


@pytest.mark.parametrize("model", [classical(1.5), quantum(0.5)], ids=["classical", "quantum"])
def test_activity_dies_out_below_the_threshold(model):
    state = steady_state(model, ITEBD(tol=1e-3), start=UP)
    assert active(state)[0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("model", [classical(6.0), quantum(8.0)], ids=["classical", "quantum"])
def test_a_ring_ends_in_the_empty_state(model):
    """Fluctuations of a finite ring reach what absorbs them."""
    state = steady_state(model, Exact(cells=4, periodic=True, gap=False))
    assert state.status is Status.CONVERGED
    assert active(state)[0] == pytest.approx(0, abs=1e-9)
