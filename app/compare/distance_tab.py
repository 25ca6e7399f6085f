"""What the distance of one match means: beside the pairs of the bank itself."""

from __future__ import annotations

import altair as alt
import numpy as np
import streamlit as st

from compare.ranked_list import distance_words
from medsiam import Comparison, Match, ReferenceBank
from medsiam.comparison import PairDistances, pair_distances

_BINS = 40
# Okabe and Ito's blue and orange; the lines are solid and dashed for those who see no colour.
_SAME, _DIFFERENT = "same condition", "different conditions"
_COLOURS, _DASHES = ["#56B4E9", "#E69F00"], [[1, 0], [5, 3]]


def show_distance(match: Match, comparison: Comparison, bank: ReferenceBank) -> None:
    """Draw the tab."""
    pairs = _pairs(str(bank.path), comparison.bank_version, comparison.metric, bank)
    st.markdown(f"**This match: distance {distance_words(match.distance)}** ({pairs.metric})")
    for sentence in pairs.sentences(match.distance):
        st.markdown(sentence)
    if not len(pairs.different):
        return
    limit = comparison.verdict.threshold
    if comparison.verdict.measure != "nearest distance":
        limit = None  # of another distance: it has no place on this axis
    rows = histogram(pairs, at_least=max(match.distance, limit or 0.0))
    st.altair_chart(_chart(rows, match.distance, limit), width="stretch")
    st.caption(
        f"Pairs of cases of different patients in this bank (version {pairs.bank_version}, "
        f"{pairs.n_cases} cases): {len(pairs.same)} of the same condition, "
        f"{len(pairs.different)} of different ones. Solid rule: this match."
        + ("" if limit is None else " Dashed rule: the bank's limit.")
    )
    with st.expander("As a table"):
        st.dataframe(rows, hide_index=True)


def histogram(pairs: PairDistances, *, at_least: float = 0.0) -> list[dict[str, str | float]]:
    """Share of the pairs in each bin, of each kind; the bins reach from 0 to the longest.

    Args:
        pairs: of the bank.
        at_least: the axis reaches so far.
    """
    longest = max(float(pairs.different[-1]), float(pairs.same[-1]) if len(pairs.same) else 0.0)
    edges = np.linspace(0.0, max(longest, at_least) * 1.001, _BINS + 1)
    rows: list[dict[str, str | float]] = []
    for name, values in ((_SAME, pairs.same), (_DIFFERENT, pairs.different)):
        if not len(values):
            continue
        shares = np.histogram(values, edges)[0] / len(values)
        rows += [
            {"pairs": name, "from": float(low), "to": float(high), "share": float(share)}
            for low, high, share in zip(edges[:-1], edges[1:], shares, strict=True)
        ]
    return rows


def _chart(rows: list[dict[str, str | float]], distance: float, limit: float | None) -> alt.Chart:
    kinds = [kind for kind in (_SAME, _DIFFERENT) if any(row["pairs"] == kind for row in rows)]
    n = len(kinds)
    # The last edge closes the staircase.
    data = [{"pairs": r["pairs"], "distance": r["from"], "share": r["share"]} for r in rows]
    lines = (
        alt.Chart(alt.Data(values=data))
        .mark_area(interpolate="step-after", fillOpacity=0.25, line={"strokeWidth": 2})
        .encode(
            x=alt.X("distance:Q", title="distance (lower is closer)"),
            y=alt.Y("share:Q", title="share of pairs", stack=None, axis=alt.Axis(format="%")),
            color=alt.Color(
                "pairs:N", scale=alt.Scale(domain=kinds, range=_COLOURS[:n]), title=None
            ),
            strokeDash=alt.StrokeDash(
                "pairs:N", scale=alt.Scale(domain=kinds, range=_DASHES[:n]), legend=None
            ),
        )
    )
    marks = [{"at": distance, "what": "this match"}]
    if limit is not None:
        marks.append({"at": limit, "what": "the bank's limit"})
    rules = (
        alt.Chart(alt.Data(values=marks))
        .mark_rule(strokeWidth=2, color="#D55E00")
        .encode(
            x="at:Q",
            strokeDash=alt.StrokeDash(
                "what:N",
                scale=alt.Scale(domain=["this match", "the bank's limit"], range=[[1, 0], [6, 4]]),
                legend=None,
            ),
            tooltip=["what:N", alt.Tooltip("at:Q", format=".4f")],
        )
    )
    return (lines + rules).properties(height=220).resolve_scale(strokeDash="independent")


@st.cache_resource(max_entries=4, show_spinner="Measuring the pairs of this bank ...")
def _pairs(path: str, version: int, metric: str, _bank: ReferenceBank) -> PairDistances:
    return pair_distances(_bank, metric, version=version)
