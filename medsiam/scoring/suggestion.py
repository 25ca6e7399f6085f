"""Of several series, the one that a bank is most likely to be asked about, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medsiam.bank import Case, ReferenceBank
from medsiam.comparison import check_scope
from medsiam.scans import ScanSource
from medsiam.scoring.scope import why_not

_PARTIAL = {"one_of_several", "fewer_slices", "split_series"}


@dataclass(frozen=True)
class Suggestion:
    """One of several sources.

    Attributes:
        place: its index among those that were asked about.
        reason: what speaks for it, one sentence for the reader.
    """

    place: int
    reason: str


def suggest(sources: Sequence[ScanSource], bank: ReferenceBank) -> Suggestion | None:
    """Return the source that fits the bank best, as far as headers tell.

    In this order: a modality and body part that the bank holds, no localizer, a whole series and
    no part of one, most pictures, first come.

    Returns:
        None where nothing can be compared, or nothing speaks for one more than for another.
    """
    cases = bank.cases
    fitting = [
        place
        for place, source in enumerate(sources)
        if (reason := why_not(source, bank)) is None or reason[0] == "needs_several_scans"
    ]
    if not fitting:
        return None
    ranks = {place: _rank(sources[place], cases) for place in fitting}
    best = max(fitting, key=lambda place: (ranks[place], -place))
    others = [ranks[place] for place in fitting if place != best]
    if others and max(others) == ranks[best]:
        return None
    return Suggestion(best, _reason(sources[best], ranks[best], others, len(sources)))


_Rank = tuple[int, int, int, int, int]


def _rank(source: ScanSource, cases: Sequence[Case]) -> _Rank:
    scope = check_scope([source.modality], [source.body_part], cases)
    partial = any(said.code in _PARTIAL for said in source.warnings)
    return (
        int(scope.fault is None),
        int(not source.is_localizer),
        int(not scope.notes),
        int(not partial),
        max(source.frames, len(source.files)),
    )


def _reason(source: ScanSource, rank: _Rank, others: Sequence[_Rank], n: int) -> str:
    """Name only what tells it from the others."""
    if not others:
        return "the only one that this bank can compare" if n > 1 else "there is no other"
    said = []
    in_scope, no_localizer, no_doubt, whole, pictures = rank
    if in_scope and no_doubt and any(other[0] + other[2] < 2 for other in others):
        said.append(f"{source.modality or 'its kind'} as in this bank")
    if no_localizer and any(not other[1] for other in others):
        said.append("no localizer")
    if whole and any(not other[3] for other in others):
        said.append("a whole series")
    if pictures > max(other[4] for other in others):
        said.append(f"{pictures} pictures, more than any other")
    return ", ".join(said)
