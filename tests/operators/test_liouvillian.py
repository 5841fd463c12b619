"""The superoperators of every kind of model against QuTiP's Liouvillian on a random matrix."""

from dataclasses import replace
from functools import reduce
from itertools import product

import numpy as np
import pytest
import qutip

from impo.arguments import ArgumentError, UnsupportedModelError
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.operators.blocks import with_cutoffs
from impo.operators.liouvillian import (
    check_nearest_neighbour,
    finite_cluster,
    infinite_chain,
    kept_charges,
)
from models import gain_loss, ising, xy_decay, xyz
from tests.jump_models import FAR, NEIGHBOURS

HOP = ("S+", 0, 0), ("S-", 0, 1)

HARMONIC = LindbladModel(  # a spin in a damped, driven mode that hops to the next cell
    (Spin(0.5), Boson(2)),
    (
        Term(0.3 + 0.4j, ("S+", 0, 0), ("B", 1, 0), plus_hc=True),
        Term(0.7, ("Bd", 1, 0), ("B", 1, 1), plus_hc=True),
        Term(0.2, ("N", 1, 0), ("N", 1, 0)),
    ),
    (Jump(0.5, "B", 1), Jump(0.3, "S+", 0)),
)
DRIVEN = LindbladModel((Boson(3),), (Term(0.4j, ("Bd", 0, 0), plus_hc=True),), (Jump(1.0, "B", 0),))
TRIANGLE = LindbladModel(  # three different spins, a frustrated loop, a three-body term
    (Spin(0.5), Spin(1), Spin(0.5)),
    (
        Term(0.5, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
        Term(0.3, ("S+", 1, 0), ("S-", 2, 0), plus_hc=True),
        Term(0.2, ("S+", 2, 0), ("S-", 0, 0), plus_hc=True),
        Term(0.6, ("S+", 0, 0), ("Sz", 1, 0), ("S-", 2, 0), plus_hc=True),
    ),
    (Jump(0.3, "S-", 0), Jump(0.7, "Sz", 1), Jump(0.2, "S+", 2)),
)
XXZ = LindbladModel(
    (Spin(1),),
    (Term(0.5 + 0.2j, *HOP, plus_hc=True), Term(0.7, ("Sz", 0, 0), ("Sz", 0, 1))),
    (Jump(0.3, "S-", 0), Jump(0.2, "S+", 0), Jump(0.4, "Sz", 0)),
)
NEXT = LindbladModel(  # next-nearest neighbours, dephasing along x
    (Spin(0.5),),
    (Term(0.5, ("S+", 0, 0), ("S-", 0, 2), plus_hc=True),),
    (Jump(0.3, "Sx", 0), Jump(0.3, "Sy", 0)),
)

# description, shape, periodic, real, charges
CASES = {
    "gain and loss": (gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7), 2, False, True, 1),
    "gain and loss, S = 1": (gain_loss.chain(1, 1.0, 0.4, 1.5, 0.7), 1, False, True, 1),
    "two dimensions": (gain_loss.square(0.5, 1.0, 0.4, 1.5, 0.7), (2, 1), False, True, 1),
    "xy decay": (xy_decay.chain(1, 0.8, 0.6), 3, False, True, 1),
    "xy decay, even ring": (xy_decay.chain(0.5, 0.8, 0.6), 4, True, True, 1),
    "xy decay, odd ring": (xy_decay.chain(0.5, 0.8, 0.6), 3, True, True, 0),
    "ising": (ising.chain(1.2, 0.7, 0.4), 3, True, True, 0),
    "xyz": (xyz.chain(0.9, 1.2, 1.0, 0.6), 3, False, True, 0),
    "spin and boson": (HARMONIC, 1, False, False, 1),
    "spins and bosons": (HARMONIC, 2, False, False, 1),
    "driven boson": (DRIVEN, 1, False, True, 0),
    "three sites": (TRIANGLE, 1, False, False, 1),
    "XXZ": (XXZ, 2, False, False, 1),
    "next neighbours": (NEXT, 3, False, True, 0),
    "decoupled sites": (NEXT, 1, False, True, 0),
    "correlated": (NEIGHBOURS["correlated"], 2, False, False, 1),
    "correlated, ring": (NEIGHBOURS["correlated"], 2, True, False, 1),
    "correlated, S = 1": (NEIGHBOURS["correlated, S = 1"], 1, False, False, 1),
    "nonreciprocal, ring": (NEIGHBOURS["nonreciprocal"], 2, True, True, 1),
    "nonreciprocal, S = 1": (NEIGHBOURS["nonreciprocal, S = 1"], 1, False, True, 1),
    "two-body": (NEIGHBOURS["two-body"], 2, True, False, 1),
    "two-body, S = 1": (NEIGHBOURS["two-body, S = 1"], 1, False, False, 1),
    "conditional": (NEIGHBOURS["conditional"], 3, True, True, 0),
    "conditional, S = 1": (NEIGHBOURS["conditional, S = 1"], 2, False, True, 0),
    "general": (NEIGHBOURS["general"], 2, True, True, 0),
    "general, S = 1": (NEIGHBOURS["general, S = 1"], 1, False, True, 0),
    "two-body loss of bosons": (NEIGHBOURS["bosons"], 2, False, True, 0),
    "jumps of range 2": (FAR["range 2"], 4, True, False, 1),
    "jumps of range 3": (FAR["range 3"], 4, False, False, 1),
}


