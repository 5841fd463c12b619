"""The description of a dissipative lattice: symbols only, validated when it is built.

A `LindbladModel` states the master equation

    d rho/dt = -i [H, rho] + sum_j rate_j (L_j rho L_j^+ - {L_j^+ L_j, rho} / 2),

with H the sum over all unit cells of its terms, hbar = 1. Every method reads this one description.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from numbers import Integral, Real
from typing import Any

import numpy as np

from impo.arguments import ArgumentError, fail, one_of
from impo.sites import Boson, Level, Site, Spin, adjoint_name, spin_number
from impo.terms import Cell, Factor, Jump, Term, written_out

__all__ = [
    "Boson", "Cell", "Factor", "Jump", "Level", "LindbladModel", "Place", "Site", "Spin", "Term",
    "spin_number", "told_parameter",
]  # fmt: skip

Place = tuple[int, int | Cell]
"""A site of the unit cell, and the cell (a pair in two dimensions)."""
_Product = tuple[tuple[Cell, int, tuple[str, ...]], ...]


def _normal_order(term: Term, sites: tuple[Site, ...]) -> tuple[complex, _Product]:
    """Return (coefficient, key): operators on different sites commute; the first cell is 0.

    An operator that has several names is called by one of them.
    """
    origin = min(cell for _, _, cell in term.factors)
    by_site: dict[tuple[Cell, int], list[str]] = {}
    for name, site, cell in term.factors:
        shifted = tuple(x - o for x, o in zip(cell, origin, strict=True))
        if name != "Id":
            known = (
                name if name in sites[site].operators else sites[site].adjoint(adjoint_name(name))
            )
            by_site.setdefault((shifted, site), []).append(known)
    return term.coefficient, tuple((*where, tuple(ops)) for where, ops in sorted(by_site.items()))


@dataclass(frozen=True)
class LindbladModel:
    """An infinite lattice of unit cells with Hamiltonian terms and jump operators.

    Parameters
    ----------
    sites
        The sites of the unit cell, `Spin`, `Boson` or `Level`.
    terms
        Hamiltonian terms of one unit cell; the Hamiltonian is their sum over all cells.
    jumps
        Dissipators of one unit cell; like the terms, they have a copy in every cell.
    dimension
        Dimension of the lattice, 1 or 2.
    name, parameters
        Where the description comes from; only for labels, files and tables.

    Raises
    ------
    ArgumentError
        If an operator or a site does not exist, a rate is negative or not finite, an offset has the
        wrong length, or the Hamiltonian is not Hermitian.

    Examples
    --------
    >>> from impo import Jump, LindbladModel, Spin, Term
    >>> LindbladModel(  # an Ising chain in a transverse field, with decay
    ...     sites=(Spin(0.5),),
    ...     terms=(Term(1.0, ("Sz", 0, 0), ("Sz", 0, 1)), Term(0.5, ("Sx", 0, 0))),
    ...     jumps=(Jump(1.0, "S-", 0),),
    ... ).sites
    (Spin(S=Fraction(1, 2)),)
    """

    sites: tuple[Site, ...]
    terms: tuple[Term, ...] = ()
    jumps: tuple[Jump, ...] = ()
    dimension: int = 1
    name: str = field(default="", compare=False)
    parameters: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False)

    def __post_init__(self) -> None:
        for label in ("sites", "terms", "jumps"):
            value = getattr(self, label)
            if not isinstance(value, Iterable) or getattr(value, "shape", None) == ():
                raise fail(label, "a tuple", value)
            object.__setattr__(self, label, tuple(value))
        named = isinstance(self.parameters, Mapping)
        if not named or not all(isinstance(key, str) for key in self.parameters):
            raise fail("parameters", "a mapping of names to values", self.parameters)
        if not isinstance(self.name, str):
            raise fail("name", "a string", self.name)
        object.__setattr__(self, "parameters", dict(self.parameters))
        object.__setattr__(self, "dimension", one_of("dimension", self.dimension, (1, 2)))
        self._check_parts()
        self._check_hermitian()

    def _check_parts(self) -> None:
        if not self.sites or not all(isinstance(site, Site) for site in self.sites):
            raise fail("sites", "a non-empty tuple of `Spin`, `Boson` and `Level`", self.sites)
        levels = [site for site in self.sites if isinstance(site, Level)]
        if len({site.charges is None for site in levels}) > 1:
            raise fail("charges", "given for all or for no `Level` of a model", levels)
        for label, kind in (("terms", Term), ("jumps", Jump)):
            for item in getattr(self, label):
                if not isinstance(item, kind):
                    raise fail(label, f"a tuple of `{kind.__name__}`", item)
        products = chain(self.terms, *(jump.products(self.dimension) for jump in self.jumps))
        for name, site, cell in chain.from_iterable(term.factors for term in products):
            self.check_operator(name, site)
            if len(cell) != self.dimension:
                raise fail("cell", f"of length {self.dimension} (the lattice dimension)", cell)

    def check_operator(self, name: Any, site: Any) -> None:
        """Raise an `ArgumentError` unless the unit cell has this site, with this operator."""
        whole = isinstance(site, Integral) and not isinstance(site, bool)
        if not whole or not 0 <= site < len(self.sites):
            raise fail("site", f"a site of the unit cell, 0 ... {len(self.sites) - 1}", site)
        one_of("op", name, self.sites[site].names)

    def _check_hermitian(self) -> None:
        totals: dict[_Product, complex] = {}
        for term in self.hamiltonian:
            for sign, part in ((1, term), (-1, term.adjoint())):
                coefficient, key = _normal_order(part, self.sites)
                totals[key] = totals.get(key, 0) + sign * coefficient
        scale = max((abs(term.coefficient) for term in self.terms), default=0.0)
        for key, rest in totals.items():
            if not abs(rest) <= 1e-12 * scale:
                names = " ".join(f"{'.'.join(ops)}[site {site}]" for _, site, ops in key) or "Id"
                raise ArgumentError(
                    f"The Hamiltonian must be Hermitian, but the conjugate of {names} is missing; "
                    "write it out or use plus_hc=True."
                )

    @property
    def hamiltonian(self) -> tuple[Term, ...]:
        """All Hamiltonian terms of one cell, Hermitian conjugates written out."""
        return written_out(self.terms)

    @property
    def label(self) -> str:
        """Name and parameters in one line, for messages and figure titles."""
        values = ", ".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.name or 'model'}({values})"

    def to_json(self) -> dict[str, Any]:
        """Return the description as plain numbers, strings and lists; `from_json` reads it."""
        return {
            "sites": list(map(_site_to_json, self.sites)),
            "terms": [_term_to_json(term) for term in self.terms],
            "jumps": [
                [jump.rate, *map(_term_to_json, jump.terms)]
                if jump.terms
                else [jump.rate, jump.op, jump.site]
                for jump in self.jumps
            ],
            "dimension": self.dimension, "name": self.name,
            "parameters": {key: told_parameter(value) for key, value in self.parameters.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "LindbladModel":
        """Rebuild a description from what `to_json` returned.

        Raises
        ------
        ArgumentError
            If it is not valid, as for any other description.
        """
        sites = tuple(map(_site_from_json, data["sites"]))
        terms = tuple(map(_term_from_json, data["terms"]))
        jumps = tuple(
            Jump(rate, *(_term_from_json(x) if isinstance(x, Mapping) else x for x in operator))
            for rate, *operator in data["jumps"]
        )
        return cls(sites, terms, jumps, data["dimension"], data["name"], data["parameters"])


def _site_to_json(site: Site) -> dict[str, Any]:
    told: dict[str, Any]
    if isinstance(site, Level):
        charges = None if site.charges is None else list(site.charges)
        told = {"level": site.dimension, "charges": charges}
    else:
        told = {"spin": str(site.S)} if isinstance(site, Spin) else {"boson": site.cutoff}
    if not site.own:
        return told
    known = site.own_matrices
    return {**told, "operators": {
        name: [known[name].real.tolist(), known[name].imag.tolist()] for name, _ in site.own
    }}  # fmt: skip


def _site_from_json(data: Mapping[str, Any]) -> Site:
    own = {
        name: np.array(real) + 1j * np.array(imaginary)
        for name, (real, imaginary) in data.get("operators", {}).items()
    }
    if "level" in data:
        return Level(data["level"], own, data["charges"])
    return Spin(Fraction(data["spin"]), own) if "spin" in data else Boson(data["boson"], own)


def _term_to_json(term: Term) -> dict[str, Any]:
    return {
        "coefficient": [term.coefficient.real, term.coefficient.imag],
        "factors": [[name, site, list(cell)] for name, site, cell in term.factors],
        "plus_hc": term.plus_hc,
    }


def _term_from_json(data: Mapping[str, Any]) -> Term:
    return Term(complex(*data["coefficient"]), *data["factors"], plus_hc=data["plus_hc"])


def told_parameter(value: Any) -> Any:
    """Return a parameter as JSON knows it, or its text; a real number of any type as a float."""
    value = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(value, Real) and not isinstance(value, Integral):
        value = float(value)
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return str(value)
    return value
