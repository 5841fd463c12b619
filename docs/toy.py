"""The steady state of an infinite dissipative chain by iTEBD, in plain NumPy and SciPy.

Spins 1/2 in cells of two sites. Excitations are pumped into A, lost from B, and hop in between:

    A == B -- A == B -- A == B -- ...      == hopping g, -- hopping h,

    drho/dt = L rho = -i [H, rho] + sum_j rate_j (L_j rho L_j^+ - {L_j^+ L_j, rho} / 2),
    H = sum over bonds of g or h times (S+ S- + S- S+),    L_A = S+,    L_B = S-.

1. *A density matrix is a vector.* The element <i| rho |j> of a site gets the number p = 2 i + j,
   so a site has four states, and A rho B becomes (A x B^T) rho.
2. *The vector of the infinite chain is a matrix product*, one tensor B[vL, p, vR] for A and one
   for B; `schmidt[j]` are the singular values on the bond to the left of site j.
3. *Time evolution.* exp(dt L) is nearly a product of gates on single bonds. A gate enlarges
   the bond, and a singular value decomposition cuts it back to `chi` states.
4. *The steady state* is the state after a long time.
5. *Expectation values are traces.* Tr(O rho) is linear in rho: one copy of the matrix product,
   with the operators where they act, and the unit matrix on all other sites.
"""

import numpy as np
from scipy.linalg import eig, expm

ONE = np.eye(2)
RAISE = np.array([[0.0, 1.0], [0.0, 0.0]])  # S+ in the basis (up, down)
LOWER = RAISE.T
SZ = np.diag([0.5, -0.5])


def left(operator):
    """Return the 4 x 4 matrix of rho -> operator rho."""
    return np.kron(operator, ONE)


def right(operator):
    """Return the 4 x 4 matrix of rho -> rho operator."""
    return np.kron(ONE, operator.T)


def dissipator(jump):
    """Return the 4 x 4 matrix of rho -> jump rho jump^+ - {jump^+ jump, rho} / 2."""
    number = jump.T @ jump
    return left(jump) @ right(jump.T) - (left(number) + right(number)) / 2


def bond_liouvillian(hopping, left_site, right_site):
    """Return the 16 x 16 matrix of one bond; a site's own part is split between its two bonds."""
    result = np.kron(left_site, np.eye(4)) / 2 + np.kron(np.eye(4), right_site) / 2
    for a, b in ((RAISE, LOWER), (LOWER, RAISE)):
        result = result - 1j * hopping * np.kron(left(a), left(b))  # -i H rho
        result = result + 1j * hopping * np.kron(right(a), right(b))  # +i rho H
    return result


def update(gate, tensors, schmidt, j, chi):
    """Apply a gate to the bond between site j and the next one, and cut that bond to chi."""
    k = 1 - j  # the other site of the cell is the right neighbour
    pair = np.tensordot(tensors[j], tensors[k], 1)  # vL p [vR], [vL] q vR
    pair = np.tensordot(pair, gate, ([1, 2], [2, 3]))  # vL [p] [q] vR, p q [p*] [q*]
    pair = pair.transpose(0, 2, 3, 1)  # vL p q vR
    theta = schmidt[j][:, None, None, None] * pair  # vL p q vR
    rows, columns = theta.shape[0] * 4, theta.shape[3] * 4
    _, values, vh = np.linalg.svd(theta.reshape(rows, columns), full_matrices=False)
    keep = min(chi, np.count_nonzero(values > 1e-12 * values[0]))
    norm = np.linalg.norm(values[:keep])
    schmidt[k] = values[:keep] / norm
    tensors[k] = vh[:keep].reshape(keep, 4, -1)  # vC q vR
    tensors[j] = np.tensordot(pair, tensors[k].conj(), ([2, 3], [1, 2])) / norm  # vL p vC


def steady_state(g, h, gain, loss, chi=16, steps=((0.2, 60), (0.05, 40))):
    """Return the tensors of A and B after `number` Trotter steps dt, for each (dt, number)."""
    # The paper's rate Gamma stands for a jump rate of Gamma / S = 2 Gamma.
    sites = [2 * gain * dissipator(RAISE), 2 * loss * dissipator(LOWER)]
    bonds = [bond_liouvillian(g, *sites), bond_liouvillian(h, *reversed(sites))]
    tensors = [ONE.reshape(1, 4, 1) / np.sqrt(2)] * 2  # vL p vR: the completely mixed state
    schmidt = [np.ones(1), np.ones(1)]
    for dt, number in steps:
        half = expm(bonds[0] * dt / 2).reshape(4, 4, 4, 4)  # p q p* q*
        full = expm(bonds[1] * dt).reshape(4, 4, 4, 4)
        for _ in range(number):  # the symmetric product has an error of order dt^2
            update(half, tensors, schmidt, 0, chi)
            update(full, tensors, schmidt, 1, chi)
            update(half, tensors, schmidt, 0, chi)
    return tensors


def trace(operator, tensor):
    """Return the matrix [vL, vR] that a site contributes to Tr(operator rho)."""
    return np.tensordot(tensor, operator.T.reshape(4), (1, 0))  # vL [p] vR


def expect(tensors, *operators):
    """Return <O_0 O_1 ...> of neighbouring sites, the first of them a site A."""
    operators += (ONE,) * (len(operators) % 2)  # whole cells
    # All cells to the left and to the right become the leading eigenvectors of one cell.
    values, lefts, rights = eig(trace(ONE, tensors[0]) @ trace(ONE, tensors[1]), left=True)
    top = np.argmax(abs(values))
    with_operators = without = lefts[:, top].conj()
    for j, operator in enumerate(operators):
        with_operators = with_operators @ trace(operator, tensors[j % 2])
        without = without @ trace(ONE, tensors[j % 2])
    return (with_operators @ rights[:, top]) / (without @ rights[:, top])


def observables(tensors):
    """Return Sz and Var Sz of A and B, and S+ S- of A and B in one cell, which is imaginary."""
    sz = np.array([expect(tensors, SZ), expect(tensors, ONE, SZ)]).real
    square = np.array([expect(tensors, SZ @ SZ), expect(tensors, ONE, SZ @ SZ)]).real
    return {"Sz": sz, "Var Sz": square - sz**2, "Im S+S-": expect(tensors, RAISE, LOWER).imag}


if __name__ == "__main__":
    for phase, rate in (("PPT", 0.5), ("AM", 2.0)):
        print(f"{phase}: g = 1, h = 0.5, gain = loss = {rate}")
        for name, value in observables(steady_state(1.0, 0.5, rate, rate)).items():
            print(f"    {name:8}", np.round(value, 4))
