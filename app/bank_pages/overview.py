"""Bank: what a query is compared with."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from medsiam import Case, Comparison
from shell.open_bank import the_bank
from shell.plain_text import in_markdown

TABS = ("Cases", "Conditions", "Add", "Audit", "Map", "Versions and calibration")


def bank_page(query: Comparison | None = None) -> None:
    """Draw the page.

    Args:
        query: the newest comparison of this visitor, to show where it lies on the map.
    """
    bank = the_bank()
    st.subheader(in_markdown(bank.name))
    st.caption(
        f"version {bank.version}: {len(bank.cases)} cases of {len(bank.conditions)} conditions; "
        f"encoder {in_markdown(bank.encoder_card.name)}"
    )
    cases, conditions, add, audit, seen, versions = st.tabs(TABS, on_change="rerun", key="bank tab")
    # Only what is looked at is drawn, and loaded: statistics and charts take seconds.
    if cases.open:
        from bank_pages.cases import cases_tab

        with cases:
            cases_tab(bank)
    if conditions.open:
        with conditions:
            st.table(condition_rows(bank.cases))
    if add.open:
        from bank_pages.add_case import add_tab

        with add:
            add_tab(bank)
    if audit.open:
        from bank_pages.audit import audit_tab

        with audit:
            audit_tab(bank)
    if seen.open:
        from bank_pages.case_map import map_tab

        with seen:
            map_tab(bank, query)
    if versions.open:
        from bank_pages.versions import versions_tab

        with versions:
            versions_tab(bank)


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
