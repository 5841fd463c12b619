"""# A chain of your own: from the description to a figure

Spins 1/2 with an Ising coupling and a transverse field, which decay. How does the magnetisation
of the infinite chain depend on the field? Reading: five minutes; computing: ten seconds.

## The description

A unit cell has one spin. A term has one copy in every cell; its factors are (operator, site of
the cell, cell).
"""

from impo import ITEBD, Exact, Jump, LindbladModel, Spin, Term, steady_state, to_qutip


def driven_chain(J=1.0, field=0.5, loss=1.0):
    return LindbladModel(
        sites=(Spin(0.5),),
        terms=(Term(J, ("Sz", 0, 0), ("Sz", 0, 1)), Term(field, ("Sx", 0, 0))),
        jumps=(Jump(loss, "S-", 0),),
        name="driven_chain",
        parameters={"J": J, "field": field, "loss": loss},
    )


# %% [markdown]
# ## Check it first
#
# The most common mistake is a factor of two in a rate. QuTiP solves a ring of four spins from the
# same description; `Exact` must agree, and so must what you would have written by hand.

import numpy as np
import qutip

H, c_ops = to_qutip(driven_chain(), cells=4, periodic=True)
rho = qutip.steadystate(H, c_ops)
sz = qutip.tensor(qutip.jmat(0.5, "z"), *[qutip.qeye(2)] * 3)
ring = steady_state(driven_chain(), Exact(cells=4, periodic=True))
print("ring of four:", ring.expect("Sz").value, qutip.expect(sz, rho))
assert abs(ring.expect("Sz").value[0] - qutip.expect(sz, rho)) < 1e-8

# %% [markdown]
# ## Solve the infinite chain
#
# Look at the verdict before the numbers. An `Estimate` has a value and an error for each site of
# the cell.

fields = np.linspace(0.0, 1.5, 4)
states = [steady_state(driven_chain(field=field), ITEBD(tol=1e-2)) for field in fields]
for field, state in zip(fields, states, strict=True):
    print(f"field {field:.1f}: {state.status}, <Sz> = {state.expect('Sz')[0]}")
assert all(state.status == "converged" for state in states)

# %% [markdown]
# Without a field every spin ends down, without any error. With a field the ring of four is close
# to the chain, but not equal to it:

off = [
    steady_state(driven_chain(field=field), Exact(cells=4, periodic=True)).expect("Sz").value[0]
    - state.expect("Sz").value[0]
    for field, state in zip(fields, states, strict=True)
]
print("ring minus chain:", np.round(off, 4))
assert abs(states[0].expect("Sz").value[0] + 0.5) < 1e-3

# %% [markdown]
# ## A figure

from matplotlib.figure import Figure

figure = Figure(figsize=(4.5, 3), layout="constrained")
axes = figure.subplots()
values = np.array([state.expect("Sz").value[0] for state in states])
errors = np.array([state.expect("Sz").error[0] for state in states])
axes.errorbar(fields, values, errors, marker="o", capsize=3)
axes.set(xlabel="field / J", ylabel=r"$\langle S_z\rangle$")
figure.savefig("own_chain.png")

# %% [markdown]
# From here: [the same as a scan](scan.md), more about [models](../models.md), and what to do if
# the verdict is not `converged` ([Read a verdict](../verdicts.md)).
