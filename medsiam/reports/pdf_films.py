"""Pictures for the PDF page: of the query and its nearest cases, few enough for one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from medsiam.bank.case import Case
from medsiam.comparison.result import Comparison
from medsiam.reports.filmstrip import common_window, filmstrip, frames_for
from medsiam.reports.planes import main_axis, plane_of
from medsiam.scans.scan import Scan

MOST_PICTURED = 4  # cases
_MOST_FRAMES = 3  # of a volume


@dataclass(frozen=True)
class Film:
    """Pictures of one case, to be shown below each other.

    Attributes:
        title: above them.
        frames: PNG and caption of each; none where the bank keeps no scan of the case.
    """

    title: str
    frames: tuple[tuple[bytes, str], ...]


def films(
    comparison: Comparison,
    query_scans: Sequence[Scan],
    cases: Mapping[str, Case],
    kept_scans: Callable[[str], Sequence[Scan]],
) -> tuple[Film, ...]:
    """The query and its nearest cases: of one volume three slices, of several scans one each.

    Args:
        comparison: of the query with the bank.
        query_scans: in phase order.
        cases: case_id -> what the bank knows of it.
        kept_scans: gives the scans of a case in phase order; asked for one case at a time.
    """
    phases = next((case.phases for case in cases.values()), ("",))
    query = Film("Query", _frames(query_scans, query_scans, phases))
    return (
        query,
        *(
            Film(
                f"{match.rank}. {match.condition}",
                _frames(query_scans, kept_scans(match.case_id), phases),
            )
            for match in comparison.matches[:MOST_PICTURED]
        ),
    )


def _frames(
    query_scans: Sequence[Scan], scans: Sequence[Scan], phases: Sequence[str]
) -> tuple[tuple[bytes, str], ...]:
    n_frames = min(_MOST_FRAMES, frames_for(query_scans)) if len(query_scans) == 1 else 1
    plane = plane_of(query_scans[0], main_axis(query_scans[0])).name
    frames = []
    for position, (asked, scan) in enumerate(zip(query_scans, scans, strict=False)):
        window = common_window(asked, scan)
        strip = filmstrip(scan, n_frames=n_frames, plane=plane, window=window)
        view = f"{strip.plane}, {strip.letters[0]} on the left" if strip.letters else ""
        phase = phases[position] if position < len(phases) else ""
        for png, place in zip(strip.frames, strip.places, strict=True):
            frames.append((png, ", ".join(text for text in (phase, view, place) if text)))
    return tuple(frames)
