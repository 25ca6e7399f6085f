"""How far the nearest case of each series lies, beside the limit."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medsiam.scoring import ScoredSeries
from shell.palette import COLOURS, FAR, NEAR, QUIET

_MOST_BINS = 30


def judged(series: Sequence[ScoredSeries]) -> bool:
    """Whether the tables say of each series which distance its verdict hangs on."""
    return all(one.judged is not None for one in series)


def common_limit(series: Sequence[ScoredSeries]) -> float | None:
    """The limit that holds for the distances of the histogram; None where there is none such."""
    limits = {one.threshold for one in series}
    return limits.pop() if len(limits) == 1 and judged(series) else None


def histogram_rows(
    series: Sequence[ScoredSeries], limit: float | None
) -> list[dict[str, str | float | int]]:
    """Counts of series by distance and verdict, in bins of equal width; empty bins are left out.

    It is the distance that is held against the limit, or in older tables that of the nearest case.

    Args:
        series: scored ones.
        limit: an edge of a bin, so that no bar has series of both sides.
    """
    known = judged(series)
    distances = np.array(
        [one.judged if known else one.distance for one in series], dtype=np.float64
    )
    edges = _edges(distances, limit)
    places = np.clip(np.searchsorted(edges, distances) - 1, 0, len(edges) - 2)
    counted = pd.DataFrame({"bin": places, "verdict": [one.verdict for one in series]})
    return [
        {
            "from": float(edges[place]),
            "to": float(edges[place + 1]),
            "verdict": str(verdict),
            "series": int(n),
        }
        for (place, verdict), n in sorted(counted.value_counts().items())
    ]


def draw_distances(
    rows: Sequence[dict[str, str | float | int]], limit: float | None
) -> alt.LayerChart:
    """Bars of the histogram, stacked by verdict, and the limit as a line."""
    verdicts = ["nearest", "none of these", "out of scope", "undecided"]
    bars = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar()
        .encode(
            x=alt.X("from:Q", bin="binned", title="distance (lower = closer)"),
            x2="to:Q",
            y=alt.Y("series:Q", title="series", axis=alt.Axis(tickMinStep=1, format="d")),
            color=alt.Color(
                "verdict:N", scale=alt.Scale(domain=verdicts, range=[NEAR, FAR, QUIET, COLOURS[3]])
            ),
            tooltip=["from:Q", "to:Q", "verdict:N", "series:Q"],
        )
    )
    if limit is None:
        return alt.layer(bars).properties(height=300)
    line = (
        alt.Chart(pd.DataFrame({"limit": [limit], "what": ["limit"]}))
        .mark_rule(strokeDash=[6, 4], strokeWidth=3, color=QUIET)
        .encode(x="limit:Q", tooltip=["limit:Q"])
    )
    return (bars + line).properties(height=300)


def _edges(distances: NDArray[np.float64], limit: float | None) -> NDArray[np.float64]:
    """Edges of bins of equal width; a distance that equals the limit is within it."""
    low, high = float(distances.min()), float(distances.max())
    n_bins = int(np.clip(np.sqrt(len(distances)) * 2, 5, _MOST_BINS))
    width = max((high - low) / n_bins, 1e-9 * max(abs(high), 1.0))
    start = low if limit is None else limit - np.ceil((limit - low) / width) * width
    n_edges = int(np.ceil((high - start) / width)) + 1
    edges: NDArray[np.float64] = start + width * np.arange(max(n_edges, 2))
    if limit is not None and start <= limit <= edges[-1]:
        edges[round((limit - start) / width)] = limit  # exactly, not but for rounding
    return edges