def qutip_operator(site, name):
    """Return a named operator in QuTiP's own matrices."""
    if isinstance(site, Boson):
        make = {"B": qutip.destroy, "Bd": qutip.create, "N": qutip.num, "Id": qutip.qeye}[name]
        return make(site.dimension)
    if name == "Id":
        return qutip.qeye(site.dimension)
    return qutip.jmat(float(site.S), name.removeprefix("S"))


def embedded(sites, position, operator):
    return qutip.tensor(
        [operator if i == position else qutip.qeye(s.dimension) for i, s in enumerate(sites)]
    )


def qutip_liouvillian(model, shape, periodic):
    """Assemble the master equation from the description alone."""
    shape = (shape,) if isinstance(shape, int) else shape
    cells = list(product(*map(range, shape)))
    sites = [site for _ in cells for site in model.sites]
    hamiltonian = 0 * embedded(sites, 0, qutip_operator(sites[0], "Id"))

    def whole(cell, term):
        factors = [term.coefficient * embedded(sites, 0, qutip_operator(sites[0], "Id"))]
        for name, site, offset in term.factors:
            there = tuple(c + o for c, o in zip(cell, offset, strict=True))
            if periodic:
                there = tuple(c % length for c, length in zip(there, shape, strict=True))
            if there not in cells:
                return None
            position = cells.index(there) * len(model.sites) + site
            factors.append(embedded(sites, position, qutip_operator(model.sites[site], name)))
        return reduce(lambda a, b: a * b, factors)

    for cell, term in product(cells, model.hamiltonian):
        if (found := whole(cell, term)) is not None:
            hamiltonian += found
    jumps = []
    for cell, jump in product(cells, model.jumps):
        parts = [whole(cell, term) for term in jump.products(model.dimension)]
        if all(part is not None for part in parts):
            jumps.append(np.sqrt(jump.rate) * sum(parts[1:], parts[0]))
    return sites, qutip.liouvillian(hamiltonian, jumps)


def dense(generator, bases):
    """Return the Liouvillian as one matrix acting on the coefficients."""
    total = 0
    for positions, matrices in generator.superoperators(bases):
        factors = [np.eye(len(basis)) for basis in bases]
        for position, matrix in zip(positions, matrices, strict=True):
            factors[position] = matrix
        total = total + reduce(np.kron, factors)
    return total


