"""What is too large is refused before it is allocated; the largest uses so far are not."""

import numpy as np
import pytest

from impo import ITEBD, TWA, ClusterMeanField, Exact, HolsteinPrimakoff, MeanField, memory
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods.api import evolve, steady_state
from impo.methods.exact.sector import cluster, least_bytes, zero_charge
from impo.methods.holstein_primakoff.stability import quench_spectra
from impo.methods.itebd.solve import chain_generator
from impo.methods.twa.sizes import refuse_large_ensemble
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from models import gain_loss

CHAIN = gain_loss.chain(0.5, 1.0, 0.5, 1.0, 1.0)
GIB = 2.0**30


@pytest.fixture(autouse=True)
def sixteen_gib(monkeypatch):
    monkeypatch.setattr(memory, "memory_limit", lambda: 16 * GIB)


def ring(sites, spin=0.5):
    """Return a cell of many sites with couplings of neighbours."""
    bonds = [(j, (j + 1) % sites, (j + 1) // sites) for j in range(sites)]
    return LindbladModel(
        (Spin(spin),) * sites,
        [Term(1.0, ("S+", i, 0), ("S-", j, cell), plus_hc=True) for i, j, cell in bonds],
        [Jump(1.0, "S-", j) for j in range(sites)],
    )


def boson(cutoff):
    return LindbladModel(
        (Boson(cutoff),), (Term(1.0, ("B", 0, 0), plus_hc=True),), (Jump(1.0, "B", 0),)
    )


def large_spins(spin):
    return gain_loss.chain(spin, 1.0, 0.5, 4.0, 3.5)


REFUSED = [
    (large_spins(1e6), ITEBD(), "S = 1000000: it needs 4.77e[+]17 GiB .* use `TWA`, `Hol"),
    (large_spins(1000), ITEBD(chi_max=8), "it needs 4.78e[+]05 GiB"),
    (boson(10**7), ITEBD(), r"a Boson\(cutoff=10000000\): it needs .* use a smaller `cutoff`\."),
    (ring(1000), ITEBD(), "1000 sites in its unit cell: .* use a smaller unit cell"),
    (CHAIN, Exact(cells=10**9), "on 2000000000 sites, where its Liouvillian has over 1e[+]300 r"),
    (CHAIN, Exact(cells=200, periodic=True), "400 sites, .* at least 2.58e[+]120 rows"),
    (ring(1000), Exact(), "on 1000 sites"),
    (large_spins(1e5), Exact(), "a site has 200001 states: it needs .* use `TWA`, `H"),
    (boson(10**7), Exact(), "10000001 states: it needs .* use a smaller `cutoff`\\."),
    (CHAIN, TWA(cells=10**9), "256 trajectories of 2e[+]09 spins: it needs .* use fewer `cells`"),
    (CHAIN, TWA(trajectories=10**9), "1000000000 trajectories of 100 spins: it needs"),
    (ring(1000, 8), TWA(cells=4, trajectories=16), "it needs .* use fewer `cells`"),
    (CHAIN, ClusterMeanField(10**9), "over 1e[+]300 states, .* treats 1300; use fewer sites"),
    (boson(10**7), ClusterMeanField(1), "1e[+]07 states, and .* treats 1300; use fewer sites"),
    (ring(14, 8), MeanField(), "2\\^14 polarised states of a cell, which .* 12 .*; give a `start`"),
    (ring(1000), MeanField(), "2\\^1000 polarised states"),
    (ring(14, 8), HolsteinPrimakoff(), "all 2\\^14 configurations .*; give a `configuration`"),
    (ring(1000), HolsteinPrimakoff("+" * 1000), "1000 spins in a cell: it needs"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "method", "message"), REFUSED)
def test_too_large(model, method, message):
    with pytest.raises(UnsupportedModelError, match=message) as caught:
        steady_state(model, method)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("k_max", [None, 12])
def test_large_spins_fit_an_infinite_chain(k_max):
    chain_generator(large_spins(16), ITEBD(k_max=k_max))
    with pytest.raises(
        UnsupportedModelError, match=r"k_max = 30, whose gates .* a smaller `k_max`"
    ):
        chain_generator(large_spins(16), ITEBD(k_max=30))


def test_one_dimer_fits_up_to_large_spins():
    model = gain_loss.dimer(100, gain=1.5)
    generator = cluster(model, Exact(k_max="auto"))
    for k_max in (60, None):
        rows, size = least_bytes(generator, k_max, zero_charge(generator))
        top = 200 if k_max is None else k_max
        assert rows == sum((top + 1 - abs(q)) ** 2 for q in range(-top, top + 1))
        assert memory.shortage(size) is None


def test_large_lattices_fit_classical_trajectories():
    for cells, trajectories in ((4000, 512), (2000, 10**4), (10**5, 16)):
        method = TWA(cells=cells, trajectories=trajectories)
        refuse_large_ensemble(large_spins(10), method, (cells,), starts=2)
    with pytest.raises(UnsupportedModelError, match="it needs"):  # the averages at all times
        refuse_large_ensemble(large_spins(10), method, (cells,), starts=1, times=10**4)


def test_cells_of_twelve_sites_are_not_too_many():
    model = ring(12, 8)
    start = [[0.1, 0.0, -1.0]] * 14
    assert steady_state(ring(14, 8), MeanField(), start) is not None
    assert steady_state(model, HolsteinPrimakoff("-" * 12)) is not None


@pytest.mark.parametrize(
    ("method", "start"),
    [
        (ITEBD(chi_max=4), None), (Exact(), [[1.0, 0.0]] * 2), (TWA(cells=2), [[1.0, 0, 0]] * 2),
        (MeanField(), None), (ClusterMeanField(2), None),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:TWA is meant for large S")
def test_an_evolution_that_never_ends(method, start):
    for end in (1e300, 1e14):
        with pytest.raises(
            ArgumentError, match=r"`times` must end at .* at the latest, but ends at"
        ):
            evolve(CHAIN, method, start, [0.0, end])


def test_a_step_that_gets_nowhere():
    message = "`dt` must be at least 1.41e-07, but is 1e-300"
    with pytest.raises(ArgumentError, match=message):
        steady_state(CHAIN, TWA(cells=2, dt=1e-300))


def test_too_many_configurations_of_a_ring():
    with pytest.raises(
        UnsupportedModelError, match=r"all 2\^400 configurations .* use fewer cells"
    ):
        quench_spectra(large_spins(10), 200)


def test_couplings_beyond_the_first_grid_are_seen():
    """On a grid of fewer waves than cells, a far coupling looks like one inside a cell."""
    far = LindbladModel(
        (Spin(20), Spin(20)),
        (Term(0.05, ("S+", 0, 0), ("S-", 1, 64), plus_hc=True),),
        (Jump(0.2, "S+", 0), Jump(0.1, "S-", 1)),
    )
    near = LindbladModel(
        far.sites, (Term(0.05, ("S+", 0, 0), ("S-", 1, 1), plus_hc=True),), far.jumps
    )
    one, two = (steady_state(model, HolsteinPrimakoff()) for model in (far, near))
    np.testing.assert_allclose(one.expect("Sz").value, two.expect("Sz").value, rtol=1e-10)
    correlation = one.correlation("S+", "S-", (0, 1), 64).value
    assert abs(correlation[0]) < 1e-10
    assert correlation[64] == pytest.approx(two.correlation("S+", "S-", (0, 1), 1).value[1])
