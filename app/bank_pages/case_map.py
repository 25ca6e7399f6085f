"""The cases as points in a plane: what the encoder finds alike lies together, roughly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from bank_pages.cases import cases_table, gallery
from medsiam import Case, Comparison, ReferenceBank
from medsiam.bank import Snapshot
from medsiam.evaluation import EmbeddingMap, audit_metric, map_embeddings, place_among
from shell.palette import COLOURS, QUIET, looks
from shell.plain_text import in_markdown

_OTHERS = "all others"
_MOST_CONDITIONS = 42  # that looks of their own can tell
_HEIGHT = 520


def map_tab(bank: ReferenceBank, query: Comparison | None) -> None:
    """Draw the tab.

    Args:
        bank: to show.
        query: a comparison with this version, to show where it lies.
    """
    snapshot = bank.snapshot()
    if len(snapshot.cases) < 2:
        st.info("A map needs at least two cases. Add some under *Add* or with `medsiam bank add`.")
        return
    metric = audit_metric(bank)
    placed = _placed(str(bank.path), snapshot.version, metric, _snapshot=snapshot)
    points = map_points(snapshot.cases, placed)
    st.caption(
        f"Approximate: {in_markdown(placed.method)}. {len(placed.rows)} of {len(snapshot.cases)} "
        "cases; the map of a version is always the same. Draw a box to see the cases in it."
    )
    here = query_point(query, snapshot, points)
    chart, listed = st.columns([3, 2], gap="medium")
    with chart:
        picked = st.altair_chart(
            draw(points, here),
            on_select="rerun",
            key=f"map of {snapshot.version}",
            alt=f"Map of {len(points)} cases by condition; the table beside it has the same cases",
        )
    with listed:
        _list(bank, snapshot, inside(points, dict(picked["selection"])), here)


@st.cache_resource(max_entries=4, show_spinner="Drawing the map ...")
def _placed(path: str, version: int, metric: str, *, _snapshot: Snapshot) -> EmbeddingMap:
    """Fixed for a version: the seed never changes."""
    return map_embeddings(_snapshot.embeddings, metric=metric, random_state=0)


def map_points(cases: Sequence[Case], placed: EmbeddingMap) -> pd.DataFrame:
    """One row per point: case, condition, look (the rarest ones share one), x, y."""
    shown = [cases[row] for row in placed.rows]
    counts = Counter(case.condition for case in shown)
    own = {name for name, _ in counts.most_common(_MOST_CONDITIONS)}
    return pd.DataFrame(
        {
            "case": [case.case_id for case in shown],
            "condition": [case.condition for case in shown],
            "look": [c.condition if c.condition in own else _OTHERS for c in shown],
            "x": placed.points[:, 0],
            "y": placed.points[:, 1],
        }
    )


def query_point(
    query: Comparison | None, snapshot: Snapshot, points: pd.DataFrame
) -> tuple[float, float] | None:
    """Where the query lies, by its nearest matches; None where that cannot be said."""
    if query is None or query.bank_version != snapshot.version:
        return None
    distances = {match.case_id: match.distance for match in query.matches}
    found = points[points["case"].isin(distances)]
    if found.empty:
        return None
    far = [distances[name] for name in found["case"]]
    x, y = place_among(found[["x", "y"]].to_numpy(), far)
    return float(x), float(y)


def draw(points: pd.DataFrame, here: tuple[float, float] | None) -> alt.LayerChart | alt.Chart:
    """The scatter plot: colour and shape by condition, no axes, for they mean nothing."""
    names = sorted(set(points["look"]) - {_OTHERS})
    colours, shapes = looks(names)
    if _OTHERS in set(points["look"]):
        names, colours, shapes = [*names, _OTHERS], [*colours, QUIET], [*shapes, "circle"]
    flat = alt.Axis(labels=False, ticks=False, title=None, grid=False, domain=False)
    legend = alt.Legend(title="condition", symbolLimit=0, labelLimit=220)
    picked = alt.selection_interval(name="picked", encodings=["x", "y"])
    chart: alt.LayerChart | alt.Chart = (
        alt.Chart(points)
        .mark_point(filled=True, size=55, opacity=0.85)
        .encode(
            x=alt.X("x:Q", axis=flat, scale=alt.Scale(zero=False)),
            y=alt.Y("y:Q", axis=flat, scale=alt.Scale(zero=False)),
            color=alt.Color("look:N", scale=alt.Scale(domain=names, range=colours), legend=legend),
            shape=alt.Shape("look:N", scale=alt.Scale(domain=names, range=shapes), legend=legend),
            tooltip=["case:N", "condition:N"],
        )
        .add_params(picked)
    )
    if here is not None:
        mark = alt.Chart(pd.DataFrame({"x": [here[0]], "y": [here[1]], "what": ["the query"]}))
        cross = mark.mark_point(shape="cross", size=420, filled=False, strokeWidth=3, angle=45)
        label = mark.mark_text(dy=-18, fontWeight="bold", fontSize=13)
        chart = (
            chart
            + cross.encode(x="x:Q", y="y:Q", color=alt.value(COLOURS[5]), tooltip=["what:N"])
            + label.encode(x="x:Q", y="y:Q", text="what:N", color=alt.value(COLOURS[5]))
        )
    # As SVG, Vega's box would have a role and no name; the table beside says it all in words.
    return chart.properties(height=_HEIGHT, usermeta={"embedOptions": {"renderer": "canvas"}})


def inside(points: pd.DataFrame, selection: Mapping[str, Any]) -> list[str]:
    """case_ids within the box that was drawn; all of them where there is none."""
    box = selection.get("picked") or {}
    found = points
    for axis in ("x", "y"):
        if axis in box:
            low, high = sorted(box[axis])
            found = found[found[axis].between(low, high)]
    return list(found["case"])


def _list(
    bank: ReferenceBank,
    snapshot: Snapshot,
    case_ids: Sequence[str],
    here: tuple[float, float] | None,
) -> None:
    """The cases of the box, or of the conditions chosen by those who use no mouse."""
    wanted = st.multiselect(
        "Only these conditions", snapshot.conditions, placeholder="all",
        key="map conditions",
    )  # fmt: skip
    chosen = set(case_ids)
    cases = [
        case
        for case in snapshot.cases
        if case.case_id in chosen and (not wanted or case.condition in wanted)
    ]
    st.caption(f"{len(cases)} cases" + ("" if here is None else "; the cross is the query"))
    if not cases:
        st.info("No case lies there. Draw another box.")
        return
    as_table, as_pictures = st.tabs(["Table", "Pictures"], on_change="rerun", key="map view")
    if as_table.open:
        with as_table:
            cases_table(bank, cases, key="map table")
    if as_pictures.open:
        with as_pictures:
            gallery(bank, cases, key=f"map page {hash(tuple(case_ids))}", columns=4)