def coefficients(generator, bases, rho):
    """Expand a matrix in the rotated frame: T_x stands for e^{-i q phi} T_x of the lab."""
    dims = [basis.dimension for basis in bases]
    tensor = rho.reshape(dims + dims)
    for j, basis in enumerate(bases):
        turned = basis.matrices * np.exp(-1j * basis.q * generator.phase(j))[:, None, None]
        # contract row and column index of site j, which stand first of what is left
        left = len(dims) - j
        tensor = np.tensordot(turned.conj(), tensor, axes=([1, 2], [j, left + j]))
        tensor = np.moveaxis(tensor, 0, j)
    return tensor.ravel()


def random_matrix(d, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(d, d)) + 1j * rng.normal(size=(d, d))


@pytest.mark.parametrize("form", ["charges", "hermitian", "physical frame"])
@pytest.mark.parametrize("name", CASES)
def test_acts_like_the_liouvillian_of_qutip(name, form):
    model, shape, periodic, real, conserved = CASES[name]
    charges = form != "hermitian"
    generator = finite_cluster(model, shape, periodic, charges)
    assert generator.real is (real or not charges)
    if form == "physical frame":
        generator = generator.physical()
        assert not generator.phases.any()
        assert generator.phase_advance == 0
        assert generator.real is generator.hermitian_basis
    assert len(generator.charges) == (conserved if charges else 0)
    bases = generator.bases()
    matrix = dense(generator, bases)
    assert np.isrealobj(matrix) is generator.real
    sites, oracle = qutip_liouvillian(model, shape, periodic)
    d = int(np.prod([site.dimension for site in sites]))
    rho = random_matrix(d)
    moved = (oracle.full() @ rho.ravel("F")).reshape(d, d, order="F")
    expected = coefficients(generator, bases, moved)
    np.testing.assert_allclose(
        matrix @ coefficients(generator, bases, rho), expected, atol=1e-11 * np.abs(expected).max()
    )


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[4]])
def test_mirror_is_the_symmetry_of_transposition(name):
    model, shape, periodic, _, _ = CASES[name]
    generator = finite_cluster(model, shape, periodic)
    bases = generator.bases()
    matrix = dense(generator, bases)
    swapped = []
    for basis in bases:
        places = {}
        for place, one in enumerate(basis.matrices):
            places[place] = next(
                i for i, other in enumerate(basis.matrices) if np.allclose(other, one.T)
            )
        swapped.append([places[i] for i in range(len(basis))])
    sizes = [len(basis) for basis in bases]
    order = np.arange(np.prod(sizes)).reshape(sizes)[np.ix_(*swapped)].ravel()
    kept = np.allclose(matrix[np.ix_(order, order)], matrix, atol=1e-12)
    assert generator.mirror is kept
    assert finite_cluster(model, shape, periodic, charges=False).mirror is False


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[4]])
def test_conserves_its_charges(name):
    model, shape, periodic, _, _ = CASES[name]
    generator = finite_cluster(model, shape, periodic)
    bases = generator.bases()
    matrix = dense(generator, bases)
    for weights in generator.charges:
        charges = [w * basis.q for w, basis in zip(weights, bases, strict=True)]
        total = reduce(np.add.outer, charges).ravel()
        np.testing.assert_allclose(matrix[total[:, None] != total], 0, atol=1e-14)


@pytest.mark.parametrize("name", ["gain and loss, S = 1", "XXZ", "spin and boson"])
def test_operators_are_physical_in_the_rotated_frame(name):
    """rotated() undoes the gauge: expectations and correlations carry their true phases."""
    model, shape, periodic, _, _ = CASES[name]
    generator = finite_cluster(model, shape, periodic)
    bases = generator.bases()
    sites, _ = qutip_liouvillian(model, shape, periodic)
    rho = random_matrix(int(np.prod([site.dimension for site in sites])), 3)
    c = coefficients(generator, bases, rho)
    names = ["Bd" if isinstance(site, Boson) else "S+" for site in sites[:2]]
    factors = [basis.trace for basis in bases]
    lab = 1
    for j, op in enumerate(names):
        raising = qutip_operator(sites[j], op)
        op_j = raising if j == 0 else raising.dag()
        factors[j] = bases[j].measure(generator.rotated(j, op_j.full()))
        lab = lab * embedded(sites, j, op_j)
    assert reduce(np.kron, factors) @ c == pytest.approx(np.trace(lab.full() @ rho))


