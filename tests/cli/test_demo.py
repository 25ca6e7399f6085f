"""The demo is the main job, end to end; it is run once, as the README's first command."""

from __future__ import annotations

import csv
import json
import re

import pytest

from medsiam.cli import main


@pytest.fixture(scope="module")
def printed(demo_folder):
    return (demo_folder / "printed.txt").read_text(encoding="utf-8")


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def measured(demo_folder, dims):
    return json.loads((demo_folder / "demo" / f"measured_{dims}.json").read_text())


@pytest.mark.parametrize("dims", ["2d", "3d"])
def test_the_encoder_beats_the_pixels_with_intervals_apart(demo_folder, dims):
    figures = measured(demo_folder, dims)
    assert figures["encoder"]["low"] > figures["pixel distance"]["high"]


@pytest.mark.parametrize("dims", ["2d", "3d"])
def test_fitting_a_whitening_to_the_training_studies_helps(demo_folder, dims):
    figures = measured(demo_folder, dims)
    shipped = figures[f"default-{dims} as shipped"]
    assert figures["encoder"]["accuracy"] > shipped["accuracy"] > figures["encoder"]["chance"]


@pytest.mark.parametrize("dims", ["2d", "3d"])
def test_what_the_demo_says_of_the_encoder_follows_from_the_intervals(demo_folder, printed, dims):
    figures = measured(demo_folder, dims)
    encoder, pixels = figures["encoder"], figures["pixel distance"]
    assert pixels["n_subjects"] == encoder["n_subjects"] == 100
    assert pixels["chance"] == encoder["chance"] == pytest.approx(0.2)
    said = printed[printed.index(f"{dims[0]}D, 5 unseen conditions") :]
    better, overlap = said.find("clearly better"), said.find("intervals overlap")
    apart = encoder["low"] > pixels["high"]
    first_is_better = better >= 0 and (overlap < 0 or better < overlap)
    assert first_is_better == apart


def test_what_was_measured_is_what_was_printed(demo_folder, printed):
    for dims in ("2d", "3d"):
        measured = json.loads((demo_folder / "demo" / f"measured_{dims}.json").read_text())
        for name, figure in measured.items():
            assert re.search(rf"{name} +{figure['accuracy']:.3f}", printed)


@pytest.mark.parametrize("dims", ["2d", "3d"])
def test_no_condition_of_the_bank_was_in_training(demo_folder, dims):
    card = json.loads((demo_folder / "demo" / "banks" / dims / "encoder" / "card.json").read_text())
    bank = {row["condition"] for row in rows(demo_folder / f"demo/studies/measure_{dims}/bank.csv")}
    assert len(bank) == 4
    assert len(card["conditions_seen"]) >= 6
    assert not bank & set(card["conditions_seen"])


@pytest.mark.parametrize("dims", ["2d", "3d"])
def test_every_incoming_file_is_accounted_for_and_the_damaged_one_failed(demo_folder, dims):
    incoming = demo_folder / "demo" / "incoming"
    manifest = rows(demo_folder / "demo" / "results" / dims / "manifest.csv")
    on_disk = sorted(str(p.relative_to(incoming)) for p in incoming.rglob("*") if p.is_file())
    assert [row["path"] for row in manifest] == on_disk
    failed = {row["code"] for row in manifest if row["outcome"] == "failed"}
    # The damaged file is a 2D image: the 3D bank cannot be asked about it either way.
    assert failed == ({"truncated_pixels"} if dims == "2d" else set())
    series = {row["path"].rpartition("/")[0] for row in manifest if row["outcome"] == "scored"}
    assert len(series) == 6  # five new patients, and one of the bank


def test_a_returning_patient_never_matches_himself(demo_folder):
    for dims in ("2d", "3d"):
        results = rows(demo_folder / "demo" / "results" / dims / "results.csv")
        scored = [row for row in results if row["outcome"] == "scored"]
        returning = {r["query"] for r in scored if "of the query's own patient." in r["notes"]}
        assert len(returning) == 1
        assert all(row["patient_id"] != row["query_patient_id"] for row in scored)


def test_real_foreign_scans_get_an_honest_answer(printed):
    for name in ("CT_small.dcm", "MR_small.dcm"):
        assert re.search(rf"{name}: (Out of scope|None of these)", printed)


def test_it_ends_with_the_report_and_the_line_that_opens_the_app(demo_folder, printed):
    *_, report, app = printed.strip().splitlines()
    page = demo_folder / report.removeprefix("Report:").strip()
    assert "Not a medical device" in page.read_text(encoding="utf-8")
    assert "medsiam review --bank demo/banks/3d --studies demo/incoming" in app


def test_all_is_said_to_be_synthetic(printed):
    assert printed.startswith("All studies of this demo are synthetic")
    assert printed.count("(synthetic)") >= 2


def test_it_replaces_its_own_folder_and_no_other(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("precious")
    assert main(["demo", "--out", str(tmp_path)]) == 7
    assert "not from a demo" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").read_text() == "precious"
