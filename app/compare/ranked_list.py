"""The answer in words, the ranked conditions with their distances, and how far matches agree."""

from __future__ import annotations

from collections import Counter

from medsiam import Comparison, ConditionRank
from medsiam.comparison import probability_words
from shell.plain_text import in_html

_SHOWN = 6  # conditions; the rest folds away
_FEW = 3  # patients
_SIGNS = {"nearest": "&#9679;", "none of these": "&#9675;", "out of scope": "&#9888;"}


def verdict_html(comparison: Comparison) -> str:
    """The header of the page: the outcome, its sentence, and what must be known besides."""
    verdict = comparison.verdict
    kind = verdict.outcome.replace(" ", "-")
    # Phases often share a warning.
    said = dict.fromkeys(comparison.query.warnings)
    warnings = "".join(f"<li>{in_html(text[:1].upper() + text[1:])}</li>" for text in said)
    return (
        f'<section class="verdict {kind}" aria-label="Verdict">'
        f"<h2>{_SIGNS.get(verdict.outcome, '?')} {in_html(verdict.text)}</h2>"
        f"{f'<ul>{warnings}</ul>' if warnings else ''}{_notes(comparison.notes)}</section>"
    )


def _notes(notes: tuple[str, ...]) -> str:
    """One note as it is; more of them fold away behind the first, which leaves room to look."""
    if not notes:
        return ""
    if len(notes) == 1:
        return f"<ul><li>{in_html(notes[0])}</li></ul>"
    items = "".join(f"<li>{in_html(note)}</li>" for note in notes[1:])
    more = f"{len(notes) - 1} more to know"
    return (
        f"<details><summary>{in_html(notes[0])} <u>{more}</u></summary><ul>{items}</ul></details>"
    )


def conditions_html(comparison: Comparison) -> str:
    """Conditions as a list: name, distance as number and bar, and the evidence for each."""
    limit, source = comparison.verdict.threshold, in_html(comparison.verdict.threshold_source)
    longest = (
        max([entry.judged_distance for entry in comparison.conditions] + [limit or 0.0]) or 1.0
    )
    scale = 100 / (longest * 1.05)
    rows = [_condition(entry, limit, scale) for entry in comparison.conditions]
    more = "".join(rows[_SHOWN:])
    if more:
        more = f"<details><summary>{len(rows) - _SHOWN} more</summary><ol>{more}</ol></details>"
    said = f"no limit is known: {source}"
    if limit is not None:
        name = f'<abbr title="{source}">limit {distance_words(limit)}</abbr>'
        said = f"{name} (upright mark): beyond it, none of these"
    return (
        '<section class="conditions" aria-label="Ranked conditions">'
        f'<ol>{"".join(rows[:_SHOWN])}</ol>{more}<p class="limit">{said}</p></section>'
    )


def _condition(entry: ConditionRank, limit: float | None, scale: float) -> str:
    judged = entry.judged_distance
    beyond = limit is not None and judged > limit
    which = "" if entry.combined_distance is None else "combined "
    distance = f"{which}{distance_words(judged)}" + (" beyond the limit" if beyond else "")
    if entry.probability is not None:
        distance = (
            f"probability {in_html(probability_words(entry.probability))} &middot; {distance}"
        )
    width = f"width:{judged * scale:.1f}%"
    tick = f'<i class="tick" style="left:{limit * scale:.1f}%"></i>' if limit else ""
    patients = "1 patient" if entry.n_patients == 1 else f"{entry.n_patients} patients"
    return (
        f'<li><div class="line"><b>{entry.rank}. {in_html(entry.condition)}</b>'
        f"<span>{distance}</span></div>"
        f'<div class="bar" aria-hidden="true"><i class="{"far" if beyond else "near"}" '
        f'style="{width}"></i>{tick}</div>'
        f"<small>{patients} &middot; {entry.votes:.0%} of the votes &middot; "
        f"nearest case {in_html(entry.nearest_case_id)}</small></li>"
    )


def agreement_html(comparison: Comparison) -> str:
    """How far the nearest patients agree, as one chip per condition; they add up to all listed."""
    counts = Counter(match.condition for match in comparison.matches)
    n = len(comparison.matches)
    chips = "".join(
        f"<li><b>{count} of {n}</b> {in_html(name)}</li>" for name, count in counts.most_common()
    )
    few = [entry for entry in comparison.conditions if entry.n_patients < _FEW]
    named = {match.condition for match in comparison.matches}
    weak = [in_html(entry.condition) for entry in few if entry.condition in named]
    warning = (
        f"<p>Fewer than {_FEW} patients: {', '.join(weak)}. Weak evidence.</p>" if weak else ""
    )
    return (
        '<section class="agreement" aria-label="Agreement of the nearest patients">'
        f"<ul>{chips}</ul>{warning}</section>"
    )


def distance_words(distance: float) -> str:
    """Three digits that count: distances of some encoders are all below 0.01."""
    return f"{distance:.0f}" if distance >= 100 else f"{distance:#.3g}"
