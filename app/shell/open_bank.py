"""What this app was started with: one bank for all who look, and the folders they may look into."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from medsiam import ReferenceBank, Scan


def the_bank() -> ReferenceBank:
    """Return the bank, opened once; it always answers from its newest version.

    Raises:
        BankError, EncoderError: it cannot be opened any more.
    """
    return _opened(os.environ["MEDSIAM_REVIEW_BANK"])


def studies_folder() -> Path | None:
    """Return the folder whose studies may be opened, or None where only uploads are."""
    return _named("STUDIES")


def batches_folder() -> Path | None:
    """Return the folder whose outputs of `medsiam score` may be looked at; None without one."""
    return _named("BATCHES")


def runs_folder() -> Path | None:
    """Return the folder whose runs of `medsiam train` may be looked at; None without one."""
    return _named("RUNS")


def shown_name(folder: Path, root: Path) -> str:
    """Return a folder's place below the one that was named."""
    return folder.relative_to(root).as_posix() if folder != root else folder.name


def _named(what: str) -> Path | None:
    folder = os.environ.get(f"MEDSIAM_REVIEW_{what}")
    return Path(folder) if folder else None


def may_curate() -> bool:
    """Whether the server was started with permission to add cases."""
    return os.environ.get("MEDSIAM_REVIEW_CURATE") == "1"


@st.cache_resource(max_entries=32, show_spinner=False)
def case_scans(bank_path: str, case_id: str, content_hashes: tuple[str, ...]) -> tuple[Scan, ...]:
    """Return the kept scans of a case; the hashes tell a case from a later one of its name."""
    return _opened(bank_path).scans(case_id)


@st.cache_resource(show_spinner=False)
def _opened(path: str) -> ReferenceBank:
    return ReferenceBank.open(path)
