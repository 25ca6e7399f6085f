"""The cases of the bank: a gallery of small pictures, or a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from bank_pages.case_drawer import open_case
from bank_pages.case_filter import choose_filter
from compare.case_facts import short_hash, spacing_words
from medsiam import Case, ReferenceBank
from shell.plain_text import in_markdown
from shell.thumbnails import STYLE, thumbnail_html

_COLUMNS, _ON_A_PAGE = 8, 24


def cases_tab(bank: ReferenceBank) -> None:
    """Draw the tab."""
    cases = bank.cases
    if not cases:
        st.info(
            "This bank holds no cases yet. Add one under *Add*, or a table of them with "
            "`medsiam bank add`.",
            icon=":material/inventory_2:",
        )
        return
    asked = choose_filter(cases)
    found = [case for case in cases if asked.passes(case)]
    said, choice = st.columns([5, 1], vertical_alignment="bottom")
    said.caption(f"{len(found)} of {len(cases)} cases{_missing_words(bank, found)}")
    view = choice.segmented_control(
        "View", ["Gallery", "Table"], default="Gallery", required=True, key="cases view",
        label_visibility="collapsed",
    )  # fmt: skip
    if not found:
        st.info("No case is like that. Take a filter away.", icon=":material/filter_alt_off:")
    elif view == "Table":
        cases_table(bank, found, key="cases table")
    else:
        # Another filter is another list: it starts at its first page.
        gallery(bank, found, key=f"page of {hash(asked)}")


def gallery(
    bank: ReferenceBank, cases: Sequence[Case], *, key: str, columns: int = _COLUMNS
) -> None:
    """Show cases page by page; only those of the page are decoded."""
    st.html(STYLE)
    n_pages = math.ceil(len(cases) / _ON_A_PAGE)
    page = st.pagination(n_pages, key=key) if n_pages > 1 else 1
    shown = cases[(page - 1) * _ON_A_PAGE : page * _ON_A_PAGE]
    with st.spinner("Making pictures ..."):
        figures = [thumbnail_html(bank, case) for case in shown]
    for start in range(0, len(shown), columns):
        row = zip(shown[start:], figures[start:], st.columns(columns), strict=False)
        for case, figure, column in row:
            with column:
                st.html(figure)
                if st.button(
                    in_markdown(case.case_id), key=f"{key} {case.case_id}", width="stretch",
                    help="Open this case",
                ):  # fmt: skip
                    open_case(bank, case.case_id)


def cases_table(bank: ReferenceBank, cases: Sequence[Case], *, key: str) -> None:
    """Show cases as a table; a chosen one can be opened."""
    chosen = st.dataframe(
        [case_row(case) for case in cases],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=key,
        alt="The cases of the bank",
    )
    rows = [row for row in chosen["selection"]["rows"] if row < len(cases)]
    if st.button("Open the chosen case", disabled=not rows, key=f"{key} open"):
        open_case(bank, cases[rows[0]].case_id)


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
        "scanner": case.scanner or "-",
        "spacing": spacing_words(case.spacing),
        "added": case.added[:10],
    }


def _missing_words(bank: ReferenceBank, cases: Sequence[Case]) -> str:
    unproven = sum(case.proof == "none" for case in cases)
    said = f"; {unproven} without proof of the diagnosis" if unproven else ""
    if not bank.keeps_pixels:
        said += "; this bank keeps no pixels (`--no-pixels`), so there are no pictures"
    return said
