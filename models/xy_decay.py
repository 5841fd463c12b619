"""The XY model with decay: Huber, Kirton and Rabl, Eq. (B4), one site per cell."""

from impo.arguments import finite, non_negative
from impo.model import Jump, LindbladModel, Spin, Term, spin_number


def chain(S: float, g: float = 1.0, loss: float = 1.0) -> LindbladModel:
    """Return H = (g/S) sum_n (Sx_n Sx_{n+1} - Sy_n Sy_{n+1}) with decay of every spin.

    A rotation of every second spin by pi about x gives `models.gain_loss.chain` with h = g and
    gain = loss.

    Parameters
    ----------
    S
        Spin quantum number.
    g
        Coupling.
    loss
        Gamma of the paper; the standard-form jump rate is Gamma/S.
    """
    spin = spin_number("S", S)
    coupling = Term(finite("g", g) / (2 * float(spin)), ("S+", 0, 0), ("S+", 0, 1), plus_hc=True)
    return LindbladModel(
        sites=(Spin(spin),),
        terms=(coupling,),
        jumps=(Jump(non_negative("loss", loss) / float(spin), "S-", 0),),
        name="models.xy_decay:chain",
        parameters={"S": float(spin), "g": g, "loss": loss},
    )
