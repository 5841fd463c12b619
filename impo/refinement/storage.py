"""Pictures and checks as named arrays, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impo.model import Boson
from impo.operators.basis import OperatorBasis
from impo.operators.liouvillian import Generator
from impo.refinement.approximation import Check, Picture
from impo.tensor.gates import physical_legs, rank_scale, with_cutoffs
from impo.tensor.legs import Leg
from impo.tensor.matrix_product import Chain

SCALE = "power"  # coefficients are scaled by `rank_scale`; in schema 1 it was exp(-weight k)
_NUMBERS = ("k_max", "weight", "chi", "dt", "remaining", "time", "discarded")
_LATER = {"slowest_rate": None}  # numbers that older files lack


def pack(
    picture: Picture, checks: Sequence[Check]
) -> tuple[dict[str, NDArray], list[dict[str, Any]], list[list[Any]]]:
    """Return the arrays of all pictures, their settings, and the checks as numbers of pictures."""
    pictures: list[Picture] = [picture]
    for check in checks:
        for other in (check.finer, check.coarser):
            if not any(other is known for known in pictures):
                pictures.append(other)

    def number(wanted: Picture) -> int:
        return next(i for i, known in enumerate(pictures) if known is wanted)

    links = [[c.kind, number(c.finer), number(c.coarser), float(c.factor)] for c in checks]
    return *pack_pictures(pictures), links


def pack_pictures(
    pictures: Sequence[Picture],
) -> tuple[dict[str, NDArray], list[dict[str, Any]]]:
    """Return the arrays of all pictures and their settings."""
    arrays: dict[str, NDArray] = {}
    settings = []
    for i, known in enumerate(pictures):
        chain = known.chain
        for site in range(len(chain)):
            arrays[f"picture{i}_tensor{site}"] = chain.tensors[site]
            arrays[f"picture{i}_singular_values{site}"] = chain.singular_values[site]
        settings.append(
            {
                **{name: _number(getattr(known, name)) for name in (*_NUMBERS, *_LATER)},
                "scale": SCALE,
                "cutoffs": _cutoffs(known.generator),
                "legs": [[list(map(list, leg.sectors)), leg.even] for leg in chain.legs],
            }
        )
    return arrays, settings


def _cutoffs(generator: Generator) -> list[int | None]:
    """Return the cut-off of every boson of the unit cell, None for spins."""
    sites = generator.model.sites
    return [site.cutoff if isinstance(site, Boson) else None for site in sites]


def _number(value: Any) -> Any:
    if value is None:
        return None
    return int(value) if isinstance(value, int | np.integer) else float(value)


def unpack(
    generator: Generator,
    arrays: Mapping[str, NDArray],
    settings: Sequence[Mapping[str, Any]],
    links: Sequence[Sequence[Any]],
) -> tuple[Picture, tuple[Check, ...]]:
    """Rebuild what `pack` took apart."""
    pictures = unpack_pictures(generator, arrays, settings)
    checks = tuple(
        Check(kind, pictures[finer], pictures[coarser], factor)
        for kind, finer, coarser, factor in links
    )
    return pictures[0], checks


def unpack_pictures(
    generator: Generator, arrays: Mapping[str, NDArray], settings: Sequence[Mapping[str, Any]]
) -> list[Picture]:
    """Rebuild what `pack_pictures` took apart."""
    base, pictures = generator, []
    for i, entry in enumerate(settings):
        n = len(entry["legs"])
        other = entry.get("cutoffs", _cutoffs(base))
        generator = base if other == _cutoffs(base) else with_cutoffs(base, other)
        chain = Chain(
            physical=physical_legs(generator, generator.bases(entry["k_max"])),
            legs=[
                Leg(tuple((int(q), int(m)) for q, m in sectors), int(even))
                for sectors, even in entry["legs"]
            ],
            tensors=[np.asarray(arrays[f"picture{i}_tensor{site}"]) for site in range(n)],
            singular_values=[
                np.asarray(arrays[f"picture{i}_singular_values{site}"]) for site in range(n)
            ],
            infinite=True,
            mirror=generator.mirror,
        )
        if entry.get("scale") != SCALE:
            _rescale(chain, generator.bases(entry["k_max"]), entry["weight"])
        numbers = {name: entry[name] for name in _NUMBERS}
        numbers |= {name: entry.get(name, default) for name, default in _LATER.items()}
        pictures.append(Picture(generator, chain, **numbers))
    return pictures


def _rescale(chain: Chain, bases: Sequence[OperatorBasis], weight: float) -> None:
    """Change the scale of the ranks from that of schema 1."""
    for site, basis in enumerate(bases):
        scale = np.exp(weight * basis.k) * rank_scale(basis.k, weight)
        chain.tensors[site] = chain.layout(site).from_dense(chain.dense(site) * scale[:, None])
