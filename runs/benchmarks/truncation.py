"""Error by truncation at equal bond dimension: weights of the operators, and exact local states.

Steady states of the infinite chain are truncated at equal bond dimension by several schemes, for
spins from 1/2 to 8 in all phases. Weights that favour low multipoles make the error five to seven
times smaller than none. Density-matrix truncation is no better.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.sparse import csr_array

from impo.analysis.plot import spin_text
from impo.operators.basis import OperatorBasis
from impo.operators.liouvillian import Generator, infinite_chain, kept_charges
from impo.operators.local import local_operators
from impo.results.dataset import Dataset
from impo.results.variable import Variable
from impo.tensor.contraction import pair_index
from impo.tensor.environment import TraceEnvironment
from impo.tensor.gates import Bond, Gate, bond_liouvillians, physical_legs
from impo.tensor.legs import PhysicalLeg
from impo.tensor.matrix_product import MatrixProduct, Truncation, product_state
from models.gain_loss import chain
from runs.benchmarks._density_matrix_truncation import DenseChain

COST = {"quick": "40 s", "full": "10 min"}

G, H = 1.0, 0.5
PHASES = {
    "AM": (2.0, 1.5),
    "PPT": (1.25, 1.25),
    "PT": (0.3, 0.3),
    "FM up": (0.6, 0.2),
    "FM down": (0.1, 0.9),
}  # gain, loss
DT = 0.3
COARSE = 12  # bond dimension from which weights are learned
OBSERVABLES = ("Sz", "Var", "S+S-")


@dataclass(frozen=True)
class System:
    """The chain at one point, with the gates of a second-order Trotter step.

    Attributes
    ----------
    S, gain, loss
        As in `models.gain_loss.chain`.
    k_max
        Largest rank kept.
    """

    S: float
    gain: float
    loss: float
    k_max: int
    dt: float = DT
    made: dict = field(default_factory=dict, repr=False)

    @cached_property
    def generator(self) -> Generator:
        """The master equation of one cell."""
        return kept_charges(infinite_chain(chain(self.S, G, H, self.gain, self.loss)))

    @cached_property
    def bases(self) -> tuple[OperatorBasis, ...]:
        """Multipoles of both sites."""
        return self.generator.bases(self.k_max)

    @cached_property
    def legs(self) -> list[PhysicalLeg]:
        """Their charges."""
        return physical_legs(self.generator, self.bases)

    @cached_property
    def bonds(self) -> list[Bond]:
        """Liouvillians of both bonds in the orthonormal basis."""
        return bond_liouvillians(self.generator, self.bases, 0.0)

    def pairs(self, bond: int, charge: int) -> tuple[NDArray, NDArray]:
        """Return the operators of both sites that make up a block of a gate."""
        return pair_index(self.legs[bond], self.legs[1 - bond], charge)

    def scaled(self, exponents: Sequence[NDArray], mirror: bool) -> list[Bond]:
        """Return the Liouvillians in the basis exp(-exponent) T_x: a similarity transformation.

        With `mirror`, negative pair charges are left out.
        """
        out = []
        for b, bond in enumerate(self.bonds):
            blocks = {}
            for charge, block in bond.blocks.items():
                if mirror and charge < 0:
                    continue
                p, q = self.pairs(b, charge)
                scale = np.exp(-exponents[b][p] - exponents[1 - b][q])
                blocks[charge] = csr_array(block.toarray() * scale[:, None] / scale)
            out.append(Bond(blocks))
        return out

    def gates(self, exponents: Sequence[NDArray], mirror: bool) -> dict[tuple[int, bool], Gate]:
        """Return the gates of a step by bond; True stands for half a step."""
        key = (mirror, *(np.asarray(x, dtype=float).tobytes() for x in exponents))
        if key not in self.made:
            first, second = self.scaled(exponents, mirror)
            self.made.clear()  # they are large
            self.made[key] = {
                (0, True): first.gate(self.dt / 2),
                (0, False): first.gate(self.dt),
                (1, False): second.gate(self.dt),
            }
        return self.made[key]

    def relax(
        self,
        gates: Mapping[tuple[int, bool], Gate],
        time: float,
        update: Callable[[int, Gate], Any],
    ) -> None:
        """Apply the gates of an evolution one after the other."""
        count = round(time / self.dt)
        update(0, gates[0, True])
        for number in range(count):
            update(1, gates[1, False])
            update(0, gates[0, number == count - 1])

    def engine(self, exponents: Sequence[NDArray], chi: int, time: float) -> MatrixProduct:
        """Return what the engine makes of the mixed state."""
        mixed = [(basis.k == 0).astype(float) for basis in self.bases]
        out = product_state(mixed, self.legs, infinite=True, mirror=True)
        gates = self.gates(exponents, mirror=True)
        self.relax(gates, time, lambda bond, gate: out.update(bond, gate, Truncation(chi)))
        return out

    def dense(
        self, exponents: Sequence[NDArray], chi: int, time: float, rank: int | None
    ) -> DenseChain:
        """Return the same by dense tensors, with local density matrices up to `rank` kept."""
        charges = []
        for leg in self.legs:
            charges.append(np.empty(leg.size, dtype=int))
            for charge, members in leg.members.items():
                charges[-1][members] = charge
        out = DenseChain.mixed(self.bases, charges)

        def update(bond: int, gate: Gate) -> None:
            blocks = [(self.pairs(bond, q), gate[q]) for q in self.bonds[bond].blocks]
            out.update(bond, blocks, chi, rank)

        self.relax(self.gates(exponents, mirror=False), time, update)
        return out

    def environment(
        self, state: MatrixProduct | DenseChain, exponents: Sequence[NDArray]
    ) -> TraceEnvironment:
        """Return the trace environment of a state in a weighted basis."""
        bases = [
            replace(basis, matrices=basis.matrices * np.exp(x)[:, None, None])
            for basis, x in zip(self.bases, exponents, strict=True)
        ]
        return TraceEnvironment(state, bases, 0.0)

    def observables(
        self, state: MatrixProduct | DenseChain, exponents: Sequence[NDArray]
    ) -> NDArray:
        """Return <Sz>/S, Var(Sz)/S^2 and |<S+S->|/S^2 of both sites and bonds, shape (3, 2)."""
        found = self.environment(state, exponents)
        operators = local_operators(self.generator.sites[0])
        out = np.empty((len(OBSERVABLES), 2))
        for i, basis in enumerate(found.bases):
            j = 1 - i
            one, pair = found.marginal(i, 1), found.marginal(i, 2)
            mean = one @ basis.measure(operators["Sz"])
            square = one @ basis.measure(operators["Sz"] @ operators["Sz"])
            across = basis.measure(operators["S+"]) @ pair
            current = np.abs(across @ found.bases[j].measure(operators["S-"]))
            out[:, i] = mean / self.S, (square - mean**2) / self.S**2, current / self.S**2
        return out


def exponential(alpha: float) -> Callable[[System, float], list[NDArray]]:
    """Return the weights exp(-alpha k)."""
    return lambda system, time: [alpha * basis.k for basis in system.bases]


def power(exponent: float) -> Callable[[System, float], list[NDArray]]:
    """Return the weights (2k + 1)^-exponent."""
    return lambda system, time: [exponent * np.log(2 * basis.k + 1) for basis in system.bases]


def moments(system: System, time: float) -> list[NDArray]:
    """Return as weights the sizes that coefficients of rank k have in a coarse state."""
    trial = exponential(1.0)(system, time)
    coarse = system.engine(trial, COARSE, time)
    out = []
    for site, (basis, x) in enumerate(zip(system.bases, trial, strict=True)):
        tensor = coarse.dense(site) * coarse.singular_values[site][:, None, None]
        size = np.sum(tensor**2, axis=(0, 2)) * np.exp(2 * x)
        mean = np.array([np.mean(size[basis.k == k]) for k in range(basis.k.max() + 1)])
        out.append(0.5 * np.log(mean[0] / mean)[basis.k])
    return out


def sensitivity(system: System, time: float) -> list[NDArray]:
    """Return as weights how much T_k0 on one site moves the low moments of a dimer later.

    They are the roots of the diagonal of the observability Gramian, the integral over time of
    |<O| exp(L t) |T_k0>|^2 summed over the operators O with k + k' <= 2, each over its norm.
    """
    p, q = system.pairs(0, 0)
    bases = system.bases
    ranks = bases[0].k[p], bases[1].k[q]
    norms = [np.linalg.norm(basis.matrices, ord=2, axis=(1, 2)) for basis in bases]
    low = np.flatnonzero(ranks[0] + ranks[1] <= 2)
    rows = np.zeros((len(low), len(p)))
    rows[np.arange(len(low)), low] = 1 / (norms[0][p[low]] * norms[1][q[low]])
    rows /= rows.max()  # of the identity, which is as large as its coefficient
    step = expm(system.dt * system.bonds[0].blocks[0].toarray())
    gramian = np.zeros(len(p))
    for _ in range(round(time / system.dt)):
        gramian += np.sum(rows**2, axis=0)
        rows = rows @ step
    out = []
    for basis, here, other in ((bases[0], *ranks), (bases[1], *ranks[::-1])):
        alone = [
            np.sqrt(np.mean(gramian[(here == k) & (other == 0)])) for k in range(basis.k.max() + 1)
        ]
        out.append(np.log(alone[0] / np.array(alone))[basis.k])
    return out


# name: (weights, rank up to which local density matrices are kept exactly; None: the engine)
SCHEMES: Mapping[str, tuple[Callable[[System, float], list[NDArray]], int | None]] = {
    "none": (exponential(0.0), None),
    "exp(-k/2)": (exponential(0.5), None),
    "exp(-k)": (exponential(1.0), None),
    "(2k+1)^-1/2": (power(0.5), None),
    "(2k+1)^-1": (power(1.0), None),
    "(2k+1)^-3/2": (power(1.5), None),
    "moments": (moments, None),
    "sensitivity": (sensitivity, None),
    "DMT": (exponential(0.0), 1),
    "DMT, (2k+1)^-1": (power(1.0), 1),
}


@dataclass(frozen=True)
class Setting:
    """How a spin is computed: k_max, evolution time, bond dimensions, that of the reference."""

    k_max: int
    time: float
    chi: tuple[int, ...]
    reference: int
    dense: bool = True


SETTINGS = {
    0.5: Setting(1, 30.0, (8, 12), 32),
    1.0: Setting(2, 30.0, (10, 16, 24), 64),
    2.0: Setting(4, 30.0, (12, 20, 34), 90, dense=False),
    4.0: Setting(5, 20.0, (12, 20, 34), 96, dense=False),
    8.0: Setting(7, 20.0, (12, 20, 34), 90, dense=False),
}
# spins and phases, by quick form
POINTS = {True: ((0.5, 1.0), ("AM", "PPT")), False: (tuple(SETTINGS), tuple(PHASES))}
REFERENCES = ("(2k+1)^-1", "exp(-k)")  # the second with three quarters of the bond dimension


def errors(S: float, phase: str, setting: Setting) -> tuple[NDArray, NDArray]:
    """Return the largest errors at one point against a chain of large bond dimension.

    Returns
    -------
    array
        By scheme, bond dimension and observable; nan where a scheme is not computed.
    array
        Difference of the two references, by observable.
    """
    system = System(S, *PHASES[phase], setting.k_max)

    def values(scheme: str, sizes: Sequence[int]) -> NDArray:
        weights, rank = SCHEMES[scheme]
        exponents = weights(system, setting.time)
        out = []
        for chi in sizes:
            state = (
                system.engine(exponents, chi, setting.time)
                if rank is None
                else system.dense(exponents, chi, setting.time, rank)
            )
            out.append(system.observables(state, exponents))
        return np.array(out)

    exact = values(REFERENCES[0], [setting.reference])[0]
    other = values(REFERENCES[1], [3 * setting.reference // 4])[0]
    found = np.full((len(SCHEMES), len(setting.chi), len(OBSERVABLES)), np.nan)
    for row, (scheme, (_, rank)) in enumerate(SCHEMES.items()):
        if rank is None or setting.dense:
            found[row] = np.abs(values(scheme, setting.chi) - exact).max(axis=-1)
    return found, np.abs(other - exact).max(axis=1)


def compute(quick: bool) -> Dataset:
    """Return the errors of all schemes at all points; the quick form is two spins, two phases."""
    spins, phases = POINTS[quick]
    widest = max(len(SETTINGS[S].chi) for S in spins)
    error = np.full((len(spins), len(phases), len(SCHEMES), widest, len(OBSERVABLES)), np.nan)
    uncertain = np.empty((len(spins), len(phases), len(OBSERVABLES)))
    chi = np.zeros((len(spins), widest), dtype=int)
    for s, S in enumerate(spins):
        chi[s, : len(SETTINGS[S].chi)] = SETTINGS[S].chi
        for p, phase in enumerate(phases):
            found, uncertain[s, p] = errors(S, phase, SETTINGS[S])
            error[s, p, :, : found.shape[1]] = found
    axes = ("S", "phase", "scheme", "rung", "observable")
    return Dataset(
        {
            "S": Variable(("S",), np.array(spins), "1", "spin quantum number"),
            "phase": Variable(("phase",), np.array(phases), "1", "phase"),
            "scheme": Variable(("scheme",), np.array(list(SCHEMES)), "1", "truncation"),
            "observable": Variable(
                ("observable",), np.array(OBSERVABLES), "1", "Sz over S, the others over S^2"
            ),
            "chi": Variable(("S", "rung"), chi, "1", "bond dimension; 0 where there is none"),
            "error": Variable(axes, error, "1", "largest error over sites or bonds"),
            "reference_difference": Variable(
                ("S", "phase", "observable"), uncertain, "1", "difference of two references"
            ),
        },
        {
            "title": "Error by truncation",
            "g": G,
            "h": H,
            "rates": {name: list(PHASES[name]) for name in phases},
            "dt": DT,
            "settings": {str(S): asdict(SETTINGS[S]) for S in spins},
        },
    )


def typical(data: Dataset, observables: slice) -> NDArray:
    """Return the geometric mean over bond dimensions of the largest error; # S phase scheme."""
    with np.errstate(divide="ignore"):
        logs = np.log(data["error"][..., observables].max(axis=-1))
    known = np.isfinite(logs)
    total = np.where(known, logs, 0.0).sum(axis=-1)
    return np.exp(np.where(known.any(axis=-1), total, np.nan) / np.maximum(known.sum(axis=-1), 1))


