from __future__ import annotations

import pytest

from medsiam.comparison import compare_embedding
from medsiam.reports.answer_words import (
    all_notes,
    condition_table,
    headline,
    query_facts,
    settings_facts,
)
from tests.comparison.stub_bank import make_scan, ring_bank


def make_comparison(shift: float = 0.0, n_patients: int = 12, **facts):
    bank = ring_bank(n_patients, conditions=("A", "B", "C"))
    embedding = bank.embeddings[0] + shift
    scan = make_scan(**facts)
    return compare_embedding(embedding.astype("f4"), scan, bank, metric="euclidean", k=4)


def test_the_table_says_the_conditions_as_they_are_ranked():
    comparison = make_comparison()
    table = condition_table(comparison)
    for line, entry in zip(table.lines, comparison.conditions, strict=True):
        assert (line.rank, line.condition) == (str(entry.rank), entry.condition)
        assert float(line.distance) == pytest.approx(entry.distance, abs=0.005)
        assert float(line.prototype) == pytest.approx(entry.prototype_distance, abs=0.005)
        assert line.within == (entry.distance <= comparison.verdict.threshold)
        assert line.n_patients == str(entry.n_patients)
        assert line.votes == f"{round(100 * entry.votes)}%"
    longest = max(e.distance for e in comparison.conditions)
    assert table.lines[-1].share / table.lines[0].share == pytest.approx(
        longest / comparison.conditions[0].distance
    )
    assert table.limit / table.lines[-1].share == pytest.approx(
        comparison.verdict.threshold / longest
    )
    assert comparison.verdict.threshold_source in table.legend[0]
    assert comparison.probability_reason in table.legend[1]


def test_without_a_limit_no_bar_is_within():
    table = condition_table(make_comparison(n_patients=4))
    assert table.limit is None
    assert not any(line.within for line in table.lines)
    assert len(table.legend) == 1


def test_headline():
    assert headline(make_comparison()) in "ABC"
    assert headline(make_comparison(shift=90.0)) == "None of these"


def test_what_is_not_known_is_said():
    facts = dict(query_facts(make_comparison()))
    assert facts["spacing"] == facts["orientation"] == facts["patient (hash)"] == "not known"
    assert facts["modality"] == "not stated"
    assert facts["size"] == "8 x 6 pixels"
    known = dict(query_facts(make_comparison(spacing=(0.5, 0.75), modality="DX")))
    assert (known["spacing"], known["modality"]) == ("0.5 x 0.75 mm", "DX")


def test_settings_hold_what_computes_the_answer_again():
    comparison = make_comparison()
    facts = dict(settings_facts(comparison))
    assert facts["encoder fingerprint"] == "f" * 64
    assert facts["query fingerprint"] == make_scan().content_hash
    assert facts["bank"] == "stub, version 1"
    assert (facts["metric"], facts["k"], facts["calibration"]) == ("euclidean", "4", "none")


def test_notes_hold_the_warnings_of_the_query():
    comparison = make_comparison(warnings=("Odd spacing.",))
    assert all_notes(comparison) == ("Odd spacing.", *comparison.notes)
