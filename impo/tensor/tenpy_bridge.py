"""The Liouvillian as a matrix product operator of TeNPy, the state as its MPS, and the way back."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tenpy.linalg import np_conserved as npc
from tenpy.models.lattice import TrivialLattice
from tenpy.models.model import CouplingMPOModel
from tenpy.networks.mps import MPS as MPS  # other rooms get the type from here
from tenpy.networks.site import Site

from impo.arguments import ArgumentError, one_of
from impo.arrays import Array
from impo.operators.basis import OperatorBasis
from impo.operators.liouvillian import Generator
from impo.tensor.gates import rank_scale

_BOUNDARIES = ("infinite", "finite")


class LiouvillianModel(CouplingMPOModel):
    """The Liouvillian L of d rho/dt = L rho as a TeNPy model; `H_MPO` is L itself.

    L is not Hermitian, and nothing is added to it (`explicit_plus_hc` stays False).

    Options
    -------
    generator : Generator
        `infinite_chain(...)` for bc_MPS = "infinite", `finite_cluster(...)` for "finite".
    bases : sequence of OperatorBasis
        Operator basis of every site.
    charges : bool
        Whether to use the charges of the generator (default True).
    weight : float
        The alpha of the basis (2k + 1)^-alpha T_kq in which L is written (default 0). For another
        alpha L is changed by a similarity transformation: its eigenvalues stay.
    bc_MPS : str
        "infinite" (default) or "finite".
    """

    def init_lattice(self, model_params: Any) -> TrivialLattice:
        """Return one unit cell that holds all sites of the tile or cluster."""
        generator = model_params.get("generator", None, Generator)
        bases = model_params.get("bases", None)
        charges = model_params.get("charges", True, bool)
        bc = one_of("bc_MPS", model_params.get("bc_MPS", "infinite", str), _BOUNDARIES)
        sites = operator_sites(generator, bases, charges)
        periodic = "periodic" if bc == "infinite" else "open"
        return TrivialLattice(sites, bc=periodic, bc_MPS=bc)

    def init_terms(self, model_params: Any) -> None:
        """Add all products of superoperators."""
        generator, bases = model_params["generator"], model_params["bases"]
        weight = model_params.get("weight", 0.0)
        terms = add_liouvillian(self.lat.unit_cell, generator, bases, weight)
        for strength, positions, names in terms:
            if self.lat.bc_MPS == "finite" and positions[-1] >= len(bases):
                raise ArgumentError(
                    "Argument `generator` must be that of a finite cluster for bc_MPS='finite', "
                    "but has a term that leaves the tile."
                )
            if len(positions) == 1:
                self.add_onsite_term(strength, positions[0], names[0])
            elif len(positions) == 2:
                self.add_coupling_term(strength, *positions, *names)
            else:
                between = ["Id"] * (len(positions) - 1)
                self.add_multi_coupling_term(strength, list(positions), list(names), between)


def liouvillian_model(
    generator: Generator,
    bases: Sequence[OperatorBasis],
    charges: bool = True,
    bc: str = "infinite",
    kind: type[LiouvillianModel] = LiouvillianModel,
    weight: float = 0.0,
) -> LiouvillianModel:
    """Return the TeNPy model of a Liouvillian; see `LiouvillianModel` for the arguments."""
    return kind(
        {"generator": generator, "bases": bases, "charges": charges, "bc_MPS": bc, "weight": weight}
    )


def to_mps(
    sites: Sequence[Site],
    tensors: Sequence[Array],
    charges: Sequence[Array],
    singular_values: Sequence[Array] | None = None,
    bc: str = "infinite",
) -> MPS:
    """Return the TeNPy MPS made of dense tensors.

    Parameters
    ----------
    sites
        `operator_sites(...)` or `model.lat.mps_sites()`, n of them.
    tensors
        B[i] of shape (vL, p, vR), p in the order of the (unweighted) operator basis. Zero unless
        charge(vL) + weights * q(p) = charge(vR).
    charges
        charges[i] of shape (vL,) or (vL, C): integers on the left bond of site i, not looked at
        for sites without charge. The bond after the last site is the one before the first, or, on a
        finite chain, carries the same charge.
    singular_values
        singular_values[i] on the left bond of site i; they and right-canonical tensors make a
        canonical MPS. None: the tensors are brought to canonical form (`canonical`).
    bc
        "infinite" or "finite".

    Raises
    ------
    ArgumentError
        If lengths or shapes do not fit together or the tensors break the charge rule.
    """
    mps = _assemble(sites, tensors, charges, singular_values, bc)
    return canonical(mps) if singular_values is None else mps


def _assemble(
    sites: Sequence[Site],
    tensors: Sequence[Array],
    charges: Sequence[Array],
    singular_values: Sequence[Array] | None,
    bc: str,
) -> MPS:
    """Return the MPS of `to_mps`, in no form if there are no singular values."""
    one_of("bc", bc, _BOUNDARIES)
    _check_sizes(len(sites), tensors, charges, singular_values)
    bonds = [
        _bond_leg(site, len(tensor), table)
        for site, tensor, table in zip(sites, tensors, charges, strict=True)
    ]
    arrays = [
        _site_tensor(i, site, tensor, bonds[i], bonds[(i + 1) % len(sites)])
        for i, (site, tensor) in enumerate(zip(sites, tensors, strict=True))
    ]
    if singular_values is None:
        return MPS(sites, arrays, [None] * (len(sites) + 1), bc=bc, form=None, unit_cell_width=1)
    values = [s[order] for s, (_, order) in zip(singular_values, bonds, strict=True)]
    return MPS(sites, arrays, [*values, values[0]], bc=bc, form="B", unit_cell_width=1)


def _check_sizes(
    n: int,
    tensors: Sequence[Array],
    charges: Sequence[Array],
    singular_values: Sequence[Array] | None,
) -> None:
    """Refuse arguments of `to_mps` that do not have one finite array per site."""
    if len(tensors) != n or (singular_values is not None and len(singular_values) != n):
        raise ArgumentError(f"Arguments `tensors` and `singular_values` must have length {n}.")
    if not all(np.isfinite(tensor).all() for tensor in tensors):
        raise ArgumentError("Argument `tensors` must be finite, but contains inf or nan.")
    if len(charges) != n:
        raise ArgumentError(f"Argument `charges` must have length {n}, but has {len(charges)}.")
    sizes = [tensor.shape[0] for tensor in tensors]
    if singular_values is not None and [len(s) for s in singular_values] != sizes:
        raise ArgumentError(f"Argument `singular_values` must have the lengths {sizes}.")


def _site_tensor(
    i: int,
    site: Site,
    tensor: Array,
    left: tuple[npc.LegCharge, Array],
    right: tuple[npc.LegCharge, Array],
) -> npc.Array:
    """Return tensor number i between two bonds, each given as its leg and order; # vL p vR."""
    (left_leg, rows), (right_leg, columns) = left, right
    if tensor.shape[1:] != (site.dim, len(columns)):
        raise ArgumentError(
            f"Argument `tensors` must fit together, but tensor {i} has shape {tensor.shape}, "
            f"not (*, {site.dim}, {len(columns)})."
        )
    dense = tensor[np.ix_(rows, site.perm, columns)]
    legs = [left_leg, site.leg, right_leg.conj()]
    try:
        array = npc.Array.from_ndarray(dense, legs, qtotal=site.leg.chinfo.make_valid())
    except ValueError as error:
        raise ArgumentError(
            f"Argument `charges` must label the bonds of `tensors`, but tensor {i} has "
            "elements that break charge(vL) + weight * q(p) = charge(vR)."
        ) from error
    return array.iset_leg_labels(["vL", "p", "vR"])


