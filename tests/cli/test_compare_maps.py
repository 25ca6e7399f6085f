from __future__ import annotations

import argparse
import json
from dataclasses import replace

import pytest

from medsiam import compare
from medsiam.cli.compare_maps import add_options, write_maps
from medsiam.phantoms import make_phantom
from medsiam.scans import read_scan
from medsiam.scans.scan import Scan
from tests.comparison.test_explanation_checks import GOOD


@pytest.fixture
def query() -> Scan:
    phantom = make_phantom("crescent", spatial_dims=3, patient_id="SYN-new", random_state=5)
    return Scan(
        phantom.array,
        spatial_dims=3,
        affine=phantom.affine,
        spacing=phantom.spacing,
        patient_id="SYN-new",
    )


def asked(folder, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(["--explain", str(folder), *more])


def test_pictures_and_maps_of_the_first_matches(phantom_bank, query, tmp_path, capsys):
    folder = tmp_path / "why"
    answer = compare(query, phantom_bank)
    write_maps(asked(folder, "--explain-matches", "2"), answer, [query], phantom_bank)
    facts = json.loads((folder / "explanation.json").read_text())
    assert "Research use only" in facts["research_use"]
    assert [entry["case_id"] for entry in facts["matches"]] == [
        match.case_id for match in answer.matches[:2]
    ]
    listed = {"explanation.json"}
    for entry in facts["matches"]:
        (scan,) = entry["scans"]
        assert "not checked" in scan["trust"]
        listed |= {*scan["files"]["query"], *scan["files"]["case"]}
    assert {path.name for path in folder.iterdir()} == listed
    assert len(listed) == 9
    shown = read_scan(folder / "match1_query.nii.gz")
    assert shown.spatial_shape == query.spatial_shape
    assert shown.array.sum() == pytest.approx(
        facts["matches"][0]["scans"][0]["query_total"], rel=0.01, abs=1e-6
    )
    assert "SYN-new" not in capsys.readouterr().err


def test_an_encoder_that_failed_its_checks_shows_none_and_says_why(
    phantom_bank, query, tmp_path, capsys
):
    checks = replace(GOOD, other=1.0)
    answer = compare(query, phantom_bank)
    write_maps(asked(tmp_path), answer, [query], phantom_bank, checks=checks)
    assert [path.name for path in tmp_path.iterdir()] == ["explanation.json"]
    facts = json.loads((tmp_path / "explanation.json").read_text())
    assert facts["matches"] == []
    assert facts["reason"] == checks.sentence
    assert "not shown" in capsys.readouterr().err


def test_a_bank_without_pixels_says_that_a_map_needs_them(
    phantom_bank, query, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(phantom_bank, "scans", lambda case_id: (), raising=False)
    write_maps(asked(tmp_path), compare(query, phantom_bank), [query], phantom_bank)
    assert "keeps no scans" in capsys.readouterr().err
