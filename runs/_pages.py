"""Parts of pages of docs/ that are generated: they stand between two marks, `<!-- NAME -->`."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path


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
