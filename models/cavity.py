"""Two spin ensembles in a multi-mode cavity: Huber, Kirton and Rabl, Eqs. (11) to (13)."""

from impo.arguments import boolean, fail, finite, positive
from impo.model import Boson, Jump, LindbladModel, Spin, Term, spin_number

_A, _B, _C, _CA, _CB = range(5)


def dimer(
    S: float,
    delta: float,
    Gc: float,
    G: float,
    gamma_c: float,
    gamma: float,
    cutoff_c: int = 2,
    cutoff_ab: int = 1,
) -> LindbladModel:
    r"""Return the full model: two spins a, b and three lossy modes c, c_a, c_b.

    H = delta c^+c - Gc [(S-_a + S-_b) c^+ + h.c.] + G (S+_a c_a^+ + S-_b c_b^+ + h.c.), and mode
    losses (gamma_c D[c] + gamma D[c_a] + gamma D[c_b]) / 2 with the paper's D, which are standard
    jumps of rates gamma_c and gamma. The paper's printed gamma_L of c_b is gamma.

    Parameters
    ----------
    S
        Spin quantum number of both ensembles.
    delta, Gc
        Detuning and coupling of the common mode, which mediates g = -Gc^2 / delta.
    G, gamma
        Coupling and loss rate of the local modes, which give Gamma_g = Gamma_l = 2 G^2 / gamma.
    gamma_c
        Loss rate of the common mode.
    cutoff_c, cutoff_ab
        Largest number of quanta of c, and of c_a and c_b.
    """
    spin = spin_number("S", S)
    common, local = finite("Gc", Gc), finite("G", G)
    return LindbladModel(
        sites=(Spin(spin), Spin(spin), Boson(cutoff_c), Boson(cutoff_ab), Boson(cutoff_ab)),
        terms=(
            Term(finite("delta", delta), ("N", _C, 0)),
            Term(-common, ("S-", _A, 0), ("Bd", _C, 0), plus_hc=True),
            Term(-common, ("S-", _B, 0), ("Bd", _C, 0), plus_hc=True),
            Term(local, ("S+", _A, 0), ("Bd", _CA, 0), plus_hc=True),
            Term(local, ("S-", _B, 0), ("Bd", _CB, 0), plus_hc=True),
        ),
        jumps=(
            Jump(positive("gamma_c", gamma_c), "B", _C),
            Jump(positive("gamma", gamma), "B", _CA),
            Jump(gamma, "B", _CB),
        ),
        name="models.cavity:dimer",
        parameters={
            "S": float(spin), "delta": delta, "Gc": Gc, "G": G, "gamma_c": gamma_c,
            "gamma": gamma, "cutoff_c": cutoff_c, "cutoff_ab": cutoff_ab,
        },
    )  # fmt: skip


def effective_dimer(
    S: float, delta: float, Gc: float, G: float, gamma: float, stark: bool = True
) -> LindbladModel:
    r"""Return the spins alone after adiabatic elimination of the modes, Eq. (13).

    H = g (S+_a S-_b + h.c.) [+ g (S+_a S-_a + S+_b S-_b)] with g = -Gc^2 / delta, and gain on a and
    loss on b with D of the paper at rate 2 G^2 / gamma: standard jumps of rate 4 G^2 / gamma.

    Parameters
    ----------
    S, delta, Gc, G, gamma
        As in `dimer`.
    stark
        Whether to keep g (S+_a S-_a + S+_b S-_b). The paper drops it as a common Stark shift, but
        S+S- = S(S+1) - Sz^2 + Sz holds -g Sz^2, as large as the coupling itself for S > 1/2.
    """
    spin = spin_number("S", S)
    if finite("delta", delta) == 0:
        raise fail("delta", "a finite number other than zero", delta)
    g = -(finite("Gc", Gc) ** 2) / delta
    rate = 4 * finite("G", G) ** 2 / positive("gamma", gamma)
    terms = [Term(g, ("S+", _A, 0), ("S-", _B, 0), plus_hc=True)]
    if boolean("stark", stark):
        terms += [Term(g, ("S+", site, 0), ("S-", site, 0)) for site in (_A, _B)]
    return LindbladModel(
        sites=(Spin(spin), Spin(spin)),
        terms=tuple(terms),
        jumps=(Jump(rate, "S+", _A), Jump(rate, "S-", _B)),
        name="models.cavity:effective_dimer",
        parameters={
            "S": float(spin), "delta": delta, "Gc": Gc, "G": G, "gamma": gamma, "stark": stark,
        },
    )  # fmt: skip
