"""# How the methods meet in 1/S

Small spins need the infinite matrix product, large ones truncated Wigner or linearised bosons. Do
they agree where both should hold? Reading: five minutes; computing: ten seconds.

The chain is in its antimagnetic phase: spins A are pumped up, spins B down.
"""

import numpy as np

from impo import ITEBD, TWA, HolsteinPrimakoff, steady_state
from models.gain_loss import chain


def point(S):
    return chain(S=S, g=1.0, h=0.5, gain=1.7, loss=1.45)


# %% [markdown]
# ## Three methods, one description
#
# ⟨S_z⟩/S of the A sites. The error of `ITEBD` is a distance from the truth. That of `TWA` is
# statistical, and that of `HolsteinPrimakoff` knows nothing of 1/S.

runs = [(ITEBD(tol=3e-3), S) for S in (0.5, 1, 2)]
runs += [(TWA(cells=20, trajectories=64, tol=1e-2, max_time=400), S) for S in (2, 8, 32)]
runs += [(HolsteinPrimakoff(), S) for S in (2, 8, 32)]
found = {}
for method, S in runs:
    state = steady_state(point(S), method)
    found[method.name, S] = state.expect("Sz").value / S
    print(f"{method.name:6} S = {S:<4} {state.status:10} {state.expect('Sz')[0].value / S:.4f}")

# %% [markdown]
# ## Where they meet
#
# At S = 2 truncated Wigner is off by a few percent of S. Linearised bosons leave out n/(2S),
# which is not small there: they are off by more than a third of S.

off = {name: np.abs(found[name, 2] - found["itebd", 2]).max() for name in ("twa", "hpa")}
print("off at S = 2:", off)
assert 0.01 < off["twa"] < 0.1 < off["hpa"]

# %% [markdown]
# From S = 8 to S = 32 the difference between truncated Wigner and linearised bosons shrinks by
# more than the factor of four of a 1/S law:

apart = [np.abs(found["twa", S] - found["hpa", S]).max() for S in (8, 32)]
print("twa minus hpa:", apart)
assert apart[1] < apart[0] / 4

# %% [markdown]
# ## A figure

from matplotlib.figure import Figure

figure = Figure(figsize=(4.5, 3), layout="constrained")
axes = figure.subplots()
for name, mark in (("itebd", "^"), ("twa", "o"), ("hpa", "x")):
    spins = [S for method, S in found if method == name]
    axes.plot([1 / S for S in spins], [found[name, S][0] for S in spins], mark, label=name)
axes.set(xlabel="1/S", ylabel=r"$\langle S_z\rangle/S$ on A")
axes.legend()
figure.savefig("methods_meet.png")

# %% [markdown]
# `compare` does this for one spin, with verdicts in words; [Validity](../validity.md) has
# measured differences in all phases.
