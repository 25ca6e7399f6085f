"""Three ways in: drop files, pick below the allowed folder, or try a demo study."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from medsiam import ReferenceBank
from medsiam.errors import MedsiamError
from medsiam.scans import index_folder
from shell.open_bank import studies_folder, the_bank
from shell.upload_ceiling import MAX_FILES, max_bytes, release
from study.demo_study import demo_choices, demo_study, has_demo
from study.identity import FOLDER, can_reveal, write_down
from study.intake import look_at_series, look_into_uploads
from study.opening import Opening, begin, hold, reader_of_uploads
from study.series import Study, study_below
from study.timeline import running

_ROUND = "round of choosers"  # a new one empties them


def show_ways(bank: ReferenceBank, phase: str) -> Opening | None:
    """Show the ways in, and hold and return what came by one of them, read as far as it goes."""
    folder = studies_folder()
    has_folder, is_demo = folder is not None, has_demo(bank)
    columns = st.columns([3] + [2] * (has_folder + is_demo), gap="medium", border=True)
    with columns[0]:
        files = _dropped(phase)
        given = _upload(files, bank) if files else None
    if folder is not None:
        with columns[1]:
            given = given or _pick(folder, bank, phase)
    if is_demo:
        with columns[-1]:
            given = given or _demo(bank)
    if given is not None:
        # Any touch of the session's state may be where an overtaken run ends: first what was
        # read is kept, and only then what it was read from is let go.
        hold(phase, given)
        empty_choosers()
        release(file.file_id for file in files)
    return given


def empty_choosers() -> None:
    """Let the ways in begin anew, so that nothing that was chosen before is read again."""
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _dropped(phase: str) -> list[UploadedFile]:
    st.markdown("##### :material/upload_file: Drop a study")
    files = st.file_uploader(
        "A ZIP of a study, the DICOM files of a series, a NIfTI file or a picture",
        accept_multiple_files=True,
        key=f"upload {phase} {st.session_state.get(_ROUND, 0)}",
        help="It is read, compared and forgotten; nothing of it is kept on disk.",
    )
    st.caption(
        f"At most {max_bytes() >> 20} MB together and {MAX_FILES} files; of a ZIP at most 5,000 "
        "files and 2 GB unpacked."
    )
    return files


def _upload(files: list[UploadedFile], bank: ReferenceBank) -> Opening:
    uploads = [(file.name, file) for file in files]
    with running() as on_step:
        return begin(
            lambda step: look_into_uploads(uploads, bank, step),
            bank,
            on_step,
            read=reader_of_uploads(uploads, bank),
            names=[file.name for file in files],
        )


def _pick(folder: Path, bank: ReferenceBank, phase: str) -> Opening | None:
    st.markdown("##### :material/folder_open: Pick from the studies folder")
    try:
        study = _study(str(folder), str(bank.path), bank.version)
    except MedsiamError:
        st.error("The studies folder cannot be read.", icon=":material/error:")
        return None
    named = can_reveal() and st.toggle(
        "Show names", key=f"names {phase}", help="That you have seen them is written down."
    )
    if named:
        write_down([FOLDER])
    labels = {one.key: f"{one.label} · {one.key}" if named else one.label for one in study.series}
    chosen = st.selectbox(
        f"{len(labels)} series that this bank can compare",
        list(labels),
        index=None,
        format_func=lambda key: labels.get(key, ""),
        placeholder="type to search" if labels else "nothing that this bank can compare",
        key=f"folder {phase} {st.session_state.get(_ROUND, 0)}",
    )
    again, left = st.columns(2, vertical_alignment="center")
    if again.button("Look again", icon=":material/refresh:", key=f"again {phase}"):
        _study.clear()
        st.rerun()
    if study.refused:
        left.caption(f"{len(study.refused)} further files are no scans, or not for this bank.")
    one = next((one for one in study.series if one.key == chosen), None)
    if one is None:
        return None
    with running() as on_step:
        return begin(lambda step: look_at_series(one, folder, step), bank, on_step, names=[one.key])


def _demo(bank: ReferenceBank) -> Opening | None:
    st.markdown("##### :material/school: Try it")
    st.caption("Synthetic studies of patients that never were.")
    for condition, label in demo_choices(bank).items():
        if st.button(label, key=f"demo {condition}", width="stretch"):
            with running() as on_step:
                return begin(demo_study(condition, bank), bank, on_step)
    return None


@st.cache_resource(ttl="10m", max_entries=4, show_spinner="Looking through the studies folder ...")
def _study(folder: str, bank_path: str, bank_version: int) -> Study:
    """What lies below the folder, for this bank as it is now."""
    return study_below(index_folder(folder), the_bank())
