"""The top of the page: pick a study below the allowed folder, or upload one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import streamlit as st

from medsiam import ReferenceBank, Scan
from medsiam.errors import MedsiamError
from medsiam.scans import FolderIndex, index_folder
from shell.open_bank import studies_folder
from shell.plain_text import in_markdown
from study.archive import Upload
from study.series import Series, Study, read_upload, study_below, study_in

Made = TypeVar("Made")
_FOLDER = "Studies folder"
_UPLOAD = "Upload"


def pick_scan(bank: ReferenceBank, phase: str) -> Scan | None:
    """Show the choosers for one scan and return it, or None until there is one.

    Args:
        bank: what the scan will be compared with.
        phase: the phase of the case that is asked for; "" where a case is one scan.
    """
    folder = studies_folder()
    ways = [_FOLDER, _UPLOAD] if folder else [_UPLOAD]
    where, chooser = st.columns([2, 7], vertical_alignment="top")
    with where:
        title = f"Study, phase {in_markdown(phase)}" if phase else "Study"
        way = st.segmented_control(title, ways, default=ways[0], required=True, key=f"way {phase}")
    with chooser:
        try:
            if way == _FOLDER and folder is not None:
                return _from_folder(folder, bank, phase)
            return _from_upload(bank, phase)
        except MedsiamError as error:
            st.error(in_markdown(error), icon=":material/error:")
            return None


def show_left_out(bank: ReferenceBank) -> None:
    """Show what lies in the studies folder and cannot be compared with this bank, and why."""
    folder = studies_folder()
    if folder is None:
        return
    try:
        refused = study_below(_index(str(folder)), bank).refused
    except MedsiamError:
        return  # the chooser has said it
    label = f"Left out: {len(refused)}"
    with st.popover(label, icon=":material/filter_alt_off:", width="stretch"):
        st.markdown("In the studies folder, but not to be compared with this bank:")
        rows = [{"what": name, "why not": reason} for name, reason in refused]
        st.dataframe(rows, hide_index=True, width=700)
        if st.button("Look through the folder again", icon=":material/refresh:"):
            _index.clear()
            st.rerun()


def _from_folder(folder: Path, bank: ReferenceBank, phase: str) -> Scan | None:
    study = study_below(_index(str(folder)), bank)
    chosen = _choose(study, f"folder {phase}", "Choose a study")
    if chosen is None:
        return None
    return _remembered(f"scan {phase}", (str(folder), chosen.key), chosen.source.read)


def _from_upload(bank: ReferenceBank, phase: str) -> Scan | None:
    files = st.file_uploader(
        "A ZIP of a study, the DICOM files of a series, a NIfTI file or an image",
        accept_multiple_files=True,
        key=f"upload {phase}",
        help="It is read, compared and forgotten; nothing of it is kept on disk.",
    )
    if not files:
        return None
    uploads: Sequence[Upload] = [(file.name, file) for file in files]
    ids = tuple(file.file_id for file in files)
    study = _remembered(f"study {phase}", ids, lambda: study_in(uploads, bank))
    chosen = study.series[0] if len(study.series) == 1 else None
    if chosen is None:
        chosen = _choose(study, f"series {phase}", f"{len(study.series)} series: choose one")
    if study.refused:
        with st.expander(f"{_files(len(study.refused))} of this upload cannot be compared"):
            for reason, n in Counter(reason for _, reason in study.refused).most_common():
                st.markdown(f"- {_files(n)}: {in_markdown(reason)}")
    if chosen is None:
        return None
    key = chosen.key
    return _remembered(f"scan {phase}", (*ids, key), lambda: read_upload(uploads, key, bank))


def _choose(study: Study, key: str, prompt: str) -> Series | None:
    by_key = {one.key: one for one in study.series}
    chosen = st.selectbox(
        prompt,
        list(by_key),
        index=None,
        format_func=lambda name: by_key[name].label if name in by_key else name,
        placeholder="type to search" if by_key else "nothing here that this bank can compare",
        key=key,
    )
    return by_key.get(chosen) if chosen else None


def _remembered(slot: str, asked: tuple[str, ...], make: Callable[[], Made]) -> Made:
    """What was made for this question last time in this session, or make it now."""
    known = st.session_state.get(slot)
    if known is None or known[0] != asked:
        st.session_state.pop(slot, None)  # the old one is not held while the new one is read
        with st.spinner("Reading ..."):
            known = st.session_state[slot] = (asked, make())
    return known[1]


@st.cache_resource(ttl="10m", max_entries=4, show_spinner="Looking through the studies folder ...")
def _index(folder: str) -> FolderIndex:
    return index_folder(folder)


def _files(n: int) -> str:
    return "1 file" if n == 1 else f"{n} files"