def _bond_leg(site: Site, size: int, charges: Array) -> tuple[npc.LegCharge, Array]:
    """Return the sorted leg of a bond and the order into which it sorts the virtual index."""
    info = site.leg.chinfo
    if info.qnumber == 0:
        return npc.LegCharge.from_trivial(size, info), np.arange(size)
    table = np.asarray(charges)
    if table.shape not in ((size,), (size, info.qnumber)) or (
        table.ndim == 1 and info.qnumber != 1
    ):
        raise ArgumentError(
            f"Argument `charges` must hold {info.qnumber} integer(s) for each of the {size} "
            f"virtual indices, but has the shape {table.shape}."
        )
    table = table.reshape(size, -1)
    order = np.lexsort(table.T)
    return npc.LegCharge.from_qflat(info, table[order]).bunch()[1], order


def from_mps(mps: MPS) -> tuple[list[Array], list[Array], list[Array]]:
    """Return (tensors, charges, singular_values) of an MPS, the arguments of `to_mps`.

    Tensors are right-canonical if the MPS is canonical; p is in the order of the operator basis;
    charges have shape (vL, C). Singular values have unit norm and the norm of the MPS is dropped.

    Raises
    ------
    ArgumentError
        If the MPS has no singular values, or a charge other than zero per tile.
    """
    if any(form is None for form in mps.form):
        raise ArgumentError("Argument `mps` must be in canonical form, but has no such form.")
    tensors, charges = _take_apart(mps)
    return tensors, charges, [mps.get_SL(i).copy() for i in range(mps.L)]


