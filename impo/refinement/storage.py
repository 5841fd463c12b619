"""Approximations and refinements as named arrays, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from impo.arrays import Array
from impo.model import Boson, LindbladModel, Spin
from impo.operators.basis import OperatorBasis
from impo.operators.blocks import with_cutoffs
from impo.operators.liouvillian import Generator
from impo.refinement.approximation import Approximation, Refinement, all_of
from impo.results.fields import stored, stored_array, stored_number
from impo.results.files import malformed
from impo.tensor.gates import physical_legs, rank_scale
from impo.tensor.legs import Leg
from impo.tensor.matrix_product import MatrixProduct

SCALE = "power"  # coefficients are scaled by `rank_scale`; in schema 1 it was exp(-weight k)
_NUMBERS = ("k_max", "weight", "chi", "dt", "remaining", "time", "discarded")
_LARGEST = 2**30  # bytes of the operators of one site
_MATRICES = 24  # of one site, about, that are in memory beside those of the basis
_LATER = {"slowest_rate": None}  # numbers that older files lack


def pack(
    approx: Approximation, refinements: Sequence[Refinement]
) -> tuple[dict[str, Array], list[dict[str, Any]], list[list[Any]]]:
    """Return all arrays, the settings of each approximation, and refinements by their numbers."""
    approximations = all_of(approx, refinements)
    number = {one: n for n, one in enumerate(approximations)}
    links = [[c.kind, number[c.finer], number[c.coarser], float(c.factor)] for c in refinements]
    return *pack_approximations(approximations), links


def pack_approximations(
    approximations: Sequence[Approximation],
) -> tuple[dict[str, Array], list[dict[str, Any]]]:
    """Return the arrays of all approximations and their settings."""
    arrays: dict[str, Array] = {}
    settings = []
    for i, known in enumerate(approximations):
        product = known.matrix_product
        for site, tensor in enumerate(product.tensors):
            arrays[f"picture{i}_tensor{site}"] = tensor
        for bond, values in enumerate(product.singular_values):
            arrays[f"picture{i}_singular_values{bond}"] = values
        settings.append({
            **{name: _number(getattr(known, name)) for name in (*_NUMBERS, *_LATER)},
            "scale": SCALE, "cutoffs": _cutoffs(known.generator),
            "legs": [[list(map(list, leg.sectors)), leg.even] for leg in product.legs],
            "charges": len(known.generator.charges),
        })  # fmt: skip
    return arrays, settings


def _cutoffs(generator: Generator) -> list[int | None]:
    """Return the cut-off of every boson of the unit cell, None for spins."""
    sites = generator.model.sites
    return [site.cutoff if isinstance(site, Boson) else None for site in sites]


def _number(value: Any) -> Any:
    if value is None:
        return None
    return int(value) if isinstance(value, int | np.integer) else float(value)


def check_operators(model: LindbladModel, settings: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a file whose sites or ranks are too large to be its own, before they are made."""
    if not settings:
        raise malformed("it holds no matrix product")
    rank = max(stored(entry, "k_max", int, "an integer") for entry in settings)
    for site in model.sites:
        kept = min(rank + 1 if isinstance(site, Spin) else site.dimension, site.dimension) ** 2
        if 8 * site.dimension**2 * (kept + _MATRICES) > _LARGEST:
            raise malformed(f"it has a site of {site.dimension} states, cut at rank {rank}")


def unpack(
    generator: Generator, arrays: Mapping[str, Array], settings: Sequence[Mapping[str, Any]],
    links: Sequence[Sequence[Any]],
) -> tuple[Approximation, tuple[Refinement, ...]]:  # fmt: skip
    """Rebuild what `pack` took apart."""
    approximations = unpack_approximations(generator, arrays, settings)
    refinements = tuple(
        Refinement(kind, approximations[finer], approximations[coarser], factor)
        for kind, finer, coarser, factor in links
    )
    return approximations[0], refinements


def unpack_approximations(
    generator: Generator, arrays: Mapping[str, Array], settings: Sequence[Mapping[str, Any]]
) -> list[Approximation]:
    """Rebuild what `pack_approximations` took apart."""
    base, approximations = generator, []
    for i, entry in enumerate(settings):
        other = entry.get("cutoffs", _cutoffs(base))
        generator = base if other == _cutoffs(base) else with_cutoffs(base, other)
        if len(generator.charges) > 1 and "charges" not in entry:  # in older files it is their sum
            generator = replace(generator, charges=generator.charges.sum(axis=0, keepdims=True))
        bases = generator.bases(stored(entry, "k_max", int, "an integer"))
        legs = [_leg(*leg) for leg in entry["legs"]]
        physical = physical_legs(generator, bases)
        ends = 0 if generator.infinite else 1  # an open chain has one bond more than tensors
        if len(legs) != len(physical) + ends:
            raise malformed(f"it holds {len(legs) - ends} tensors in place of {len(physical)}")
        product = MatrixProduct(physical, legs, [], [], generator.infinite, generator.mirror)
        for bond, leg in enumerate(legs):
            values = stored_array(arrays, f"picture{i}_singular_values{bond}", (leg.size,), "f")
            product.singular_values.append(values)
        for site in range(len(physical)):
            size = product.layout(site).size
            tensor = stored_array(arrays, f"picture{i}_tensor{site}", (size,), "fc")
            product.tensors.append(tensor)
        if entry.get("scale") != SCALE:
            _rescale(product, bases, entry["weight"])
        for name in (*_NUMBERS, *_LATER):
            stored_number({**_LATER, **entry}, name)
        numbers = {name: entry[name] for name in _NUMBERS}
        numbers |= {name: entry.get(name, default) for name, default in _LATER.items()}
        approximations.append(Approximation(generator, product, **numbers))
    return approximations


def _leg(sectors: Sequence[Sequence[int]], even: int) -> Leg:
    """Return a virtual index as a file tells it."""
    leg = Leg(tuple((int(q), int(m)) for q, m in sectors), int(even))
    charges = [charge for charge, _ in leg.sectors]
    rising = all(one < two for one, two in pairwise(charges))
    if not leg.sectors or not rising or min(many for _, many in leg.sectors) < 1:
        raise malformed(f"it has a bond with the charges {leg.sectors}")
    if not 0 <= leg.even <= leg.counts.get(0, 0):
        raise malformed(f"it has a bond with {leg.even} even states")
    return leg


def _rescale(product: MatrixProduct, bases: Sequence[OperatorBasis], weight: float) -> None:
    """Change the scale of the ranks from that of schema 1."""
    for site, basis in enumerate(bases):
        scale = np.exp(weight * basis.k) * rank_scale(basis.k, weight)
        layout = product.layout(site)
        product.tensors[site] = layout.from_dense(product.dense(site) * scale[:, None])