PAIRS = LindbladModel(  # pair creation, whose phase differs from bond to bond
    (Spin(0.5), Spin(0.5)),
    (
        Term(1.0, ("S+", 0, 0), ("S+", 1, 0), plus_hc=True),
        Term(np.exp(0.7j), ("S+", 1, 0), ("S+", 0, 1), plus_hc=True),
    ),
    (Jump(1.0, "S-", 0), Jump(0.5, "S-", 1)),
)


@pytest.mark.parametrize(
    "model",
    [PAIRS, gain_loss.chain(1), XXZ, NEIGHBOURS["nonreciprocal"], NEIGHBOURS["correlated"]],
    ids=["pairs", "gain and loss", "XXZ", "nonreciprocal", "correlated"],
)
def test_all_tiles_are_alike_in_the_frame(model):
    """The frame turns equal terms of two tiles by the same angle, the products of a jump alike."""
    generator = infinite_chain(model)
    n = len(generator.sites)

    def turn(part):
        later = replace(part, positions=tuple(p + n for p in part.positions))
        return np.exp(1j * (generator.angle(later) - generator.angle(part)))

    for term in generator.components:
        assert turn(term) == pytest.approx(1, abs=1e-12)
    for jump in generator.joint_jumps:
        turns = [turn(part) for part in jump.parts]
        np.testing.assert_allclose(turns, turns[0], atol=1e-12)


