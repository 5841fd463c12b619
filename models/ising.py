"""The dissipative transverse-field Ising chain of spins 1/2 (refs [12, 14] of Huber et al.)."""

from impo.arguments import finite, non_negative
from impo.model import Jump, LindbladModel, Spin, Term


def chain(J: float = 1.0, field: float = 1.0, loss: float = 1.0) -> LindbladModel:
    """Return H = sum_n (J/4) sz_n sz_{n+1} + (field/2) sx_n with decay sigma^- of every spin.

    sx and sz are Pauli matrices: in spin operators H = J Sz Sz + field Sx. No charge is conserved.

    Parameters
    ----------
    J
        Ising coupling.
    field
        Transverse field.
    loss
        Standard-form rate of the jump operator sigma^-.
    """
    return LindbladModel(
        sites=(Spin(0.5),),
        terms=(
            Term(finite("J", J), ("Sz", 0, 0), ("Sz", 0, 1)),
            Term(finite("field", field), ("Sx", 0, 0)),
        ),
        jumps=(Jump(non_negative("loss", loss), "S-", 0),),
        name="models.ising:chain",
        parameters={"J": J, "field": field, "loss": loss},
    )
