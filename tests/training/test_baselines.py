"""Trained baselines never see a condition that is compared, and give one vector per row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medsiam.cases import read_case_table
from medsiam.training import TrainingConfig, baselines
from medsiam.training.baselines import (
    CROSS_ENTROPY,
    PROTONET,
    base_conditions,
    baseline_config,
    train_baselines,
)
from tests.training.shapes import write_cases


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    table = write_cases(tmp_path_factory.mktemp("shapes"), patients=5, scans=1)
    return table, read_case_table(table).rows


def test_base_conditions_are_the_others_with_subjects_enough(place):
    _, rows = place
    assert base_conditions(rows, ("ring",)) == ("bar", "disc")
    assert base_conditions(rows, None) == ()
    few = [row for row in rows if row.condition != "bar"] + list(rows[:3])
    assert base_conditions(few, ("ring",)) == ("disc",)
    marked = [replace(row, split="train" if row.condition == "bar" else "test") for row in rows]
    assert base_conditions(marked, ("ring",)) == ("bar",)


def test_both_networks_embed_every_row(place, monkeypatch):
    table, rows = place
    whole = baselines.baseline_config

    def tiny(*arguments, **options):
        config = whole(*arguments, **options).model_dump()
        config["recipe"]["spatial_size"] = (24, 24)
        config["encoder"]["width"] = 0.25
        config["sampling"]["steps_per_epoch"] = 2
        return TrainingConfig.model_validate(config)

    monkeypatch.setattr(baselines, "baseline_config", tiny)
    found = train_baselines(table, rows, ("ring",), epochs=1)
    assert list(found.embeddings) == [CROSS_ENTROPY, PROTONET]
    for values in found.embeddings.values():
        assert values.shape == (len(rows), 128)
        assert np.isfinite(values).all()
    assert "saw bar, disc" in found.notices[0]


def test_nothing_to_train_on_is_said(place):
    table, rows = place
    found = train_baselines(table, rows, ("ring", "bar"))
    assert found.embeddings == {}
    assert "no two further conditions with 4 subjects" in found.notices[0]


def test_a_volume_gets_a_run_of_its_own(tmp_path):
    config = baseline_config(
        tmp_path / "x.csv", "ab", kind="prototypical", spatial_dims=3, epochs=20, has_split=True
    )
    assert (config.recipe.spatial_dims, config.split.train) == (3, "train")
    assert (config.sampling.kind, config.loss.kind) == ("episodes", "prototypical")
