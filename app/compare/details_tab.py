"""Query and match in two columns, and where they differ in words."""

from __future__ import annotations

import streamlit as st

from compare.case_facts import facts_html, query_facts, settings_facts
from medsiam import Case, Comparison, Scan
from medsiam.reports import fact_pairs
from shell.plain_text import in_html


def show_details(case: Case | None, comparison: Comparison, query: tuple[Scan, ...]) -> None:
    """Draw the tab."""
    if case is None:
        st.info("This case was removed from the bank; compare again.")
    else:
        scanner = next((scan.scanner for scan in query if scan.scanner), None)
        pairs = fact_pairs(comparison.query, case, scanner=scanner)
        rows = "".join(
            f"<tr><th scope='row'>{in_html(pair.name)}</th><td>{in_html(pair.query)}</td>"
            f"<td>{in_html(pair.case)}</td><td>{in_html(pair.difference or '')}</td></tr>"
            for pair in pairs
        )
        st.html(
            "<table class='pairs'><thead><tr><th scope='col'>acquired</th><th scope='col'>query"
            "</th><th scope='col'>match</th><th scope='col'>they differ</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )
        if not any(pair.difference for pair in pairs):
            st.caption("As far as is known, both were acquired alike.")
    about_query, about_settings = st.columns(2, gap="medium")
    with about_query:
        st.markdown("##### Query")
        st.html(facts_html(query_facts(comparison)))
    with about_settings:
        st.markdown("##### How it was compared")
        st.html(facts_html(settings_facts(comparison)))
