"""The contact process, classical and quantum: activity that spreads to neighbours and decays."""

from impo.arguments import finite, non_negative
from impo.model import Jump, LindbladModel, Spin, Term


def _where_active(neighbour: int, site: int, op: str, size: float) -> tuple[Term, Term]:
    """Return size * n op, n = 1/2 + Sz of one cell and the operator of another."""
    acting = (op, 0, site)
    return Term(size / 2, acting), Term(size, ("Sz", 0, neighbour), acting)


def classical(rate: float = 6.0, decay: float = 1.0) -> LindbladModel:
    """Return the contact process as jumps n_j S+_{j+1} and n_{j+1} S+_j, and decay S-.

    T. E. Harris, Ann. Probab. 2, 969 (1974). An active site (spin up) makes each of its neighbours
    active at rate/2. The empty state absorbs. On the infinite chain activity survives for
    rate/decay > 3.29785 (J. Marro and R. Dickman, Nonequilibrium Phase Transitions in Lattice
    Models, Cambridge 1999).

    Parameters
    ----------
    rate
        At which a site makes its two neighbours active, in all.
    decay
        At which an active site becomes inactive.
    """
    infection = non_negative("rate", rate) / 2
    return LindbladModel(
        sites=(Spin(0.5),),
        jumps=(
            Jump(infection, *_where_active(0, 1, "S+", 1.0)),
            Jump(infection, *_where_active(1, 0, "S+", 1.0)),
            Jump(non_negative("decay", decay), "S-", 0),
        ),
        name="models.contact:classical",
        parameters={"rate": rate, "decay": decay},
    )


def quantum(omega: float = 8.0, decay: float = 1.0) -> LindbladModel:
    """Return H = omega sum_j (n_j sigma^x_{j+1} + sigma^x_j n_{j+1}) with decay, sigma^x = 2 Sx.

    M. Marcuzzi, M. Buchhold, S. Diehl and I. Lesanovsky, Phys. Rev. Lett. 116, 245701 (2016). The
    empty state is dark. F. Carollo, E. Gillman, H. Weimer and I. Lesanovsky, Phys. Rev. Lett. 123,
    100604 (2019) find a continuous transition near omega/decay = 6.

    Parameters
    ----------
    omega
        Strength of the branching.
    decay
        At which an active site becomes inactive.
    """
    size = 2 * finite("omega", omega)
    return LindbladModel(
        sites=(Spin(0.5),),
        terms=(*_where_active(0, 1, "Sx", size), *_where_active(1, 0, "Sx", size)),
        jumps=(Jump(non_negative("decay", decay), "S-", 0),),
        name="models.contact:quantum",
        parameters={"omega": omega, "decay": decay},
    )
