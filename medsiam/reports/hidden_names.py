"""A comparison without the names of its files: what is passed on must not name the patient."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from medsiam.comparison.result import Comparison

_SHORT = 12  # hexadecimal digits: enough to tell studies apart by eye
_SHORTEST_HIDDEN = 3  # as for patients: "p1" cannot be told from an ordinary word
_HIDDEN = "[file]"


def study_name(content_hashes: Sequence[str]) -> str:
    """The study by the first digits of its content, which name nobody: fit for a file name."""
    return "-".join(one[:_SHORT] for one in content_hashes)


def nameless(comparison: Comparison) -> Comparison:
    """Return the comparison with its query named by content alone.

    Files and folders are often named after the patient: their paths go, and where a sentence
    quotes one of their names, that name is blotted out.
    """
    query = comparison.query
    names = _names(query.sources)
    hidden = replace(
        query,
        sources=(),
        name=f"study {study_name(query.content_hashes)}",
        warnings=tuple(_hide(text, names) for text in query.warnings),
    )
    notes = tuple(_hide(text, names) for text in comparison.notes)
    return replace(comparison, query=hidden, notes=notes)


def _names(sources: Iterable[str]) -> list[str]:
    """The parts of all paths, whole and without their endings, longest first."""
    parts = {part for source in sources for part in Path(source).parts}
    parts |= {part.split(".")[0] for part in parts} | {Path(part).stem for part in parts}
    parts |= set(sources)
    return sorted((p for p in parts if len(p) >= _SHORTEST_HIDDEN), key=len, reverse=True)


def _hide(text: str, names: Sequence[str]) -> str:
    for name in names:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", _HIDDEN, text)
    return text
