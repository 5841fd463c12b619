"""Dissipative preparation of the ground state of Affleck, Kennedy, Lieb and Tasaki."""

import numpy as np

from impo.arguments import non_negative
from impo.model import Jump, LindbladModel, Spin
from impo.operators.local import spin_operators
from impo.operators.splitting import terms_from_matrix


def quintet() -> np.ndarray:
    """Return the projector on total spin 2 of two spins 1, shape (9, 9)."""
    ops = spin_operators(1)
    scalar = sum(np.kron(ops[op], ops[op]) for op in ("Sx", "Sy", "Sz"))
    return np.real(scalar @ scalar / 6 + scalar / 2 + np.eye(9) / 3)


def chain(rate: float = 1.0) -> LindbladModel:
    """Return spins 1 with the jump operators S^a_j P_2(j, j+1), a = +, -, z, and no Hamiltonian.

    P_2 projects two neighbours on total spin 2, which no two neighbours have in the state of
    I. Affleck, T. Kennedy, E. H. Lieb and H. Tasaki, Phys. Rev. Lett. 59, 799 (1987): it is dark,
    and the only steady state of a ring. Such jumps prepare ground states of frustration-free
    Hamiltonians: B. Kraus et al., Phys. Rev. A 78, 042307 (2008).

    Parameters
    ----------
    rate
        Of every jump.
    """
    site, projector = Spin(1), quintet()
    ops, places = spin_operators(1), [(0, 0), (0, 1)]
    return LindbladModel(
        sites=(site,),
        jumps=tuple(
            Jump(
                non_negative("rate", rate),
                *terms_from_matrix(np.kron(ops[op], np.eye(3)) @ projector, places, [site]),
            )
            for op in ("S+", "S-", "Sz")
        ),
        name="models.aklt:chain",
        parameters={"rate": rate},
    )
