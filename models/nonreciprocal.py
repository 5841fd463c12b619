"""Spins with correlated decay: hopping in one direction only (Metelmann and Clerk)."""

import cmath
import math

from impo.arguments import finite, non_negative
from impo.model import Jump, LindbladModel, Spin, Term, spin_number


def chain(
    S: float,
    J: float = 1.0,
    rate: float = 1.0,
    phase: float = -math.pi / 2,
    gain: float = 0.5,
    loss: float = 0.0,
) -> LindbladModel:
    """Return XX couplings beside decay with the jump operators S-_j + e^{i phase} S-_{j+1}.

    A. Metelmann and A. A. Clerk, Phys. Rev. X 5, 021025 (2015): a reservoir that two neighbours
    share interferes with their coupling. An excitation hops to the right with the amplitude
    (J - i rate e^{-i phase}) / (2S), to the left with (J - i rate e^{i phase}) / (2S). For
    J = rate it hops to the right only at phase = -pi/2, and to the left only at pi/2.

    Parameters
    ----------
    S
        Spin quantum number.
    J
        Coupling; H has J/(2S) (S+_j S-_{j+1} + h.c.).
    rate
        The correlated decay of every pair of neighbours is rate/S.
    phase
        Between the two spins of a jump operator, in radians.
    gain, loss
        Of every spin alone; the rates are gain/S and loss/S.
    """
    spin = spin_number("S", S)
    exact = cmath.exp(1j * finite("phase", phase))
    turn = complex(round(exact.real, 15), round(exact.imag, 15))  # -1j at a phase of -pi/2
    size = float(spin)
    return LindbladModel(
        sites=(Spin(spin),),
        terms=(Term(finite("J", J) / (2 * size), ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),),
        jumps=(
            Jump(
                non_negative("rate", rate) / size,
                Term(1.0, ("S-", 0, 0)),
                Term(turn, ("S-", 0, 1)),
            ),
            Jump(non_negative("gain", gain) / size, "S+", 0),
            Jump(non_negative("loss", loss) / size, "S-", 0),
        ),
        name="models.nonreciprocal:chain",
        parameters={
            "S": size, "J": J, "rate": rate, "phase": phase, "gain": gain, "loss": loss,
        },
    )  # fmt: skip
