"""The dissipative XYZ chain of spins 1/2 (refs [7, 14, 22] of Huber et al.)."""

from impo.arguments import finite, non_negative
from impo.model import Jump, LindbladModel, Spin, Term


def chain(Jx: float = 0.9, Jy: float = 1.2, Jz: float = 1.0, loss: float = 1.0) -> LindbladModel:
    """Return H = sum_n sum_a J_a sigma^a_n sigma^a_{n+1} with decay sigma^- of every spin.

    sigma^a are Pauli matrices, so spin operators carry 4 J_a. No charge is conserved if Jx != Jy.

    Parameters
    ----------
    Jx, Jy, Jz
        Couplings.
    loss
        Standard-form rate of the jump operator sigma^-.
    """
    couplings = {"Jx": ("Sx", Jx), "Jy": ("Sy", Jy), "Jz": ("Sz", Jz)}
    return LindbladModel(
        sites=(Spin(0.5),),
        terms=tuple(
            Term(4 * finite(key, value), (op, 0, 0), (op, 0, 1))
            for key, (op, value) in couplings.items()
        ),
        jumps=(Jump(non_negative("loss", loss), "S-", 0),),
        name="models.xyz:chain",
        parameters={"Jx": Jx, "Jy": Jy, "Jz": Jz, "loss": loss},
    )
