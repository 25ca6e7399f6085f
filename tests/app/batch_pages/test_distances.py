from __future__ import annotations

import numpy as np
import pytest

from batch_pages.distances import common_limit, draw_distances, histogram_rows, judged
from medsiam.scoring import ScoredSeries


def series(distances, *, limit=0.5, verdict=None, known=True):
    return [
        ScoredSeries(
            i, "scored", distance=d, judged=d if known else None, threshold=limit,
            verdict=verdict or ("nearest" if d <= limit else "none of these"),
        )
        for i, d in enumerate(distances, start=1)
    ]  # fmt: skip


def test_every_series_is_in_the_bin_of_its_distance():
    values = np.random.default_rng(0).uniform(0.1, 0.9, 200)
    rows = histogram_rows(series(values), 0.5)
    assert sum(row["series"] for row in rows) == 200
    for row in rows:
        inside = [v for v in values if row["from"] < v <= row["to"]]
        kinds = [("nearest" if v <= 0.5 else "none of these") for v in inside]
        assert kinds.count(row["verdict"]) == row["series"]


def test_no_bar_has_series_of_both_sides_of_the_limit():
    values = [0.1, 0.2, 0.49, 0.5, 0.51, 0.52, 0.9]
    rows = histogram_rows(series(values), 0.5)
    for row in rows:
        assert row["to"] <= 0.5 or row["from"] >= 0.5
    near = sum(row["series"] for row in rows if row["to"] <= 0.5)
    assert near == 4  # 0.5 itself is within the limit


@pytest.mark.parametrize("limit", [0.05, 2.0, None])
def test_a_limit_away_from_all_distances_and_none(limit):
    rows = histogram_rows(series([0.2, 0.3, 0.4], limit=0.5), limit)
    assert sum(row["series"] for row in rows) == 3


@pytest.mark.parametrize("values", [[0.3], [0.3, 0.3, 0.3], [0.0]])
def test_equal_distances_are_one_bar(values):
    rows = histogram_rows(series(values), None)
    assert [row["series"] for row in rows] == [len(values)]
    assert rows[0]["to"] > rows[0]["from"]


def test_a_limit_is_drawn_only_where_it_is_about_these_distances():
    same = series([0.2, 0.6])
    assert common_limit(same) == 0.5
    assert judged(same)
    assert common_limit([*same, *series([0.3], limit=0.7)]) is None
    older = series([0.2, 0.6], known=False)
    assert common_limit(older) is None
    assert not judged(older)
    rows = histogram_rows(older, None)
    assert sum(row["series"] for row in rows) == 2
    kinds = [layer["mark"]["type"] for layer in draw_distances(rows, 0.5).to_dict()["layer"]]
    assert kinds == ["bar", "rule"]
    assert len(draw_distances(rows, None).to_dict()["layer"]) == 1
