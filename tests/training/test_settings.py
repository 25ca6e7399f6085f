"""The configuration: strict, complete, and every committed file valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsiam.config import dump_config, load_config
from medsiam.errors import ConfigError
from medsiam.training import TrainingConfig
from tests.training.shapes import tiny_config

CONFIGS = Path(__file__).parents[2] / "configs" / "training"


def test_survives_toml(tmp_path):
    config = tiny_config(tmp_path / "cases.csv", augmentation={"zoom": (0.9, 1.1), "flip": (0,)})
    dump_config(config, tmp_path / "run.toml")
    assert load_config(tmp_path / "run.toml", TrainingConfig) == config


def test_five_mistakes_are_five_sentences(tmp_path):
    (tmp_path / "run.toml").write_text(
        """
        [run]
        name = "has spaces"
        [data]
        cases = "cases.csv"
        name = "shapes"
        [recipe]
        spatial_dims = 2
        spatial_size = [24, 24]
        [optimiser]
        learning_rte = 1e-3
        [schedule]
        epochs = "ten"
        [split]
        validation = "val"
        """
    )
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "run.toml", TrainingConfig)
    message = str(caught.value)
    for part in (
        "run.name",
        "data.licence: missing",
        "optimiser.learning_rte: unknown key; did you mean learning_rate?",
        "schedule.epochs",
        "split.validation needs split.train",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("schedule", {"epochs": 2, "warmup_epochs": 2}, r"smaller than epochs \(2\)"),
        ("split", {"train": "a", "validation": "a"}, "must differ"),
        ("loss", {"margin": 0.0}, "greater than 0"),
        ("sampling", {"scans_per_condition": 1}, "greater than or equal to 2"),
        ("sampling", {"steps_per_epoch": True}, "valid integer"),
        ("sampling", {"uneven": True}, "uneven draws 1 to support_per_condition"),
        ("sampling", {"kind": "episodes", "support_per_condition": 8}, "must leave scans to ask"),
        ("sampling", {"kind": "episodes"}, "prototypical and sampling.kind = episodes go together"),
        ("loss", {"kind": "prototypical"}, "prototypical and sampling.kind = episodes go together"),
        ("loss", {"kind": "match"}, "match and encoder.match_head = true go together"),
        ("encoder", {"match_head": True}, "match and encoder.match_head = true go together"),
        ("loss", {"kind": "supcon", "mining": "hard"}, "mining chooses triplets, and kind = supc"),
        ("loss", {"kind": "cross_entropy", "memory": 9}, "memory must be 0: kind = cross_entropy"),
        ("loss", {"memory": 9}, "mining = semi_hard or hard"),
        ("loss", {"kind": "match", "head_dim": 4}, "head_dim must be 0: kind = match has a head"),
        ("start", {"share": 0.5}, "start.share and start.frozen_stages need start.weights"),
        ("whitening", {"keep": 0.3}, "whitening.keep needs whitening.scatter"),
        ("encoder", {"views": "axes"}, "views = axes is for volumes"),
        ("encoder", {"backbone": "anatomy"}, "needs encoder.anatomy; .*needs encoder.project"),
        (
            "encoder",
            {"backbone": "shape", "views": "flip"},
            "needs recipe.spatial_dims = 3; .*augmentation is not for.*encoder.views is not",
        ),
        (
            "loss",
            {"kind": "match", "head_dim": 4, "memory": 9},
            "memory must be 0.*; head_dim must",
        ),
    ],
)
def test_senseless_values_are_refused(section, values, message):
    with pytest.raises(ValueError, match=message):
        tiny_config(Path("cases.csv"), **{section: values})


def test_pretraining_without_augmentation_is_refused():
    with pytest.raises(ValueError, match="pretraining compares augmented looks"):
        tiny_config(Path("cases.csv"), pretraining={"epochs": 1}, augmentation={})


def test_architecture_follows_the_recipe():
    config = tiny_config(
        Path("cases.csv"),
        recipe={"spatial_dims": 3, "spatial_size": (16, 16, 8), "in_channels": 1},
        encoder={"backbone": "vit", "embedding_dim": 32},
    )
    assert config.architecture.spatial_dims == 3
    assert config.architecture.image_size == (16, 16, 8)
    assert tiny_config(Path("cases.csv")).architecture.image_size is None


UNSEEN = {
    "acdc_3d": {"HCM", "RV"},
    "adrenal_3d": set(),
    "cardiac_cine": {"HCM", "RV"},
    "chula_2d": {"stomatocyte", "teardrop", "burr_cell"},
    "default_2d": {"stomatocyte", "teardrop", "burr_cell"},
    "default_3d": {"HCM", "RV"},
    "digits_2d": {"digit_7", "digit_8", "digit_9"},
}


def test_committed_configs_are_valid_and_say_what_they_are(monkeypatch):
    monkeypatch.setenv("MEDSIAM_DATA", "/data")
    files = sorted(CONFIGS.glob("*.toml"))
    assert [file.stem for file in files] == sorted(UNSEEN)
    for file in files:
        config = load_config(file, TrainingConfig)
        assert config.run.name.replace("-", "_").startswith(file.stem)
        assert not UNSEEN[file.stem] & set(config.data.base_conditions or ())
        header = [line for line in file.read_text().splitlines() if line.startswith("#")]
        for word in ("Data:", "Launch:", "Unseen:", "Measured:"):
            assert any(word in line for line in header), f"{file.name} lacks {word}"
        assert any(f"configs/training/{file.name}" in line for line in header)


def test_committed_configs_fit_the_data(medsiam_data):
    from medsiam.cases import read_case_table

    for file in CONFIGS.glob("*.toml"):
        if file.stem == "digits_2d":  # its table is written first, from scikit-learn's digits
            continue
        config = load_config(file, TrainingConfig)
        present = {row.condition for row in read_case_table(config.data.cases).rows}
        assert set(config.data.base_conditions or ()) < present
        assert UNSEEN[file.stem] < present
