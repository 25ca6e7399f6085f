"""What a reader must know besides the answer."""

from __future__ import annotations

from types import SimpleNamespace

from medsiam.comparison.notes import patient_notes, ranking_notes
from medsiam.comparison.novelty import Limit
from medsiam.comparison.ranking import Ranking
from medsiam.comparison.result import ConditionRank, Match
from tests.comparison.stub_bank import make_case


def about_patients(cases, *, patient="hash", n_left_out=0, known_as=()):
    return patient_notes(cases, patient=patient, n_left_out=n_left_out, known_as=known_as)


def test_nothing_to_say():
    assert about_patients([make_case("a", "A", "p")]) == ()


def test_unknown_patient_and_cases_without_patient():
    cases = [make_case("a", "A", None), make_case("b", "A", "p"), make_case("c", "B", None)]
    assert about_patients(cases, patient=None) == (
        "The query's patient is unknown, so a match of the same patient cannot be left out.",
        "2 cases of this bank without a patient: each counts as one of its own.",
    )


def test_the_same_scan_identifies_the_patient():
    known = make_case("b", "A", "p")
    notes = about_patients([known], patient=None, n_left_out=2, known_as=[known])
    assert notes == (
        "This very scan is in the bank already (case b).",
        "Left out of the ranking: 2 cases of the query's own patient.",
    )


def test_the_same_scan_without_a_patient_leaves_him_unknown():
    known = make_case("b", "A", None)
    notes = about_patients([known], patient=None, n_left_out=1, known_as=[known])
    assert any("patient is unknown" in note for note in notes)


def about_ranking(*figures, k=2, proof="histology", pooled=False, n_patients=3):
    conditions = tuple(
        ConditionRank(i, name, distance, n_patients, f"{name}1", votes, prototype, 0.5)
        for i, (name, distance, votes, prototype) in enumerate(figures, start=1)
    )
    matches = tuple(Match(i, f"m{i}", "A", None, 0.1 * i) for i in (1, 2))
    records = [make_case(f"{name}1", name, "p", proof=proof) for name, *_ in figures]
    measured = SimpleNamespace(records=records, pooled=pooled)
    return ranking_notes(Ranking(matches, conditions, 2, Limit(1.0, "")), measured, k=k)


AGREED = (("A", 0.1, 1.0, 0.2), ("B", 0.5, 0.0, 0.7))


def test_a_ranking_without_doubt():
    assert about_ranking(*AGREED) == ()


def test_more_asked_than_there_is():
    assert about_ranking(*AGREED, k=9) == (
        "k = 9, but only 2 cases can be compared: all are listed.",
    )


def test_few_patients_no_proof_pooled_spread():
    notes = about_ranking(*AGREED, n_patients=1, proof="none", pooled=True)
    assert notes[0] == "A rests on 1 patient in this bank: weak evidence."
    assert notes[1] == "Case A1, the nearest of A, carries no proof of its diagnosis."
    assert "spread over all cases" in notes[2]
    assert "A rests on 2 patients" in about_ranking(*AGREED, n_patients=2)[0]


def test_rules_that_disagree_are_all_named():
    notes = about_ranking(("A", 0.1, 0.2, 0.9), ("B", 0.3, 0.8, 0.5))
    assert notes == (
        "The three rules do not agree: the nearest patient has A, the vote says B, the nearest "
        "prototype is B.",
    )