def _take_apart(mps: MPS) -> tuple[list[Array], list[Array]]:
    """Return (tensors, charges); the tensors in B form if the MPS has a form."""
    if np.any(mps.get_total_charge() != 0):
        raise ArgumentError(
            "Argument `mps` must have total charge zero, as every density operator has, but has "
            f"{mps.get_total_charge()}."
        )
    mps = mps.copy()
    if all(form is not None for form in mps.form):
        mps.convert_form("B")
    mps.gauge_total_charge()
    tensors, charges = [], []
    for i, site in enumerate(mps.sites):
        array = mps.get_B(i, None)
        tensor = np.empty(array.shape, array.dtype)
        tensor[:, site.perm] = array.to_ndarray()
        tensors.append(tensor)
        leg = array.get_leg("vL")
        charges.append(leg.to_qflat() * leg.qconj)
    return tensors, charges


def canonical(mps: MPS, tolerance: float = 1e-10) -> MPS:
    """Return an MPS in canonical form with `norm_test` below the tolerance; norm 1.

    An infinite MPS is treated by QR and Arnoldi iterations (Vanderstraeten, Haegeman and
    Verstraete, SciPost Phys. Lect. Notes 7, 2019), which keep all digits. Where they fail, the
    fixed points of the transfer matrix are used, with a `RuntimeWarning`: singular values below
    1e-8 of the largest are then lost.

    Parameters
    ----------
    mps
        Any MPS. If it has a form, its singular values are respected; it is not changed.
    tolerance
        Largest entry of `norm_test` that is accepted.

    Raises
    ------
    ArithmeticError
        If no route leads there.
    """
    formed = all(form is not None for form in mps.form)
    if formed and mps.norm_test().max() < 1e-3 * tolerance:
        done = mps.copy()
        done.convert_form("B")
        done.norm = 1.0
        return done
    tensors, charges = _take_apart(mps)
    values = [mps.get_SL(i) for i in range(mps.L)] if formed else None
    failures = []
    for route in ("finite",) if mps.finite else ("infinite2", "infinite1"):
        # new legs: canonical_form_infinite2 refuses the leg directions of its own results
        trial = _assemble(mps.sites, tensors, charges, values, mps.bc)
        try:
            with np.errstate(divide="raise", invalid="raise"):  # a QR of a singular matrix
                _FORMS[route](trial)
            error = float(trial.norm_test().max())
        except (ValueError, RuntimeError, AssertionError, ArithmeticError) as problem:
            failures.append(str(problem) or type(problem).__name__)
            continue
        if error < tolerance:
            if failures:
                warnings.warn(
                    f"The canonical form keeps half of the digits only: {failures[0]}",
                    RuntimeWarning,
                    stacklevel=2,
                )
            trial.norm = 1.0
            trial.dtype = np.result_type(*[trial.get_B(i, None).dtype for i in range(trial.L)])
            trial.test_sanity()
            return trial
        failures.append(f"norm_test is {error:.1e}")
    raise ArithmeticError(f"No canonical form of the MPS was found: {'; '.join(failures)}.")


