from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsiam.bank import ReferenceBank
from medsiam.cli import main
from medsiam.encoders import save_encoder
from tests.bank.conftest import tiny_encoder
from tests.scans.written import write as write_dicom


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("encoders") / "tiny"
    save_encoder(tiny_encoder(), folder)
    return folder


@pytest.fixture
def bank_folder(tmp_path, encoder_folder) -> Path:
    folder = tmp_path / "bank"
    assert main(["bank", "create", str(folder), "--encoder", str(encoder_folder)]) == 0
    return folder


ROWS = [
    ("a.png", "LAM", "p1", "train"),
    ("b.png", "LAM", "p2", "train"),
    ("c.png", "LAM", "p3", "test"),
    ("d.png", "PAP", "p4", "train"),
]


@pytest.fixture
def cases(tmp_path) -> Path:
    """Four readable images in a table without proof and licence."""
    for seed, (name, *_) in enumerate(ROWS):
        values = np.random.default_rng(seed).integers(0, 256, (20, 24), dtype=np.uint8)
        Image.fromarray(values).save(tmp_path / name)
    return write(tmp_path / "cases.csv", ROWS)


def write(path: Path, rows) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([("path", "condition", "patient_id", "split"), *rows])
    return path


def add(folder: Path, cases: Path, *more: str) -> int:
    return main(["bank", "add", str(folder), "--cases", str(cases), *more])


PROVEN = ("--proof", "histology", "--licence", "none")


def test_create_add_list_remove(bank_folder, cases, capsys):
    assert add(bank_folder, cases, *PROVEN) == 0
    out, err = capsys.readouterr()
    assert "added 4 cases" in out
    assert "bank bank, version 1: 4 cases of 2 conditions; encoder tiny (" in out
    assert "fewer than 3 patients" in err
    assert "PAP (1)" in err
    assert "LAM (" not in err

    assert main(["bank", "list", str(bank_folder)]) == 0
    out, err = capsys.readouterr()
    assert "Recorded for no case: modality, site, scanner, acquired, curator." in out
    for word in ("a", "LAM", "PAP", "histology", "none", "version 1"):
        assert word in out
    assert "PAP (1)" in err
    for _, _, patient, _ in ROWS:
        assert patient not in out

    assert main(["bank", "remove", str(bank_folder), "a", "d"]) == 0
    assert "removed a, d" in capsys.readouterr().out
    assert [case.case_id for case in ReferenceBank.open(bank_folder).cases] == ["b", "c"]


def test_json_is_one_document(bank_folder, cases, encoder_folder, capsys):
    capsys.readouterr()
    assert add(bank_folder, cases, *PROVEN, "--source", "here", "--json") == 0
    added = json.loads(capsys.readouterr().out)
    assert added == {
        "bank": str(bank_folder),
        "name": "bank",
        "version": 1,
        "added": ["a", "b", "c", "d"],
        "failed": [],
        "notices": [],
    }
    assert main(["bank", "list", str(bank_folder), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["version"] == 1
    assert listed["conditions"] == [
        {"condition": "LAM", "cases": 3, "patients": 3},
        {"condition": "PAP", "cases": 1, "patients": 1},
    ]
    card = json.loads((encoder_folder / "card.json").read_text())
    assert listed["encoder"] == {"name": "tiny", "fingerprint": card["fingerprint"]}
    assert [case["case_id"] for case in listed["cases"]] == ["a", "b", "c", "d"]
    assert {case["source"] for case in listed["cases"]} == {"here"}
    assert all(len(case["patient"]) == 16 for case in listed["cases"])


def test_an_empty_bank_is_listed(bank_folder, capsys):
    assert main(["bank", "list", str(bank_folder)]) == 0
    assert "version 0: 0 cases of 0 conditions" in capsys.readouterr().out


def test_cases_without_patient_are_pointed_out(bank_folder, cases, capsys):
    write(cases, [(name, condition, "", split) for name, condition, _, split in ROWS])
    assert add(bank_folder, cases, *PROVEN) == 0
    err = capsys.readouterr().err
    assert "4 cases without patient or group" in err
    assert main(["bank", "list", str(bank_folder), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    # Nobody knows whether they are one patient; each counts as one, and the notice says so.
    assert [entry["patients"] for entry in listed["conditions"]] == [3, 1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--condition", "PAP"), ["d"]),
        (("--condition", "LAM", "--condition", "PAP"), ["a", "b", "c", "d"]),
        (("--split", "train"), ["a", "b", "d"]),
        (("--split", "train", "--condition", "LAM"), ["a", "b"]),
    ],
)
def test_only_the_rows_asked_for(options, expected, bank_folder, cases):
    assert add(bank_folder, cases, *PROVEN, *options) == 0
    assert [case.case_id for case in ReferenceBank.open(bank_folder).cases] == expected


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--condition", "LAN"), 2, "no row of condition 'LAN'; it has LAM, PAP"),
        (("--split", "val"), 3, "no row of split 'val'"),
        (("--split", "test", "--condition", "PAP"), 3, "no row of split 'test' that was asked for"),
    ],
)
def test_rows_that_are_not_there(options, code, said, bank_folder, cases, capsys):
    assert add(bank_folder, cases, *PROVEN, *options) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 6, "has a proof: add a column proof, or give --proof"),
        (("--proof", "histology"), 6, "has a licence: add a column licence, or give --licence"),
        (("--proof", "hunch", "--licence", "none"), 2, "unknown proof 'hunch'"),
    ],
)
def test_without_provenance_nothing_goes_in(options, code, said, bank_folder, cases, capsys):
    assert add(bank_folder, cases, *options) == code
    assert said in capsys.readouterr().err
    assert ReferenceBank.open(bank_folder).version == 0


