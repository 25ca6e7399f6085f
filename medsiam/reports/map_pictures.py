"""The part of the page that shows where the similarity to each match comes from."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

from medsiam.comparison.result import Comparison


def map_pictures(comparison: Comparison, maps: Mapping[str, Sequence[bytes]]) -> str:
    """HTML of the similarity maps of the matches, nothing where there are none.

    Args:
        comparison: whose matches they belong to.
        maps: case_id -> pictures (PNG) as `overlay_png` draws them.
    """
    shown = "".join(
        f"<h3>{match.rank}. {escape(match.case_id)}, {escape(match.condition)}</h3>"
        f"<div class='maps'>{''.join(map(_picture, maps[match.case_id]))}</div>\n"
        for match in comparison.matches
        if maps.get(match.case_id)
    )
    if not shown:
        return ""
    return (
        "<h2>Where the similarity comes from</h2>\n<p class='soft small'>Where the encoder finds "
        "these two scans alike, by cosine similarity, whatever metric ranks them; what exactly is "
        "explained stands below each picture. Not where a disease is.</p>\n"
        f"{shown}"
    )


def _picture(png: bytes) -> str:
    source = "data:image/png;base64," + b64encode(png).decode("ascii")
    return f"<img alt='similarity map over its scan' src='{source}'>"
