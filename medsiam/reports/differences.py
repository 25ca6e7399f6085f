"""Query and case side by side: what was acquired how, and where they differ, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medsiam.comparison.result import QueryFacts

if TYPE_CHECKING:
    from medsiam.bank import Case

UNKNOWN = "not known"
_ALIKE = 1.1  # ratios of spacings and extents below this are not worth a word


@dataclass(frozen=True)
class FactPair:
    """One fact of both.

    Attributes:
        name: of the fact.
        query, case: its values in words.
        difference: a sentence; None where they agree or where one is not known.
    """

    name: str
    query: str
    case: str
    difference: str | None = None


def fact_pairs(
    query: QueryFacts, case: Case, *, scanner: str | None = None
) -> tuple[FactPair, ...]:
    """Compare how query and case were acquired.

    Args:
        query: of a comparison.
        case: one of its matches.
        scanner: of the query, as its header says.
    """
    return (
        _names("modality", query.modality, case.modality, "pictures of another modality"),
        _names("body part", query.body_part, case.body_part, "another part of the body"),
        _in_plane(query.spacing, case.spacing),
        *_between_slices(query.spacing, case.spacing),
        _names(
            "scanner",
            scanner,
            case.scanner,
            "another scanner: part of the distance may come from the machine",
        ),
    )


def _names(name: str, query: str | None, case: str | None, words: str) -> FactPair:
    differs = query is not None and case is not None and query.lower() != case.lower()
    return FactPair(name, query or UNKNOWN, case or UNKNOWN, words if differs else None)


def _in_plane(query: tuple[float, ...] | None, case: tuple[float, ...] | None) -> FactPair:
    said = [UNKNOWN if one is None else f"{one[0]:.3g} x {one[1]:.3g} mm" for one in (query, case)]
    words = None
    if query is not None and case is not None:
        words = _ratio(max(case[:2]) / max(query[:2]), "pixels of the case are {} times {}")
    return FactPair("pixel spacing", said[0], said[1], words)


def _between_slices(
    query: tuple[float, ...] | None, case: tuple[float, ...] | None
) -> tuple[FactPair, ...]:
    if len(query or case or ()) < 3:
        return ()
    said = [UNKNOWN if one is None else f"{one[2]:.3g} mm" for one in (query, case)]
    words = None
    if query is not None and case is not None:
        words = _ratio(case[2] / query[2], "slices of the case lie {} times {}", "closer together")
    return (FactPair("between slices", said[0], said[1], words),)


def _ratio(ratio: float, words: str, less: str = "smaller") -> str | None:
    if 1 / _ALIKE < ratio < _ALIKE:
        return None
    more = "larger" if less == "smaller" else "farther apart"
    return words.format(f"{max(ratio, 1 / ratio):.2g}", more if ratio > 1 else less)
