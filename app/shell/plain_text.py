"""Words from banks and files, shown as they are and never as markup.

A condition called `![](http://...)` must not make the browser fetch anything.
"""

from __future__ import annotations

import html
import re

_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def in_markdown(text: object) -> str:
    """Return the text with every mark of Markdown escaped, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(str(text).split()))


def in_html(text: object) -> str:
    """Return the text with every mark of HTML escaped, for content and quoted attributes."""
    return html.escape(str(text), quote=True)
