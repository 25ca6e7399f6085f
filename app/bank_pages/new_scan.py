"""Choose the scan of a new case: an upload, or a study below the allowed folder."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from medsiam import MedsiamError, ReferenceBank, Scan
from medsiam.scans import FolderIndex, index_folder
from shell.open_bank import studies_folder
from shell.plain_text import in_markdown
from study.series import Series, Study, read_upload, study_below, study_in

_UPLOAD, _FOLDER = "Upload", "Studies folder"


def choose_scan(bank: ReferenceBank, phase: str, *, turn: int) -> Scan | None:
    """Show the choosers for one scan and return it, or None until there is one.

    Args:
        bank: which will take it.
        phase: of the case; "" where a case is one scan.
        turn: counts the cases added on this visit; each starts with empty choosers.
    """
    key = f"new scan {phase} {turn}"
    folder = studies_folder()
    title = f"Scan, phase {in_markdown(phase)}" if phase else "Scan"
    way = _UPLOAD
    if folder is not None:
        ways = [_UPLOAD, _FOLDER]
        way = st.segmented_control(title, ways, default=_UPLOAD, required=True, key=f"way {key}")
    try:
        if way == _FOLDER:
            return _from_folder(bank, str(folder), key)
        return _from_upload(bank, title, key)
    except MedsiamError as error:
        st.error(in_markdown(error), icon=":material/error:")
        return None


def _from_upload(bank: ReferenceBank, title: str, key: str) -> Scan | None:
    files = st.file_uploader(
        f"{title}: a ZIP of a study, the DICOM files of a series, a NIfTI file or an image",
        accept_multiple_files=True,
        key=key,
        help="Only the values that are compared are kept, without the header.",
    )
    if not files:
        return None
    uploads = [(file.name, file) for file in files]
    ids = tuple(file.file_id for file in files)
    known = st.session_state.get(f"study of {key}")
    if known is None or known[0] != ids:
        with st.spinner("Reading ..."):
            known = st.session_state[f"study of {key}"] = (ids, study_in(uploads, bank))
    study: Study = known[1]
    _say_refused(study)
    chosen = study.series[0] if len(study.series) == 1 else _choose(study, key)
    if chosen is None:
        return None
    asked = (*ids, chosen.key)
    known = st.session_state.get(f"scan of {key}")
    if known is None or known[0] != asked:
        with st.spinner("Reading ..."):
            scan = read_upload(uploads, chosen.key, bank)
        known = st.session_state[f"scan of {key}"] = (asked, scan)
    return known[1]


def _from_folder(bank: ReferenceBank, folder: str, key: str) -> Scan | None:
    chosen = _choose(study_below(_index(folder), bank), key)
    if chosen is None:
        return None
    known = st.session_state.get(f"scan of {key}")
    if known is None or known[0] != chosen.key:
        with st.spinner("Reading ..."):
            known = st.session_state[f"scan of {key}"] = (chosen.key, chosen.source.read())
    return known[1]


def _choose(study: Study, key: str) -> Series | None:
    by_key = {one.key: one for one in study.series}
    chosen = st.selectbox(
        f"{len(by_key)} series: choose one",
        list(by_key),
        index=None,
        format_func=lambda name: by_key[name].label if name in by_key else name,
        placeholder="type to search" if by_key else "nothing here that this bank can take",
        key=f"series of {key}",
    )
    return by_key.get(chosen) if chosen else None


def _say_refused(study: Study) -> None:
    reasons = Counter(reason for _, reason in study.refused)
    if reasons:
        with st.expander(f"Left out: {sum(reasons.values())}"):
            for reason, n in reasons.most_common():
                st.markdown(f"- {n}: {in_markdown(reason)}")


@st.cache_resource(ttl="10m", max_entries=4, show_spinner="Looking through the studies folder ...")
def _index(folder: str) -> FolderIndex:
    return index_folder(folder)
