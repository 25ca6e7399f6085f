"""An encoder's card: what it is, what it takes, how good it was, what it was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from compare.case_facts import facts_html
from medsiam import EncoderCard
from medsiam.encoders import MeasuredMetric
from shell.palette import FAR, NEAR
from shell.plain_text import in_markdown


def show_card(card: EncoderCard) -> None:
    """Show the whole card."""
    st.markdown(f"##### {in_markdown(card.name)}, {card.recipe.spatial_dims}D")
    about, figures = st.columns([2, 3], gap="large")
    with about:
        st.html(facts_html(card_facts(card)))
    with figures:
        show_metrics(card.metrics)
        st.markdown("##### Trained on")
        if card.training_data:
            st.dataframe(data_rows(card), hide_index=True, alt="Training data and their licences")
        else:
            st.caption("No training data are named.")


def card_facts(card: EncoderCard) -> dict[str, str]:
    """What is not a figure, in words."""
    recipe, network = card.recipe, card.architecture
    size = " x ".join(str(n) for n in recipe.spatial_size)
    unit = "pixels" if recipe.spatial_dims == 2 else "voxels"
    facts = {
        "name": card.name,
        "intended use": card.intended_use,
        "what it takes": f"{recipe.spatial_dims}D scans, brought to {size} {unit}",
        "network": f"{network.backbone}, embedding of {network.embedding_dim} numbers",
        "conditions seen in training": ", ".join(card.conditions_seen) or "none named",
        "same or different (1:1)": _verification(card),
        "licence of the weights": card.licence,
        "made": f"{card.created[:10]} with medsiam {card.medsiam_version}",
        "fingerprint": card.fingerprint,
    }
    return facts | ({"notes": card.notes} if card.notes else {})


def show_metrics(metrics: Sequence[MeasuredMetric]) -> None:
    """Show figures with their intervals, as plot and as table."""
    st.markdown("##### Measured")
    if not metrics:
        st.caption("Nothing was measured yet: `medsiam evaluate` does it.")
        return
    st.altair_chart(
        draw_metrics(metrics), alt="Figures with 95 % intervals and chance; the table has the same"
    )
    st.caption("Dot and bar: figure and 95 % interval. Orange mark: chance. As a table:")
    st.dataframe(metric_rows(metrics), hide_index=True, alt="Figures with 95 % intervals")


def metric_rows(metrics: Sequence[MeasuredMetric]) -> list[dict[str, str | int]]:
    """One line per figure."""
    return [
        {
            "figure": one.name,
            "measured on": one.measured_on,
            "value": f"{one.value:.3f}",
            "95 % interval": "-" if one.low is None else f"{one.low:.3f} to {one.high:.3f}",
            "chance": _number(one.chance),
            "majority": _number(one.majority),
            "n": one.n,
            "of": one.unit_of_n,
        }
        for one in metrics
    ]


def data_rows(card: EncoderCard) -> list[dict[str, str | int]]:
    """One line per data set that the weights depend on."""
    return [
        {
            "data": data.name,
            "licence": data.licence,
            "scans": data.n_scans,
            "patients": "unknown" if data.n_patients is None else str(data.n_patients),
            "from": data.source or "-",
        }
        for data in card.training_data
    ]


def draw_metrics(metrics: Sequence[MeasuredMetric]) -> alt.LayerChart:
    """Figures from 0 to 1 with their intervals; others are in the table alone."""
    rows = pd.DataFrame(
        [
            {
                "figure": f"{one.name} · {one.measured_on}",
                "value": one.value,
                "low": one.value if one.low is None else one.low,
                "high": one.value if one.high is None else one.high,
                "chance": one.chance,
            }
            for one in metrics
            if 0 <= one.value <= 1
        ],
        columns=["figure", "value", "low", "high", "chance"],
    )
    unit = alt.Scale(domain=[0, 1])
    places = alt.Y("figure:N", sort=None, title=None, axis=alt.Axis(labelLimit=330))
    base = alt.Chart(rows).encode(y=places)
    bars = base.mark_rule(color=NEAR, strokeWidth=3).encode(
        x=alt.X("low:Q", scale=unit, title=None), x2="high:Q"
    )
    dots = base.mark_circle(color=NEAR, size=90, opacity=1).encode(
        x=alt.X("value:Q", scale=unit),
        tooltip=["figure:N", "value:Q", "low:Q", "high:Q", "chance:Q"],
    )
    chance = base.mark_tick(color=FAR, thickness=3, size=14).encode(x=alt.X("chance:Q", scale=unit))
    return (bars + dots + chance).properties(height=alt.Step(22))


def _verification(card: EncoderCard) -> str:
    found = card.verification
    if found.threshold is None:
        return f"no threshold: {found.reason}"
    return (
        f"same up to a {found.metric} distance of {found.threshold:.3f}, from {found.n_pairs} "
        f"pairs of {found.n_subjects} subjects; {found.measured_on}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
