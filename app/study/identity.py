"""Names are hidden on every page; who wants to see them is written down first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import streamlit as st

from medsiam.errors import MedsiamError
from study.opened import OpenedStudy

Log = Callable[[str], None]
FOLDER = "names in the studies folder"
_SEEN = "identity revealed"


class NoRecordError(MedsiamError):
    """Identity was asked for where nothing keeps a record of it."""


@dataclass(frozen=True)
class Identity:
    """What is hidden otherwise.

    Attributes:
        patient_ids: as the headers give them, each once.
        names: of the files and folders that were opened.
    """

    patient_ids: tuple[str, ...] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)


class _Record:
    """Where it is written down; the router says so once."""

    log: Log | None = None


def log_reveals_with(log: Log | None) -> None:
    """Have every reveal written down by `log`, which gets what was revealed: no name is in it."""
    _Record.log = log


def can_reveal() -> bool:
    """Return True where a reveal would be written down."""
    return _Record.log is not None


def reveal(study: OpenedStudy) -> Identity:
    """Return what is hidden of a study, after it was written down that this reader has seen it.

    Raises:
        NoRecordError: nothing keeps a record, so nothing is revealed.
        MedsiamError: the record could not be written; nothing is revealed.
    """
    write_down([study.content])
    ids = dict.fromkeys(scan.patient_id for scan in study.scans if scan.patient_id)
    return Identity(tuple(ids), study.names)


def write_down(what: Iterable[str]) -> None:
    """Write down what is shown to this reader from now on, once for each visit.

    Raises:
        NoRecordError: nothing keeps a record.
    """
    if _Record.log is None:
        raise NoRecordError(
            "identity is not shown here: nothing would keep a record of who has seen it"
        )
    seen = st.session_state.setdefault(_SEEN, set())
    for one in what:
        if one not in seen:
            _Record.log(one)
            seen.add(one)
