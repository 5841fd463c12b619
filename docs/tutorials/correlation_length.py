"""# A correlation length and its error

How fast do correlations decay along the infinite chain, and how well is that known? Reading: five
minutes; computing: ten seconds.
"""

from impo import ITEBD, Exact, steady_state
from models.gain_loss import chain

model = chain(S=0.5, g=1.0, h=0.5, gain=1.2, loss=1.0)
state = steady_state(model, ITEBD(tol=1e-3))
print(state.status, state.message)
assert state.status == "converged"

# %% [markdown]
# ## The number
#
# `decay` looks at the connected function ⟨S⁺_0 S⁻_r⟩ - ⟨S⁺⟩⟨S⁻⟩ of two A sites that are r cells
# apart.

decay = state.decay("S+", "S-", (0, 0))
print(decay)
print("relative error:", decay.error / decay.value)
assert decay.length is not None
assert decay.error < 0.1 * decay.value

# %% [markdown]
# The length is in unit cells. The wavenumber says whether the sign changes: 0 for one sign, π if
# it alternates.
#
# ## Where it comes from
#
# The function is a sum of modes of the transfer matrix. A mode counts if all states that make the
# error bars have it, and if its amplitude exceeds its error:

for mode in decay.modes[:3]:
    print(mode, "counts" if mode.stands_out else "may be noise")

# %% [markdown]
# ## Against the function itself
#
# Its logarithm falls by 1/ξ from cell to cell. Far away the function is below its error, and the
# slope means nothing:

import numpy as np

function = state.connected("S+", "S-", (0, 0), max_cells=5)
for r in range(1, 5):
    here, there = abs(function.value[r]), abs(function.value[r + 1])
    known = here > 10 * function.error[r]
    print(f"r = {r}: |C| = {here:.1e}, 1/slope = {1 / np.log(here / there):.3f}", known)
slope = 1 / np.log(abs(function.value[1] / function.value[2]))
assert abs(slope - decay.value) < 0.25 * decay.value  # one mode dominates

# %% [markdown]
# ## More accurate
#
# `tol` is the accuracy of ⟨S_z⟩/S. A length has a tolerance of its own, here half a percent:

accurate = steady_state(model, ITEBD(tol=1e-3, length_tol=0.005))
better = accurate.decay("S+", "S-", (0, 0))
print(accurate.status, better)
assert better.error <= 0.005 * better.value
assert abs(better.value - decay.value) <= better.error + decay.error

# %% [markdown]
# ## When there is none
#
# A method without a length says why, and so does `ITEBD` where it does not know one:

ring = steady_state(model, Exact(cells=2, periodic=True, gap=False))
print(ring.correlation_length("S+", "S-"), "-", ring.decay("S+", "S-").reason)

# %% [markdown]
# [Correlation lengths](../lengths.md) explains errors, wavenumbers and reasons. `impo run
# lengths` follows lengths through all phases and spins.
