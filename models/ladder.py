"""Two coupled chains of spins: gain on one leg, loss on the other."""

from impo.arguments import finite, non_negative
from impo.model import Jump, LindbladModel, Spin, Term, spin_number


def ladder(
    S: float,
    g: float = 1.0,
    h: float = 1.0,
    rung: float = 1.0,
    gain: float = 1.0,
    loss: float = 1.0,
) -> LindbladModel:
    """Return a two-leg ladder with XX couplings, leg a with gain and leg b with loss.

    H = 1/(2S) sum_j (g S+_{a,j} S-_{a,j+1} + h S+_{b,j} S-_{b,j+1} + rung S+_{a,j} S-_{b,j}) + h.c.
    The rungs are the PT-symmetric dimers of J. Huber, P. Kirton, S. Rotter and P. Rabl, SciPost
    Phys. 9, 052 (2020), which the legs couple. Without rungs leg a is all up and leg b all down.
    Leg a is site 0 of a cell and leg b site 1, so that couplings along a leg reach second
    neighbours.

    Parameters
    ----------
    S
        Spin quantum number.
    g, h
        Couplings along leg a and leg b.
    rung
        Coupling of the two spins of a cell.
    gain, loss
        Gamma_g of leg a and Gamma_l of leg b; the rates of S+ and S- are these over S.
    """
    spin = spin_number("S", S)
    size = float(spin)
    along, across = {"g": g, "h": h}, finite("rung", rung)
    terms = [
        Term(finite(name, value) / (2 * size), ("S+", leg, 0), ("S-", leg, 1), plus_hc=True)
        for leg, (name, value) in enumerate(along.items())
    ]
    return LindbladModel(
        sites=(Spin(spin), Spin(spin)),
        terms=(*terms, Term(across / (2 * size), ("S+", 0, 0), ("S-", 1, 0), plus_hc=True)),
        jumps=(
            Jump(non_negative("gain", gain) / size, "S+", 0),
            Jump(non_negative("loss", loss) / size, "S-", 1),
        ),
        name="models.ladder:ladder",
        parameters={"S": size, "g": g, "h": h, "rung": rung, "gain": gain, "loss": loss},
    )
