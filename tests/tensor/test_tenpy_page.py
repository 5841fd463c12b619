"""What docs/tenpy.md shows as printed is what its blocks print."""

import re
from pathlib import Path

import numpy as np

from impo.operators.local import local_operators

PAGE = Path(__file__).parents[2] / "docs" / "tenpy.md"


def test_the_printed_operator_is_that_of_the_page(capsys):
    text = PAGE.read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    namespace = {}
    for block in blocks[:2]:
        exec(compile(block, str(PAGE), "exec"), namespace)
    printed = capsys.readouterr().out.splitlines()
    shown = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    code = {line for block in blocks for line in block.splitlines()}
    shown = [line for line in shown if "    " + line not in code]
    assert shown == printed
    assert len(shown) > 12
    check_names(namespace["model"], namespace["bases"], namespace["description"])


def check_names(model, bases, description):
    """L0 to L4 are S+ rho, rho S+, S- rho, rho S- and the dissipator; site 1 has S- first."""
    names = local_operators(description.sites[0])
    for site, (first, second) in enumerate((("S+", "S-"), ("S-", "S+"))):
        expected = [
            bases[site].left(names[first]), bases[site].right(names[first]),
            bases[site].left(names[second]), bases[site].right(names[second]),
            bases[site].dissipator(names[first]),
        ]  # fmt: skip
        for number, matrix in enumerate(expected):
            found = model.lat.unit_cell[site].get_op(f"L{number}").to_ndarray()
            factor = np.sum(found * matrix) / np.sum(matrix * matrix)
            np.testing.assert_allclose(found, factor * matrix, atol=1e-12)
