"""The whole evaluation: what is in it, what it says of its limits, what it refuses."""

from __future__ import annotations

import importlib
import time

import numpy as np
import pytest

import medsiam
from medsiam.errors import NothingToDoError, UsageError
from medsiam.evaluation import EpisodeProtocol, evaluate


def table(sizes, *, seed=0, d=6, gap=0.0):
    """One case per subject; `gap` between the centres of the conditions."""
    conditions = [name for name, n in sizes.items() for _ in range(n)]
    rng = np.random.default_rng(seed)
    centres = gap * np.eye(len(sizes), d)
    x = np.concatenate([centres[i] + rng.normal(size=(n, d)) for i, n in enumerate(sizes.values())])
    return x, conditions, [f"patient:{i}" for i in range(len(x))]


def run(x, conditions, subjects, **settings):
    protocol = EpisodeProtocol(**{"n_shots": (1, 5), "n_episodes": 60, **settings})
    return evaluate(x, conditions=conditions, subjects=subjects, protocol=protocol)


def test_separated_conditions_score_one_everywhere():
    found = run(*table({"a": 12, "b": 10, "c": 11}, gap=100.0))
    assert [shot.accuracy for shot in found.few_shot] == [1.0, 1.0]
    assert found.retrieval.precision_at_1.value == 1.0
    assert found.retrieval.mean_average_precision.value == 1.0
    assert found.pair_auc.value == 1.0
    assert found.notices == ()


def test_counts_are_per_condition_and_restricted():
    x, conditions, subjects = table({"a": 12, "b": 10, "c": 11})
    subjects[1] = subjects[0]
    found = evaluate(
        x,
        conditions=conditions,
        subjects=subjects,
        n_scans=[2] * 33,
        notices=["from before"],
        protocol=EpisodeProtocol(conditions=("b", "a"), n_shots=(1,), n_episodes=10),
    )
    counts = [(c.condition, c.n_scans, c.n_cases, c.n_subjects) for c in found.counts]
    assert counts == [("a", 24, 12, 11), ("b", 20, 10, 10)]
    assert found.few_shot[0].n_way == 2
    assert found.retrieval.precision_at_1.n_queries == 22
    assert found.notices == ("from before",)


def test_what_was_left_out_is_said():
    found = run(*table({"a": 12, "b": 14, "c": 4, "d": 1}), n_shots=(1, 5, 13))
    assert [shot.n_shot for shot in found.few_shot] == [1, 5]
    assert [shot.n_way for shot in found.few_shot] == [3, 2]
    notices = "\n".join(found.notices)
    assert "1-shot is without the conditions that have fewer than 2 subjects: d (1)" in notices
    assert (
        "5-shot is without the conditions that have fewer than 6 subjects: c (4), d (1)" in notices
    )
    assert "13-shot was not measured: 13-shot needs 2 conditions with 14 subjects" in notices
    assert (
        "only one subject, so no query in retrieval, though a possible wrong answer: d" in notices
    )
    assert "fewer than 10 subjects, so the intervals are rather too narrow: c (4)" in notices


def test_no_shot_at_all_is_nothing_to_do():
    with pytest.raises(NothingToDoError, match=r"5-shot was not measured: .*a has 3, b has 4") as e:
        run(*table({"a": 3, "b": 4}), n_shots=(5, 6))
    assert e.value.exit_code == 3


def test_one_condition_is_a_usage_error():
    with pytest.raises(UsageError, match=r"at least two conditions, got 1 \(a\)") as e:
        run(*table({"a": 12}))
    assert e.value.exit_code == 2


def test_an_unknown_condition_is_named_with_the_nearest():
    x, conditions, subjects = table({"sarcoidosis": 9, "LAM": 9})
    protocol = EpisodeProtocol(conditions=("sarcoidosys", "LAM"))
    with pytest.raises(UsageError, match="'sarcoidosys'; did you mean sarcoidosis"):
        evaluate(x, conditions=conditions, subjects=subjects, protocol=protocol)


def test_lengths_must_fit():
    with pytest.raises(UsageError, match="do not belong together"):
        evaluate(np.ones((3, 2)), conditions=list("ab"), subjects=list("123"))


def test_the_same_call_gives_the_same_figures():
    data = table({"a": 12, "b": 10}, gap=1.0)
    assert run(*data) == run(*data)
    assert run(*data) != run(*data, random_state=1)


@pytest.mark.parametrize("metric", ["euclidean", "mahalanobis"])
def test_every_metric_runs(metric):
    found = run(*table({"a": 12, "b": 10}, gap=3.0, d=40), metric=metric)
    assert found.few_shot[1].accuracy > 0.7
    assert found.pair_auc.value > 0.6


def test_a_thousand_episodes_take_seconds():
    data = table(dict.fromkeys("abcde", 20), d=512)
    start = time.perf_counter()
    found = evaluate(data[0], conditions=data[1], subjects=data[2])
    assert time.perf_counter() - start < 30  # about 2 on a free core
    assert [shot.n_episodes for shot in found.few_shot] == [1000] * 3


def test_the_public_name_is_the_function():
    importlib.import_module("medsiam.evaluation.measure")  # a module must not take its place
    assert medsiam.evaluate is medsiam.evaluation.evaluate is evaluate
    assert callable(evaluate)


def test_a_split_and_a_source_give_their_figures():
    x, conditions, subjects = table({"a": 20, "b": 20}, gap=4.0)
    facts = {"split": ["train", "test"] * 20, "source": ["x"] * 10 + ["y"] * 30}
    found = evaluate(
        x,
        conditions=conditions,
        subjects=subjects,
        facts=facts,
        protocol=EpisodeProtocol(n_shots=(1,), n_episodes=20, n_folds=4),
    )
    assert found.official_split.linear.value > 0.8
    assert found.folds.linear.n_queries == 40
    assert found.source_probe.n_sources == 2
    assert {entry.column for entry in found.slices} == {"condition", "source"}
    assert {"official_split.linear", "folds.linear_auc", "open_set.auroc"} <= set(found.spreads)


def test_folds_that_cannot_be_made_are_said():
    found = run(*table({"a": 12, "b": 6}), n_shots=(1,), n_folds=8)
    assert found.folds is None
    assert "8 folds need as many subjects of each condition, and b has 6" in found.notices


def test_sources_that_splits_cannot_keep_give_no_split():
    x, conditions, subjects = table({"a": 20, "b": 20}, gap=4.0)
    facts = {"split": ["train", "test"] * 20, "source": ["x", "x", "y", "y"] * 10}
    settings = {"n_shots": (1,), "n_episodes": 20, "n_folds": 4, "sources": "one"}
    found = evaluate(
        x,
        conditions=conditions,
        subjects=subjects,
        facts=facts,
        protocol=EpisodeProtocol(**settings),
    )
    assert found.official_split is None
    assert found.folds is None
    assert any("cannot keep sources = 'one'" in text for text in found.notices)
