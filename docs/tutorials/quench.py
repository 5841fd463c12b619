"""# A quench

All spins A point up and all spins B down; then the chain evolves. How long does it look like a
small ring, and when is it steady? Reading: five minutes; computing: ten seconds.
"""

import numpy as np

from impo import ITEBD, Exact, evolve, steady_state
from impo.operators.product_state import Coherent
from models.gain_loss import chain

model = chain(S=0.5, g=1.0, h=0.5, gain=0.6, loss=0.3)
start = [Coherent(0.0), Coherent(np.pi)]  # one entry for each site of the cell
times = np.linspace(0.0, 4.0, 9)

# %% [markdown]
# ## The infinite chain
#
# Observables of a trajectory have a leading axis of times. Errors grow with time, never fall.

path = evolve(model, ITEBD(tol=2e-2, chi_max=24), start, times)
print(path.status, path.message)
assert path.status == "converged"
magnetisation = path.expect("Sz")
for time, value, error in zip(times, magnetisation.value, magnetisation.error, strict=True):
    print(f"t = {time:.1f}: {np.round(value, 4)} +- {error.max():.0e}")
assert np.allclose(magnetisation.value[0], [0.5, -0.5])

# %% [markdown]
# ## A ring of three cells
#
# It is the same until correlations have gone around it.

ring = evolve(model, Exact(cells=3, periodic=True), start, times).expect("Sz")
apart = np.abs(ring.value - magnetisation.value).max(axis=1)
print("ring minus chain:", np.round(apart, 5))
assert apart[1] < 1e-3 + magnetisation.error[1].max()

# %% [markdown]
# ## The steady state
#
# The evolution heads for the state that `steady_state` finds without following the time:

steady = steady_state(model, ITEBD(tol=1e-2)).expect("Sz").value
print("steady:", np.round(steady, 4), "distance:", np.abs(magnetisation.value - steady).max(axis=1))
distance = np.abs(magnetisation.value - steady).max(axis=1)
assert distance[-1] < 0.3 * distance[0]

# %% [markdown]
# Save the trajectory and draw it with `impo plot quench.h5`:

path.save("quench.h5")

# %% [markdown]
# [States at given times](../methods.md#states-at-given-times) has the starts that the command
# line knows; correlations of two times in the steady state are in [Dynamics](../dynamics.md).
