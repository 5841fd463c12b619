"""What MkDocs does to pages that it would otherwise read differently from a Git host."""

import re
from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page whose blocks of slow Python, `python slow`, are blocks of Python."""
    return re.sub(r"^```python slow$", "```python", markdown, flags=re.MULTILINE)
