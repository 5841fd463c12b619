"""The gallery: a page with an entry for every study, made from the studies and from their data.

`python -m runs._gallery PAGE` writes it into the page.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py

from impo.cli import study
from impo.results.store import load
from runs._pages import ROOT, kept, written_into


def entries() -> str:
    """Return all entries, one heading each, in the order of the alphabet."""
    return "\n\n".join("\n\n".join(_entry(name, one)) for name, one in study.studies().items())


def _entry(name: str, module: ModuleType) -> Iterator[str]:
    """Yield the parts of an entry: what it shows, picture, command and cost, what is open."""
    first, _, rest = (module.__doc__ or "").strip().partition("\n\n")
    yield f"## {name}"
    yield f"**{first}**"
    yield from (_plain(part) for part in rest.split("\n\n") if not part.startswith("`python"))
    data = kept(name)
    picture = data.with_suffix(".png").relative_to(ROOT / "docs").as_posix()
    yield f"![{first}]({picture})"
    cost = ", ".join(f"{form} {time}" for form, time in module.COST.items())
    yield f"    impo run {name} --quick"
    yield f"Cost: {cost}. {_open(data)}"


def _open(path: Path) -> str:
    """Return of which form the picture is, what it took, and what in its data is not converged."""
    data = load(path)
    with h5py.File(path) as file:
        made = str(file.attrs["created"])[:10]
    form = "quick" if data.attributes["quick"] else "full"
    told = f"The picture is the {form} form of {made}{_cost(data.attributes)}"
    if not data.verdicts:
        return f"{told}. {data.attributes.get('conclusion', 'Its data have no verdicts')}."
    return f"{told}; {data.unconverged} of {data.verdicts} results in it are not converged."


def _cost(told: Mapping[str, Any]) -> str:
    """Return from which commit the data are, and what they took, as far as the file tells it."""
    commit = f" (commit {told['commit']})" if "commit" in told else ""
    took = [f"{told['cpu_seconds']:.0f} CPU seconds"] if "cpu_seconds" in told else []
    took += [f"{told['memory_GB']:.1f} GB"] if "memory_GB" in told else []
    return commit + (f", which took {' and '.join(took)}" if took else "")


def _plain(text: str) -> str:
    """Return a paragraph of a docstring as one of a page, where < would begin a tag."""
    return " ".join(text.split()).replace("<", "&lt;")


def main(page: str) -> None:
    """Write the gallery into a page."""
    path = Path(page)
    path.write_text(written_into(path, "gallery", entries()), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
