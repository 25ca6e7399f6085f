"""The comparison as files to download: one page of HTML or PDF, CSV and JSON.

All of them name the study by its content alone: no file name, no patient.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import streamlit as st

from medsiam import Comparison, MedsiamError, ReferenceBank, Scan
from medsiam.bank import Review
from medsiam.comparison import study_of
from medsiam.reports import nameless, study_name, write_csv, write_json, write_page, write_pdf
from shell.plain_text import in_markdown

Form = Literal["html", "pdf", "csv", "json"]
_FORMS: dict[Form, tuple[str, str]] = {
    "html": ("Report (HTML)", "text/html"),
    "pdf": ("Report (PDF)", "application/pdf"),
    "csv": ("Matches (CSV)", "text/csv"),
    "json": ("Everything (JSON)", "application/json"),
}


def export(
    form: Form,
    comparison: Comparison,
    scans: tuple[Scan, ...],
    bank: ReferenceBank,
    reviews: Sequence[Review] = (),
) -> bytes:
    """Write the comparison in one form, with what readers said, and return the file's content."""
    comparison = nameless(comparison)
    with tempfile.TemporaryDirectory(prefix="medsiam-export-") as folder:
        path = Path(folder) / f"comparison.{form}"
        if form == "html":
            write_page(comparison, scans, bank, path, reviews=reviews)
        elif form == "pdf":
            write_pdf(comparison, scans, bank, path, reviews=reviews)
        elif form == "csv":
            write_csv(comparison, path, reviews=reviews)
        else:
            write_json(comparison, path, reviews=reviews)
        return path.read_bytes()


def file_name(form: Form, comparison: Comparison) -> str:
    """What the browser saves the file as."""
    return f"medsiam-{study_name(comparison.query.content_hashes)}.{form}"


def show_downloads(comparison: Comparison, scans: tuple[Scan, ...], bank: ReferenceBank) -> None:
    """Show a button per form; a file is made when its button is pressed."""
    reviews: tuple[Review, ...] = ()
    try:
        reviews = bank.reviews.of_study(study_of(comparison))
    except MedsiamError as error:
        said = f"The files are made without the readers' verdicts: {error}"
        st.warning(in_markdown(said), icon=":material/warning:")
    with st.container(horizontal=True):
        for form, (label, mime) in _FORMS.items():
            st.download_button(
                label,
                partial(export, form, comparison, scans, bank, reviews),
                file_name=file_name(form, comparison),
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"download {form}",
            )
