"""`medsiam bank calibrate` on a real, tiny bank, as typed."""

from __future__ import annotations

import json

import pytest

from medsiam.bank import ReferenceBank
from medsiam.cli import main
from medsiam.scans import read_scan
from tests.cli.test_compare import tiny_encoder, write_picture


@pytest.fixture(scope="module")
def bank_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibrate")
    bank = ReferenceBank.create(folder / "bank", tiny_encoder())
    for i in range(24):
        path = write_picture(folder / f"case_{i}.png", i, ring=i % 2 == 0)
        bank.add(
            read_scan(path),
            case_id=f"case {i}",
            condition="ring" if i % 2 == 0 else "disc",
            patient_id=f"SECRET-{i}",
            proof="histology",
            licence="CC0",
        )
    write_picture(folder / "query.png", 99, ring=True)
    return folder


def test_measured_kept_and_used(bank_folder, capsys):
    bank, page = bank_folder / "bank", bank_folder / "page.html"
    assert main(["bank", "calibrate", str(bank), "--page", str(page), "--who", "Ada"]) == 0
    out, err = capsys.readouterr()
    assert "Recommended: metric" in out
    assert "Kept as calibration 1" in out
    assert "page written" in err
    assert "SECRET" not in out + page.read_text()
    kept = ReferenceBank.open(bank).calibration
    assert (kept.number, kept.bank_version, kept.who) == (1, 24, "Ada")
    assert main(["compare", str(bank_folder / "query.png"), "--bank", str(bank), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["calibration"]["number"] == 1
    assert answer["metric"] == json.loads(kept.document)["metric"]


def test_json_is_the_document(bank_folder, capsys):
    assert main(["bank", "calibrate", str(bank_folder / "bank"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    kept = ReferenceBank.open(bank_folder / "bank").calibration
    assert document == {"number": kept.number, **json.loads(kept.document)}


def test_normal_pool_and_earlier_scan(bank_folder, capsys):
    query, bank = str(bank_folder / "query.png"), str(bank_folder / "bank")
    earlier = str(bank_folder / "case_1.png")
    asked = ["compare", query, "--bank", bank, "--earlier", earlier]
    assert main([*asked, "--normal", "disc"]) == 0
    # The earlier scan is one of the bank's: its patient is the query's own.
    assert "Median cosine distance to 11 patients with disc" in capsys.readouterr().out
    assert main(asked) == 2
    assert "--earlier needs --normal" in capsys.readouterr().err


def test_no_bank(tmp_path, capsys):
    assert main(["bank", "calibrate", str(tmp_path / "none")]) == 6
    assert "there is no bank" in capsys.readouterr().err


def test_maps_are_checked_when_asked_and_comparisons_say_so(bank_folder, tmp_path, capsys):
    bank = bank_folder / "bank"
    assert main(["bank", "calibrate", str(bank), "--maps", "10", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["explanation"]
    assert found["n_pairs"] == 10
    assert main(["bank", "calibrate", str(bank), "--maps", "3"]) == 2
    asked = ["compare", str(bank_folder / "query.png"), "--bank", str(bank)]
    assert main([*asked, "--explain", str(tmp_path)]) == 0
    err = " ".join(capsys.readouterr().err.split())
    assert f"with maps against another scan {found['other']:.2f}" in err
    explained = json.loads((tmp_path / "explanation.json").read_text())
    assert bool(explained["matches"]) == (explained["reason"] is None)
