"""The comparison as files to download: JSON, CSV and one page of HTML."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Literal

import streamlit as st

from medsiam import Comparison, ReferenceBank, Scan
from medsiam.reports import write_csv, write_json, write_page

Form = Literal["html", "csv", "json"]
_FORMS: dict[Form, tuple[str, str]] = {
    "html": ("Report (HTML)", "text/html"),
    "csv": ("Matches (CSV)", "text/csv"),
    "json": ("Everything (JSON)", "application/json"),
}


def export(
    form: Form, comparison: Comparison, scans: tuple[Scan, ...], bank: ReferenceBank
) -> bytes:
    """Write the comparison in one form and return the file's content."""
    with tempfile.TemporaryDirectory(prefix="medsiam-export-") as folder:
        path = Path(folder) / f"comparison.{form}"
        if form == "html":
            write_page(comparison, scans, bank, path)
        elif form == "csv":
            write_csv(comparison, path)
        else:
            write_json(comparison, path)
        return path.read_bytes()


def show_downloads(comparison: Comparison, scans: tuple[Scan, ...], bank: ReferenceBank) -> None:
    """Show a button per form; a file is made when its button is pressed."""
    with st.container(horizontal=True):
        for form, (label, mime) in _FORMS.items():
            st.download_button(
                label,
                partial(export, form, comparison, scans, bank),
                file_name=f"comparison.{form}",
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"download {form}",
            )
