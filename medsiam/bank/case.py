"""A case of the reference bank: what is known of it, without its pixels."""

from __future__ import annotations

from dataclasses import dataclass

PROOFS = (
    "histology",
    "genetics",
    "follow-up",
    "consensus",
    "expert opinion",
    "single reader",
    "none",
)


@dataclass(frozen=True)
class Case:
    """One case, made of one scan, or of several in phase order.

    Attributes:
        case_id: unique in the bank.
        condition: the diagnosis.
        patient: the patient's identifier hashed with the bank's salt; None where the case came
            without patient and group, so that it stands alone (and results say so).
        proof: how the diagnosis was made sure, one of `PROOFS`.
        source, licence: where the case comes from and what allows its use.
        modality, body_part: as the scan's header says.
        spacing: mm, as scanned; None where unknown.
        phases: names of the joined scans in the order of their embeddings; ("",) for one scan.
        content_hashes: of each scan, in the same order; the name of the kept scan file.
        added: UTC, ISO 8601.
        notes: free text.
        site, scanner: where and on what it was scanned.
        acquired: year or date of the scan, as the table gives it.
        curator: who vouches for the case.
        pixels_checked_by: who looked at a scan whose header says that it shows names, dates or a
            face, and found that it may be kept; None where the header does not say so.
    """

    case_id: str
    condition: str
    patient: str | None
    proof: str
    source: str | None
    licence: str | None
    modality: str | None
    body_part: str | None
    spacing: tuple[float, ...] | None
    phases: tuple[str, ...]
    content_hashes: tuple[str, ...]
    added: str
    notes: str | None = None
    site: str | None = None
    scanner: str | None = None
    acquired: str | None = None
    curator: str | None = None
    pixels_checked_by: str | None = None
