"""Small random clusters, with what makes a Liouvillian hard to solve in a part of them."""

import numpy as np

from impo.model import Boson, Jump, LindbladModel, Spin, Term

RATES = {Spin: ("S-", "S+", "Sz", "Sx"), Boson: ("B", "Bd", "N")}
FIELDS = {Spin: ("Sz", "Sx", "Sy"), Boson: ("N",)}
RAISING = {Spin: ("S+", "S-"), Boson: ("Bd", "B")}


def random_cluster(rng, states):
    """Return a cluster (one cell) of at most so many states.

    Couplings and rates spread over six decades in a third of the clusters and over less in the
    others; the Hamiltonian is diagonal or zero in a fifth; chains are driven at one end only in a
    quarter; otherwise gain, loss, dephasing and noise act where chance has them.
    """
    decades = rng.choice([1.0, 3.0, 6.0])

    def size():
        return float(10 ** rng.uniform(-decades / 2, decades / 2))

    sites = _sites(rng, states)
    kinds = [type(site) for site in sites]
    terms = []
    hamiltonian = rng.choice(["full", "diagonal", "none"], p=[0.8, 0.12, 0.08])
    if hamiltonian != "none":
        for place, site in enumerate(sites):
            terms += _local_terms(rng, place, site, hamiltonian == "full", size)
        for left in range(len(sites) - 1):
            terms += _couplings(rng, left, kinds, hamiltonian == "full", size)
    jumps = []
    driven = [0] if rng.random() < 0.25 else range(len(sites))
    for place in driven:
        for name in RATES[kinds[place]]:
            if rng.random() < (0.6 if name in ("S-", "S+", "B") else 0.25):
                jumps.append(Jump(size(), name, place))
    return LindbladModel(tuple(sites), tuple(terms), tuple(jumps))


def _local_terms(rng, place, site, full, size):
    for name in FIELDS[type(site)][: None if full else 1]:
        if rng.random() < 0.4:
            yield Term(size(), (name, place, 0))
    if isinstance(site, Boson):
        if rng.random() < 0.5:
            yield Term(size(), ("N", place, 0), ("N", place, 0))
        if full and rng.random() < 0.4:
            yield Term(size(), ("B", place, 0), plus_hc=True)


def _couplings(rng, left, kinds, full, size):
    """Yield the terms of a site and the next one."""
    right = left + 1
    up, down = RAISING[kinds[left]][0], RAISING[kinds[right]][1]
    if full and rng.random() < 0.85:
        phase = np.exp(1j * rng.choice([0, 0, 0.7]))
        yield Term(size() * phase, (up, left, 0), (down, right, 0), plus_hc=True)
    if rng.random() < 0.3:
        a, b = FIELDS[kinds[left]][0], FIELDS[kinds[right]][0]
        yield Term(size(), (a, left, 0), (b, right, 0))


def _sites(rng, states):
    sites, total = [], 1
    for _ in range(rng.integers(1, 6)):
        kind = rng.choice(["1/2", "1", "3/2", "2", "boson"], p=[0.5, 0.15, 0.1, 0.1, 0.15])
        site = {"1/2": Spin(0.5), "1": Spin(1), "3/2": Spin(1.5), "2": Spin(2)}.get(kind)
        site = site or Boson(int(rng.integers(1, 5)))
        if total * site.dimension <= states:
            sites.append(site)
            total *= site.dimension
    return sites


def scaled(model, factor):
    """Return the model in another unit of time."""
    return LindbladModel(
        model.sites,
        tuple(Term(factor * t.coefficient, *t.factors) for t in model.hamiltonian),
        tuple(Jump(factor * jump.rate, jump.op, jump.site) for jump in model.jumps),
        model.dimension,
    )
