"""Modes of the trace transfer matrix of an infinite chain: how correlations decay.

Let E be the product of the transfer matrices of a tile, eta its dominant eigenvalue, (l| and |r)
the dominant vectors, and R_j, L_j the eigenvectors of E with eigenvalues eta lambda_j. Of an
operator A in tile 0 and B in tile t >= 1

    <A B> - <A><B> = sum_j a_j b_j lambda_j^(t - 1),
    a_j = (l|E_A|R_j) / (eta (l|r)),    b_j = (L_j|E_B|r) / eta,    (L_i|R_j) = delta_ij,

where E_A is E with A measured on its site, and the trace itself is left out of the sum. An operator
that carries a charge leads to another charge sector of the bond.
"""

from typing import NamedTuple

import numpy as np

from impo.arrays import Array
from impo.tensor.environment import TraceEnvironment

_TRACE = 1e-9  # 1 - |lambda| of the trace itself
_DEFECTIVE = 1e12  # condition number of eigenvectors that are no basis


class TransferModes(NamedTuple):
    """Modes of the transfer matrix of a tile in one charge sector, the slowest first.

    Attributes
    ----------
    environment
        Tensors of the state, and its dominant vectors.
    values
        lambda_j; # mode.
    rights, lefts
        R_j and L_j on the bond states of the sector; # state mode, # mode state.
    states
        Bond states of the sector.
    norm, dominant
        (l|r) and eta.
    """

    environment: TraceEnvironment
    values: Array
    rights: Array
    lefts: Array
    states: Array
    norm: complex
    dominant: complex

    def mixed(self, mixing: Array) -> "TransferModes":
        """Return modes whose b_j are mixed by a matrix # old new, and their mean eigenvalues."""
        inverse = np.linalg.inv(mixing)
        return self._replace(
            values=np.einsum("ji,i,ij->j", inverse, self.values, mixing),
            rights=self.rights @ inverse.T, lefts=mixing.T @ self.lefts,
        )  # fmt: skip

    def opened(self, site: int, vectors: Array) -> Array:
        """Return a_j of operators on a site of the tile.

        Parameters
        ----------
        site
            Number of the site.
        vectors
            Tr(O T_x) of every operator; # operator x.

        Returns
        -------
        array
            Axes: # operator mode.
        """
        transfer, row = self.environment.transfer, self.environment.left[0]
        for matrix in transfer[:site]:
            row = row @ matrix
        measured = np.tensordot(row, self.environment.tensors[site], axes=(0, 0))  # p vR
        rows = vectors @ measured  # o vR
        for matrix in transfer[site + 1 :]:
            rows = rows @ matrix
        found: Array = rows[:, self.states] @ self.rights / (self.dominant * self.norm)
        return found

    def closed(self, site: int, vectors: Array) -> Array:
        """Return b_j of operators on a site of the tile; arguments and axes as of `opened`."""
        transfer, column = self.environment.transfer, self.environment.right[-1]
        for matrix in reversed(transfer[site + 1 :]):
            column = matrix @ column
        measured = np.tensordot(self.environment.tensors[site], column, axes=(2, 0))  # vL p
        columns = vectors @ measured.T  # o vL
        for matrix in reversed(transfer[:site]):
            columns = columns @ matrix.T
        found: Array = columns[:, self.states] @ self.lefts.T / self.dominant
        return found


def transfer_modes(environment: TraceEnvironment, charge: int) -> TransferModes | None:
    """Return the modes in the sector of the bond states with a charge, without the trace.

    None if the sector is empty, or the modes are no basis: the matrix is not diagonalisable.
    """
    states = np.flatnonzero(environment.charges[0] == charge)
    left, right = environment.left[0], environment.right[-1]
    norm = complex(left @ right)
    dominant = complex(left @ environment.tile @ right / norm)
    block = environment.tile[np.ix_(states, states)] / dominant
    if not np.all(np.isfinite(block)):  # of an evolution that has run away
        return None
    values, rights = np.linalg.eig(block)
    if len(states) and not np.linalg.cond(rights) < _DEFECTIVE:
        return None
    lefts = np.linalg.inv(rights)
    order = np.argsort(-np.abs(values), kind="stable")
    # the trace, and in other sectors what only a truncated state has
    order = order[np.abs(values[order]) < 1 - _TRACE]
    if not len(order):
        return None
    return TransferModes(
        environment, values[order], rights[:, order], lefts[order], states, norm, dominant
    )
