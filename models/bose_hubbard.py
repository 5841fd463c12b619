"""The driven Bose-Hubbard chain with losses of one boson and of two at a time."""

from impo.arguments import finite, non_negative
from impo.model import Boson, Jump, LindbladModel, Term


def chain(
    J: float = 0.5,
    U: float = 1.0,
    F: float = 0.5,
    delta: float = 0.0,
    loss: float = 1.0,
    pair_loss: float = 0.5,
    cutoff: int = 5,
) -> LindbladModel:
    """Return H = sum_j -J (b+_j b_{j+1} + h.c.) - delta n_j + U/2 b+b+bb + F (b_j + b+_j).

    A. Le Boite, G. Orso and C. Ciuti, Phys. Rev. Lett. 110, 233601 (2013), in the frame of the
    drive; with losses of pairs N. Bartolo, F. Minganti, W. Casteels and C. Ciuti, Phys. Rev. A 94,
    033841 (2016), who solve J = 0.

    Parameters
    ----------
    J, U, F, delta
        Hopping, interaction, drive and detuning.
    loss, pair_loss
        Rates of the jumps b and b b of every site.
    cutoff
        Largest number of quanta kept on a site.
    """
    hop, drive = finite("J", J), finite("F", F)
    number, lowered = ("N", 0, 0), ("B", 0, 0)
    return LindbladModel(
        sites=(Boson(cutoff),),
        terms=(
            Term(-hop, ("Bd", 0, 0), ("B", 0, 1), plus_hc=True),
            Term(-finite("delta", delta), number),
            Term(finite("U", U) / 2, ("Bd", 0, 0), ("Bd", 0, 0), lowered, lowered),
            Term(drive, lowered, plus_hc=True),
        ),
        jumps=(
            Jump(non_negative("loss", loss), "B", 0),
            Jump(non_negative("pair_loss", pair_loss), Term(1.0, lowered, lowered)),
        ),
        name="models.bose_hubbard:chain",
        parameters={
            "J": J, "U": U, "F": F, "delta": delta, "loss": loss, "pair_loss": pair_loss,
            "cutoff": cutoff,
        },
    )  # fmt: skip
