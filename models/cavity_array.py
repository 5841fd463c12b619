"""Spins in an array of tunnel-coupled cavities: Sec. VI and Fig. 9(c) of Huber et al."""

from collections.abc import Mapping

import numpy as np

from impo.arguments import boolean, fail, finite, non_negative
from impo.model import Jump, LindbladModel, Spin, Term, spin_number


def couplings(delta: float, Gc: float, J1: float, J2: float) -> Mapping[str, float]:
    r"""Return the couplings that the eliminated cavities mediate, leading-order and exact.

    Cavities at detuning delta tunnel with -J1 inside a cell and -J2 between cells, and couple to
    their spins by -Gc (S- c^+ + h.c.). Far from resonance H = -Gc^2 sum_ij S+_i M_ij S-_j with M
    the inverse of the matrix (delta on the diagonal, -J off it) of the cavities, at the frequency
    of the spins. To leading order in J / delta: g = -J1 Gc^2/delta^2, h = -J2 Gc^2/delta^2 (below
    Eq. 13), and the local -Gc^2/delta S+_i S-_i that the paper drops.

    Returns
    -------
    Mapping
        "g", "h" and "local" to leading order; "g_exact", "h_exact" and "local_exact" from the
        inverse of the infinite array; "next_exact", the coupling of equal sites of neighbouring
        cells. All multiply S+_i S-_j (+ h.c. for i != j).

    Raises
    ------
    ArgumentError
        If delta is not outside the band of the cavities, |delta| > |J1| + |J2|.
    """
    finite("Gc", Gc)
    if not abs(finite("delta", delta)) > abs(finite("J1", J1)) + abs(finite("J2", J2)):
        raise fail("delta", f"larger than |J1| + |J2| = {abs(J1) + abs(J2):g} in size", delta)
    k = 2 * np.pi * np.arange(4096) / 4096
    tunnelling = J1 + J2 * np.exp(1j * k)
    inverse = -(Gc**2) / (delta**2 - np.abs(tunnelling) ** 2)
    return {
        "g": -J1 * Gc**2 / delta**2,
        "h": -J2 * Gc**2 / delta**2,
        "local": -(Gc**2) / delta,
        "g_exact": float((inverse * tunnelling).mean().real),
        "h_exact": float((inverse * tunnelling * np.exp(-1j * k)).mean().real),
        "local_exact": float((delta * inverse).mean()),
        "next_exact": float((delta * inverse * np.exp(1j * k)).mean().real),
    }


def chain(
    S: float,
    delta: float,
    Gc: float,
    J1: float,
    J2: float,
    gain: float = 1.0,
    loss: float = 1.0,
    local: bool = True,
) -> LindbladModel:
    """Return the spins of the array after elimination of the cavities, to leading order.

    Parameters
    ----------
    S
        Spin quantum number of every ensemble.
    delta, Gc, J1, J2
        As in `couplings`. The g and h of `models.gain_loss.chain` are 2S times those mediated.
    gain, loss
        Gamma_g and Gamma_l of the paper; the standard-form jump rates are Gamma/S.
    local
        Whether to keep the local term -Gc^2/delta S+_i S-_i.
    """
    spin = spin_number("S", S)
    mediated = couplings(delta, Gc, J1, J2)
    terms = [
        Term(mediated["g"], ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
        Term(mediated["h"], ("S+", 1, 0), ("S-", 0, 1), plus_hc=True),
    ]
    if boolean("local", local):
        terms += [Term(mediated["local"], ("S+", site, 0), ("S-", site, 0)) for site in (0, 1)]
    return LindbladModel(
        sites=(Spin(spin), Spin(spin)),
        terms=tuple(terms),
        jumps=(
            Jump(non_negative("gain", gain) / float(spin), "S+", 0),
            Jump(non_negative("loss", loss) / float(spin), "S-", 1),
        ),
        name="models.cavity_array:chain",
        parameters={
            "S": float(spin), "delta": delta, "Gc": Gc, "J1": J1, "J2": J2, "gain": gain,
            "loss": loss, "local": local,
        },
    )  # fmt: skip
