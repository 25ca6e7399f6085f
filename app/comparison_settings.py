"""How to compare: k, metric and rule, in words."""

from __future__ import annotations

from typing import NamedTuple, get_args

import streamlit as st

from medsiam.comparison import Rule
from medsiam.distances import METRICS

_METRIC_WORDS = {
    "cosine": "cosine (angle)",
    "euclidean": "euclidean (straight line)",
    "mahalanobis": "mahalanobis (by spread)",
}
_RULE_WORDS = {
    "nearest": "nearest patient",
    "vote": "vote of k patients",
    "prototype": "nearest prototype",
}


class Settings(NamedTuple):
    """What `medsiam.comparison.compare` takes besides scans and bank."""

    k: int
    metric: str
    rule: Rule


def choose_settings(n_cases: int) -> Settings:
    """Show the three choices and return them.

    Args:
        n_cases: of the bank; k goes no further.
    """
    k = st.number_input(
        "Matches to list (k)",
        min_value=1,
        max_value=max(1, n_cases),
        value=min(5, max(1, n_cases)),
        key="k",
        help="Also the number of patients that vote.",
    )
    metric = st.selectbox(
        "Distance",
        METRICS,
        index=METRICS.index("cosine"),
        key="metric",
        format_func=_metric,
        help="Between two embeddings. Mahalanobis weighs each direction by how much cases of one "
        "condition differ in it.",
    )
    rule = st.selectbox(
        "Conditions ranked by",
        get_args(Rule),
        key="rule",
        format_func=_rule,
        help="A prototype is the mean of a condition's patients.",
    )
    return Settings(int(k), metric, rule)


def _metric(name: str) -> str:
    return _METRIC_WORDS.get(name, name)


def _rule(name: str) -> str:
    return _RULE_WORDS.get(name, name)
