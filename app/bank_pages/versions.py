"""Every change of the bank, and what its distances were measured to mean."""

from __future__ import annotations

import streamlit as st

from bank_pages.calibration import show_calibration
from medsiam import ReferenceBank
from medsiam.bank import Version


def versions_tab(bank: ReferenceBank) -> None:
    """Draw the tab."""
    st.markdown("##### Versions, the newest first")
    st.dataframe(
        version_rows(bank.versions), hide_index=True, alt="Every version: when, who, what and why"
    )
    st.caption(
        "No version is ever changed or deleted. `medsiam bank diff` says which cases came and "
        "went, `medsiam bank restore` goes back to one."
    )
    st.markdown("##### Calibration")
    show_calibration(bank)


def version_rows(versions: tuple[Version, ...]) -> list[dict[str, str | int]]:
    """One line per version, the newest first."""
    return [
        {
            "version": version.number,
            "when (UTC)": version.created[:16].replace("T", " "),
            "who": version.who or "-",
            "what": version.what,
            "why": version.why or "-",
            "cases": version.n_cases,
        }
        for version in reversed(versions)
    ]
