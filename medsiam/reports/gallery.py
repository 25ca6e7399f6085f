"""The part of the page where the query's slices lie beside those of each match."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from medsiam.bank.case import Case
from medsiam.comparison.digits import decimals_for, probability_words
from medsiam.comparison.result import Comparison, Match
from medsiam.reports.filmstrip import Filmstrip, common_window, filmstrip, frames_for
from medsiam.reports.pictures import display_window
from medsiam.reports.planes import main_axis, plane_of
from medsiam.scans.scan import Scan

_FROM_TO = {
    "axial": "feet to head",
    "coronal": "front to back",
    "sagittal": "right to left",
    "as stored": "as stored",
}


def gallery(
    comparison: Comparison,
    query_scans: Sequence[Scan],
    cases: Mapping[str, Case],
    *,
    kept_scans: Callable[[str], Sequence[Scan]],
) -> str:
    """HTML of the query and its matches, stepped through together.

    Args:
        comparison: what to show.
        query_scans: in phase order.
        cases: case_id -> what the bank knows of it.
        kept_scans: gives the scans of a case in phase order, none where they are not kept; asked
            for one case at a time, so that one is in memory at a time.
    """
    n_frames = frames_for(query_scans)
    plane = plane_of(query_scans[0], main_axis(query_scans[0])).name
    phases = next((case.phases for case in cases.values()), ("",))

    def films(scans: Sequence[Scan]) -> str:
        strips = [
            filmstrip(scan, n_frames=n_frames, plane=plane, window=common_window(query, scan))
            for query, scan in zip(query_scans, scans, strict=False)
        ]
        return _films(strips, phases)

    digits = decimals_for([match.distance for match in comparison.matches])
    # A limit on the combined distance says nothing about a single case.
    judged = comparison.verdict.measure == "nearest distance"
    limit = comparison.verdict.threshold if judged else None
    cards = "".join(
        _card(match, cases.get(match.case_id), films(kept_scans(match.case_id)), limit, digits)
        for match in comparison.matches
    )
    return (
        "<h2>The query beside its nearest cases</h2>\n<p class='soft small'>"
        f"{escape(_how_shown(query_scans, cases.values()))}</p>\n{_slider(n_frames, plane)}"
        "<div class='beside'><div class='query'><article class='card'><header><h3>Query</h3>"
        f"</header>{films(query_scans)}</article></div>\n<div class='cards'>{cards}</div></div>\n"
    )


def picks(n_frames: int) -> str:
    """The hidden radio buttons that choose the frame: stepped through without any script."""
    if n_frames == 1:
        return ""
    middle = (n_frames + 1) // 2
    buttons = (
        f"<input class='pick' type='radio' name='frame' id='f{i}' aria-label='slice position {i}'"
        f"{' checked' if i == middle else ''}>"
        for i in range(1, n_frames + 1)
    )
    return "".join(buttons) + "\n"


def pick_rules(n_frames: int) -> str:
    """The style rules that let a chosen button show its frame everywhere."""
    return "".join(
        f"#f{i}:checked ~ main .film .frame:nth-child({i}) {{ display: block; }}\n"
        f"#f{i}:checked ~ main .slider label[for=f{i}] "
        "{ background: var(--tone); color: var(--ground); }\n"
        f"#f{i}:focus-visible ~ main .slider label[for=f{i}] "
        "{ outline: 2px solid var(--text); }\n"
        for i in range(1, n_frames + 1)
        if n_frames > 1
    )


def _slider(n_frames: int, plane: str) -> str:
    if n_frames == 1:
        return ""
    labels = "".join(f"<label for='f{i}'>{i}</label>" for i in range(1, n_frames + 1))
    return (
        f"<div class='slider'><span>Slices, {_FROM_TO[plane]}:</span>{labels}"
        "<span>moves all scans to the same fraction of their depth</span></div>\n"
    )


def _how_shown(query_scans: Sequence[Scan], cases: Iterable[Case]) -> str:
    own = "from its own 1st percentile (black) to its 99th (white)"
    if query_scans[0].n_channels > 1:
        window = "Colours as stored."
    elif query_scans[0].modality == "CT":
        center, width = display_window(query_scans[0])
        window = f"CT in the query's window: centre {center:.0f} HU, width {width:.0f} HU."
        if any(case.modality != "CT" for case in cases):
            window += f" Any other scan {own}."
    else:
        window = f"Each scan {own}."
    return f"{window} A picture without letters has an unknown orientation."


def _films(strips: Sequence[Filmstrip], phases: Sequence[str]) -> str:
    if not strips:
        return "<div class='missing'>No pictures of this case are kept in the bank.</div>"
    films = []
    for position, strip in enumerate(strips):
        phase = phases[position] if position < len(phases) else ""
        title = f"<p class='phase'>{escape(phase)}</p>" if phase else ""
        films.append(title + _film(strip))
    return "".join(films)


def _film(strip: Filmstrip) -> str:
    frames = []
    for png, place in zip(strip.frames, strip.places, strict=True):
        caption = ", ".join(part for part in (_view(strip), place) if part)
        below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
        source = "data:image/png;base64," + b64encode(png).decode("ascii")
        frames.append(
            f"<figure class='frame'><img alt='{escape(caption) or 'the image'}' src='{source}'>"
            f"{below}</figure>"
        )
    edges = ""
    if strip.letters is not None:
        sides = zip(("left", "right", "top", "bottom"), strip.letters, strict=True)
        edges = "".join(f"<span class='edge {side}'>{letter}</span>" for side, letter in sides)
    single = " single" if len(frames) == 1 else ""
    return f"<div class='film{single}'>{''.join(frames)}{edges}</div>"


def _view(strip: Filmstrip) -> str:
    if strip.letters is None:
        return ""
    return f"{strip.plane}, {strip.letters[0]} on the left"


def _card(match: Match, case: Case | None, films: str, limit: float | None, digits: int) -> str:
    beyond = ""
    if limit is not None and match.distance > limit:
        beyond = "<span class='beyond'>beyond the bank's limit</span>"
    return (
        f"<article class='card'><header><span class='rank'>{match.rank}</span>"
        f"<h3>{escape(match.condition)}</h3>"
        f"<span class='distance'>{match.distance:.{digits}f}</span></header>"
        f"{beyond}{films}<dl>{_facts(match, case)}</dl></article>\n"
    )


def _facts(match: Match, case: Case | None) -> str:
    facts: list[tuple[str, str | None]] = [("case", match.case_id)]
    facts.append(("patient", match.patient or "not named"))
    if match.n_further_cases:
        facts.append(("of this patient", f"{match.n_further_cases} more in the bank, not nearer"))
    if match.probability is not None:
        facts.append(("same condition", f"probability {probability_words(match.probability)}"))
    if case is not None:
        spacing = " x ".join(f"{mm:.3g}" for mm in case.spacing or ())
        facts += [
            ("proof", case.proof),
            ("source", case.source),
            ("licence", case.licence),
            ("modality", case.modality),
            ("spacing", f"{spacing} mm" if spacing else None),
            ("notes", case.notes),
        ]
    return "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts if value)
