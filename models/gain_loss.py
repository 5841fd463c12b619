"""Spins with alternating gain and loss: Huber, Kirton and Rabl, Eqs. (1) and (2)."""

from impo.arguments import finite, non_negative
from impo.model import Jump, LindbladModel, Spin, Term, spin_number


def _model(name, bonds, dimension, S, gain, loss, parameters) -> LindbladModel:
    """Return the model with XX couplings value/(2S) (S+_i S-_j + h.c.) on the named bonds."""
    spin = spin_number("S", S)
    terms = [
        Term(finite(key, value) / (2 * float(spin)), ("S+", *left), ("S-", *right), plus_hc=True)
        for key, value, left, right in bonds
    ]
    jumps = (
        Jump(non_negative("gain", gain) / float(spin), "S+", 0),
        Jump(non_negative("loss", loss) / float(spin), "S-", 1),
    )
    return LindbladModel(
        sites=(Spin(spin), Spin(spin)),
        terms=tuple(terms),
        jumps=jumps,
        dimension=dimension,
        name=f"models.gain_loss:{name}",
        parameters={"S": float(spin), **parameters, "gain": gain, "loss": loss},
    )


def chain(
    S: float, g: float = 1.0, h: float = 0.5, gain: float = 1.0, loss: float = 1.0
) -> LindbladModel:
    """Return the chain of Eq. (2): site 0 (A) gains, site 1 (B) loses.

    Parameters
    ----------
    S
        Spin quantum number.
    g, h
        XX coupling inside a cell and between cells; H has g/(2S) (S+_a S-_b + h.c.).
    gain, loss
        Gamma_g and Gamma_l of the paper; the standard-form jump rates are Gamma/S.
    """
    bonds = [("g", g, (0, 0), (1, 0)), ("h", h, (1, 0), (0, 1))]
    return _model("chain", bonds, 1, S, gain, loss, {"g": g, "h": h})


def dimer(S: float, g: float = 1.0, gain: float = 1.0, loss: float = 1.0) -> LindbladModel:
    """Return decoupled dimers: the chain with h = 0. Parameters as in `chain`."""
    return _model("dimer", [("g", g, (0, 0), (1, 0))], 1, S, gain, loss, {"g": g})


def square(
    S: float, g: float = 1.0, h: float = 0.5, gain: float = 1.0, loss: float = 1.0
) -> LindbladModel:
    """Return the square lattice with A and B in a checkerboard: bonds g, g, h, h at every site.

    The cell at R holds A and B; A couples with g to the B of R and R + (0, -1), with h to the B of
    R + (-1, 0) and of R + (-1, -1), so |g_k| vanishes somewhere for all g and h. Parameters as in
    `chain`.
    """
    bonds = [
        ("g", g, (0, (0, 0)), (1, (0, 0))),
        ("g", g, (0, (0, 0)), (1, (0, -1))),
        ("h", h, (1, (0, 0)), (0, (1, 0))),
        ("h", h, (1, (0, 0)), (0, (1, 1))),
    ]
    return _model("square", bonds, 2, S, gain, loss, {"g": g, "h": h})
