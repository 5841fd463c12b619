"""Parts of pages of docs/ that are generated: they stand between two marks, `<!-- NAME -->`."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
_HOMES = (ROOT / "docs", ROOT / "docs" / "studies")


def kept(study: str) -> Path:
    """Return the result file of a study that is kept for the pages; its picture lies beside it.

    The data in docs/ are compared with new ones by the tests, those in docs/studies are not.
    """
    found = [home / f"{study}.h5" for home in _HOMES]
    return next((path for path in found if path.is_file()), found[-1])


def written_into(page: Path, name: str, text: str) -> str:
    """Return a page with a text between its marks `<!-- NAME -->` and `<!-- end of NAME -->`.

    Raises
    ------
    ValueError
        If the page does not have these marks once.
    """
    place = re.compile(rf"(<!-- {name} -->\n).*(<!-- end of {name} -->)", re.DOTALL)
    found, times = place.subn(
        lambda marks: f"{marks[1]}{text.rstrip()}\n{marks[2]}", page.read_text(encoding="utf-8")
    )
    if times != 1:
        raise ValueError(f"{page} must have one place for `{name}`, but has {times}.")
    return found


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of a page; a bar in a cell is escaped."""
    cells = [[cell.replace("|", r"\|") for cell in line] for line in (head, *rows)]
    lines = [f"| {' | '.join(line)} |" for line in cells]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])
