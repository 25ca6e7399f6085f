"""The JSON form: complete, valid, without the patient."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medsiam.comparison import compare_embedding
from medsiam.errors import OutputError
from medsiam.reports import comparison_document, write_json
from medsiam.reports.document import query_path
from tests.comparison.stub_bank import make_scan, ring_bank
from tests.reports import test_review_words as review_words


def make_comparison(**facts):
    bank = ring_bank()
    scan = make_scan(**{"sources": (Path("/in/a.dcm"), Path("/in/b.dcm")), **facts})
    return compare_embedding(bank.embeddings[0], scan, bank, k=3, rule="vote")


def test_promised_keys_and_their_values():
    comparison = make_comparison(patient_id="patient 5", modality="DX", spacing=(0.5, 0.5))
    document = comparison_document(comparison)
    assert {
        "schema_version",
        "query",
        "matches",
        "conditions",
        "verdict",
        "metric",
        "encoder_fingerprint",
        "bank_version",
        "probability_reason",
        "notes",
        "settings",
        "research_use",
    } <= set(document)
    for match, entry in zip(comparison.matches, document["matches"], strict=True):
        assert entry == {
            "rank": match.rank,
            "case_id": match.case_id,
            "condition": match.condition,
            "patient_id": match.patient,
            "distance": match.distance,
            "probability": None,
            "n_further_cases": 1,
        }
    for ranked, entry in zip(comparison.conditions, document["conditions"], strict=True):
        assert entry == vars(ranked)
    assert document["verdict"] == vars(comparison.verdict)
    assert document["settings"] == {"metric": "cosine", "rule": "vote", "k": 3}
    assert document["query"]["patient_id"] == comparison.query.patient
    assert document["query"]["path"] == "/in"
    assert document["query"]["n_files"] == 2
    assert document["query"]["spacing"] == [0.5, 0.5]
    assert document["schema_version"] == 1


def test_null_has_its_reason_beside_it():
    bank = ring_bank(3)
    document = comparison_document(compare_embedding(bank.embeddings[0], make_scan(), bank))
    assert document["verdict"]["threshold"] is None
    assert "too few patients" in document["verdict"]["threshold_source"]
    assert document["probability_reason"]


def test_written_json_is_the_document(tmp_path):
    comparison = make_comparison(patient_id="SECRET-17", warnings=("SECRET-17 is odd",))
    write_json(comparison, tmp_path / "c.json")
    text = (tmp_path / "c.json").read_text("utf-8")
    assert json.loads(text) == comparison_document(comparison)
    assert "SECRET" not in text
    assert [path.name for path in tmp_path.iterdir()] == ["c.json"]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        write_json(make_comparison(), tmp_path / "file" / "c.json")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), None),
        (("/in/x.png",), "/in/x.png"),
        (("/in/s/1.dcm", "/in/s/2.dcm"), "/in/s"),
        (("/in/ED/1.dcm", "/in/ES/1.dcm"), "/in"),
        (("odd_\udcff.png",), "odd_\\xff.png"),
    ],
)
def test_path_of_the_query(files, expected):
    comparison = make_comparison(sources=tuple(map(Path, files)))
    assert query_path(comparison.query) == expected


def test_what_readers_said_of_this_study_is_in_it():
    comparison = review_words.make_comparison()
    reviews = review_words.make_reviews(comparison)
    held = comparison_document(comparison, reviews)["reviews"]
    assert [one["number"] for one in held] == [1, 3, 4]
    assert [one["withdrawn_by"] for one in held] == [3, None, None]
    assert held[0]["distance"] == comparison.matches[1].distance
    assert comparison_document(comparison)["reviews"] == []
