"""Loss, validation and learning rate by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from shell.palette import FAR, NEAR

_PANELS = (
    ("loss", "loss on the training part"),
    ("validation_score", "validation score"),
    ("learning_rate", "learning rate"),
)


def curve_rows(epochs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One line per epoch."""
    return [
        {"epoch": epoch["epoch"], **{title: epoch.get(key) for key, title in _PANELS}}
        for epoch in epochs
    ]


def draw_curves(epochs: Sequence[Mapping[str, Any]], best: int | None) -> dict[str, alt.LayerChart]:
    """One chart per figure, by its title; the epoch whose weights were kept is marked."""
    rows = pd.DataFrame(curve_rows(epochs))
    return {title: _panel(rows, title, best) for _, title in _PANELS}


def _panel(rows: pd.DataFrame, title: str, best: int | None) -> alt.LayerChart:
    ticks = alt.Axis(tickMinStep=1, format="d")
    line = (
        alt.Chart(rows[["epoch", title]].dropna(), title=alt.Title(title, anchor="start"))
        .mark_line(color=NEAR, point=len(rows) < 40)
        .encode(
            x=alt.X("epoch:Q", axis=ticks, scale=alt.Scale(zero=False)),
            y=alt.Y(f"{title}:Q", title=None, scale=alt.Scale(zero=False)),
            tooltip=["epoch:Q", f"{title}:Q"],
        )
    )
    if best is None:
        return alt.layer(line).properties(height=190)
    mark = (
        alt.Chart(pd.DataFrame({"epoch": [best]}))
        .mark_rule(color=FAR, strokeDash=[5, 4], strokeWidth=2)
        .encode(x="epoch:Q")
    )
    return (line + mark).properties(height=190)
