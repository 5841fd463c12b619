"""Which methods treat a model: what a refusal advises.

The rules are read off the description alone, and err on the safe side: a method that is named
treats the model, one that is not named may do so as well.
"""

from impo.arguments import UnsupportedModelError
from impo.memory import product
from impo.model import LindbladModel, Spin, Term

_ROWS = 1e6  # of the Liouvillian of one cell
_STATES = 64  # of a site of an infinite chain
_BLOCK = 9  # of as many sites as the chain reaches far
_SITES = 100  # of its unit cell
_CHAIN = range(4, 2001)  # sites of a cell that is a chain of its own
LARGEST_CLUSTER = 1300
"""States of a cluster in a mean field: some thirty matrices of up to 27 MB are in memory."""
MOST_CONFIGURED = 12
"""Spins of a cell, all of whose polarised configurations are tried."""
TRANSVERSE = ("Sx", "Sy", "S+", "S-")


def advice(model: LindbladModel, but: str, *settings: str) -> str:
    """Return what helps, as the end of a sentence: "use fewer cells, `Exact` or `TWA`".

    Parameters
    ----------
    model
        The description.
    but
        The method that does not treat it.
    *settings
        What else would help.
    """
    names = [*settings, *(f"`{name}`" for name in treating(model) if name != but)]
    if not names:
        return "no other method is known to treat this model"
    last = names.pop()
    return f"use {', '.join(names)} or {last}" if names else f"use {last}"


def treating(model: LindbladModel) -> list[str]:
    """Return the names of the classes of methods that treat a model."""
    rules = {
        "ITEBD": _infinite_chain(model),
        "TEBD": _finite_chain(model),
        "Exact": product([site.dimension for site in model.sites], 2) <= _ROWS,
        "TWA": _classical_spins(model),
        "HolsteinPrimakoff": _collinear(model),
        "MeanField": _mean_field(model),
        "ClusterMeanField": model.dimension == 1
        and product([site.dimension for site in model.sites]) <= LARGEST_CLUSTER,
    }
    return [name for name, treats in rules.items() if treats]


def refuse_own_operators(model: LindbladModel, method: str) -> None:
    """Refuse sites with own operators, in the name of a method that knows spin components only."""
    for number, site in enumerate(model.sites):
        if site.own:
            names = ", ".join(name for name, _ in site.own)
            raise UnsupportedModelError(
                f"{method} treats the components of spins, but site {number} has operators of its "
                f"own ({names}); {advice(model, method)}."
            )


def _factors(term: Term) -> list[tuple[str, int, tuple[int, ...]]]:
    return [factor for factor in term.factors if factor[0] != "Id"]


def _reaches(model: LindbladModel) -> list[int]:
    """Return the distance between the outermost sites of every term and jump of a chain."""
    operators = [*([term] for term in model.terms), *(jump.terms for jump in model.jumps)]
    reaches = []
    for products in operators:
        factors = [factor for term in products for factor in _factors(term)]
        places = [cell[0] * len(model.sites) + site for _, site, cell in factors]
        reaches.append(max(places, default=0) - min(places, default=0))
    return reaches


def _infinite_chain(model: LindbladModel) -> bool:
    """Return whether a chain has sites of few states, all the fewer the farther it reaches."""
    if model.dimension != 1 or len(model.sites) > _SITES:
        return False
    states = max(site.dimension for site in model.sites)
    return all(
        product([states], max(reach, 1)) <= (_STATES if reach <= 1 else _BLOCK)
        for reach in _reaches(model)
    )


def _finite_chain(model: LindbladModel) -> bool:
    """Return whether the cell is a chain by itself: neighbours of few states, and no next cell."""
    if model.dimension != 1 or len(model.sites) not in _CHAIN:
        return False
    terms = [*model.terms, *(term for jump in model.jumps for term in jump.terms)]
    alone = not any(any(cell) for term in terms for _, _, cell in term.factors)
    states = max(site.dimension for site in model.sites)
    return alone and states <= _STATES and max(_reaches(model), default=0) <= 1


def _only_spins(model: LindbladModel) -> bool:
    return all(isinstance(site, Spin) and not site.own for site in model.sites)


def _linear_jumps(model: LindbladModel) -> bool:
    """Return whether no product of a jump has more than one operator."""
    jumps = [jump for jump in model.jumps if jump.strength > 0]
    products = [term for jump in jumps for term in jump.products(model.dimension)]
    return all(len(_factors(term)) <= 1 for term in products)


def _classical_spins(model: LindbladModel) -> bool:
    spins = _only_spins(model) and len(model.sites) <= _SITES
    return spins and _linear_jumps(model) and all(len(_factors(t)) <= 2 for t in model.terms)


def _collinear(model: LindbladModel) -> bool:
    def quadratic(term: Term) -> bool:
        return sum(op in TRANSVERSE for op, _, _ in term.factors) in (0, 2)

    spins = _only_spins(model) and len(model.sites) <= MOST_CONFIGURED
    jumps = [term for jump in model.jumps if jump.strength > 0 for term in jump.products(1)]
    linear = all([op in TRANSVERSE for op, _, _ in term.factors] == [True] for term in jumps)
    return spins and linear and all(map(quadratic, model.terms))


def _mean_field(model: LindbladModel) -> bool:
    def most(term: Term) -> int:
        """Return the largest number of operators on one spin."""
        places = [factor[1:] for factor in _factors(term)]
        return max(map(places.count, places), default=0)

    spins = _only_spins(model) and len(model.sites) <= MOST_CONFIGURED
    products = [term for jump in model.jumps for term in jump.terms]
    return spins and all(most(t) <= 2 for t in model.terms) and all(most(t) <= 1 for t in products)
