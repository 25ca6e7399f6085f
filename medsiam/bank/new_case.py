"""A case on its way into the bank, still with its pixels and its patient."""

from __future__ import annotations

from dataclasses import dataclass, field

from medsiam.bank.case import PROOFS
from medsiam.errors import BankError
from medsiam.scans.scan import Scan

_SHORTEST_TELLING_ID = 4  # characters; a shorter identifier is found in any text


@dataclass(frozen=True, eq=False)
class NewCase:
    """What a curator hands to `ReferenceBank.add_many`; checked when it is built.

    Attributes:
        scans: one, or several in phase order.
        case_id: unique in the bank.
        condition: the diagnosis.
        patient_id: as it is; the bank keeps a salted hash. None where unknown.
        proof: how the diagnosis was made sure, one of `PROOFS`.
        licence, source: what allows the use of the case, and where it comes from.
        phases: a name for each scan; ("",) for one scan.
        notes: free text.
        site, acquired, curator: where and when it was scanned, who vouches for it.
        scanner: on what; where nothing is given, what the scan's header says.
        pixels_checked_by: who looked at scans whose headers say that they show names, dates or a
            face, and found that they may be kept; without a name such a case is refused.

    Raises:
        BankError: a fact is missing or not one that a bank keeps.
    """

    scans: tuple[Scan, ...]
    case_id: str
    condition: str
    patient_id: str | None = field(default=None, repr=False)
    proof: str = "none"
    licence: str | None = None
    source: str | None = None
    phases: tuple[str, ...] = ("",)
    notes: str | None = None
    site: str | None = None
    scanner: str | None = None
    acquired: str | None = None
    curator: str | None = None
    pixels_checked_by: str | None = None

    def __post_init__(self) -> None:
        _require_text(self.case_id, "the case_id", "a case")
        _require_text(self.condition, "the condition", f"case {self.case_id}")
        if self.proof not in PROOFS:
            raise BankError(
                f"case {self.case_id}: unknown proof {self.proof!r}; use one of {', '.join(PROOFS)}"
            )
        if not self.scans or len(self.scans) != len(self.phases):
            raise BankError(
                f"case {self.case_id}: {len(self.scans)} scans, but {len(self.phases)} phases; "
                "name a phase for each scan"
            )
        if len(set(self.phases)) != len(self.phases):
            raise BankError(f"case {self.case_id}: a phase is named twice")

    @property
    def tells_patient(self) -> bool:
        """True where a text that the bank keeps as it is contains the patient's identifier."""
        patient_id = (self.patient_id or "").strip()
        kept = (self.case_id, self.source, self.notes, self.site, self.scanner, self.acquired)
        told = any(patient_id in text for text in (*kept, self.curator) if text)
        return len(patient_id) >= _SHORTEST_TELLING_ID and told


def _require_text(text: str, what: str, of_what: str) -> None:
    if not text.strip():
        raise BankError(f"{what} of {of_what} is empty; every case needs one")
    if not text.isprintable():
        raise BankError(f"{what} of {of_what} holds line breaks or control characters: {text!r}")
