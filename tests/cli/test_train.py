"""`medsiam train` as it is typed."""

from __future__ import annotations

import json

import pytest

from medsiam.cli import main
from medsiam.config import dump_config
from medsiam.encoders import load_encoder
from tests.training.shapes import tiny_config, write_cases


@pytest.fixture
def config(tmp_path):
    dump_config(tiny_config(write_cases(tmp_path / "shapes")), tmp_path / "run.toml")
    return tmp_path / "run.toml"


def test_trains_with_overrides_and_prints_one_json_document(config, tmp_path, capsys):
    arguments = ["schedule.epochs=1", "schedule.warmup_epochs=0", "run.name=short", "--json"]
    code = main(["train", str(config), *arguments, "--out", str(tmp_path / "run")])
    shown = capsys.readouterr()
    assert code == 0
    document = json.loads(shown.out)
    encoder = load_encoder(document["encoder"])
    assert encoder.fingerprint == document["encoder_fingerprint"]
    assert encoder.card.name == "short"
    assert document["best_epoch"] == 1
    assert document["validation_score"] == encoder.card.metrics[0].value
    assert "epoch 1 of 1" in shown.err


def test_default_run_folder_and_plain_text(config, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(config), "sampling.steps_per_epoch=1"]) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("tiny-20")
    assert folder.name.endswith("Z")
    text = capsys.readouterr().out
    assert "chance 0.33" in text
    assert f"encoder: runs/{folder.name}/encoder" in text


@pytest.mark.parametrize(
    ("override", "code", "message"),
    [
        ("optimiser.learning_rte=1", 2, "did you mean learning_rate?"),
        ("data.cases=nowhere.csv", 2, "case table nowhere.csv: there is no such file"),
        ("data.base_conditions=['disc', 'typo']", 2, "base condition typo"),
        ("split.train=train", 2, "no row of the base conditions has split = 'train'"),
        ("nonsense", 2, "'nonsense' is not of the form section.key=value"),
    ],
)
def test_faults_are_one_line(config, tmp_path, capsys, override, code, message):
    assert main(["train", str(config), override, "--out", str(tmp_path / "run")]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 2  # research use, and the fault
    assert message in lines[1]
    assert not (tmp_path / "run").exists()


def test_missing_column_and_missing_scan(config, tmp_path, capsys):
    table = tmp_path / "shapes" / "cases.csv"
    content = table.read_text()
    table.write_text(content.replace("condition", "diagnosis", 1))
    assert main(["train", str(config), "--out", str(tmp_path / "run")]) == 2
    assert "column condition missing" in capsys.readouterr().err
    table.write_text(content.replace("bar-0-0.png", "gone.png"))
    assert main(["train", str(config), "--out", str(tmp_path / "run")]) == 2
    assert "line 2: gone.png does not exist" in capsys.readouterr().err


def test_a_run_folder_in_use_is_refused(config, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old.txt").write_text("")
    assert main(["train", str(config), "--out", str(tmp_path / "run")]) == 7
    assert "not empty" in capsys.readouterr().err
