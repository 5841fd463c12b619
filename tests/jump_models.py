"""Models whose jump operators are sums of products on several sites, without any symmetry left."""

import numpy as np

from impo.model import Boson, Jump, Level, LindbladModel, Spin, Term


def hopping(g=1.0, h=0.6):
    """XX couplings that differ inside a cell of two sites and between cells."""
    return (
        Term(g / 2, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
        Term(h / 2, ("S+", 1, 0), ("S-", 0, 1), plus_hc=True),
    )


def correlated(S=0.5, phases=(0.7, -0.4), dephasing=0.3):
    """Decay S-_j + c e^{i phi} S-_{j+1}, with another c and phase on the second bond, and gain."""
    one, two = np.exp(1j * np.array(phases))
    return LindbladModel(
        (Spin(S), Spin(S)),
        hopping(),
        (
            Jump(0.8, Term(1.0, ("S-", 0, 0)), Term(0.7 * one, ("S-", 1, 0))),
            Jump(0.5, Term(0.6, ("S-", 1, 0)), Term(1.2 * two, ("S-", 0, 1))),
            Jump(0.3, "S+", 0),
            Jump(dephasing, "Sz", 1),
        ),
    )


def nonreciprocal(S=0.5):
    """S-_j + i S-_{j+1} with a real hopping: a gauge makes all of it real."""
    return correlated(S, (np.pi / 2, np.pi / 2))


def two_body(S=0.5):
    """Loss of pairs on neighbours, gain of single quanta; S_z changes by two or one."""
    return LindbladModel(
        (Spin(S), Spin(S)),
        (*hopping(), Term(0.3, ("Sz", 0, 0), ("Sz", 1, 0))),
        (
            Jump(0.9, Term(1.0, ("S-", 0, 0), ("S-", 1, 0))),
            Jump(0.4, Term(0.8j, ("S-", 1, 0), ("S-", 0, 1))),
            Jump(0.5, "S+", 0),
            Jump(0.2, "S-", 1),
        ),
    )


def conditional(S=0.5):
    """A site is raised if its left neighbour is up, lowered as it likes: a contact process."""
    return LindbladModel(
        (Spin(S),),
        (Term(0.4, ("Sx", 0, 0), ("Sz", 0, 1)), Term(0.7, ("Sy", 0, 0))),
        (
            Jump(0.9, Term(1.0, ("Sz", 0, 0), ("S+", 0, 1)), Term(float(S), ("S+", 0, 1))),
            Jump(0.5, Term(1.0, ("S+", 0, 0), ("Sz", 0, 1)), Term(0.2, ("Id", 0, 0))),
            Jump(0.6, "S-", 0),
        ),
    )


def general(S=0.5):
    """Products of every kind and complex coefficients; no charge."""
    return LindbladModel(
        (Spin(S), Spin(S)),
        (*hopping(), Term(0.3, ("Sx", 1, 0), ("Sy", 0, 1))),
        (
            Jump(
                0.8,
                Term(0.5 + 0.3j, ("S-", 0, 0), ("Sz", 1, 0)),
                Term(-0.4j, ("S+", 1, 0)),
                Term(0.2, ("Sx", 0, 0), ("Sy", 1, 0)),
            ),
            Jump(0.4, Term(1.0, ("Sz", 1, 0), ("S-", 0, 1)), Term(0.6j, ("Sx", 1, 0))),
            Jump(0.3, Term(1.0, ("S-", 1, 0)), Term(0.5, ("Sz", 1, 0), ("Sz", 1, 0))),
            Jump(0.2, "S-", 0),
        ),
    )


def lossy_bosons(cutoff=2):
    """One- and two-body loss, correlated between neighbours, and a drive."""
    return LindbladModel(
        (Boson(cutoff),),
        (
            Term(0.7, ("Bd", 0, 0), ("B", 0, 1), plus_hc=True),
            Term(0.3, ("N", 0, 0), ("N", 0, 0)),
            Term(0.4 + 0.2j, ("B", 0, 0), plus_hc=True),
        ),
        (
            Jump(0.5, Term(1.0, ("B", 0, 0), ("B", 0, 0))),
            Jump(0.6, Term(1.0, ("B", 0, 0)), Term(0.4j, ("B", 0, 1))),
            Jump(0.3, Term(1.0, ("B", 0, 0), ("B", 0, 1))),
        ),
    )


def far(reach, S=0.5):
    """Products that reach two or three cells, and one in the middle."""
    return LindbladModel(
        (Spin(S),),
        (Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True), Term(0.2, ("Sz", 0, 0))),
        (
            Jump(0.7, Term(1.0, ("S-", 0, 0)), Term(0.5 + 0.3j, ("S-", 0, reach))),
            Jump(0.4, Term(1.0, ("Sz", 0, 0), ("S+", 0, 1), ("Sz", 0, reach))),
            Jump(0.3, "S+", 0),
        ),
    )


