"""What the distances of this bank mean, as far as it was measured."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from medsiam import ReferenceBank
from medsiam.comparison import Calibration, newest_calibration
from medsiam.reports import calibration_rows, calibration_sentences
from shell.palette import NEAR, QUIET
from shell.plain_text import in_markdown


def show_calibration(bank: ReferenceBank) -> None:
    """Show the newest calibration, or how to make one.

    Raises:
        BankError: it cannot be read.
    """
    known = newest_calibration(bank)
    if known is None:
        st.info(
            "This bank was not calibrated: distances have no probability, and how often 'none of "
            "these' errs is not known. Measure it with `medsiam bank calibrate`.",
            icon=":material/straighten:",
        )
        return
    kept, found = known
    who = f" by {in_markdown(kept.who)}" if kept.who else ""
    st.caption(
        f"Calibration {kept.number}, measured on version {kept.bank_version} on "
        f"{kept.created[:10]}{who}; the bank is now version {bank.version}."
    )
    if kept.bank_version != bank.version:
        st.warning(
            f"It was measured on version {kept.bank_version} and belongs to it. Measure version "
            f"{bank.version} with `medsiam bank calibrate`.",
            icon=":material/history:",
        )
    st.markdown("\n".join(f"- {in_markdown(text)}" for text in calibration_sentences(found)))
    header, rows = calibration_rows(found)
    st.table([dict(zip(header, map(_cell, row), strict=True)) for row in rows])
    st.caption("\\* recommended. Brier score and calibration error: lower is better.")
    _show_reliability(found)


def reliability_rows(found: Calibration) -> list[dict[str, float]]:
    """Given and observed shares of the recommended metric; none where nothing was measured."""
    chosen = found.of(found.metric)
    if chosen is None or chosen.probabilities is None:
        return []
    return [
        {
            "probability given": part.probability,
            "share that was right": part.observed,
            "share of all answers": part.weight,
        }
        for part in chosen.probabilities.reliability.bins
    ]


def _show_reliability(found: Calibration) -> None:
    rows = reliability_rows(found)
    if not rows:
        return
    st.markdown("##### Do probabilities mean what they say?")
    plot, table = st.columns([3, 2], gap="medium", vertical_alignment="center")
    with plot:
        st.altair_chart(
            _draw(pd.DataFrame(rows)),
            alt="Reliability plot: probability given against the share that was right",
        )
    with table:
        st.caption("Perfect probabilities lie on the line. As a table:")
        st.dataframe(rows, hide_index=True, alt="The dots of the reliability plot")


def _draw(rows: pd.DataFrame) -> alt.LayerChart:
    unit = alt.Scale(domain=[0, 1])
    line = (
        alt.Chart(pd.DataFrame({"at": [0.0, 1.0]}))
        .mark_line(color=QUIET, strokeDash=[4, 4])
        .encode(
            x=alt.X("at:Q", title="probability given", scale=unit, axis=alt.Axis(tickCount=5)),
            y=alt.Y("at:Q", scale=unit),
        )
    )
    dots = (
        alt.Chart(rows)
        .mark_circle(color=NEAR, opacity=0.9)
        .encode(
            x=alt.X("probability given:Q", scale=unit),
            y=alt.Y("share that was right:Q", title="share that was right", scale=unit),
            size=alt.Size("share of all answers:Q", scale=alt.Scale(range=[40, 300]), legend=None),
            tooltip=["probability given:Q", "share that was right:Q", "share of all answers:Q"],
        )
    )
    return (line + dots).properties(height=320)


def _cell(text: str) -> str:
    return "  \n".join(in_markdown(line) for line in text.splitlines())
