"""Expectations Tr[A(t) B rho] of an operator in the Heisenberg picture in an infinite state.

A(t) and the state are contracted site by site, from the left and from the right. With both known, B
costs one site, wherever it stands.
"""

from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from impo.arrays import Array
from impo.tensor.environment import TraceEnvironment
from impo.tensor.window import Window


class _Side(NamedTuple):
    """Contractions up to every position, of norm one, and the logarithms of their norms."""

    blocks: list[Array]
    logs: list[float]


class Overlap:
    """A window in an infinite state.

    Parameters
    ----------
    window
        A(t).
    environment
        The state with its trace environment.
    common
        Where the operators that both have stand in the window and in the state, per site.
    first, end
        Stretch of the chain on which B may stand; it is widened to the window.
    """

    def __init__(
        self, window: Window, environment: TraceEnvironment, common: list[tuple[Array, Array]],
        first: int, end: int,
    ):  # fmt: skip
        count, sites = len(environment.tensors), window.sites
        low, high = min(first, sites.start), max(end, sites.stop)
        self._first, self._end = low // count * count, -(-high // count) * count
        self._window, self._environment = window, environment
        self._kept = [theirs for _, theirs in common]
        self._functionals = [
            window.coefficients(p)[:, common[p % count][0]] for p in range(self._first, self._end)
        ]
        self._left, self._right = self._from_left(), self._from_right()
        trace, size = environment.left[0], 0.0
        for position in range(self._first, self._end):
            trace, grown = _unit(trace @ environment.transfer[position % count])
            size += grown
        self._norm = complex(trace @ environment.right[-1])
        self._size = window.log_norm - size

    def _state(self, position: int) -> Array:
        """Return the tensor of the state; # vL p vR."""
        return self._environment.tensors[position % len(self._environment.tensors)]

    def _functional(self, position: int) -> Array:
        """Return a_x of a site for all operators that the state has in common; # wL p wR."""
        return self._functionals[position - self._first]

    def _common(self, tensor: Array, position: int) -> Array:
        """Return the operators of a tensor that the window has too."""
        return tensor[:, self._kept[position % len(self._kept)]]

    def _outside(self, position: int) -> bool:
        """Return whether A(t) is the identity on a site, which takes the trace of the state."""
        return position not in self._window.sites

    def _transfer(self, position: int) -> Array:
        """Return the trace of the state on a site; # vL vR."""
        return self._environment.transfer[position % len(self._environment.transfer)]

    def _from_left(self) -> _Side:
        side = _Side([self._environment.left[0][None, :]], [0.0])
        for position in range(self._first, self._end):
            if self._outside(position):
                block = side.blocks[-1] @ self._transfer(position)
            else:
                tensor = self._common(self._state(position), position)
                block = self._moved(side.blocks[-1], tensor, position)
            block, size = _unit(block)
            side.blocks.append(block)
            side.logs.append(side.logs[-1] + size)
        return side

    def _moved(self, block: Array, tensor: Array, position: int) -> Array:
        """Return a contraction one site further to the right; # wR vR."""
        block = np.tensordot(block, tensor, axes=(1, 0))  # wL [vL], [vL] p vR
        return np.tensordot(self._functional(position), block, axes=((0, 1), (0, 1)))

    def _from_right(self) -> _Side:
        side = _Side([self._environment.right[-1][None, :]], [0.0])
        for position in reversed(range(self._first, self._end)):
            if self._outside(position):
                block = side.blocks[-1] @ self._transfer(position).T
            else:
                tensor = self._common(self._state(position), position)
                block = np.tensordot(tensor, side.blocks[-1], axes=(2, 1))  # vL p [vR], wR [vR]
                block = np.tensordot(self._functional(position), block, axes=((1, 2), (1, 2)))
            block, size = _unit(block)
            side.blocks.append(block)
            side.logs.append(side.logs[-1] + size)
        return _Side(side.blocks[::-1], side.logs[::-1])

    def expectation(self) -> complex:
        """Return <A(t)>."""
        value = np.sum(self._left.blocks[-1] * self._environment.right[-1])
        return complex(self._scaled(value, self._left.logs[-1]))

    def with_operators(self, position: int, *actions: Array) -> Array:
        """Return Tr[A(t) B rho] of some B that are products on consecutive sites; # B.

        Parameters
        ----------
        position
            Of the first site.
        actions
            Matrices of rho to B rho, those of all B on every site; # B p p'
        """
        n, end = position - self._first, position - self._first + len(actions)
        right = self._right.blocks[end][None]
        for place in range(len(actions) - 1, 0, -1):
            right = self._absorbed(position + place, actions[place], right)
        block = np.tensordot(self._functional(position), right, axes=(2, 1))
        # wL p [wR], B [wR] vR
        block = np.tensordot(self._left.blocks[n], block, axes=(0, 0))  # [wL] vL, [wL] p B vR
        block = np.tensordot(self._state(position), block, axes=((0, 2), (0, 3)))  # p' p B
        block = np.broadcast_to(block, (*block.shape[:2], len(actions[0])))
        values = np.einsum("bpq,qpb->b", self._acting(position, actions[0]), block)
        return self._scaled(values, self._left.logs[n] + self._right.logs[end])

    def _absorbed(self, position: int, actions: Array, right: Array) -> Array:
        """Contract B on a site with the blocks on its right; # B wL vL."""
        block = np.tensordot(self._state(position), right, axes=(2, 2))  # vL p' B wR
        block = np.broadcast_to(block, (*block.shape[:2], len(actions), block.shape[3]))
        block = np.einsum("bpq,vqbw->bpvw", self._acting(position, actions), block)
        block = np.tensordot(self._functional(position), block, axes=((1, 2), (1, 3)))
        return block.transpose(1, 0, 2)  # wL B vL -> B wL vL

    def _acting(self, position: int, actions: Array) -> Array:
        """Return the rows of B that the window has too; # B p p'."""
        return actions[:, self._kept[position % len(self._kept)]]

    def _scaled(self, values: ArrayLike, size: float) -> Array:
        factor = np.exp(size + self._size)
        return np.asarray(values * factor / self._norm * self._window.turn)


def _unit(block: Array) -> tuple[Array, float]:
    """Return an array of norm one, and the logarithm of its norm; zero stays."""
    size = float(np.linalg.norm(block))
    return (block / size, log(size)) if size > 0 else (block, 0.0)
