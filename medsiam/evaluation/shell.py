"""What every page of this stage is made of: one file, no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from medsiam.comparison.result import RESEARCH_USE

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def self_contained(kind: str, name: str, body: str) -> str:
    """A whole page around its body, with the research-use rule above and below.

    Args:
        kind: "evaluation" or "audit".
        name: what it is of, as plain text.
        body: HTML.
    """
    style = files("medsiam.evaluation").joinpath("page.css").read_text("utf-8")
    rule = escape(RESEARCH_USE)
    return (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"<title>medsiam {kind}: {escape(name)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<p class='rule'>medsiam {kind}. {rule}</p>\n<main>\n{body}</main>\n"
        f"<footer class='rule'>{rule}</footer>\n</body>\n</html>\n"
    )


def bullet_list(texts: Sequence[str]) -> str:
    """What a reader must know first; nothing where there is nothing to say."""
    if not texts:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul class='notes'>{items}</ul>\n"


def figure_grid(figures: Iterable[tuple[str, str, str]]) -> str:
    """Plots beside each other.

    Args:
        figures: title (HTML), SVG and caption (plain text) of each.
    """
    shown = "".join(
        f"<figure class='plot'><h3>{title}</h3>{svg}<figcaption>{escape(words)}</figcaption>"
        "</figure>\n"
        for title, svg, words in figures
    )
    return f"<div class='plots'>{shown}</div>\n"
