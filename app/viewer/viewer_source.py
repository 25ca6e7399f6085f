"""The viewer's JavaScript as one module: Streamlit loads a component from one text.

The files beside this one are plain modules that a browser can also load by themselves.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
# A file uses only what stands before it. (`* as name` cannot be joined; see `_joined`.)
ORDER = ("geometry", "grey", "slices", "volumes", "cell", "toolbar", "gestures", "viewer")
_IMPORT = re.compile(r'^import (.+?) from "\./(\w+)\.js";\n', re.MULTILINE | re.DOTALL)
_EXPORTED = re.compile(r"^export (?:async )?(?:const|function|class) (\w+)", re.MULTILINE)


@cache
def javascript() -> str:
    """Return all files in one, without the imports between them."""
    return "\n".join(_joined((_HERE / f"{name}.js").read_text(encoding="utf-8")) for name in ORDER)


@cache
def stylesheet() -> str:
    """Return the looks."""
    return (_HERE / "viewer.css").read_text(encoding="utf-8")


def _joined(text: str) -> str:
    """Drop the imports; what was imported as a whole becomes an object of that file's names."""

    def instead(found: re.Match[str]) -> str:
        names, source = found.groups()
        if not names.startswith("* as "):
            return ""
        known = _EXPORTED.findall((_HERE / f"{source}.js").read_text(encoding="utf-8"))
        return f"const {names.removeprefix('* as ')} = {{ {', '.join(known)} }};\n"

    return _IMPORT.sub(instead, text)
