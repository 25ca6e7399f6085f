"""How to compare: k, metric and rule, in words."""

from __future__ import annotations

from typing import NamedTuple, get_args

import streamlit as st

from medsiam.comparison import Rule
from medsiam.distances import METRICS

_RECOMMENDED = "as measured for this bank"
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
    metric: str | None
    rule: Rule | None


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
        (None, *METRICS),
        key="metric",
        format_func=_metric,
        help="Between two embeddings. A bank that was not calibrated takes cosine and the nearest "
        "patient. Mahalanobis weighs each direction by how much cases of one "
        "condition differ in it.",
    )
    rule = st.selectbox(
        "Conditions ranked by",
        (None, *(rule for rule in get_args(Rule) if rule != "combined")),
        key="rule",
        format_func=_rule,
        help="A prototype is the mean of a condition's patients.",
    )
    return Settings(int(k), metric, rule)


def _metric(name: str | None) -> str:
    return _RECOMMENDED if name is None else _METRIC_WORDS.get(name, name)


def _rule(name: str | None) -> str:
    return _RECOMMENDED if name is None else _RULE_WORDS.get(name, name)