_FORMS: dict[str, Callable[[MPS], None]] = {
    "finite": lambda mps: mps.canonical_form_finite(cutoff=1e-15),
    "infinite2": lambda mps: mps.canonical_form_infinite2(tol=1e-13, cutoff=1e-15),
    "infinite1": lambda mps: mps.canonical_form_infinite1(),
}


LocalTerm = tuple[complex, tuple[int, ...], tuple[str, ...]]


def operator_sites(
    generator: Generator, bases: Sequence[OperatorBasis], charges: bool = True
) -> list[Site]:
    """Return one TeNPy site per site of the generator; state x is the operator T_x.

    TeNPy sorts a charged basis: its state number y is T_x with x = site.perm[y]. States are also
    found by their labels "T0", "T1", ..., which count in the order of the operator basis.

    Parameters
    ----------
    generator
        Liouvillian on n sites, with C charges.
    bases
        Operator basis of every site, `generator.bases(...)`.
    charges
        Whether the states carry the charges weights[:, j] * q; False gives trivial charges.

    Returns
    -------
    list of `tenpy.networks.site.Site`
        Different objects with the same charges; their only operators are Id and JW = Id.
    """
    weights = generator.charges if charges else generator.charges[:0]
    info = npc.ChargeInfo([1] * len(weights), [f"M{c}" for c in range(len(weights))])
    sites = []
    for basis, weight in zip(bases, weights.T.reshape(len(bases), -1), strict=True):
        leg = npc.LegCharge.from_qflat(info, np.outer(basis.q, weight))
        sites.append(Site(leg, [f"T{x}" for x in range(len(basis))]))
    return sites


def add_liouvillian(
    sites: Sequence[Site],
    generator: Generator,
    bases: Sequence[OperatorBasis],
    weight: float = 0.0,
) -> list[LocalTerm]:
    """Add the superoperators of the Liouvillian to the sites and return how they combine.

    Superoperators that are multiples of each other become one site operator, so that products with
    a common left factor share a virtual index of the matrix product operator. They are written in
    the basis (2k + 1)^-weight T_kq.

    Returns
    -------
    list of (strength, positions, names)
        The Liouvillian of one tile is the sum of strength * names[0] (x) names[1] ...; on an
        infinite chain positions beyond the tile belong to the next ones.
    """
    known: list[dict[bytes, str]] = [{} for _ in sites]
    scales = [rank_scale(basis.k, weight) for basis in bases]
    terms = []
    for positions, matrices in generator.superoperators(bases):
        strength: complex = 1.0
        names = []
        for position, matrix in zip(positions, matrices, strict=True):
            where = position % len(sites)
            factor, unit = _normalised(scales[where][:, None] * matrix / scales[where])
            if factor == 0:
                strength = 0.0
                break
            key = (np.round(unit, 11) + 0.0).tobytes()  # + 0.0: one zero, without a sign
            if key not in known[where]:
                known[where][key] = f"L{len(known[where])}"
                sites[where].add_op(known[where][key], unit, hc=False, permute_dense=True)
            strength *= factor
            names.append(known[where][key])
        if strength != 0:
            terms.append((strength, positions, tuple(names)))
    return terms


def _normalised(matrix: Array) -> tuple[complex, Array]:
    """Return (element of largest modulus, matrix divided by it); the first such element counts."""
    size = np.abs(matrix).ravel()
    if size.max() == 0:
        return 0.0, matrix
    pivot = matrix.flat[np.argmax(size > size.max() * (1 - 1e-9))]
    unit = matrix / pivot
    if np.iscomplexobj(unit) and np.abs(unit.imag).max() < 1e-14:
        unit = np.ascontiguousarray(unit.real)
    return pivot, unit