@pytest.mark.parametrize(
    ("model", "length", "real"),
    [
        (gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7), 2, True),
        (xy_decay.chain(0.5, 0.8, 0.6), 2, True),
        (ising.chain(), 2, True),
        (XXZ, 2, False),
        (HARMONIC, 2, False),
        (TRIANGLE, 6, False),
        (NEXT, 2, True),
    ],
    ids=["gain and loss", "xy decay", "ising", "XXZ", "boson", "three sites", "next neighbours"],
)
def test_tile_of_an_infinite_chain(model, length, real):
    """The components of one tile, turned back to the lab, are the Hamiltonian of its cells."""
    generator = infinite_chain(model)
    assert len(generator.sites) == length
    assert generator.real is real
    span = 1 + max(p for term in generator.components for p in term.positions)
    sites = [generator.sites[p % length] for p in range(span)]
    found = 0
    for term in generator.components:
        angle = sum(
            q * generator.phase(p) for p, q in zip(term.positions, term.charges, strict=True)
        )
        factors = [np.eye(site.dimension) for site in sites]
        for p, matrix in zip(term.positions, term.matrices, strict=True):
            factors[p] = matrix
        found = found + term.coefficient * np.exp(-1j * angle) * reduce(np.kron, factors)
    expected = 0
    for cell in range(length // len(model.sites)):
        for term in model.hamiltonian:
            factors = [
                embedded(
                    sites, (cell + c) * len(model.sites) + s, qutip_operator(model.sites[s], op)
                )
                for op, s, (c,) in term.factors
            ]
            product_ = reduce(lambda a, b: a * b, factors)
            expected = expected + term.coefficient * product_.full()
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_components_begin_inside_the_tile():
    half = Spin(0.5)
    plain = LindbladModel((half,), (Term(0.7, ("Sx", 0, 0)),), (Jump(1, "S-", 0),))
    for term in (
        Term(0.7, ("Id", 0, 0), ("Sx", 0, 1)),
        Term(0.7, ("Id", 0, -4), ("Sx", 0, 3), ("Id", 0, 5)),
        Term(2.8, ("Sz", 0, 0), ("Sz", 0, 0), ("Sx", 0, 1)),
    ):
        model = LindbladModel((half,), (term,), (Jump(1, "S-", 0),))
        for charges in (True, False):
            found = infinite_chain(model, charges).components
            known = infinite_chain(plain, charges).components
            assert {c.positions for c in found} == {c.positions for c in known}
            assert sorted(abs(c.coefficient) for c in found) == pytest.approx(
                sorted(abs(c.coefficient) for c in known)
            )


def test_phases_of_the_gain_loss_chain():
    """Neighbours differ by pi/2 (modulo pi), cells by pi: real components turn imaginary."""
    generator = infinite_chain(gain_loss.chain(1, 1.0, 0.5, 1.5, 1.0))
    steps = [generator.phase(j + 1) - generator.phase(j) for j in range(5)]
    np.testing.assert_allclose(np.mod(steps, np.pi), np.pi / 2)
    assert all(term.coefficient.real == 0 for term in generator.components)


def test_projection_keeps_the_trace_and_agrees_with_the_unprojected_rows():
    model = gain_loss.chain(1.5, 1.0, 0.4, 1.5, 0.7)
    generator = finite_cluster(model, 1)
    columns, rows = generator.bases(2), generator.bases(3)
    small, large = dense(generator, columns), 0
    for positions, matrices in generator.superoperators(columns, rows):
        factors = [np.eye(len(r))[:, _kept(c, r)] for c, r in zip(columns, rows, strict=True)]
        for position, matrix in zip(positions, matrices, strict=True):
            factors[position] = matrix
        large = large + reduce(np.kron, factors)
    kept = reduce(
        np.logical_and.outer,
        [np.isin(np.arange(len(r)), _kept(c, r)) for c, r in zip(columns, rows, strict=True)],
    ).ravel()
    np.testing.assert_allclose(large[kept], small, atol=1e-14)
    trace = reduce(np.kron, [basis.trace for basis in columns])
    np.testing.assert_allclose(trace @ small, 0, atol=1e-13)


def _kept(columns, rows):
    """Return where the operators of a smaller basis stand in a larger one."""
    labels = list(zip(rows.k, rows.q, strict=True))
    return [labels.index(label) for label in zip(columns.k, columns.q, strict=True)]


@pytest.mark.parametrize("name", ["gain and loss, S = 1", "XXZ", "spin and boson"])
def test_the_frame_is_the_unitary_that_rotates_operators(name):
    generator = infinite_chain(CASES[name][0])
    n = len(generator.sites)
    positions = [n + 1, 0]  # in any order, also outside the tile
    one, two = (generator.sites[p % n].dimension for p in positions)
    first, second = random_matrix(one, 1), random_matrix(two, 2)
    u = generator.frame(positions)
    expected = np.kron(generator.rotated(n + 1, first), generator.rotated(0, second))
    turned = u.conj()[:, None] * np.kron(first, second) * u
    np.testing.assert_allclose(turned, expected, atol=1e-13 * np.abs(expected).max())
    np.testing.assert_array_equal(generator.physical().frame(positions), np.ones(one * two))


def test_decoupled_parts_have_one_charge_in_common():
    generator = finite_cluster(LindbladModel((Spin(0.5),), (), (Jump(1.0, "S-", 0),)), 3)
    assert len(generator.charges) == 3
    np.testing.assert_array_equal(np.abs(kept_charges(generator).charges), [[1, 1, 1]])
    assert len(kept_charges(infinite_chain(xyz.chain(0.9, 1.2, 0.4, 0.8))).charges) == 0


def test_cutoffs_change_bosons_only():
    generator = kept_charges(infinite_chain(HARMONIC))
    wider = with_cutoffs(generator, (None, 5))
    assert wider.model.sites == (Spin(0.5), Boson(5))
    assert wider.hermitian_basis == generator.hermitian_basis
    assert len(wider.charges) == len(generator.charges)
    uncharged = with_cutoffs(kept_charges(infinite_chain(HARMONIC, charges=False)), (None, 5))
    assert uncharged.hermitian_basis


def test_terms_beyond_the_next_site_are_named():
    far = LindbladModel((Spin(0.5),), (Term(1.0, ("Sz", 0, 0), ("Sz", 0, 2)),), name="far")
    with pytest.raises(UnsupportedModelError, match=r"far.* has one on sites \(0, 2\)"):
        check_nearest_neighbour(infinite_chain(far))
    with pytest.raises(UnsupportedModelError, match=r"jumps on one site or.* on sites \(0, 2\)"):
        check_nearest_neighbour(infinite_chain(replace(FAR["range 2"], terms=())))
    for near in (gain_loss.chain(0.5), *NEIGHBOURS.values()):
        check_nearest_neighbour(infinite_chain(near))


def test_refusals():
    with pytest.raises(ArgumentError, match="one-dimensional"):
        infinite_chain(gain_loss.square(0.5))
    with pytest.raises(ArgumentError, match="`shape` must be 2 positive integers"):
        finite_cluster(gain_loss.square(0.5), 2)
    with pytest.raises(ArgumentError, match="`shape` must be 1 positive integers"):
        finite_cluster(gain_loss.chain(0.5), 0)
    for model in (xyz.chain(), replace(NEIGHBOURS["conditional"], terms=())):
        with pytest.raises(ArgumentError, match="meets itself"):
            finite_cluster(model, 1, periodic=True)


def test_a_real_liouvillian_with_unknown_imaginary_parts_is_refused():
    generator = infinite_chain(gain_loss.chain(0.5))
    assert generator.real
    for imaginary in (1e-3, np.nan):
        with pytest.raises(AssertionError, match="imaginary part"):
            generator._clean(np.array([[1.0 + 1j * imaginary]]))
    assert generator._clean(np.array([[1.0 + 1e-14j]])) == 1


def test_jumps_that_are_none():
    """Products that cancel or vanish, and constants, dissipate nothing."""
    one, zero = ("S-", 0, 0), ("S-", 0, 1)
    nothing = [
        Jump(1.0, Term(1.0, one, zero), Term(-1.0, zero, one)),
        Jump(1.0, Term(1.0, one, one)),  # of a spin 1/2
        Jump(1.0, Term(2.0, ("Id", 0, 0))),
        Jump(1.0, Term(0.0, one, zero)),
        Jump(0.0, Term(1.0, one, zero)),
    ]
    for jump in nothing:
        for generator in (
            infinite_chain(LindbladModel((Spin(0.5),), (), (jump,))),
            finite_cluster(LindbladModel((Spin(0.5),), (), (jump,)), 3, periodic=True),
        ):
            assert generator.jumps == generator.joint_jumps == ()


def test_a_jump_on_one_site_is_one_matrix():
    jump = Jump(0.3, Term(1.0, ("B", 0, 1), ("B", 0, 1)), Term(0.5, ("N", 0, 1), ("Id", 0, 0)))
    generator = infinite_chain(LindbladModel((Boson(2), Boson(2)), (), (jump,)))
    assert generator.joint_jumps == ()
    ((position, rate, matrix),) = generator.jumps
    known = qutip.destroy(3) ** 2 + 0.5 * qutip.num(3)
    assert (position, rate) == (0, 0.3)
    np.testing.assert_allclose(matrix, known.full(), atol=1e-14)


def test_jumps_that_leave_an_open_cluster_are_left_out_as_a_whole():
    model = LindbladModel((Spin(0.5),), (), (Jump(1.0, *[Term(1, ("S-", 0, c)) for c in (0, 1)]),))
    jumps = finite_cluster(model, 3).joint_jumps
    assert [jump.positions for jump in jumps] == [(0, 1), (1, 2)]
    assert len(finite_cluster(model, 3, periodic=True).joint_jumps) == 3
