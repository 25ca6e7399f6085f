from __future__ import annotations

from dataclasses import replace

from compare.case_facts import case_facts, facts_html, query_facts, settings_facts, spacing_words
from medsiam.comparison import compare
from tests.app.conftest import scan_2d


def test_a_case_is_told_without_its_patient(bank_2d):
    case = bank_2d.cases[0]
    facts = case_facts(case)
    assert facts["proof of the diagnosis"] == "histology"
    assert facts["source"] == "drawn for tests"
    assert facts["licence"] == "CC0"
    assert facts["modality"] == "CR"
    assert facts["spacing"] == "0.5 x 0.5 mm"
    assert facts["added"] == case.added[:10]
    assert bank_2d.hash_patient("SECRET-along-0").startswith(facts["patient (hash)"])
    assert "SECRET" not in str(facts)


def test_what_is_not_known_is_said(bank_2d):
    bare = replace(bank_2d.cases[0], patient=None, source=None, licence=None, spacing=None)
    facts = case_facts(bare)
    assert facts["source"] == facts["licence"] == facts["spacing"] == "not known"
    assert facts["patient (hash)"] == "none: stands alone"
    assert "notes" not in facts
    assert case_facts(replace(bare, notes="seen twice"))["notes"] == "seen twice"


def test_phases_are_named(bank_of_two_phases):
    assert case_facts(bank_of_two_phases.cases[0])["scans"] == "early, late"


def test_query_and_settings_hold_what_recomputes_the_answer(bank_2d):
    scan = scan_2d("across", 300, patient_id="PLANTED-4711")
    comparison = compare(scan, bank_2d, k=4, metric="euclidean", rule="vote")
    query, settings = query_facts(comparison), settings_facts(comparison)
    assert scan.content_hash.startswith(query["content (sha256)"])
    assert query["size"] == "32 x 32"
    assert settings["encoder fingerprint"] == bank_2d.encoder_card.fingerprint
    assert settings["bank"] == f"stripes, version {bank_2d.version}"
    assert (settings["distance"], settings["conditions ranked by"], settings["k"]) == (
        "euclidean",
        "vote",
        "4",
    )
    assert settings["calibration"] == "none"
    assert "4711" not in f"{query}{settings}"


def test_facts_are_escaped():
    assert facts_html({"a<b": "<script>"}) == (
        '<dl class="facts"><dt>a&lt;b</dt><dd>&lt;script&gt;</dd></dl>'
    )


def test_spacing():
    assert spacing_words((0.70312, 0.70312, 2.5)) == "0.703 x 0.703 x 2.5 mm"
    assert spacing_words(None) == "not known"
