"""Whether the query is the kind of scan that the bank holds, as far as the headers tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medsiam.bank.case import Case

# DICOM PS3.3 C.7.3.1.1.1: computed, digital and film radiography give the same kind of picture.
_RADIOGRAPHS = frozenset({"CR", "DX", "RG"})


@dataclass(frozen=True)
class Scope:
    """What the headers say about query and bank together.

    Attributes:
        fault: one sentence where the query is out of scope, else None.
        notes: what could not be checked, or looks odd without being decisive.
    """

    fault: str | None
    notes: tuple[str, ...] = ()


def check_scope(
    modalities: Sequence[str | None], body_parts: Sequence[str | None], cases: Iterable[Case]
) -> Scope:
    """Compare modality and body part of the query's scans with the bank's cases.

    Only what both sides state decides: where the query or any case does not name its modality,
    the scope stays open, and a note says so.

    Args:
        modalities: of the query's scans.
        body_parts: of the query's scans.
        cases: the bank's cases.
    """
    cases = tuple(cases)
    held = {case.modality for case in cases}
    asked = {modality for modality in modalities if modality}
    names = _listed(modality for modality in held if modality)
    notes = _body_part_notes(body_parts, cases)
    if not asked:
        if names:
            notes = (f"The scan does not name its modality; this bank holds {names}.", *notes)
        return Scope(None, notes)
    foreign = {m for m in asked if _kind(m) not in {_kind(other) for other in held if other}}
    if not foreign:
        return Scope(None, notes)
    if None in held:
        unnamed = sum(case.modality is None for case in cases)
        text = (
            f"The scan is {_listed(foreign)}; {unnamed} of the bank's {len(cases)} cases do not "
            "name their modality, so it is not known whether the bank holds such scans."
        )
        return Scope(None, (text, *notes))
    return Scope(f"The scan is {_listed(foreign)}; this bank holds {names} only.", notes)


def _kind(modality: str) -> str:
    return "radiograph" if modality in _RADIOGRAPHS else modality


def _body_part_notes(asked: Sequence[str | None], cases: Sequence[Case]) -> tuple[str, ...]:
    parts = {part.upper() for part in asked if part}
    held = {case.body_part.upper() if case.body_part else None for case in cases}
    if not parts or None in held or parts & held:
        return ()
    known = _listed(part for part in held if part)
    return (f"The scan's header names the body part {_listed(parts)}; this bank holds {known}.",)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
