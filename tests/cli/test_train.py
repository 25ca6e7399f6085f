"""`medsiam train` as it is typed."""

from __future__ import annotations

import json
import os
import re
import signal

import numpy as np
import pytest
from PIL import Image

from medsiam.cli import main
from medsiam.config import dump_config
from medsiam.encoders import TwinEncoder, load_encoder
from medsiam.training.learner import Learner
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
    assert f"report: runs/{folder.name}/report.html" in text
    page = (folder / "report.html").read_text()
    assert "<svg" in page
    assert "secret" not in page


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


def refused(arguments, capsys, *, code=2):
    """The one line after the research notice."""
    assert main(["train", *map(str, arguments)]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err.splitlines()[-1]


def test_stops_on_a_signal_and_goes_on_without_the_configuration(
    config, tmp_path, capsys, monkeypatch
):
    take, run = Learner.take, tmp_path / "run"

    def interrupted(self, step):
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return take(self, step)

    monkeypatch.setattr(Learner, "take", interrupted)
    line = refused([config, "--out", run], capsys, code=130)
    assert line.endswith(f"saved; go on with: medsiam train --resume {run}")
    monkeypatch.undo()
    line = refused([config, "run.seed=3", "--resume", run], capsys)
    assert "begun with other values of run.seed" in line
    assert "keeps its settings" in refused(["run.seed=3", "--resume", run], capsys)
    assert "not both" in refused(["--resume", run, "--out", run], capsys)
    assert main(["train", "--resume", str(run)]) == 0
    assert (run / "encoder" / "card.json").is_file()
    capsys.readouterr()
    assert "finished; its encoder is" in refused(["--resume", run], capsys, code=3)


def test_resume_without_a_run_needs_the_configuration(config, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "there is no run to go on with" in refused(["--resume", tmp_path / "none"], capsys)
    assert "give a CONFIG.toml" in refused([], capsys)
    assert main(["train", str(config), "sampling.steps_per_epoch=1", "--resume", "run"]) == 0


def test_five_mistakes_are_named_in_one_go(config, tmp_path, capsys):
    mistakes = [
        "optimiser.learning_rte=1",
        "schedule.epochs=many",
        "loss.kind=tripplet",
        "sampling.scans_per_condition=1",
        "spilt.train=a",
    ]
    line = refused([config, *mistakes, "--out", tmp_path / "run"], capsys)
    for name in ("did you mean learning_rate?", "schedule.epochs", "loss.kind"):
        assert name in line
    assert "sampling.scans_per_condition" in line
    assert "spilt: unknown key; did you mean split?" in line


def test_a_patient_in_two_splits(config, tmp_path, capsys):
    table = tmp_path / "shapes" / "cases.csv"
    lines = table.read_text().splitlines()
    parts = ["split"] + ["a" if int(line.split("-")[1]) < 4 else "b" for line in lines[1:]]
    parts[2] = "b"  # the second scan of the first patient
    table.write_text("\n".join(f"{x},{y}" for x, y in zip(lines, parts, strict=True)))
    line = refused([config, "split.train=a", "split.validation=b"], capsys)
    assert "line 2 (bar-0-0.png) in training and line 3 (bar-0-1.png) in validation" in line
    assert "secret" not in line


def test_a_condition_with_one_patient(config, tmp_path, capsys):
    table = tmp_path / "shapes" / "cases.csv"
    table.write_text(re.sub(r"secret-ring-\d", "secret-ring-0", table.read_text()))
    assert re.search(r"too few: ring \(0 training, 1 validation\)", refused([config], capsys))


@pytest.mark.parametrize("holes", ["some", "all"])
def test_nan_in_an_image(config, tmp_path, capsys, holes):
    values = np.ones((24, 24), np.float32)
    values[3:9, 4] = np.nan
    name = "bar-0-0.tif"
    Image.fromarray(values * (np.nan if holes == "all" else 1)).save(tmp_path / "shapes" / name)
    table = tmp_path / "shapes" / "cases.csv"
    table.write_text(table.read_text().replace("bar-0-0.png", name))
    arguments = [config, "schedule.epochs=0", "--out", tmp_path / "run"]
    if holes == "all":
        assert re.search(r"line 2: .*no finite value", refused(arguments, capsys))
        return
    assert main(["train", *map(str, arguments)]) == 0
    assert "warning: odd scans (1)" in (told := capsys.readouterr().err)
    assert "line 2 (bar-0-0.tif): 6 values" in told
    notes = load_encoder(tmp_path / "run" / "encoder").card.notes or ""
    assert "1 warnings of the run that name files are not repeated" in notes


def test_a_volume_thinner_than_the_network_allows(config, tmp_path, capsys, monkeypatch):
    # Every backbone of today takes a single voxel; one that does not is refused in one line.
    def forward(self, x):
        raise RuntimeError("Kernel size can't be greater than actual input size")

    monkeypatch.setattr(TwinEncoder, "forward", forward)
    line = refused([config, "recipe.spatial_size=[24,2]", "--out", tmp_path / "run"], capsys)
    assert "recipe.spatial_size: 24 x 2 is thinner than the network allows" in line
    assert not (tmp_path / "run").exists()


def test_one_picture_in_training_and_validation(config, tmp_path, capsys):
    folder = tmp_path / "shapes"
    for patient in range(1, 6):
        (folder / f"bar-{patient}-0.png").write_bytes((folder / "bar-0-0.png").read_bytes())
    line = refused([config, "--out", tmp_path / "run"], capsys)
    assert "the drawn split parted copies of one picture: line" in line
    assert "too few: bar (0 training, 6 validation)" in line
    assert not (tmp_path / "run").exists()


def test_one_picture_in_two_parts_of_a_split_that_was_made(config, tmp_path, capsys):
    folder = tmp_path / "shapes"
    (folder / "bar-5-0.png").write_bytes((folder / "bar-0-0.png").read_bytes())
    first, *lines = (folder / "cases.csv").read_text().splitlines()
    parts = [f"{line},{'val' if line[-1] in '45' else 'train'}" for line in lines]
    (folder / "cases.csv").write_text("\n".join([f"{first},split", *parts]) + "\n")
    made = ["split.train=train", "split.validation=val"]
    line = refused([config, *made, "--out", tmp_path / "run"], capsys)
    assert "the same picture is in two parts of the split: line" in line
    assert "(bar-0-0.png) in training and line" in line
    assert "(bar-5-0.png) in validation" in line
