from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from compare.settings import _METRIC_WORDS, _RULE_WORDS
from medsiam.comparison import compare
from medsiam.distances import METRICS
from tests.app.conftest import scan_2d


def script(n_cases):
    import streamlit as st

    from compare.settings import choose_settings

    st.session_state["chosen"] = choose_settings(n_cases)


def test_defaults_are_what_the_bank_recommends_and_k_fits_it():
    app = AppTest.from_function(script, args=(12,)).run()
    assert app.session_state["chosen"] == (5, None, None)
    assert app.number_input[0].max == 12
    assert AppTest.from_function(script, args=(3,)).run().session_state["chosen"].k == 3


def test_choices_are_passed_on():
    app = AppTest.from_function(script, args=(12,)).run()
    app.number_input[0].set_value(7)
    app.selectbox[0].set_value("mahalanobis")
    app.selectbox[1].set_value("vote").run()
    assert app.session_state["chosen"] == (7, "mahalanobis", "vote")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("rule", _RULE_WORDS)
def test_the_library_takes_every_choice_that_is_offered(metric, rule, bank_2d):
    assert metric in _METRIC_WORDS
    done = compare(scan_2d("along", 500), bank_2d, k=3, metric=metric, rule=rule)
    assert (done.metric, done.rule) == (metric, rule)
