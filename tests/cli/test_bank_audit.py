"""The audit at the command line: text, one JSON document, files, and exit codes."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsiam.bank import ReferenceBank
from medsiam.cli import bank_audit, main
from medsiam.encoders import save_encoder
from medsiam.evaluation import audit_bank
from tests.bank.conftest import tiny_encoder
from tests.evaluation.audit.samples import clusters


@pytest.fixture(scope="module")
def bank_folder(tmp_path_factory) -> Path:
    """Nine patients of three conditions; patient p0 has two cases."""
    folder = tmp_path_factory.mktemp("audit")
    save_encoder(tiny_encoder(), folder / "encoder")
    rng = np.random.default_rng(0)
    rows = []
    for n in range(10):
        values = rng.integers(0, 256, (20, 24), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"{n}.png")
        rows.append((f"{n}.png", ("LAM", "PAP", "UIP")[n % 3], f"secret{n % 9}"))
    with (folder / "cases.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([("path", "condition", "patient_id"), *rows])
    bank = str(folder / "bank")
    assert main(["bank", "create", bank, "--encoder", str(folder / "encoder")]) == 0
    cases = str(folder / "cases.csv")
    more = ["--proof", "histology", "--licence", "none"]
    assert main(["bank", "add", bank, "--cases", cases, *more]) == 0
    return folder / "bank"


def test_the_action_is_there():
    actions = argparse.ArgumentParser().add_subparsers()
    bank_audit.add_action(actions)
    assert set(actions.choices) == {"audit"}


def test_text_says_findings_accuracy_and_what_it_is_for(bank_folder, capsys):
    assert main(["bank", "audit", str(bank_folder)]) == 0
    out = capsys.readouterr().out
    assert "bank bank, version 1: 10 cases of 9 patients in 3 conditions; cosine distance" in out
    assert "1. [" in out
    assert "What to do: " in out
    assert "10 of 10 cases have no licence" in out
    assert "nothing is claimed about privacy" in out
    assert "Found with the patient left out" in out
    assert "- LAM: " in out
    assert "Research use only. Not a medical device." in out
    assert "secret" not in out


def test_doubtful_labels_are_a_table_with_the_rest_counted(capsys):
    """Not more rows than can be read, and no table where nothing is doubted."""
    blind = clusters(200, apart=0)
    listed = audit_bank(blind, metric="euclidean")
    bank_audit._show_conflicts(listed)
    out = capsys.readouterr().out
    shown = [c.case_id for c in listed.label_conflicts if c.case_id in out]
    assert shown == [c.case_id for c in listed.label_conflicts[:20]]
    assert f"and {len(listed.label_conflicts) - 20} more; --json" in out
    bank_audit._show_conflicts(audit_bank(clusters(8, apart=8), metric="euclidean"))
    assert capsys.readouterr().out == ""


def test_json_and_files(bank_folder, tmp_path, capsys):
    options = ["--json", "--reidentify", "--out", str(tmp_path / "report"), "--metric", "euclidean"]
    assert main(["bank", "audit", str(bank_folder), *options]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document == json.loads((tmp_path / "report" / "audit.json").read_text())
    assert (document["name"], document["version"], document["metric"]) == ("bank", 1, "euclidean")
    assert (
        document["encoder"]["fingerprint"]
        == ReferenceBank.open(bank_folder).encoder_card.fingerprint
    )
    # Only one patient has two cases, and an interval over one patient is none.
    assert "cannot be measured" in document["reidentification_reason"]
    page = (tmp_path / "report" / "audit.html").read_text()
    assert "Findings, the worst first" in page
    assert "audit.html" in captured.err


def test_a_version_and_what_cannot_be_audited(bank_folder, capsys):
    assert main(["bank", "audit", str(bank_folder), "--version", "1"]) == 0
    assert main(["bank", "audit", str(bank_folder), "--version", "0"]) == 3
    assert "needs at least two" in capsys.readouterr().err
    assert main(["bank", "audit", str(bank_folder), "--version", "7"]) == 6
    assert "has no version 7" in capsys.readouterr().err


def test_the_calibration_recommends_the_metric(bank_folder, capsys):
    bank = ReferenceBank.open(bank_folder)
    bank.keep_calibration('{"metric": "euclidean"}', bank_version=1)
    assert main(["bank", "audit", str(bank_folder)]) == 0
    assert "euclidean distance" in capsys.readouterr().out
    bank.keep_calibration('{"metric": "of tomorrow"}', bank_version=1)
    assert main(["bank", "audit", str(bank_folder)]) == 0
    assert "cosine distance" in capsys.readouterr().out


def test_pixels_are_measured_where_they_are_kept(bank_folder, monkeypatch, capsys):
    bank = ReferenceBank.open(bank_folder)
    pixels = bank_audit._pixels(bank, bank.snapshot())
    assert pixels.shape == (10, 1024)
    gone = next((bank_folder / "scans").glob("*.nii.gz"))
    kept = gone.read_bytes()
    gone.unlink()
    assert bank_audit._pixels(bank, bank.snapshot()) is None
    assert "pixels are not measured: case" in capsys.readouterr().err
    gone.write_bytes(kept)
