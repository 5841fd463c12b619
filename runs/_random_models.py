"""Random models whose steady states are known otherwise: drawn by a seed and a number."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.operators.local import local_operators

AXES = ("Sx", "Sy", "Sz")
RATES = (0.05, 3.0)
WEAK_RATES = (1e-3, 0.2)
# jumps of a spin, and how often each acts; Sx breaks the symmetry about z
JUMPS = {"S-": 0.75, "S+": 0.6, "Sz": 0.35, "Sx": 0.35}
SYMMETRIC, GENERAL = "XXZ", "XYZ"


@dataclass(frozen=True)
class Drawn:
    """A random model and what it is counted under.

    Attributes
    ----------
    model
        The model, on an infinite chain.
    symmetry
        "XXZ" if it conserves Sz up to the jumps, "XYZ" if it has no symmetry.
    rate
        What the model is counted under: of a chain the sum of the rates on the site where it is
        smallest, of a cluster the scale of its rates, of bosons the loss.
    single
        One cluster alone, if the model is made of clusters without a coupling between them.
    shift
        Position of the first site of a cluster in the unit cell: where the cell is cut.
    """

    model: LindbladModel
    symmetry: str
    rate: float
    single: LindbladModel | None = None
    shift: int = 0


def random_chain(
    seed: int,
    number: int,
    spins: Sequence[float] = (0.5, 1.0),
    sites: Sequence[int] = (1, 2, 3),
    jumps: Sequence[str] = tuple(JUMPS),
) -> Drawn:
    """Return a chain with couplings of neighbours, fields, and jumps with rates from 0.05 to 3.

    Every site loses or gains at least by one of S- and S+. Half of the models have XXZ couplings,
    fields along z and no Sx; the others XYZ couplings and fields in any direction. Beyond S = 1
    couplings and rates fall like 1/S, so that all spins move equally fast.
    """
    rng = np.random.default_rng([seed, number, 1])
    spin, count = float(rng.choice(spins)), int(rng.choice(sites))
    symmetry = str(rng.choice([SYMMETRIC, GENERAL]))
    size = 1 / max(spin, 1.0)
    terms = []
    for site in range(count):
        coupling = np.diag(rng.uniform(-1, 1, 3))
        field = rng.uniform(-1, 1, 3)
        if symmetry == SYMMETRIC:
            coupling[1, 1] = coupling[0, 0]
            field[:2] = 0
        right = ((site + 1) % count, (site + 1) // count)
        terms += _coupling(size * coupling, (site, 0), right) + _field(field, site)
    allowed = [op for op in jumps if symmetry == GENERAL or op != "Sx"]
    rates = [_rates(rng, allowed, RATES) for _ in range(count)]
    model = _model(spin, count, terms, rates, size)
    return Drawn(model, symmetry, min(sum(one.values()) for one in rates))


def random_cluster(seed: int, number: int) -> Drawn:
    """Return weakly damped clusters of two or three spins without a coupling between them.

    The Hamiltonian of every spin is written in a frame of its own, turned at random against the
    axis of the jumps: no charge is left. The rates of a cluster differ by at most a factor of four,
    about a value between 0.001 and 0.2. The cell is cut at random, so that a cluster may lie across
    its edge.
    """
    rng = np.random.default_rng([seed, number, 2])
    spin, count = [(0.5, 2), (0.5, 3), (1.0, 2)][rng.integers(3)]
    turns = Rotation.random(count, random_state=rng).as_matrix()
    terms: list[Term] = []
    for site in range(count):
        terms += _field(turns[site] @ [0, 0, rng.uniform(-1, 1)], site)
        if site + 1 < count:
            coupling = np.diag(rng.uniform(-1, 1, 3))
            terms += _coupling(turns[site] @ coupling @ turns[site + 1].T, (site, 0), (site + 1, 0))
    scale = np.exp(rng.uniform(*np.log(WEAK_RATES)))
    bounds = (scale / 2, scale * 2)
    rates = [_rates(rng, tuple(JUMPS), bounds) for _ in range(count)]
    single = _model(spin, count, terms, rates)
    shift = int(rng.integers(count))
    return Drawn(cut(single, shift), GENERAL, float(scale), single, shift)


def random_boson(seed: int, number: int, cutoff: int, hopping: bool) -> Drawn:
    """Return a driven, damped boson with an interaction, alone or coupled to its neighbours."""
    rng = np.random.default_rng([seed, number, 3])
    loss = float(np.exp(rng.uniform(*np.log((0.5, 3.0)))))
    terms = [
        Term(rng.uniform(-1, 1), ("N", 0, 0)),
        Term(rng.uniform(0, 0.5), ("N", 0, 0), ("N", 0, 0)),
        Term(rng.uniform(0.2, 1.0) * loss, ("B", 0, 0), plus_hc=True),
    ]
    strength = rng.uniform(-0.5, 0.5)
    if hopping:
        terms.append(Term(strength, ("Bd", 0, 0), ("B", 0, 1), plus_hc=True))
    jumps = (Jump(loss, "B", 0), Jump(rng.uniform(0, 0.3) * loss, "Bd", 0))
    return Drawn(LindbladModel((Boson(cutoff),), tuple(terms), jumps), GENERAL, loss)


def cut(cluster: LindbladModel, shift: int) -> LindbladModel:
    """Return copies of a cluster on a chain, its first site at position `shift` of the cell."""
    count = len(cluster.sites)

    def moved(site: int) -> tuple[int, int]:
        return (site + shift) % count, (site + shift) // count

    sites = [cluster.sites[(position - shift) % count] for position in range(count)]
    terms = [
        Term(term.coefficient, *((op, *moved(site)) for op, site, _ in term.factors))
        for term in cluster.hamiltonian
    ]
    jumps = [Jump(jump.rate, jump.op, moved(jump.site)[0]) for jump in cluster.jumps]
    return LindbladModel(tuple(sites), tuple(terms), tuple(jumps))


def random_start(seed: int, number: int, drawn: Drawn) -> list[NDArray]:
    """Return a product state to start from, with the symmetry of the model.

    Without symmetry spins point in random directions; with it they have random weights of the
    eigenstates of Sz.
    """
    rng = np.random.default_rng([seed, number, 4])
    out = []
    for site in drawn.model.sites:
        spin = local_operators(site)
        if drawn.symmetry == SYMMETRIC:
            out.append(np.diag(rng.dirichlet(np.ones(site.dimension))))
        else:
            theta, phi = np.arccos(rng.uniform(-1, 1)), rng.uniform(0, 2 * np.pi)
            out.append(expm(-1j * phi * spin["Sz"]) @ expm(-1j * theta * spin["Sy"])[:, 0])
    return out


def _coupling(matrix: NDArray, left: tuple[int, int], right: tuple[int, int]) -> list[Term]:
    """Return the sum of matrix[a, b] S_a S_b over the axes."""
    return [
        Term(matrix[a, b], (AXES[a], *left), (AXES[b], *right))
        for a in range(3)
        for b in range(3)
        if matrix[a, b]
    ]


def _field(vector: Sequence[float], site: int) -> list[Term]:
    return [Term(x, (op, site, 0)) for x, op in zip(vector, AXES, strict=True) if x]


def _rates(rng: Generator, ops: Sequence[str], bounds: tuple[float, float]) -> dict[str, float]:
    """Return the rate of every jump that acts on a site: S- or S+ at least."""
    while True:
        found = {
            op: float(np.exp(rng.uniform(*np.log(bounds))))
            for op in ops
            if rng.random() < JUMPS[op]
        }
        if found.keys() & {"S-", "S+"}:
            return found


def _model(
    spin: float,
    count: int,
    terms: Sequence[Term],
    rates: Sequence[dict[str, float]],
    size: float = 1.0,
) -> LindbladModel:
    jumps = [Jump(size * r, op, i) for i, one in enumerate(rates) for op, r in one.items()]
    return LindbladModel((Spin(spin),) * count, tuple(terms), tuple(jumps))
