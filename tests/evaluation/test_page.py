"""The page: whole, self-contained, safe, and without any patient."""

from __future__ import annotations

import re

import numpy as np
import pytest

from medsiam.comparison import RESEARCH_USE
from medsiam.errors import UsageError
from medsiam.evaluation import EpisodeProtocol, compare_evaluations, evaluate_rows, evaluation_page
from tests.evaluation.test_of_table import table


@pytest.fixture(scope="module")
def measured():
    rows, paths, x = table()
    protocol = EpisodeProtocol(n_shots=(1, 2), n_episodes=20, n_folds=2, uneven=True)
    better = x + 4 * np.repeat(np.eye(3), 20, axis=0).astype(np.float32)
    return {
        "mine <b>": evaluate_rows(rows, paths, better, protocol=protocol),
        "noise": evaluate_rows(rows, paths, x, protocol=protocol),
    }


@pytest.fixture(scope="module")
def page(measured):
    first, second = (found.evaluation for found in measured.values())
    return evaluation_page(
        measured,
        differences={"noise": compare_evaluations(first, second)},
        notices=["a & b"],
    )


def test_the_page_fetches_nothing_and_runs_nothing(page):
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)
    assert "mine &lt;b&gt;" in page
    assert "<b>mine" not in page
    assert "a &amp; b" in page


def test_the_page_says_what_it_must(page):
    assert page.count(RESEARCH_USE) == 2
    assert "SECRET" not in page
    for words in ("chance", "95 % interval", "Uneven banks", "Folds of subjects", "Map of the"):
        assert words in page
    assert page.count("<figure") == page.count("</figure>") == 6


def test_the_same_evaluations_give_the_same_page(measured):
    assert evaluation_page(measured) == evaluation_page(measured)


def test_nothing_to_show_is_refused():
    with pytest.raises(UsageError, match="at least one evaluation"):
        evaluation_page({})


def test_a_result_named_like_a_baseline_keeps_its_line(measured):
    one, other = measured.values()
    page = evaluation_page({"pixels": one, "pixels (baseline)": other})
    assert "<!-- pixels -->" in page
    assert "<!-- pixels (baseline) -->" in page
