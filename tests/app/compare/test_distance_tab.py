from __future__ import annotations

import numpy as np
import pytest

from compare.distance_tab import histogram
from medsiam.comparison import pair_distances
from tests.app.conftest import text_of


def test_the_shares_are_those_of_a_plain_loop(bank_2d):
    pairs = pair_distances(bank_2d, "euclidean")
    rows = histogram(pairs)
    for name, values in (("same condition", pairs.same), ("different conditions", pairs.different)):
        own = [row for row in rows if row["pairs"] == name]
        assert sum(row["share"] for row in own) == pytest.approx(1)
        for row in own:
            inside = [v for v in values if row["from"] <= v < row["to"]]
            assert row["share"] == pytest.approx(len(inside) / len(values))


def test_the_axis_reaches_a_distance_beyond_all_pairs(bank_2d):
    rows = histogram(pair_distances(bank_2d, "cosine"), at_least=7.0)
    assert max(row["to"] for row in rows) >= 7.0


def script():
    import streamlit as st

    from compare.distance_tab import show_distance
    from medsiam.comparison import compare
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    bank = the_bank()
    if "kept" not in st.session_state:
        st.session_state["kept"] = compare(scan_2d("across", 300), bank, k=4)
    comparison = st.session_state["kept"]
    show_distance(comparison.matches[0], comparison, bank)


def test_words_chart_and_table(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    said = text_of(app)
    distance = app.session_state["kept"].matches[0].distance
    pairs = pair_distances(bank_2d, app.session_state["kept"].metric)
    of_100 = min(99, int(100 * np.mean(pairs.different > distance)))
    assert f"Nearer than {of_100} of 100 unrelated pairs" in said
    assert "probability" not in said
    assert len(app.get("vega_lite_chart")) == 1
    assert len(app.dataframe[0].value) == 80