MARKS = "osv^<>D*xP"


def draw(data: Dataset) -> Figure:
    """Draw the errors over the phases, one column per spin."""
    spins = data["S"]
    figure = Figure(figsize=(2.3 * len(spins) + 1.6, 4.6), layout="constrained")
    panels = figure.subplots(2, len(spins), sharex=True, squeeze=False)
    places = np.arange(len(data["phase"]))
    rows = ((slice(0, 1), r"error of $\langle S_z\rangle/S$"), (slice(None), "largest error"))
    for line, (observables, label) in zip(panels, rows, strict=True):
        values = typical(data, observables)
        floor = data["reference_difference"][..., observables].max(axis=-1)
        for s, ax in enumerate(line):
            for n, name in enumerate(data["scheme"]):
                shift = 0.07 * (n - (len(data["scheme"]) - 1) / 2)
                ax.plot(places + shift, values[s, :, n], MARKS[n], ms=4, label=str(name))
            ax.plot(places, floor[s], "_", color="0.6", ms=22, label="references differ by")
            ax.set(yscale="log", xticks=places)
            ax.set_xticklabels(data["phase"], rotation=40)
            ax.grid(axis="y", lw=0.3)
        line[0].set_ylabel(label)
    for s, S in enumerate(spins):
        chi = ", ".join(str(x) for x in data["chi"][s] if x)
        panels[0, s].set_title(rf"$S={spin_text(S)}$, $\chi={chi}$", fontsize=9)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8)
    return figure
