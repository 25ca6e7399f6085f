"""JSON and CSV hold the figures, what they are compared with, and the line on research use."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from medsiam.comparison import RESEARCH_USE
from medsiam.errors import UsageError
from medsiam.evaluation import (
    EpisodeProtocol,
    compare_evaluations,
    evaluate,
    evaluation_csv,
    evaluation_document,
)


def evaluation(seed=0, **settings):
    rng = np.random.default_rng(seed)
    return evaluate(
        rng.normal(size=(24, 3)),
        conditions=["a", "b"] * 12,
        subjects=[f"patient:SECRET{i}" for i in range(24)],
        protocol=EpisodeProtocol(**{"n_shots": (1, 2), "n_episodes": 20, **settings}),
        notices=["said once"],
    )


@pytest.fixture(scope="module")
def results():
    return {"mine": evaluation(0), "random": evaluation(1)}


def test_json_holds_every_figure(results):
    text = json.dumps(evaluation_document(results), allow_nan=False)
    document = json.loads(text)
    assert "SECRET" not in text
    assert document["research_use"] == RESEARCH_USE
    assert document["protocol"]["n_shots"] == [1, 2]
    assert document["conditions"][0] == {
        "condition": "a",
        "n_scans": 12,
        "n_cases": 12,
        "n_subjects": 12,
    }
    assert document["notices"] == ["said once"]
    assert [entry["name"] for entry in document["results"]] == ["mine", "random"]
    for entry, found in zip(document["results"], results.values(), strict=True):
        assert [s["accuracy"] for s in entry["few_shot"]] == [s.accuracy for s in found.few_shot]
        for shot in entry["few_shot"]:
            assert {"low", "high", "chance", "majority", "n_subjects", "left_out"} <= set(shot)
        figure = entry["retrieval"]["precision_at_1"]
        assert figure["value"] == found.retrieval.precision_at_1.value
        assert {"low", "high", "chance", "majority", "n_queries", "n_subjects"} <= set(figure)
        assert entry["pair_auc"]["value"] == found.pair_auc.value


def test_csv_has_one_row_per_figure(results):
    text = evaluation_csv(results)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert "SECRET" not in text
    measures = [row["measure"] for row in rows if row["name"] == "mine"]
    assert len(measures) == len(rows) / 2
    assert {
        "few_shot_accuracy",
        "few_shot_accuracy_uneven",
        "precision_at_1",
        "mean_reciprocal_rank",
        "pair_auc",
        "verification_equal_error_rate",
        "open_set_auroc",
        "slice_precision_at_1",
    } <= set(measures)
    slices = [row["slice"] for row in rows if row["measure"] == "slice_precision_at_1"]
    assert slices == ["condition = a", "condition = b"] * 2
    assert {row["research_use"] for row in rows} == {RESEARCH_USE}
    few = [row for row in rows if row["measure"] == "few_shot_accuracy" and row["name"] == "mine"]
    assert [row["n_shot"] for row in few] == ["1", "2"]
    for row, shot in zip(few, results["mine"].few_shot, strict=True):
        figures = [float(row[name]) for name in ("value", "low", "high", "chance", "majority")]
        assert figures == [shot.accuracy, shot.low, shot.high, shot.chance, shot.majority]
    auc = next(row for row in rows if row["measure"] == "pair_auc")
    assert (float(auc["value"]), auc["majority"]) == (results["mine"].pair_auc.value, "")


def test_a_name_is_no_formula(results):
    rows = list(csv.DictReader(io.StringIO(evaluation_csv({"=1+1": results["mine"]}))))
    assert {row["name"] for row in rows} == {"'=1+1"}


def test_different_cases_do_not_share_a_document(results):
    other = evaluation(0, n_episodes=21)
    for wrong in ({}, {"a": results["mine"], "b": other}):
        with pytest.raises(UsageError, match="same cases and protocol"):
            evaluation_document(wrong)


def test_differences_and_robustness_are_in_the_document(results):
    first, second = results.values()
    document = evaluation_document(
        results, differences={"random": compare_evaluations(first, second)}
    )
    found = document["differences"][0]
    assert (found["first"], found["second"], found["measure"]) == ("mine", "random", "few_shot.1")
    assert {"value", "low", "high", "p"} <= set(found)
    assert document["robustness"] is None
    assert "spreads" not in document["results"][0]