def own(S=0.5):
    """Own operators, complex and without symmetry, in terms and jumps."""
    d, rng = int(2 * S) + 1, np.random.default_rng(5)
    A, X = rng.normal(size=(2, d, d)) + 1j * rng.normal(size=(2, d, d))
    up = np.diag(np.arange(1.0, d), 1)
    site = Spin(S, operators={"A": A / d, "Q": (X + X.conj().T) / d, "up": up, "down": up.T})
    return LindbladModel(
        (site, Spin(0.5)),
        (
            Term(0.4, ("up", 0, 0), ("S-", 1, 0)),
            Term(0.4, ("down", 0, 0), ("S+", 1, 0)),
            Term(0.3 - 0.2j, ("A", 0, 1), ("Sz", 1, 0), plus_hc=True),
            Term(0.3, ("Q", 0, 0)),
        ),
        (
            Jump(0.5, "A", 0),
            Jump(0.4, Term(1.0, ("A^+", 0, 0)), Term(0.5j, ("S-", 1, 0), ("down", 0, 0))),
            Jump(0.3, Term(1.0, ("Q", 0, 1), ("S+", 1, 0))),
        ),
    )


def own_charged(S=1):
    """Own ladder operators, which keep the charge."""
    d = int(2 * S) + 1
    site = Spin(S, operators={"up": np.diag(np.arange(1.0, d), 1)})
    return LindbladModel(
        (site,),
        (Term(0.4j, ("up", 0, 0), ("up^+", 0, 1), plus_hc=True),),
        (Jump(0.5, Term(1.0, ("up^+", 0, 0)), Term(0.4j, ("up^+", 0, 1))), Jump(0.3, "up", 0)),
    )


def levels(charges, phase=0.4, interaction=0.2):
    """Three levels; jumps and a term of a charge that single steps make in two ways."""
    steps = {
        "a": np.diag([1.0, 0.0], -1), "b": np.diag([0.0, 0.7], -1), "c": np.eye(3, k=-2),
    }  # fmt: skip
    turn = np.exp(1j * phase)
    return LindbladModel(
        (Level(3, steps, charges),),
        (
            Term(0.5 * turn, ("a", 0, 0), ("a^+", 0, 1), plus_hc=True),
            Term(0.3, ("b^+", 0, 0), ("b", 0, 1), plus_hc=True),
            Term(interaction, ("N", 0, 0), ("N", 0, 1)),
        ),
        (
            Jump(0.8, Term(1.0, ("c^+", 0, 0)), Term(0.6j, ("a^+", 0, 0), ("b^+", 0, 1))),
            Jump(0.4, "a", 0), Jump(0.3, Term(1.0, ("b", 0, 0)), Term(0.5j, ("b", 0, 1))),
            Jump(0.2, "b^+", 0),
        ),
    )  # fmt: skip


def degenerate(turn=0.3, hop=0.4, mixed=0.5j):
    """Two of three levels have the same charge, and one operator leads from one to the other.

    A gauge makes all of it real if `turn` and `hop` are imaginary and `mixed` is real.
    """
    model = levels((0, 1, 1))
    turned = (
        Term(turn, ("b", 0, 0), plus_hc=True),
        Term(hop, ("b", 0, 0), ("b^+", 0, 1), plus_hc=True),
        Term(0.3, ("c", 0, 0), ("a^+", 0, 1), plus_hc=True),
    )
    jumps = (
        Jump(0.7, Term(1.0, ("a^+", 0, 0)), Term(0.5j, ("c^+", 0, 1))),
        Jump(0.4, Term(1.0, ("N", 0, 0)), Term(mixed, ("b", 0, 0))), Jump(0.3, "c", 0),
    )  # fmt: skip
    return LindbladModel(model.sites, turned, jumps)


def species(S=0.5):
    """Two species of spins, each with a charge, that feel each other."""
    return LindbladModel(
        (Spin(S), Spin(S)),
        (
            Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),
            Term(0.3, ("S+", 1, 0), ("S-", 1, 1), plus_hc=True),
            Term(0.7, ("Sz", 0, 0), ("Sz", 1, 0)),
        ),
        (
            Jump(0.5, "S+", 0), Jump(1.0, Term(1.0, ("S-", 0, 0)), Term(0.5j, ("S-", 0, 1))),
            Jump(0.3, "S+", 1), Jump(0.8, "S-", 1),
            Jump(0.9, Term(1.0, ("Sz", 0, 0), ("S-", 1, 1)), Term(0.4, ("S-", 1, 0))),
        ),
    )  # fmt: skip


NEIGHBOURS = {
    "correlated": correlated(),
    "correlated, S = 1": correlated(1),
    "nonreciprocal": nonreciprocal(),
    "nonreciprocal, S = 1": nonreciprocal(1),
    "two-body": two_body(),
    "two-body, S = 1": two_body(1),
    "conditional": conditional(),
    "conditional, S = 1": conditional(1),
    "general": general(),
    "general, S = 1": general(1),
    "bosons": lossy_bosons(),
}
"""Everything between neighbours."""

OWN = {
    "own operators": own(), "own operators, S = 1": own(1), "own charged operators": own_charged(),
    "levels of charges 0, 2, 3": levels((0, 2, 3)), "levels of one charge": degenerate(),
}  # fmt: skip
"""Sites with operators of their own."""

FAR = {"range 2": far(2), "range 3": far(3), "range 2, S = 1": far(2, 1)}
