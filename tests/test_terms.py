"""Terms and jumps as values."""

from dataclasses import replace

import pytest

from impo.terms import Jump, Term

LOWERED = Term(1.0, ("S-", 0, 0)), Term(1j, ("S-", 0, 1))


def test_jumps_are_values():
    jump = Jump(0.5, *LOWERED)
    assert jump == Jump(0.5, *LOWERED) != Jump(0.5, *LOWERED[::-1])
    assert hash(jump) == hash(Jump(0.5, *LOWERED))
    assert (jump.op, jump.site, jump.terms) == (None, None, LOWERED)
    assert jump.products(1) == LOWERED
    assert replace(jump, rate=0.7) == Jump(0.7, *LOWERED)
    assert replace(Jump(0.5, "S-", 0), rate=0.7) == Jump(0.7, op="S-", site=0)
    assert str(jump) == "S-[site 0] + (0+1j) S-[site 0, cell (1,)]"
    assert jump.strength == 1.0
    with pytest.raises(AttributeError):
        jump.rate = 1.0


def test_a_single_operator_of_the_cell_is_a_jump_by_name():
    for cell in (0, (0, 0)):
        assert Jump(0.5, Term(1.0, ("S-", 1, cell))) == Jump(0.5, "S-", 1)
    for other in (
        Term(2.0, ("S-", 0, 0)),
        Term(1.0, ("S-", 0, 1)),
        Term(1.0, ("S-", 0, 0), ("Sz", 0, 0)),
    ):
        assert Jump(0.5, other).terms == (other,)


def test_conjugates_of_the_products_of_a_jump():
    once = Term(0.5j, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    assert Jump(1.0, once).terms == (
        Term(0.5j, ("S+", 0, 0), ("S-", 0, 1)),
        Term(-0.5j, ("S+", 0, 1), ("S-", 0, 0)),
    )
