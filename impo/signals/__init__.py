"""Exponentials in sampled signals.

A signal is a sum of modes with common poles and an amplitude for each of its channels,

    y_c(t) = sum_j a_jc lambda_j^t + noise,    t = 0, 1, ..., n - 1.

1. Pencil. The Hankel matrices Y_ir = y_c(i + r) of all channels stand side by side. Their columns
   are spanned by the vectors (1, lambda_j, lambda_j^2, ...), so a basis U of them, from a singular
   value decomposition, obeys U_2 = U_1 F, where U_1 and U_2 lack the last and the first row. The
   lambda_j are the eigenvalues of F, which total least squares finds.
2. Fit. Gauss-Newton steps minimise the squared distance from the samples over their noise.
3. Number of modes. It minimises Schwarz's criterion, the misfit plus log N for each amplitude and
   three times that for each pole. A mode that lowers the misfit by less is hidden below the noise
   and is left out; two modes that the noise does not tell apart are one.
4. Errors. They are those of least squares to first order in the noise. What changes in windows that
   begin later or end earlier by more than the noise explains is added.

References
----------
Y. Hua and T. K. Sarkar, IEEE Trans. Acoust. Speech Signal Process. 38, 814 (1990): pencil.
R. Roy and T. Kailath, ibid. 37, 984 (1989): total least squares.
P. Stoica and Y. Selen, IEEE Signal Process. Mag. 21 (4), 36 (2004): number of modes.
P. Stoica and R. Moses, Spectral Analysis of Signals (Prentice Hall, 2005): errors.
"""

from impo.signals.modes import Modes, Remaining, decaying_modes, remaining_change

__all__ = ["Modes", "Remaining", "decaying_modes", "remaining_change"]
