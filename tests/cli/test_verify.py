"""`medsiam verify`, end to end on real handwriting: train, calibrate, verify unseen digits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medsiam.cases import read_case_table
from medsiam.cli import main
from medsiam.comparison import RESEARCH_USE
from medsiam.encoders import load_encoder, save_encoder
from medsiam.phantoms import write_digits
from medsiam.scans import read_scan
from medsiam.training import TrainingConfig, train
from medsiam.training.verification import fit_verification

UNSEEN = ("digit_7", "digit_8", "digit_9")


def few_digits(folder):
    """A table of the first 280 of the digits 0 to 6."""
    header, *lines = (folder / "cases.csv").read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.split(",")[1] not in UNSEEN]
    (folder / "few.csv").write_text(header + "".join(kept[:280]))
    return folder / "few.csv"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Digits, and an encoder whitened on some 0 to 6 and calibrated on some 7 to 9."""
    folder = tmp_path_factory.mktemp("digits")
    write_digits(folder)
    config = TrainingConfig.model_validate(
        {
            "run": {"name": "few-digits"},
            "data": {
                "cases": few_digits(folder),
                "name": "digits",
                "licence": "CC BY 4.0",
            },
            "split": {"validation_fraction": 0.34},
            "recipe": {
                "spatial_dims": 2,
                "spatial_size": (32, 32),
                "intensity": "window",
                "intensity_range": (0.0, 255.0),
            },
            "encoder": {
                "backbone": "efficientnet-lite0",
                "stages": (3, 4, 5),
                "pooling": "centre",
                "project": False,
            },
            "start": {"weights": "imagenet"},
            "schedule": {"epochs": 0},
            "whitening": {"scatter": "conditions", "shrinkage": 0.3, "keep": 0.3},
        }
    )
    encoder = train(config, out=folder / "run", progress=False).encoder
    rows = digits(folder, *UNSEEN)[-120:]
    verification = fit_verification(
        encoder.embed(read_scan(row.path) for row in rows),
        [row.condition for row in rows],
        [row.subject for row in rows],
        metric="cosine",
        measured_on="other digits 7 to 9",
    )
    save_encoder(encoder.with_card(verification=verification), folder / "encoder")
    return folder


def digits(place, *names):
    rows = read_case_table(place / "cases.csv").rows
    return [row for row in rows if row.condition in names]


def far_and_near(place):
    """The two likest 7s and the 7 and 8 that are least alike, by their pixels."""
    sevens, eights = (digits(place, f"digit_{digit}")[:40] for digit in (7, 8))
    a, b = (
        np.stack([read_scan(row.path).array.ravel() for row in rows]) for rows in (sevens, eights)
    )
    among = np.linalg.norm(a[:, None] - a[None], axis=2) + 1e9 * np.eye(len(a))
    between = np.linalg.norm(a[:, None] - b[None], axis=2)
    i, j = np.unravel_index(among.argmin(), among.shape)
    k, m = np.unravel_index(between.argmax(), between.shape)
    return (sevens[i].path, sevens[j].path), (sevens[k].path, eights[m].path)


def verify(place, *scans):
    return main(["verify", *map(str, scans), "--encoder", str(place / "encoder")])


def as_json(place, capsys, *scans):
    arguments = ["verify", *map(str, scans), "--encoder", str(place / "encoder"), "--json"]
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_digits_never_seen_are_told_apart(place):
    encoder = load_encoder(place / "encoder")
    rows = digits(place, *UNSEEN)[:120]
    x = encoder.embed(read_scan(row.path) for row in rows)
    i, j = np.triu_indices(len(rows), k=1)
    names = np.array([row.condition for row in rows])
    assert roc_auc_score(names[i] == names[j], np.sum(x[i] * x[j], axis=1)) > 0.6


def test_two_sevens_are_the_same_and_a_seven_is_no_eight(place, capsys):
    near, far = far_and_near(place)
    same, different = as_json(place, capsys, *near), as_json(place, capsys, *far)
    assert same["same"] is True
    assert different["same"] is False
    assert same["distance"] < same["threshold"] == different["threshold"] < different["distance"]
    assert same["probability"] > 0.5 > different["probability"]
    assert same["encoder_fingerprint"] == load_encoder(place / "encoder").fingerprint


def test_the_document_holds_what_is_promised(place, capsys):
    document = as_json(place, capsys, *far_and_near(place)[0])
    assert set(document) >= {"distance", "threshold", "same", "probability", "probability_reason"}
    assert document["schema_version"] == 1
    assert document["research_use"] == RESEARCH_USE
    assert document["scan_a"]["sources"] != document["scan_b"]["sources"]
    assert "other digits 7 to 9" in document["measured_on"]


def test_for_people_it_is_a_sentence(place, capsys):
    assert verify(place, *far_and_near(place)[0]) == 0
    shown = capsys.readouterr()
    first, *rest = shown.out.splitlines()
    assert first.startswith("distance ")
    assert ": same condition (probability of one condition " in first
    assert any("conditions were seen in training" in line for line in rest)
    assert rest[-1] == RESEARCH_USE
    assert "warning" not in shown.err


def test_one_file_twice_is_warned_about(place, capsys):
    path = digits(place, "digit_7")[0].path
    assert verify(place, path, path) == 0
    shown = capsys.readouterr()
    assert "warning: Both scans hold the same pixels" in shown.err
    assert "No probability: both scans hold the same pixels" in shown.out
    document = as_json(place, capsys, path, path)
    assert document["probability"] is None
    assert "same pixels" in document["probability_reason"]


def test_what_is_wrong_is_said_in_one_line_with_its_code(place, capsys, tmp_path):
    path = digits(place, "digit_7")[0].path
    (tmp_path / "junk.png").write_bytes(b"no picture")
    assert verify(place, path, tmp_path / "junk.png") == 5
    assert verify(place, path, tmp_path / "absent.png") == 5
    assert main(["verify", str(path), str(path), "--encoder", str(tmp_path)]) == 6
    assert capsys.readouterr().out == ""
