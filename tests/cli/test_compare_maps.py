"""`medsiam compare --explain` on a tiny bank, as typed."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace

import pytest

from medsiam import compare
from medsiam.bank import ReferenceBank
from medsiam.cli import main
from medsiam.comparison import bank_centre, explain
from medsiam.scans import read_scan
from tests.cli.test_compare import tiny_encoder, write_picture
from tests.comparison.test_explanation_checks import GOOD


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    bank = ReferenceBank.create(folder / "bank", tiny_encoder())
    for i in range(4):
        scan = read_scan(write_picture(folder / f"{i}.png", i, ring=i % 2 == 0))
        bank.add(scan, case_id=f"case {i}", condition="ABAB"[i], patient_id=f"P{i}")
    return bank


@pytest.fixture(scope="module")
def query(tmp_path_factory):
    return write_picture(tmp_path_factory.mktemp("query") / "query.png", 99, ring=True)


def run(query, bank, *arguments):
    return main(["compare", str(query), "--bank", str(bank.path), *map(str, arguments)])


def test_pictures_and_maps_of_the_first_matches(bank, query, tmp_path, capsys):
    folder, page = tmp_path / "why", tmp_path / "page.html"
    assert run(query, bank, "--explain", folder, "--report", page, "--json") == 0
    out, err = capsys.readouterr()
    facts = json.loads((folder / "explanation.json").read_text())
    assert "Research use only" in facts["research_use"]
    scan = read_scan(query)
    answer = compare(scan, bank)
    assert json.loads(out)["matches"][0]["case_id"] == answer.matches[0].case_id
    first = [match.case_id for match in answer.matches[:3]]
    assert [entry["case_id"] for entry in facts["matches"]] == first
    listed = {"explanation.json"}
    for entry in facts["matches"]:
        (pair,) = entry["scans"]
        assert "not checked" in pair["trust"]
        listed |= {*pair["files"]["query"], *pair["files"]["case"]}
    assert {path.name for path in folder.iterdir()} == listed
    assert len(listed) == 1 + 3 * 4
    shown = read_scan(folder / "match1_query.nii.gz")
    assert shown.spatial_shape[:2] == scan.spatial_shape
    total = facts["matches"][0]["scans"][0]["query_total"]
    assert shown.array.sum() == pytest.approx(total, rel=0.01, abs=1e-6)
    if answer.metric == "cosine":  # the distance given is the plain one
        plain = facts["matches"][0]["scans"][0]["cosine_distance"]
        assert plain == pytest.approx(answer.matches[0].distance, abs=1e-5)
    assert page.read_text().count("alt='similarity map") == 6
    assert "not checked" in err


def found_checks(monkeypatch, checks):
    monkeypatch.setattr("medsiam.comparison.kept_checks", lambda bank: checks)
    monkeypatch.setattr(
        importlib.import_module("medsiam.comparison.explanation_bank"),
        "kept_checks",
        lambda bank: checks,
    )


@pytest.mark.parametrize("centred", [True, False])
def test_maps_are_seen_from_where_they_were_checked(bank, query, tmp_path, monkeypatch, centred):
    checks = replace(GOOD, centred=centred)
    found_checks(monkeypatch, checks)
    assert run(query, bank, "--explain", tmp_path) == 0
    facts = json.loads((tmp_path / "explanation.json").read_text())["matches"][0]
    centre = bank_centre(bank.snapshot()) if centred else None
    expected = explain(
        read_scan(query), bank.scans(facts["case_id"])[0], bank.encoder, centre=centre
    )
    (pair,) = facts["scans"]
    assert pair["query_total"] == pytest.approx(expected.query.total, abs=1e-6)
    assert pair["explains"] == expected.explains


@pytest.mark.parametrize(("other", "made", "said"), [(0.5, 6, "passed"), (1.0, 0, "not shown")])
def test_what_the_calibration_found_of_the_maps(
    bank, query, tmp_path, capsys, monkeypatch, other, made, said
):
    found_checks(monkeypatch, replace(GOOD, other=other))
    page = tmp_path / "page.html"
    assert run(query, bank, "--explain", tmp_path / "why", "--report", page) == 0
    facts = json.loads((tmp_path / "why" / "explanation.json").read_text())
    assert len([*(tmp_path / "why").iterdir()]) == 2 * made + 1
    assert page.read_text().count("alt='similarity map") == made
    assert (facts["reason"] is None) == bool(made)
    err = " ".join(capsys.readouterr().err.split())
    assert f"{said}" in err
    assert f"another scan {other:.2f}" in err


def test_a_bank_without_pixels_says_that_a_map_needs_them(bank, query, tmp_path, capsys):
    bare = ReferenceBank.create(tmp_path / "bare", bank.encoder, pixels=False)
    assert run(query, bare, "--explain", tmp_path / "why") == 6
    assert "bank bare keeps no scans" in capsys.readouterr().err
    assert not (tmp_path / "why").exists()
