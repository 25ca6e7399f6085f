"""Why to trust this match, and how far: the case's provenance, the encoder, the bank's figures."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from compare.case_facts import case_facts, facts_html
from medsiam import Case, Comparison, MedsiamError, ReferenceBank
from medsiam.bank import ANSWERS, standing
from medsiam.comparison import newest_calibration
from medsiam.reports import calibration_sentences
from shell.plain_text import in_markdown


def show_trust(case: Case | None, comparison: Comparison, bank: ReferenceBank) -> None:
    """Draw the tab."""
    about_case, about_bank = st.columns(2, gap="medium")
    with about_case:
        st.markdown("##### This case")
        if case is None:
            st.info("This case was removed from the bank; compare again.")
        else:
            if case.proof == "none":
                st.warning("Nobody has said how this diagnosis was made sure.")
            st.html(facts_html({**case_facts(case), "readers said": readers_said(case, bank)}))
    with about_bank:
        st.markdown("##### This answer")
        st.html(facts_html(evidence_facts(comparison)))
        st.markdown("##### What was measured on this bank")
        for sentence in _measured(bank):
            st.markdown(f"- {in_markdown(sentence)}")


def evidence_facts(comparison: Comparison) -> dict[str, str]:
    """What the answer rests on, and how often answers of this kind err."""
    verdict, evidence = comparison.verdict, comparison.evidence
    facts = {}
    if evidence is not None:
        n = evidence.n_patients
        facts["leading condition"] = evidence.condition
        facts["rests on"] = "1 patient of the bank" if n == 1 else f"{n} patients of the bank"
        facts["without one of them"] = (
            f"another condition would lead ({evidence.n_deciding} of {n} decide)"
            if evidence.n_deciding
            else "it still leads, whoever is left out"
        )
        if evidence.counter_example is not None:
            other = evidence.counter_example
            facts["nearest case against it"] = (
                f"{other.case_id} ({other.condition}), distance {other.distance:#.3g}"
            )
    unknown = "not measured on this bank"
    facts["'none of these' wrongly"] = _share(verdict.known_rejected, unknown, "of known patients")
    facts["strangers let pass"] = _share(
        verdict.unknown_accepted, unknown, "of patients of a condition left out of the bank"
    )
    return facts


def readers_said(case: Case, bank: ReferenceBank) -> str:
    """How often readers found this case like their study; what was taken back never counts."""
    try:
        reviews = bank.reviews.all()
    except MedsiamError as error:
        return str(error)
    own = [said for said in standing(reviews) if said.case_id == case.case_id]
    if not own:
        return "nothing yet"
    counts = Counter(said.answer for said in own)
    answers = ", ".join(f"{counts[answer]} {answer}" for answer in ANSWERS if counts[answer])
    n = len({said.study for said in own})
    return f"{answers} (of {n} {'study' if n == 1 else 'studies'})"


def _share(value: float | None, unknown: str, of: str) -> str:
    return unknown if value is None else f"{value:.0%} {of}"


def _measured(bank: ReferenceBank) -> list[str]:
    try:
        found = newest_calibration(bank)
    except MedsiamError as error:
        return [str(error)]
    if found is None:
        return [
            "Nothing yet: this bank has no calibration. `medsiam bank calibrate` measures how "
            "often its answers are right."
        ]
    return calibration_sentences(found[1])
