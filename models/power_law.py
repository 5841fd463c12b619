"""Gain and loss on spins with couplings that fall like a power of the distance."""

from impo.arguments import finite, non_negative, positive_integer
from impo.model import Jump, LindbladModel, Spin, Term, spin_number


def chain(
    S: float, g: float = 1.0, alpha: float = 3.0, reach: int = 20,
    gain: float = 1.0, loss: float = 1.0,
) -> LindbladModel:  # fmt: skip
    """Return XX couplings g / d^alpha of all spins, with gain on even and loss on odd sites.

    H = sum_{i < j} g / (2S |i - j|^alpha) (S+_i S-_j + h.c.), the couplings of trapped ions:
    P. Richerme et al., Nature 511, 198 (2014); P. Jurcevic et al., Nature 511, 202 (2014). For
    alpha -> infinity it is `models.gain_loss.chain` with g = h.

    Parameters
    ----------
    S
        Spin quantum number.
    g
        Coupling of neighbours.
    alpha
        Power of the distance.
    reach
        Largest distance of a coupling, in sites; what is farther apart is not coupled.
    gain, loss
        As in `models.gain_loss.chain`: the standard-form jump rates are gain/S and loss/S.
    """
    spin, size = spin_number("S", S), float(spin_number("S", S))
    reach, power = positive_integer("reach", reach), non_negative("alpha", alpha)
    terms = [
        Term(
            finite("g", g) / (2 * size * float(distance) ** power),
            ("S+", site, 0), ("S-", (site + distance) % 2, (site + distance) // 2), plus_hc=True,
        )
        for site in range(2) for distance in range(1, reach + 1)
    ]  # fmt: skip
    return LindbladModel(
        sites=(Spin(spin), Spin(spin)),
        terms=tuple(terms),
        jumps=(
            Jump(non_negative("gain", gain) / size, "S+", 0),
            Jump(non_negative("loss", loss) / size, "S-", 1),
        ),
        name="models.power_law:chain",
        parameters={
            "S": size, "g": g, "alpha": alpha, "reach": reach, "gain": gain, "loss": loss,
        },
    )  # fmt: skip
