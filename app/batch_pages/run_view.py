"""One output of `medsiam score`: counts, distances, none of these, what failed, every series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from compare.ranked_list import distance_words
from medsiam import ReferenceBank
from medsiam.scoring import ScoredSeries, ScoringRun
from shell.plain_text import in_markdown

_MIMES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".jsonl": "application/jsonl",
    ".parquet": "application/x-parquet",
}
_VERDICTS = ("nearest", "none of these", "out of scope", "undecided")


def show_run(run: ScoringRun, bank: ReferenceBank) -> None:
    """Show one output."""
    _show_head(run, bank)
    everything, distances, none, failed, files = st.tabs(
        ["Series", "Distances", "None of these", "Failed and skipped", "Files"],
        on_change="rerun",
        key="batch tab",
    )
    if everything.open:
        with everything:
            _show_series(run.series)
    if distances.open:
        with distances:
            _show_distances(run)
    if none.open:
        with none:
            _show_none(run)
    if failed.open:
        with failed:
            _show_reasons(run.series)
    if files.open:
        with files:
            _show_files(run)


def series_rows(series: Sequence[ScoredSeries]) -> list[dict[str, str | int | float | None]]:
    """One line per series; opaque names stand for paths, which may name patients."""
    return [
        {
            "series": one.number,
            "name": one.name,
            "outcome": one.outcome,
            "verdict": one.verdict,
            "nearest condition": one.condition,
            "distance": one.distance,
            "judged distance": one.judged,
            "limit": one.threshold,
            "nearest case": one.case_id,
            "content (sha256)": one.content,
            "why not": one.code,
        }
        for one in series
    ]


def _show_head(run: ScoringRun, bank: ReferenceBank) -> None:
    counts = run.counts
    verdicts = Counter(one.verdict for one in run.series if one.verdict)
    shown = {**counts, **{name: verdicts[name] for name in _VERDICTS}}
    for column, (name, n) in zip(st.columns(len(shown)), shown.items(), strict=True):
        column.metric(name, n)
    n_files = sum(run.n_files.values())
    if run.state == "started" and run.n_expected is not None:
        st.info(
            f"Not finished: {len(run.series)} of {run.n_expected} series are known so far. Look "
            "again later; a run that was interrupted goes on with `medsiam score --resume`.",
            icon=":material/hourglass_top:",
        )
    st.caption(
        f"{n_files} files accounted for in the manifest. Bank {in_markdown(run.bank or '-')}, "
        f"{in_markdown(run.metric or '-')} distance."
    )
    own = bank.encoder_card.fingerprint
    if run.encoder_fingerprint not in (None, own):
        st.warning(
            "These distances are of another encoder than that of the open bank: they cannot be "
            "compared with its own.",
            icon=":material/warning:",
        )


def _show_series(series: Sequence[ScoredSeries]) -> None:
    columns = st.columns(3)
    wanted: dict[str, list[str]] = {}
    for column, fact in zip(columns, ("outcome", "verdict", "condition"), strict=True):
        values = sorted({value for one in series if (value := getattr(one, fact))})
        wanted[fact] = column.multiselect(
            "nearest condition" if fact == "condition" else fact,
            values, placeholder="all", key=f"batch {fact}",
        )  # fmt: skip
    found = [
        one
        for one in series
        if all(not values or getattr(one, fact) in values for fact, values in wanted.items())
    ]
    st.caption(
        f"{len(found)} of {len(series)} series, numbered as in the results. Paths may name "
        "patients: they are in manifest.csv only."
    )
    st.dataframe(
        series_rows(found), hide_index=True, placeholder="-", alt="Every series and its outcome"
    )


def _show_distances(run: ScoringRun) -> None:
    from batch_pages.distances import common_limit, draw_distances, histogram_rows, judged

    scored = [one for one in run.series if one.outcome == "scored"]
    if not scored:
        st.info("No series was compared.")
        return
    limit = common_limit(scored)
    rows = histogram_rows(scored, limit)
    st.altair_chart(
        draw_distances(rows, limit),
        alt="How far the nearest case of each series lies; the table has the same",
    )
    said = "no limit for them is known" if limit is None else f"limit {distance_words(limit)}"
    what = "judged distances" if judged(scored) else "distances to the nearest case"
    st.caption(f"The {what} of {len(scored)} series; {said}. As a table:")
    st.dataframe(rows, hide_index=True, alt="Series by distance")


def _show_none(run: ScoringRun) -> None:
    found = [one for one in run.series if one.verdict == "none of these"]
    if not found:
        st.info("No series is like none of the bank's conditions.")
        return
    st.caption("Nothing in the bank lies near enough. The nearest case is named all the same.")
    found.sort(key=lambda one: -(one.distance or 0.0))
    st.dataframe(series_rows(found), hide_index=True, alt="Series like none of these")


def _show_reasons(series: Sequence[ScoredSeries]) -> None:
    rows = [
        {
            "series": one.number,
            "name": one.name,
            "outcome": one.outcome,
            "code": one.code,
            "why, and what to do": one.reason,
        }
        for one in series
        if one.outcome != "scored"
    ]
    if not rows:
        st.info("Every series was compared.")
        return
    rows.sort(key=lambda row: str(row["outcome"]))
    st.dataframe(rows, hide_index=True, alt="What was not compared, and why")


def _show_files(run: ScoringRun) -> None:
    st.caption(
        "As they were written. manifest.csv holds the paths of the files below the scored folder "
        "(in outputs of older versions all tables do), and paths may name patients: handle it as "
        "such."
    )
    with st.container(horizontal=True):
        for path in run.files:
            st.download_button(
                path.name,
                path.read_bytes,
                file_name=path.name,
                mime=_MIMES.get(path.suffix, "application/octet-stream"),
                on_click="ignore",
                icon=":material/download:",
                key=f"file {path.name}",
            )
