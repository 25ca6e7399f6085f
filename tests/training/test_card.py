"""The card's fields from rows and hits that can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from medsiam.cases import CaseRow
from medsiam.training.card import _without_files, card_fields
from medsiam.training.dataset import PreparedScans
from medsiam.training.validation import Validation, score_interval
from tests.training.shapes import tiny_config


def scans(rows) -> PreparedScans:
    rows = tuple(
        CaseRow(i, Path(f"/{i}.png"), f"{i}.png", condition, f"{i}", **who)
        for i, (condition, who) in enumerate(rows, start=2)
    )
    return PreparedScans(rows, torch.zeros(len(rows), 1, 2, 2), ("0",) * len(rows))


def people(n, conditions="ab", key="patient_id"):
    """Two scans each of n people per condition."""
    return [(c, {key: f"{c}{i}"}) for c in conditions for i in range(n) for _ in range(2)]


def points(n):
    return np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)


def fields(training, validation, hits, **changes):
    result = Validation(np.array(hits, float), score=0.625, accuracy=0.6, spread=0.5)
    schedule = changes.pop("schedule", {"epochs": 2})
    arguments = {"best_epoch": 7, "warnings": ()} | changes
    return card_fields(
        tiny_config(Path("cases.csv"), schedule=schedule),
        {"training": scans(training), "validation": scans(validation)},
        result,
        points(len(hits)),
        **arguments,
    )


HITS = [1, 1, 0, 1, 1, 0, 0, 1]


def test_counts_patients_and_gives_an_interval_over_them():
    card = fields(people(5), people(2), HITS)
    (data,) = card["training_data"]
    assert (data.n_scans, data.n_patients, data.licence) == (20, 10, "CC0-1.0")
    (metric,) = card["metrics"]
    assert metric.value == 0.625
    assert (metric.n, metric.unit_of_n) == (4, "patients")
    assert metric.chance == metric.majority == 0.5
    owners = [f"{c}{i}" for c in "ab" for i in range(2) for _ in range(2)]
    labels = ["a"] * 4 + ["b"] * 4
    assert (metric.low, metric.high) == score_interval(points(8), labels, owners, 0.625)
    assert "flatters" in metric.measured_on
    assert card["conditions_seen"] == ("a", "b")
    assert card["notes"] == "Weights of epoch 7, the best on the validation part."


@pytest.mark.parametrize(
    ("key", "unit"), [("group", "groups"), ("notes", "scans that stand alone")]
)
def test_without_patients_no_number_of_patients_is_claimed(key, unit):
    card = fields(people(5, key=key), people(2, key=key), HITS)
    assert card["training_data"][0].n_patients is None
    assert card["metrics"][0].unit_of_n == unit
    assert ("28 of 28 scans had neither patient nor group" in card["notes"]) == (key == "notes")


def test_without_training_nothing_is_said_to_be_chosen():
    card = fields(people(5), people(2), HITS, best_epoch=0, schedule={"epochs": 0})
    assert card["notes"] == "Start weights, not trained further."
    assert "flatters" not in card["metrics"][0].measured_on


def test_warnings_are_part_of_the_notes():
    card = fields(people(5), people(2), HITS, warnings=("It collapsed.",))
    assert card["notes"].endswith("It collapsed.")


def test_file_names_stay_off_the_card():
    rows = (SimpleNamespace(path_text="scans/meier.png"), SimpleNamespace(path_text="b.png"))
    parts = {"training": SimpleNamespace(rows=rows)}
    told = _without_files(["embeddings collapse", "line 2 (scans/meier.png): copied"], parts)
    assert told[0] == "embeddings collapse"
    assert "meier" not in " ".join(told)
    assert "1 warnings of the run" in told[1]
