"""The page to look at in the morning: what became of a folder. It names no file and no patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from medsiam.comparison.result import RESEARCH_USE
from medsiam.scoring.part import Part
from medsiam.scoring.run_state import RunState
from medsiam.writing import write_atomically

SUMMARY = "summary.html"
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_MOST_LINES = 500
_WIDTH, _HEIGHT = 720, 200
_MOST_BINS = 30
_TONES = {
    "nearest": "#62c2b5",
    "none of these": "#e0a95b",
    "out of scope": "#e0796a",
    "undecided": "#8fa8d8",
}


def write_summary(
    state: RunState, parts: Sequence[Part], n_files: int, out: Path, *, with_pages: bool
) -> None:
    """Write `summary.html`, whole or not at all.

    Args:
        state: of the run.
        parts: of all its series.
        n_files: in the manifest.
        out: where to.
        with_pages: whether scored series have a page each, to link to.

    Raises:
        OutputError: where it cannot be written.
    """
    html = summary_page(state, parts, n_files, with_pages=with_pages)
    write_atomically(out / SUMMARY, html.encode("utf-8", "xmlcharrefreplace"))


def summary_page(
    state: RunState, parts: Sequence[Part], n_files: int, *, with_pages: bool = False
) -> str:
    """The HTML of `write_summary`."""
    style = files("medsiam.reports").joinpath("page.css").read_text("utf-8")
    rule = escape(RESEARCH_USE)
    scored = [part for part in parts if part.outcome == "scored"]
    body = (
        _head(state, parts, n_files)
        + _distances(scored)
        + _none_of_these(scored, with_pages=with_pages)
        + _failed(parts)
        + _skipped(parts)
    )
    return (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"<title>medsiam: summary of a run</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body class='undecided'>\n<p class='rule'>medsiam score. {rule}</p>\n<main>\n{body}"
        f"</main>\n<footer class='rule'>{rule}</footer>\n</body>\n</html>\n"
    )


def _head(state: RunState, parts: Sequence[Part], n_files: int) -> str:
    by_outcome = Counter(part.outcome for part in parts)
    by_verdict = Counter(part.verdict for part in parts if part.verdict)
    said = ", ".join(f"{by_outcome[word]} {word}" for word in ("scored", "skipped", "failed"))
    facts: dict[str, Any] = {
        "files in the manifest": n_files,
        **{f"verdict: {name}": by_verdict[name] for name in _TONES},
        "bank": f"{state.bank_name}, version {state.bank_version}",
        "encoder": state.encoder_fingerprint[:12],
        "begun (UTC)": _minute(state.started),
        "finished (UTC)": _minute(state.finished or "-"),
        "medsiam": state.medsiam_version,
    }
    if state.shard is not None:
        facts["shard"] = state.shard
    listed = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in facts.items()
    )
    return (
        "<section class='verdict'><div class='kind'>Summary of a run</div>"
        f"<h1>{len(parts)} series: {said}</h1><p>A series goes by a name that says nothing about "
        "whose it is; manifest.csv says which files it stands for.</p></section>\n"
        f"<dl class='facts'>{listed}</dl>\n"
    )


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _distances(scored: Sequence[Part]) -> str:
    """A histogram of what verdicts hang on, stacked by verdict, with the limit where it is one."""
    rows = [part.rows[0] for part in scored if _judged(part.rows[0]) is not None]
    title = "<h2>Distances</h2>\n"
    if not rows:
        return f"{title}<p>No series was compared.</p>\n"
    values = np.array([_judged(row) for row in rows], dtype=np.float64)
    n_bins = int(np.clip(np.sqrt(len(values)) * 2, 5, _MOST_BINS))
    edges = np.histogram_bin_edges(values, bins=n_bins)
    counts = {
        verdict: np.histogram(values[[row["verdict"] == verdict for row in rows]], edges)[0]
        for verdict in _TONES
    }
    tallest = max(int(sum(counts.values()).max()), 1)  # type: ignore[union-attr]
    low, high = float(edges[0]), float(edges[-1])
    limits = {row["threshold"] for row in rows}
    limit = limits.pop() if len(limits) == 1 else None
    line = ""
    if limit is not None and low <= limit <= high:
        x = _WIDTH * (limit - low) / (high - low)
        line = (
            f"<line x1='{x:.1f}' x2='{x:.1f}' y1='0' y2='{_HEIGHT}' stroke='#a9b4bf' "
            f"stroke-dasharray='6 4' stroke-width='2'><title>limit {limit:.3f}</title></line>"
        )
    said = "no single limit is known" if limit is None else f"the limit is {limit:.3f}"
    legend = ", ".join(
        f"<span style='color:{tone}'>&#9632;</span> {verdict}"
        for verdict, tone in _TONES.items()
        if counts[verdict].any()
    )
    return (
        f"{title}<svg viewBox='-4 -4 {_WIDTH + 8} {_HEIGHT + 30}' width='{_WIDTH}' role='img' "
        "aria-label='Histogram of the distances that verdicts hang on' font-size='12' "
        f"fill='#a9b4bf'>{_bars(counts, tallest)}{line}"
        f"<line x1='0' x2='{_WIDTH}' y1='{_HEIGHT}' y2='{_HEIGHT}' stroke='#7d8894'/>"
        f"<text x='0' y='{_HEIGHT + 18}'>{low:.3f}</text>"
        f"<text x='{_WIDTH}' y='{_HEIGHT + 18}' text-anchor='end'>{high:.3f}</text></svg>\n"
        f"<p class='legend'>The distance that the verdict hangs on, of {len(rows)} series (lower = "
        f"closer); the highest bar stands for {tallest}; {said}. {legend}</p>\n"
    )


def _judged(row: Mapping[str, Any]) -> float | None:
    value = row["distance"] if row["verdict_distance"] is None else row["verdict_distance"]
    return None if value is None else float(value)


def _bars(counts: Mapping[str, Any], tallest: int) -> str:
    width = _WIDTH / len(next(iter(counts.values())))
    bars = []
    for place in range(len(next(iter(counts.values())))):
        top = float(_HEIGHT)
        for verdict, tone in _TONES.items():
            n = int(counts[verdict][place])
            if n:
                height = _HEIGHT * n / tallest
                top -= height
                bars.append(
                    f"<rect x='{place * width + 1:.1f}' y='{top:.1f}' width='{width - 2:.1f}' "
                    f"height='{height:.1f}' fill='{tone}'><title>{n} {verdict}</title></rect>"
                )
    return "".join(bars)


def _none_of_these(scored: Sequence[Part], *, with_pages: bool) -> str:
    found = [part for part in scored if part.verdict == "none of these"]
    found.sort(key=lambda part: -(_judged(part.rows[0]) or 0.0))
    rows = []
    for part in found:
        row = part.rows[0]
        name = f"<code>{escape(part.series)}</code>"
        if with_pages:
            name = f"<a href='reports/{escape(part.series)}.html'>{name}</a>"
        near = f"{row['condition']} ({row['case_id']})"
        numbers = (_judged(row), row["threshold"])
        shown = ("-" if value is None else f"{value:.3f}" for value in numbers)
        rows.append((name, *shown, escape(near)))
    head = ("series", "distance", "limit", "nearest all the same")
    return _table("None of these", "Nothing in the bank lies near enough.", head, rows)


def _failed(parts: Sequence[Part]) -> str:
    rows = [
        (f"<code>{part.series}</code>", escape(part.code or ""), escape(part.message or ""))
        for part in parts
        if part.outcome == "failed"
    ]
    said = "These should have been compared and could not be."
    return _table("Failed", said, ("series", "code", "why, and what to do"), rows)


def _skipped(parts: Sequence[Part]) -> str:
    reasons = Counter(
        (part.code or "", part.message or "") for part in parts if part.outcome == "skipped"
    )
    rows = [(str(n), escape(code), escape(message)) for (code, message), n in reasons.most_common()]
    said = "Nothing is wrong with these; this bank cannot be asked about them."
    return _table("Skipped", said, ("series", "code", "why"), rows, n=reasons.total())


def _table(
    title: str,
    said: str,
    head: Iterable[str],
    rows: Sequence[tuple[str, ...]],
    *,
    n: int | None = None,
) -> str:
    """A table of `n` series, one per row unless said; cells are HTML already, the rest is cut."""
    if not rows:
        return f"<h2>{title}</h2>\n<p>There is none.</p>\n"
    named = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n"
        for row in rows[:_MOST_LINES]
    )
    more = len(rows) - _MOST_LINES
    rest = f"<p class='legend'>{more} more are in results.csv.</p>\n" if more > 0 else ""
    return (
        f"<h2>{title} ({n or len(rows)})</h2>\n<p>{said}</p>\n"
        f"<table class='small'><thead><tr>{named}"
        f"</tr></thead>\n<tbody>{body}</tbody></table>\n{rest}"
    )
