"""References for the engine: QuTiP on finite clusters, and chains without truncation."""

from dataclasses import replace

import numpy as np
import qutip

from impo.operators.blocks import joined
from impo.operators.liouvillian import finite_cluster, kept_charges
from impo.operators.local import local_operators
from impo.refinement.approximation import trace_environment
from impo.tensor.gates import bond_liouvillians, physical_legs, rank_scale
from impo.tensor.matrix_product import Truncation, product_state
from impo.tensor.trotter import evolve, trotter_step


def start_state(site, position):
    """Return a diagonal density matrix that differs from site to site."""
    weights = np.arange(1.0, site.dimension + 1) ** (1 + position % 3)
    return np.diag(weights if position % 2 else weights[::-1]) / weights.sum()


class OpenChain:
    """An open chain of cells evolved by the gates of the engine, in blocks if sizes are given."""

    def __init__(self, model, cells, time, dt, charges=True, weight=0.0, blocks=()):
        generator = kept_charges(finite_cluster(model, cells, charges=charges))
        generator = replace(generator, blocks=blocks)
        self.generator, self.bases = generator, generator.bases()
        self.mirror = generator.mirror
        self.bonds = bond_liouvillians(generator, self.bases, weight, mirror=self.mirror)
        coefficients = []
        for position, (site, basis) in enumerate(zip(generator.sites, self.bases, strict=True)):
            values = basis.expand(start_state(site, position)) * rank_scale(basis.k, weight)
            coefficients.append(values.real if generator.real else values.astype(complex))
        legs = physical_legs(generator, self.bases)
        coefficients = joined(generator, coefficients)
        self.state = product_state(coefficients, legs, infinite=False, mirror=self.mirror)
        self.discarded = evolve(
            self.state, trotter_step(self.bonds, dt), round(time / dt), Truncation(10**6)
        )
        self.environment = trace_environment(generator, self.state, self.bases, weight)

    def measure(self, operators):
        """Return the expectation value of a product {position: name of an operator}."""
        factors = []
        for position in sorted(operators):
            matrix = local_operators(self.generator.sites[position])[operators[position]]
            rotated = self.generator.rotated(position, matrix)
            factors.append((position, self.bases[position].measure(rotated)))
        return complex(self.environment.chain_of(factors))


class Reference:
    """The same chain by QuTiP, in the physical frame."""

    def __init__(self, model, cells, time):
        sites = finite_cluster(model, cells).sites
        self.sites = sites
        length = len(model.sites)

        def product(term, cell):
            """Return coefficient * product; None if it leaves the chain."""
            placed = [(name, s + (cell + off[0]) * length) for name, s, off in term.factors]
            if max(position for _, position in placed) >= len(sites):
                return None
            piece = term.coefficient
            for name, position in placed:
                piece = piece * self.operator(name, position)
            return piece

        hamiltonian, jumps = 0, []
        for cell in range(cells):
            for term in model.hamiltonian:
                if (piece := product(term, cell)) is not None:
                    hamiltonian = hamiltonian + piece
            for jump in model.jumps:
                pieces = [product(term, cell) for term in jump.products(1)]
                if all(piece is not None for piece in pieces):
                    jumps.append(np.sqrt(jump.rate) * sum(pieces[1:], pieces[0]))
        rho = qutip.tensor([qutip.Qobj(start_state(s, n)).to("CSR") for n, s in enumerate(sites)])
        options = {"atol": 1e-13, "rtol": 1e-12, "nsteps": 10**6}
        solved = qutip.mesolve(hamiltonian, rho, [0, time], c_ops=jumps, options=options)
        self.rho, self.known = solved.states[-1], {}

    def operator(self, name, position):
        factors = [
            qutip.Qobj(local_operators(s)[name]).to("CSR") if n == position
            else qutip.qeye(s.dimension)
            for n, s in enumerate(self.sites)
        ]  # fmt: skip
        return qutip.tensor(factors)

    def measure(self, operators):
        key = tuple(operators.items())
        if key not in self.known:  # every chain of a case is compared with the same
            product = 1
            for position, name in key:
                product = product * self.operator(name, position)
            self.known[key] = complex((product * self.rho).tr())
        return self.known[key]
