"""Batch: what became of the folders that `medsiam score` went through."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from batch_pages.run_view import show_run
from medsiam import MedsiamError
from medsiam.scoring import ScoringRun, list_runs, read_run
from shell.open_bank import batches_folder, shown_name, the_bank
from shell.plain_text import in_markdown

_MOST_LISTED = 50
_HOW = (
    "A batch is started on the command line: `medsiam score FOLDER --bank BANK --out DIR`. "
    "This page only looks at what it wrote."
)


def batch_page() -> None:
    """Draw the page."""
    st.subheader("Batch")
    st.caption(_HOW)
    root = batches_folder()
    if root is None:
        st.info(
            "No folder of outputs was named. Start the page with `medsiam review --batches DIR` "
            "to see the outputs of `medsiam score` below it.",
            icon=":material/folder_off:",
        )
        return
    folders = list_runs(root)
    if not folders:
        st.info(
            "There is no output of `medsiam score` in this folder yet.", icon=":material/inbox:"
        )
        return
    if len(folders) > _MOST_LISTED:
        st.caption(f"The newest {_MOST_LISTED} of {len(folders)} outputs.")
    names = {shown_name(folder, root): folder for folder in folders[:_MOST_LISTED]}
    runs = {name: _read(folder) for name, folder in names.items()}
    st.dataframe(
        [run_row(name, run) for name, run in runs.items()],
        hide_index=True,
        alt="Outputs of medsiam score",
    )
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    chosen = left.selectbox("Output", list(names), key="batch")
    right.button("Look again", icon=":material/refresh:", width="stretch")
    run = runs.get(chosen)
    if isinstance(run, MedsiamError):
        st.error(in_markdown(run), icon=":material/error:")
    elif run is not None:
        show_run(run, the_bank())


def run_row(name: str, run: ScoringRun | MedsiamError) -> dict[str, str | int]:
    """One line of the list of outputs."""
    if isinstance(run, MedsiamError):
        return {"output": name, "state": "cannot be read"}
    none_of_these = sum(one.verdict == "none of these" for one in run.series)
    return {
        "output": name,
        "state": run.state,
        **run.counts,
        "none of these": none_of_these,
        "files": sum(run.n_files.values()),
        "bank": run.bank or "-",
        "compared (UTC)": (run.created or "-")[:16].replace("T", " "),
    }


def _read(folder: Path) -> ScoringRun | MedsiamError:
    written = tuple(
        (path.name, path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.glob("*"))  # folders too: what a live run keeps lies in one
    )
    try:
        return _kept(str(folder), written)
    except MedsiamError as error:
        return error


@st.cache_resource(max_entries=64, show_spinner="Reading the tables ...")
def _kept(folder: str, written: tuple[tuple[str, int, int], ...]) -> ScoringRun:
    """Read once for as long as no file of the folder changes."""
    return read_run(folder)
