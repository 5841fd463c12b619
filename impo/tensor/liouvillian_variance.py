"""Mean and variance of the Liouvillian per site of an infinite chain."""

from typing import NamedTuple

import numpy as np
from scipy.sparse.linalg import gmres
from tenpy.linalg import np_conserved as npc
from tenpy.linalg.sparse import FlatLinearOperator
from tenpy.networks.mpo import MPO
from tenpy.networks.mps import MPS

from impo.arguments import ArgumentError


class MeanAndVariance(NamedTuple):
    """e = <L>/N and v = (<L^+ L> - |<L>|^2)/N, in units of the inverse time."""

    mean: complex
    variance: float


def liouvillian_variance(mps: MPS, mpo: MPO) -> MeanAndVariance:
    r"""Return the mean and the variance per site of L in an infinite state, without a cut-off.

    Averages are <X> = <rho|X|rho> / <rho|rho>. With the left environments E_ab of the network
    bra-L^+-L-ket, a and b indices of the MPO bond between two tiles, and the transfer matrix T of
    <rho|rho> with fixed points l and 1,

        E_{R,I} = (source of L^+) (1 - T + |1)(l|)^{-1}

    sums all positions of a term of L^+ (R: all its operators stand to the left; I: none). The
    source of E_RR is the variance of one tile: it counts, for all pairs of terms of L - e whose
    right ends lie up to this tile, those that end here.

    Parameters
    ----------
    mps
        Infinite MPS in canonical form (`norm_test` below 1e-8), in the unweighted basis.
    mpo
        `LiouvillianModel.H_MPO` on the same sites; terms of finite range.

    Raises
    ------
    ArgumentError
        If the chain is not infinite, the MPS not canonical or the MPO has no finite range.
    ArithmeticError
        If the linear equation is not solved: the correlation length diverges.
    """
    if mps.finite or mpo.finite or mps.L != mpo.L:
        raise ArgumentError("Arguments `mps` and `mpo` must be infinite with the same tile.")
    if any(form is None for form in mps.form) or mps.norm_test().max() > 1e-8:
        raise ArgumentError("Argument `mps` must be in canonical form.")
    if mpo.max_range is None or not np.isfinite(mpo.max_range):
        raise ArgumentError("Argument `mpo` must have a finite range.")
    return _Environments(mps, mpo).moments()


class _Environments:
    """Left environments on the bond between two tiles, with the legs vR*, wR*, wR and vR.

    `none` and `done` are the indices I and R of the MPO bond.
    """

    def __init__(self, mps: MPS, mpo: MPO):
        self.mps, self.mpo = mps, mpo
        self.kets = [mps.get_B(i, "B") for i in range(mps.L)]
        self.operators = [mpo.get_W(i, copy=True) for i in range(mps.L)]
        self.none, self.done = mpo.get_IdL(0), mpo.get_IdR(mps.L - 1)
        self.leg = self.operators[-1].get_leg("wR")
        dtype = np.result_type(mps.dtype, mpo.dtype)
        left = npc.diag(mps.get_SL(0) ** 2, self.kets[0].get_leg("vL"), dtype=dtype)
        self.left = left.iset_leg_labels(["vR*", "vR"])
        self.passes = mpo.max_range // mps.L + 1  # further tiles in which a term may end

    def moments(self) -> MeanAndVariance:
        sites = self.mps.L
        mean = npc.trace(self._ended(), "vR*", "vR") / sites
        for i, operator in enumerate(self.operators):  # from here on L stands for L - mean
            one = self.mps.sites[i].Id.add_leg(operator.get_leg("wL"), self.mpo.get_IdL(i), 0, "wL")
            one = one.add_leg(operator.get_leg("wR"), self.mpo.get_IdR(i), 1, "wR")
            self.operators[i] = operator - mean * one.itranspose(operator.get_leg_labels())
        summed = self._summed(self._ended())
        known = {
            (self.none, self.none): self.left,
            (self.none, self.done): summed,
            (self.done, self.none): summed.conj().itranspose(["vR*", "vR"]),
            (self.done, self.done): 0 * self.left,
        }
        pairs = self.left.add_leg(self.leg.conj(), self.none, 1, "wR*")
        pairs = pairs.add_leg(self.leg, self.none, 2, "wR")
        for _ in range(2 * self.passes + 1):  # L and L^+ may be under way one after the other
            for (bra, ket), value in known.items():
                pairs[:, bra, ket, :] = value
            pairs = self._moved(pairs, ("wR*", "wR"))
        ended = pairs.take_slice([self.done, self.done], ["wR*", "wR"])
        variance = npc.trace(ended, "vR*", "vR") / sites
        return MeanAndVariance(complex(mean), float(np.real(variance)))

    def _ended(self) -> npc.Array:
        """Return the environment of all terms of L that end in one tile."""
        state = self.left.add_leg(self.leg, self.none, 1, "wR")
        for _ in range(self.passes + 1):
            state[:, self.none, :] = self.left
            state[:, self.done, :] = 0 * self.left
            state = self._moved(state, ("wR",))
        return state.take_slice(self.done, "wR")

    def _summed(self, source: npc.Array) -> npc.Array:
        """Return source (1 - T + |1)(l|)^{-1}."""

        def apply(state: npc.Array) -> npc.Array:
            return state - self._moved(state, ()) + npc.trace(state, "vR*", "vR") * self.left

        operator, flat = FlatLinearOperator.from_guess_with_pipe(apply, source)
        solution, info = gmres(
            operator, flat, x0=flat, rtol=1e-12, atol=1e-15, restart=100, maxiter=20
        )
        if info != 0:
            raise ArithmeticError("The sum over all distances does not converge.")
        return operator.flat_to_npc(solution).split_legs(0).itranspose(["vR*", "vR"])

    def _moved(self, state: npc.Array, layers: tuple[str, ...]) -> npc.Array:
        """Move an environment through one tile; `layers` names its operator legs."""
        for ket, operator in zip(self.kets, self.operators, strict=True):
            state = npc.tensordot(state, ket, axes=["vR", "vL"])
            if "wR" in layers:
                state = npc.tensordot(state, operator, axes=[["wR", "p"], ["wL", "p*"]])
            if "wR*" in layers:
                state = npc.tensordot(state, operator.conj(), axes=[["wR*", "p"], ["wL*", "p*"]])
            state = npc.tensordot(state, ket.conj(), axes=[["vR*", "p"], ["vL*", "p*"]])
        return state.itranspose(["vR*", *layers, "vR"])
