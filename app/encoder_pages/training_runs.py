"""Runs of `medsiam train`: how far they are, their curves, how they were set up."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from compare.case_facts import facts_html
from encoder_pages.training_curves import curve_rows, draw_curves
from medsiam import MedsiamError
from medsiam.training import RunRecord, list_run_folders, read_run_record
from shell.open_bank import runs_folder, shown_name
from shell.plain_text import in_markdown

_SIGNS = {
    "running": ":material/play_circle: running",
    "finished": ":material/check_circle: finished",
    "stopped": ":material/stop_circle: stopped",
}
_SECONDS = 5  # between two looks at a run that goes on
_MOST_LISTED = 50


def show_training_runs() -> None:
    """Show the list of runs, and one of them."""
    root = runs_folder()
    if root is None:
        st.info(
            "No folder of training runs was named. Start the page with `medsiam review --runs "
            "DIR` to see the runs of `medsiam train` below it, also while they go on.",
            icon=":material/folder_off:",
        )
        return
    folders = list_run_folders(root)
    if not folders:
        st.info("There is no run in this folder yet. `medsiam train CONFIG.toml` makes one.")
        return
    if len(folders) > _MOST_LISTED:
        st.caption(f"The newest {_MOST_LISTED} of {len(folders)} runs.")
    names = {shown_name(folder, root): folder for folder in folders[:_MOST_LISTED]}
    records = {name: _read(folder) for name, folder in names.items()}
    st.dataframe(
        [run_row(name, record) for name, record in records.items()],
        hide_index=True,
        placeholder="-",
        alt="Training runs and how far they are",
    )
    chosen = st.selectbox("Run", list(names), key="training run")
    if chosen is not None:
        _show_live(names[chosen], records[chosen])


def run_row(name: str, record: RunRecord | MedsiamError) -> dict[str, str | int | float | None]:
    """One line of the list of runs."""
    row: dict[str, str | int | float | None] = {"run": name, "state": "cannot be read"}
    if isinstance(record, MedsiamError):
        return row
    best = next((e for e in record.epochs if e["epoch"] == record.best_epoch), {})
    return {
        "run": name,
        "state": record.state,
        "epochs": len(record.epochs),
        "best epoch": record.best_epoch,
        "its validation": best.get("validation_score"),
        "last written": ago(record.silent),
    }


def ago(seconds: float) -> str:
    """How long ago, to the eye."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def seconds_between(record: RunRecord | MedsiamError) -> int | None:
    """Seconds between two looks at a run; None where it does not go on."""
    going = isinstance(record, RunRecord) and record.state == "running"
    return _SECONDS if going else None


def _read(folder: Path) -> RunRecord | MedsiamError:
    try:
        return read_run_record(folder)
    except MedsiamError as error:
        return error


def _show_live(folder: Path, record: RunRecord | MedsiamError) -> None:
    """Look again every few seconds, but only while the run goes on."""
    every = seconds_between(record)

    @st.fragment(run_every=every)
    def part() -> None:
        now = _read(folder)
        if every is not None and seconds_between(now) is None:
            st.rerun()  # the list shall say it too, and the clock stops
        show_run(now)

    part()


def show_run(record: RunRecord | MedsiamError) -> None:
    """Show one run."""
    if isinstance(record, MedsiamError):
        st.error(in_markdown(record), icon=":material/error:")
        return
    st.markdown(f"{_SIGNS[record.state]} · last written {ago(record.silent)}")
    if record.state != "finished":
        st.caption("As far as the files tell: a run that was killed looks as one that goes on.")
    if record.epochs:
        curves, table = st.columns([3, 2], gap="medium")
        with curves:
            for title, chart in draw_curves(record.epochs, record.best_epoch).items():
                st.altair_chart(chart, alt=f"{title} by epoch; the table has the same")
        with table:
            st.caption("Orange line: the epoch whose weights are kept. As a table, newest first:")
            st.dataframe(curve_rows(record.epochs)[::-1], hide_index=True, alt="Every epoch")
    else:
        st.caption(
            "Nothing was trained: the start weights were kept."
            if record.state == "finished"
            else "No epoch has ended yet."
        )
    config, environment = st.columns([3, 2], gap="medium")
    with config, st.expander("Configuration, as resolved", icon=":material/settings:"):
        st.code(record.config, language="toml")
    with environment, st.expander("Environment", icon=":material/computer:"):
        known = {name: str(value) for name, value in record.environment.items()}
        st.html(facts_html(known or {"environment": "not written yet"}))
