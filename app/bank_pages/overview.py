"""Bank: what the query is compared with, and the encoder that measures."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from compare.case_facts import UNKNOWN, facts_html, short_hash, spacing_words
from medsiam import Case, EncoderCard
from shell.open_bank import the_bank
from shell.plain_text import in_markdown


def bank_page() -> None:
    """Draw the page."""
    bank = the_bank()
    cases = bank.cases
    st.subheader(in_markdown(bank.name))
    st.caption(f"version {bank.version}: {len(cases)} cases of {len(bank.conditions)} conditions")
    counts, card = st.columns([2, 3], gap="large")
    with counts:
        st.markdown("##### Conditions")
        st.table(condition_rows(cases))
    with card:
        st.markdown("##### Encoder")
        st.html(facts_html(card_facts(bank.encoder_card)))
    st.markdown("##### Cases")
    if cases:
        st.dataframe([case_row(case) for case in cases], hide_index=True, width="stretch")
    else:
        st.info("No cases yet. Add some with `medsiam bank add`.")


def condition_rows(cases: tuple[Case, ...]) -> list[dict[str, str | int]]:
    """Cases and patients of each condition; a case without a patient counts as one."""
    n_cases = Counter(case.condition for case in cases)
    patients = {(case.condition, case.patient or ("case", case.case_id)) for case in cases}
    n_patients = Counter(condition for condition, _ in patients)
    unproven = Counter(case.condition for case in cases if case.proof == "none")
    return [
        {
            "condition": in_markdown(name),
            "cases": n_cases[name],
            "patients": n_patients[name],
            "without proof": unproven[name],
        }
        for name in sorted(n_cases)
    ]


def case_row(case: Case) -> dict[str, str]:
    """One line of the table of cases."""
    return {
        "case": case.case_id,
        "condition": case.condition,
        "patient (hash)": short_hash(case.patient) if case.patient else "-",
        "proof": case.proof,
        "source": case.source or "-",
        "licence": case.licence or "-",
        "modality": case.modality or "-",
        "spacing": spacing_words(case.spacing),
        "added": case.added[:10],
    }


def card_facts(card: EncoderCard) -> dict[str, str]:
    """The encoder's card in words."""
    recipe, network = card.recipe, card.architecture
    size = " x ".join(str(n) for n in recipe.spatial_size)
    facts = {
        "name": card.name,
        "what it takes": f"{recipe.spatial_dims}D scans, brought to {size} voxels",
        "network": f"{network.backbone}, embedding of {network.embedding_dim} numbers",
        "trained on": "; ".join(
            f"{data.name} ({data.n_scans} scans of {data.n_patients or 'unknown'} patients, "
            f"{data.licence})"
            for data in card.training_data
        )
        or UNKNOWN,
        "conditions seen in training": ", ".join(card.conditions_seen) or "none named",
        "measured": "; ".join(
            f"{one.name} {one.value:.3f}{_interval(one.low, one.high)} on {one.measured_on} "
            f"(n={one.n} {one.unit_of_n})"
            for one in card.metrics
        )
        or "nothing yet",
        "licence of the weights": card.licence,
        "intended use": card.intended_use,
        "made": f"{card.created[:10]} with medsiam {card.medsiam_version}",
        "fingerprint": card.fingerprint,
    }
    return facts | ({"notes": card.notes} if card.notes else {})


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
