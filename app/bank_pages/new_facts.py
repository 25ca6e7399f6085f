"""What must be said of a new case before the bank takes it."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from medsiam import ReferenceBank, Scan
from medsiam.bank import PROOFS, NewCase

_HEADER, _TYPED, _ALONE = (
    "as the study's header says (not shown)",
    "typed here",
    "not known: the case stands alone",
)


@dataclass(frozen=True)
class Facts:
    """What a curator has said. The patient stays out of every text.

    Attributes:
        kept: what goes into the bank beside the scans, by the names of `NewCase`.
        patient_id: None where the case stands alone.
        who, why: for the list of versions.
        missing: what is still to be said, in words.
    """

    kept: tuple[tuple[str, str], ...]
    patient_id: str | None = field(repr=False)
    who: str
    why: str
    missing: tuple[str, ...]

    def new_case(self, scans: tuple[Scan, ...], phases: tuple[str, ...]) -> NewCase:
        """Return the case to add.

        Raises:
            BankError: a fact is none that a bank keeps.
        """
        return NewCase(
            scans=scans,
            patient_id=self.patient_id,
            phases=phases,
            curator=self.who,
            pixels_checked_by=self.who,
            **dict(self.kept),
        )


def ask_facts(bank: ReferenceBank, scans: tuple[Scan, ...], *, turn: int) -> Facts:
    """Show the fields and return what they say.

    Args:
        bank: suggests conditions.
        scans: may name the patient in their headers.
        turn: counts the cases added on this visit; each starts with empty fields.
    """
    left, right = st.columns(2)
    with left:
        case_id = st.text_input(
            "Case id *", help="Unique in the bank, and of your own making.", key=f"id {turn}"
        )
        condition = st.selectbox(
            "Condition *",
            bank.conditions,
            index=None,
            accept_new_options=True,
            placeholder="choose, or type a new one",
            key=f"condition {turn}",
        )
        proof = st.selectbox(
            "How the diagnosis was proven *",
            PROOFS,
            index=None,
            placeholder="choose",
            key=f"proof {turn}",
        )
        patient_id, whose = _ask_patient(scans, turn)
    with right:
        source = st.text_input("Source *", help="Where it comes from.", key=f"source {turn}")
        licence = st.text_input(
            "Licence or consent *", help="What allows its use.", key=f"licence {turn}"
        )
        site = st.text_input("Site", key=f"site {turn}")
        notes = st.text_input("Notes", key=f"notes {turn}")
    who = st.text_input("Your name *", help="Kept with the case.", key="curator")
    why = st.text_input("Why it is added *", key=f"why {turn}")
    looked = st.checkbox(
        "I have looked at every picture above: no name, date, number or face is in the pixels *",
        key=f"looked {turn}",
    )
    kept = {
        "case_id": case_id, "condition": condition, "proof": proof, "source": source,
        "licence": licence, "site": site, "notes": notes,
    }  # fmt: skip
    said = tuple((name, text.strip()) for name, text in kept.items() if text and text.strip())
    named = {
        "case id": case_id, "condition": condition, "proof": proof, "patient": whose,
        "source": source, "licence or consent": licence, "your name": who, "why": why,
        "the look at the pixels": "done" if looked else "",
    }  # fmt: skip
    missing = tuple(name for name, text in named.items() if not (text or "").strip())
    return Facts(said, patient_id, who.strip(), why.strip(), missing)


def _ask_patient(scans: tuple[Scan, ...], turn: int) -> tuple[str | None, str]:
    """Whose case it is, and how that was said; "" where it still has to be."""
    named = {scan.patient_id.strip() for scan in scans if scan.patient_id} - {""}
    ways = ([_HEADER] if len(named) == 1 else []) + [_TYPED, _ALONE]
    way = st.radio(
        "Patient *",
        ways,
        index=None,
        help="The bank keeps a hash only. Cases of one patient never count for each other.",
        key=f"whose {turn}",
    )
    if way == _HEADER:
        return named.pop(), way
    if way == _TYPED:
        typed = st.text_input("Patient id", type="password", key=f"patient {turn}").strip()
        return typed or None, typed
    return None, way or ""