def test_some_rows_failed_is_4_and_all_is_5(bank_folder, cases, capsys):
    (cases.parent / "b.png").write_text("no picture")
    assert add(bank_folder, cases, *PROVEN) == 4
    out, err = capsys.readouterr()
    assert "added 3 cases, 1 row failed" in out
    assert err.count("failed: b.png [") == 1
    assert add(bank_folder, cases, *PROVEN, "--json") == 5
    failed = json.loads(capsys.readouterr().out)["failed"]
    assert [failure["path"] for failure in failed] == ["a.png", "b.png", "c.png", "d.png"]
    assert ReferenceBank.open(bank_folder).version == 1


def test_bad_input_is_one_clear_line_and_its_code(bank_folder, cases, encoder_folder, capsys):
    folder, encoder = str(bank_folder), str(encoder_folder)
    missing = write(cases.parent / "missing.csv", [("gone.png", "LAM", "p1", "")])
    (cases.parent / "junk").mkdir()
    (cases.parent / "junk" / "bank.sqlite").write_bytes(b"SQLite format 3\x00 but no more")
    for arguments, code, said in [
        (["create", folder, "--encoder", encoder], 6, "exists already"),
        (["create", str(cases.parent / "b2"), "--encoder", folder], 6, "missing"),
        (["list", str(cases.parent / "nowhere")], 6, "there is no bank"),
        (["list", str(cases.parent / "junk")], 6, "no bank's database"),
        (["add", folder, "--cases", "gone.csv", *PROVEN], 2, "no such file"),
        (["add", folder, "--cases", str(missing), *PROVEN], 2, "gone.png does not exist"),
        (["remove", folder, "x"], 6, "no case x"),
    ]:
        capsys.readouterr()
        assert main(["bank", *arguments]) == code, arguments
        out, err = capsys.readouterr()
        assert out == ""
        assert said in err
        assert len(err.splitlines()) == 2, err  # the research-use line and the error
    with pytest.raises(SystemExit) as ended:
        main(["bank"])
    assert ended.value.code == 2


def test_a_change_is_signed_and_a_record_listed_whole(bank_folder, cases, capsys):
    rows = [(*row, "Paris", "X 1", "1911", "M. Curie") for row in ROWS]
    with cases.open("w", newline="") as stream:
        writer = csv.writer(stream)
        names = ("path", "condition", "patient_id", "split", "site", "scanner", "acquired")
        writer.writerows([(*names, "curator"), *rows])
    assert add(bank_folder, cases, *PROVEN, "--who", "curie", "--why", "the first ones") == 0
    capsys.readouterr()
    assert main(["bank", "list", str(bank_folder)]) == 0
    out = capsys.readouterr().out
    for word in ("histology", "none", "Paris", "X 1", "1911", "M. Curie"):
        assert word in out
    assert main(["bank", "remove", str(bank_folder), "a", "--who", "meitner", "--why", "why"]) == 0
    versions = ReferenceBank.open(bank_folder).versions
    assert [(v.who, v.why) for v in versions[1:]] == [
        ("curie", "the first ones"),
        ("meitner", "why"),
    ]


def test_a_bank_without_pixels_says_so(tmp_path, encoder_folder, cases, capsys):
    folder = tmp_path / "bare"
    words = ["bank", "create", str(folder), "--encoder", str(encoder_folder), "--no-pixels"]
    assert main(words) == 0
    assert "it keeps embeddings only, no pixels" in capsys.readouterr().out
    assert add(folder, cases, *PROVEN) == 0
    assert "no pixels are kept" in capsys.readouterr().out
    assert not (folder / "scans").exists()
    assert main(["bank", "list", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["keeps_pixels"] is False
    assert main(["compare", str(tmp_path / "a.png"), "--bank", str(folder), "--json"]) == 0


def test_a_picture_that_shows_somebody_is_added_when_confirmed(bank_folder, tmp_path, capsys):
    values = np.random.default_rng(1).integers(0, 256, (20, 24), dtype=np.uint16)
    write_dicom(tmp_path / "face.dcm", values, RecognizableVisualFeatures="YES")
    table = write(tmp_path / "cases.csv", [("face.dcm", "LAM", "p1", "")])
    assert add(bank_folder, table, *PROVEN) == 5
    err = capsys.readouterr().err
    assert "RecognizableVisualFeatures is YES" in err
    assert "--confirm-burned-in face" in err
    assert add(bank_folder, table, *PROVEN, "--confirm-burned-in", "fase") == 2
    confirmed = ("--confirm-burned-in", "face", "--who", "curie")
    assert add(bank_folder, table, *PROVEN, *confirmed) == 0
    assert ReferenceBank.open(bank_folder).cases[0].pixels_checked_by == "curie"
