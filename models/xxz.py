"""The XXZ chain with dephasing, gain and loss."""

from impo.arguments import finite, non_negative
from impo.model import Jump, LindbladModel, Spin, Term, spin_number


def chain(
    S: float,
    J: float = 1.0,
    delta: float = 0.5,
    dephasing: float = 0.5,
    gain: float = 1.0,
    loss: float = 0.5,
) -> LindbladModel:
    """Return H = J/(2S) sum_j (S+_j S-_{j+1} + h.c. + 2 delta Sz_j Sz_{j+1}), with three jumps.

    M. V. Medvedyeva, F. H. L. Essler and T. Prosen, Phys. Rev. Lett. 117, 137202 (2016) solve XX
    chains with dephasing by the Bethe ansatz. With gain and loss of every spin 1/2, the
    magnetisation is that of one spin alone, (gain - loss) / (gain + loss) / 2.

    Parameters
    ----------
    S
        Spin quantum number.
    J, delta
        Coupling and anisotropy.
    dephasing, gain, loss
        The rates of Sz, S+ and S- are these over S.
    """
    spin = spin_number("S", S)
    size, coupling = float(spin), finite("J", J)
    rates = (("dephasing", dephasing, "Sz"), ("gain", gain, "S+"), ("loss", loss, "S-"))
    return LindbladModel(
        sites=(Spin(spin),),
        terms=(
            Term(coupling / (2 * size), ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),
            Term(coupling * finite("delta", delta) / size, ("Sz", 0, 0), ("Sz", 0, 1)),
        ),
        jumps=tuple(Jump(non_negative(name, rate) / size, op, 0) for name, rate, op in rates),
        name="models.xxz:chain",
        parameters={
            "S": size, "J": J, "delta": delta, "dephasing": dephasing, "gain": gain, "loss": loss,
        },
    )  # fmt: skip
