"""What MkDocs does beyond its settings: pages of tutorials, and blocks that it would not know.

A tutorial is a script in `docs/tutorials/`, in the percent format of notebooks: its docstring and
the comments below `# %% [markdown]` are text, all else is Python.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_TEXT = "# %% [markdown]\n"


def page_of(script: str) -> str:
    """Return a script in the percent format as a page."""
    docstring, _, rest = script.partition('"""')[2].partition('"""\n')
    parts = [docstring.strip()]
    first, *others = rest.split(_TEXT)
    parts.append(_block(first))
    for part in others:
        lines = part.splitlines()
        end = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
        parts.append("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[:end]))
        parts.append(_block("\n".join(lines[end:])))
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(code: str) -> str:
    """Return Python as a block of a page; nothing if there is none."""
    return f"```python\n{code.strip()}\n```" if code.strip() else ""


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add a page for every tutorial."""
    for path in sorted((Path(config.docs_dir) / "tutorials").glob("*.py")):
        page = page_of(path.read_text(encoding="utf-8"))
        files.append(File.generated(config, f"tutorials/{path.stem}.md", content=page))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page whose blocks of slow Python, `python slow`, are blocks of Python."""
    return re.sub(r"^```python slow$", "```python", markdown, flags=re.MULTILINE)
