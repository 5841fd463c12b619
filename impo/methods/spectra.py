"""From two-time correlations to spectral functions: what all methods share.

    S(k, omega) = sum_r e^{ikr} int dt e^{i omega t} G(t, r),    G = <A_0(t) B_r> - <A><B>

Negative times follow from the same function of the adjoint operators,
G_AB(-t, r) = conj G_{B^+ A^+}(t, -r), so that

    S = F[G_AB] + conj F[G_{B^+ A^+}],    F[G] = sum_r e^{ikr} int_0^inf dt e^{i omega t} G(t, r).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from impo.arrays import Array
from impo.signals.transform import half_line


class Transform(NamedTuple):
    """A spectral function and the error of the integral over time; # k omega."""

    value: Array
    error: Array


def transformed(
    functions: Sequence[Array], cells: Array, spacing: float, k: Array, omega: Array,
    causal: bool = False,
) -> Transform:  # fmt: skip
    """Return S(k, omega) of a connected function G_AB, and G_{B^+ A^+} unless that is the same.

    Parameters
    ----------
    functions
        One or two arrays; # time cell.
    cells
        Distances r.
    spacing
        Distance of two times, the first of which is zero.
    k, omega
        Wave numbers and frequencies.
    causal
        Return F[G_AB] alone, the integral over times after zero.
    """
    waves = np.exp(1j * np.outer(cells, k))  # cell k
    halves = [half_line(function @ waves, spacing, omega) for function in functions]
    parts = halves[:1] if causal else [halves[0], halves[-1]]
    value = parts[0].value if causal else parts[0].value + parts[1].value.conj()
    error = sum(np.abs(half.beyond) + half.interpolation for half in parts)
    return Transform(value.T, np.asarray(error).T)
