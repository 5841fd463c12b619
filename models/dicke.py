"""One-axis twisting of spins that decay together (Kitagawa and Ueda; Puri and Lawande)."""

from impo.arguments import finite, non_negative, positive_integer
from impo.model import Jump, LindbladModel, Spin, Term, spin_number


def spin(S: float, chi: float = 0.0, drive: float = 0.5, rate: float = 1.0) -> LindbladModel:
    """Return one large spin: 2S two-level systems in the symmetric states, the Dicke limit.

    H = chi/S Sz^2 + drive Sx beside S- with the rate `rate`/S. M. Kitagawa and M. Ueda,
    Phys. Rev. A 47, 5138 (1993), for the twisting; at chi = 0 it is cooperative resonance
    fluorescence, whose steady state is known: R. R. Puri and S. V. Lawande, Phys. Lett. A 72, 200
    (1979). For S -> infinity it has a transition at drive = rate.

    Parameters
    ----------
    S
        Spin quantum number.
    chi
        Of the twisting.
    drive
        Frequency of the rotation about x.
    rate
        Of the decay; the standard-form jump rate is rate/S.
    """
    size = float(spin_number("S", S))
    return LindbladModel(
        sites=(Spin(S),),
        terms=(
            Term(finite("chi", chi) / size, ("Sz", 0, 0), ("Sz", 0, 0)),
            Term(finite("drive", drive), ("Sx", 0, 0)),
        ),
        jumps=(Jump(non_negative("rate", rate) / size, "S-", 0),),
        name="models.dicke:spin",
        parameters={"S": size, "chi": chi, "drive": drive, "rate": rate},
    )


def ensemble(
    count: int, S: float = 0.5, chi: float = 0.0, drive: float = 0.5, rate: float = 1.0
) -> LindbladModel:
    """Return `count` spins of a cell that twist and decay together, as `spin` of S count does.

    The sums of their operators stand in place of Sz, Sx and S-. The square of the total spin is
    conserved, so the steady state is not unique: use `evolve`. Spins that start alike stay in the
    states of the spin S count.

    Parameters
    ----------
    count
        Number of spins.
    S
        Spin quantum number of each.
    chi, drive, rate
        As in `spin`.
    """
    count, one = positive_integer("count", count), float(spin_number("S", S))
    size = count * one
    terms = [Term(finite("drive", drive), ("Sx", site, 0)) for site in range(count)]
    terms += [
        Term(finite("chi", chi) / size, ("Sz", left, 0), ("Sz", right, 0))
        for left in range(count) for right in range(count)
    ]  # fmt: skip
    together = [Term(1.0, ("S-", site, 0)) for site in range(count)]
    return LindbladModel(
        sites=(Spin(S),) * count,
        terms=tuple(terms),
        jumps=(Jump(non_negative("rate", rate) / size, *together),),
        name="models.dicke:ensemble",
        parameters={"count": count, "S": one, "chi": chi, "drive": drive, "rate": rate},
    )
