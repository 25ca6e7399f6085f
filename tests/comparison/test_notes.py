"""What a reader must know besides the answer."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from medsiam.comparison.conformal import ConditionSet
from medsiam.comparison.evidence import CounterExample, Evidence
from medsiam.comparison.notes import patient_notes, ranking_notes, set_notes
from medsiam.comparison.novelty import Limit
from medsiam.comparison.ranking import Ranking
from medsiam.comparison.result import ConditionRank, Match
from medsiam.comparison.who_counts import WhoCounts
from tests.comparison.stub_bank import make_case


def about_patients(cases, *, patient="hash", own=(), known_as=(), near=(), copies=(), only=False):
    """Notes, where the named cases are of the query's patient, suspected, or copies."""

    def which(names):
        return np.array([case.case_id in names for case in cases])

    keep = ~which((*own, *near, *copies))
    who = WhoCounts(keep, which(own), which(near), which(copies), tuple(known_as), only)
    ids = SimpleNamespace(case_ids=np.array([case.case_id for case in cases]))
    return patient_notes(who, SimpleNamespace(records=cases, cases=ids), patient=patient)


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
    cases = [known, make_case("c", "A", "p")]
    notes = about_patients(cases, patient=None, own="bc", known_as=[known])
    assert notes == (
        "This very scan is in the bank already (case b).",
        "Left out of the ranking: 2 cases of the query's own patient.",
    )


def test_the_same_scan_without_a_patient_leaves_him_unknown():
    known = make_case("b", "A", None)
    notes = about_patients([known], patient=None, own="b", known_as=[known])
    assert any("patient is unknown" in note for note in notes)


def about_ranking(*figures, k=2, proof="histology", pooled=False, n_patients=3, evidence=None):
    conditions = tuple(
        ConditionRank(i, name, distance, n_patients, f"{name}1", votes, prototype, 0.5)
        for i, (name, distance, votes, prototype) in enumerate(figures, start=1)
    )
    matches = tuple(Match(i, f"m{i}", "A", None, 0.1 * i) for i in (1, 2))
    records = [make_case(f"{name}1", name, "p", proof=proof) for name, *_ in figures]
    measured = SimpleNamespace(records=records, space=SimpleNamespace(pooled=pooled))
    rested = evidence or Evidence(figures[0][0], n_patients, 0, (), None, None, None)
    held = ConditionSet(0.9, None, 0, "no calibration")
    ranking = Ranking(matches, conditions, 2, Limit(1.0, ""), None, held, rested, 0.1)
    return ranking_notes(ranking, measured, k=k)


AGREED = (("A", 0.1, 1.0, 0.2), ("B", 0.5, 0.0, 0.7))


def test_a_ranking_without_doubt():
    assert about_ranking(*AGREED) == ()


def test_more_asked_than_there_is():
    assert about_ranking(*AGREED, k=9) == (
        "k = 9, but only 2 patients can be compared: all are listed.",
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


def test_what_the_leading_condition_hangs_on_and_what_speaks_against_it():
    against = CounterExample("b7", "B", 0.14)
    hangs = Evidence("A", 3, 1, ("a1",), (0.1, 0.2), None, against)
    assert about_ranking(*AGREED, evidence=hangs) == (
        "That A leads hangs on one case (a1): without it, another condition leads.",
        "Nearest counter-example: case b7 (B) at 0.14; the nearest case of A lies at 0.10.",
    )
    several = Evidence("A", 3, 2, ("a1", "a2"), (0.1, 0.2), None, None)
    assert "without any one of a1, a2, another" in about_ranking(*AGREED, evidence=several)[0]


def test_what_cannot_be_ruled_out():
    assert set_notes(ConditionSet(0.9, None, 3, "too few")) == ()
    assert set_notes(ConditionSet(0.9, ("A", "B"), 40)) == (
        "Not ruled out: A, B. Such sets hold the true condition of 90% of queries that come like "
        "this bank's patients (from 40 calibration patients).",
    )


def test_rare_conditions_may_be_missing_from_the_set():
    few = ConditionRank(1, "B", 0.1, 3, "b", 1.0, 0.1, 1.0)
    many = ConditionRank(2, "A", 0.2, 9, "a", 0.0, 0.2, 0.0)
    (note,) = set_notes(ConditionSet(0.9, ("A",), 40), (few, many))
    assert note.endswith(" Of conditions with few patients, B (3), they may miss more.")


CASES = [make_case("case 12", "A", "p"), make_case("b", "A", "q"), make_case("c", "B", "r")]


def test_a_likely_same_patient_is_named():
    (note,) = about_patients(CASES, near=["case 12"])
    assert note.startswith("This may be the same patient as case case 12, or the same scan")
    assert "the answer lacks its best match" in note


def test_the_same_picture_is_named_beside_him():
    (note,) = about_patients(CASES, near=["case 12"], copies=["b"])
    assert note.startswith("This looks like the same picture as that of case b, saved again. This")
    (note,) = about_patients(CASES[:1], copies=["case 12"], only=True)
    assert note.endswith("it counts all the same: do not rely on this answer.")
