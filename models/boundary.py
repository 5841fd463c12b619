"""Chains of spins 1/2 that are driven at their ends; one cell holds the whole chain."""

import numpy as np

from impo.arguments import fail, finite, non_negative, non_negative_integer
from impo.model import Jump, LindbladModel, Spin, Term


def chain(
    length: int, J: float = 1.0, delta: float = 1.0, dephasing: float = 0.0, drive: float = 1.0,
    bias: float = 1.0, field: float = 0.0, seed: int = 0,
) -> LindbladModel:  # fmt: skip
    """Return an XXZ chain between two baths, with dephasing and random fields.

    H = J sum_j (S+_j S-_{j+1} + h.c. + 2 delta Sz_j Sz_{j+1}) + sum_j h_j Sz_j. The first spin has
    the jumps S+ and S- with the rates drive (1 + bias)/2 and drive (1 - bias)/2, the last the same
    with -bias; every spin has Sz with the rate of the dephasing.

    T. Prosen, Phys. Rev. Lett. 107, 137201 (2011), solves the chain with bias = 1 without dephasing
    and fields. M. Znidaric, J. Stat. Mech. (2010) L05002, solves delta = 0 with dephasing: with
    I = bias / (2/drive + drive/(2J^2) + (length - 1) dephasing/(2J^2)), the first magnetisation is
    bias/2 - I/drive, and it falls by I dephasing/(2J^2) from site to site inside the chain.
    M. Znidaric, A. Scardicchio and V. K. Varma, Phys. Rev. Lett. 117, 040601 (2016), add random
    fields.

    Parameters
    ----------
    length
        Number of spins, at least two.
    J, delta
        Coupling and anisotropy.
    dephasing
        Rate of Sz.
    drive, bias
        Sum of the rates of an end, and their imbalance from -1 to 1.
    field, seed
        The fields h_j are drawn independently from -field ... field; the seed chooses them.
    """
    count, number = _whole("length", length), _whole("seed", seed)
    if count < 2:
        raise fail("length", "an integer from 2 on", length)
    coupling, exchange = finite("J", J), finite("delta", delta)
    strength, imbalance = non_negative("drive", drive), finite("bias", bias)
    if abs(imbalance) > 1:
        raise fail("bias", "a number from -1 to 1", bias)
    width, rate = non_negative("field", field), non_negative("dephasing", dephasing)
    terms = [
        term
        for j in range(count - 1)
        for term in (
            Term(coupling, ("S+", j, 0), ("S-", j + 1, 0), plus_hc=True),
            Term(2 * coupling * exchange, ("Sz", j, 0), ("Sz", j + 1, 0)),
        )
    ]
    fields = np.random.default_rng(number).uniform(-width, width, count).tolist()
    terms += [Term(value, ("Sz", j, 0)) for j, value in enumerate(fields)]
    jumps = [
        Jump(strength * (1 + sign * imbalance) / 2, op, site)
        for site, end in ((0, 1), (count - 1, -1))
        for op, sign in (("S+", end), ("S-", -end))
    ]
    return LindbladModel(
        sites=(Spin(0.5),) * count,
        terms=tuple(terms),
        jumps=(*jumps, *(Jump(rate, "Sz", j) for j in range(count))),
        name="models.boundary:chain",
        parameters={
            "length": count, "J": coupling, "delta": exchange, "dephasing": rate,
            "drive": strength, "bias": imbalance, "field": width, "seed": number,
        },
    )  # fmt: skip


def _whole(name: str, value: float) -> int:
    """Return a number that a scan may give as a float, such as 3.0."""
    whole = isinstance(value, float) and value.is_integer()
    return non_negative_integer(name, int(value) if whole else value)
