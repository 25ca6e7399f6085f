from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from medsiam.encoders import (
    BACKBONES,
    AnatomyPlan,
    Architecture,
    EncoderCard,
    MeasuredMetric,
    Verification,
)
from medsiam.preprocessing import Recipe

RECIPE = Recipe(spatial_dims=2, spatial_size=(32, 32))


def card(**changes) -> EncoderCard:
    fields = {
        "name": "cells",
        "medsiam_version": "0.1.0",
        "created": "2026-01-02T03:04:05+00:00",
        "architecture": Architecture(spatial_dims=2, backbone="resnet10"),
        "recipe": RECIPE,
        "licence": "CC-BY-4.0",
        "fingerprint": "0" * 64,
    }
    return EncoderCard.model_validate(fields | changes)


@pytest.mark.parametrize("module", ["medsiam.encoders.card", "medsiam.preprocessing.recipe"])
def test_reading_a_card_loads_neither_torch_nor_monai(module):
    code = f"import sys, {module}; assert not {{'torch', 'monai', 'numpy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_card_survives_json():
    made = card(
        conditions_seen=("a", "b"),
        metrics=(MeasuredMetric(name="acc", value=0.5, n=3, measured_on="held-back patients"),),
        verification=Verification(threshold=0.3, reason=None),
    )
    assert EncoderCard.model_validate_json(made.model_dump_json()) == made


def test_architecture_knows_every_backbone():
    for name in BACKBONES:
        plan = AnatomyPlan(structures=("lv",), centre="lv", spacing=(1.5, 1.5, 8.0))
        own = {"anatomy": {"anatomy": plan}, "shape": {"spacing": (1.0, 1.0, 1.0)}}
        architecture = Architecture(spatial_dims=3, backbone=name, **own.get(name, {}))
        assert architecture.backbone == name


def test_intended_use_says_research_only():
    assert "not for diagnosis" in card().intended_use


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": {"spatial_dims": 3, "backbone": "resnet10"}}, "differ in spatial_dims"),
        (
            {"architecture": {"spatial_dims": 2, "backbone": "resnet10", "in_channels": 3}},
            "differ in in_channels",
        ),
        ({"architecture": {"spatial_dims": 2, "backbone": "resnet11"}}, "resnet11|resnet10"),
        ({"verification": {"threshold": 0.1}}, "or the reason"),
        ({"verification": {"threshold": None, "reason": None}}, "or the reason"),
        ({"colour": "red"}, "colour"),
        ({"fingerprint": None}, "fingerprint"),
    ],
)
def test_faults_are_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        card(**changes)


def test_a_metric_that_is_no_number_is_refused():
    with pytest.raises(ValidationError, match="finite"):
        MeasuredMetric(name="acc", value=float("nan"), n=3, measured_on="x")
