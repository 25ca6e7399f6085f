"""One query against one bank, from the outside."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

import medsiam
from medsiam.comparison import calibrate, compare, compare_embedding
from medsiam.errors import BankError, EncoderError, EncoderMismatchError, UsageError
from tests.comparison.stub_bank import LookUpEncoder, make_bank, make_scan, ring_bank


def near(bank, position, shift=0.3):
    """An embedding close to that of a case, yet not so close that it must be the same patient."""
    return bank.embeddings[position] + np.float32(shift)


def test_compare_embeds_and_answers():
    bank = ring_bank()
    scan = make_scan()
    bank.encoder = LookUpEncoder({0.0: near(bank, 6)})
    result = compare(scan, bank, k=3)
    same = compare_embedding(near(bank, 6), scan, bank, k=3)
    assert replace(result, created="") == replace(same, created="")
    assert result.matches[0].condition == bank.cases[6].condition
    assert result.verdict.outcome == "nearest"
    assert result.verdict.condition == bank.cases[6].condition


def test_everything_needed_to_compute_it_again():
    bank = ring_bank(name="ring", version=4)
    scan = make_scan()
    result = compare_embedding(near(bank, 0), scan, bank, k=3, metric="euclidean", rule="vote")
    assert (result.k, result.metric, result.rule) == (3, "euclidean", "vote")
    assert (result.bank_name, result.bank_version) == ("ring", 4)
    assert result.encoder_fingerprint == "f" * 64
    assert (result.n_cases, result.n_same_patient) == (24, 0)
    assert result.query.content_hashes == (scan.content_hash,)
    assert result.medsiam_version == medsiam.__version__
    created = datetime.fromisoformat(result.created)
    assert created.utcoffset() == timedelta(0)
    assert abs(datetime.now(created.tzinfo) - created) < timedelta(minutes=5)
    assert result.probability_reason
    assert all(match.probability is None for match in result.matches)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "mahalanobis"])
@pytest.mark.parametrize("rule", ["nearest", "vote", "prototype"])
def test_the_own_patient_never_counts(metric, rule):
    bank = ring_bank()
    scan = make_scan(patient_id="patient 3")
    query = near(bank, 6)
    result = compare_embedding(query, scan, bank, k=99, metric=metric, rule=rule)
    own = bank.hash_patient("patient 3")
    assert result.query.patient == own
    assert own not in {match.patient for match in result.matches}
    assert len(result.matches) == 11
    assert {match.n_further_cases for match in result.matches} == {1}
    assert result.n_same_patient == 2
    assert "Left out of the ranking: 2 cases of the query's own patient." in result.notes
    named = {entry.nearest_case_id for entry in result.conditions}
    assert not named & {"case-03-0", "case-03-1"}
    counted = {entry.condition: entry.n_patients for entry in result.conditions}
    assert counted == {"A": 6, "B": 5}


def test_leaving_out_equals_never_having_added():
    bank = ring_bank()
    keep = [i for i in range(24) if i not in (6, 7)]
    smaller = ring_bank()
    smaller.cases = tuple(bank.cases[i] for i in keep)
    smaller.embeddings = bank.embeddings[keep]
    query = near(bank, 6)
    left_out = compare_embedding(query, make_scan(), bank, patient_id="patient 3")
    never = compare_embedding(query, make_scan(), smaller, patient_id="patient 3")
    assert left_out.matches == never.matches
    assert left_out.conditions == never.conditions
    assert left_out.verdict.threshold == never.verdict.threshold


def test_the_given_patient_comes_before_the_header():
    bank = ring_bank()
    scan = make_scan(patient_id="patient 3")
    result = compare_embedding(near(bank, 0), scan, bank, patient_id="patient 5")
    assert result.query.patient == bank.hash_patient("patient 5")


def test_an_unknown_patient_is_noted():
    result = compare_embedding(near(bank := ring_bank(), 0), make_scan(), bank)
    assert result.query.patient is None
    assert any("patient is unknown" in note for note in result.notes)


def test_the_same_scan_gives_its_patient_away():
    bank = ring_bank()
    scan = make_scan(patient_id="another name")
    cases = list(bank.cases)
    cases[6] = replace(cases[6], content_hashes=(scan.content_hash,))
    bank.cases = tuple(cases)
    result = compare_embedding(near(bank, 6), scan, bank, k=99)
    listed = {match.case_id for match in result.matches}
    assert not listed & {"case-03-0", "case-03-1"}
    assert result.n_same_patient == 2
    assert "This very scan is in the bank already (case case-03-0)." in result.notes


def test_the_same_scan_without_a_patient_is_left_out_alone():
    scan = make_scan()
    bank = make_bank(("a", "A", None), ("b", "A", None), embeddings=[[1, 0], [0, 1]])
    bank.cases = (replace(bank.cases[0], content_hashes=(scan.content_hash,)), bank.cases[1])
    result = compare_embedding([1.0, 0.1], scan, bank)
    assert [match.case_id for match in result.matches] == ["b"]


def test_no_identifier_anywhere():
    bank = ring_bank()
    scan = make_scan(patient_id="SECRET-17", warnings=("SECRET-17 has two ages",))
    assert "SECRET-17" not in repr(compare_embedding(near(bank, 0), scan, bank))


def test_far_from_everything_is_none_of_these():
    bank = ring_bank()
    result = compare_embedding(bank.embeddings[0] + 50, make_scan(), bank, metric="euclidean")
    assert result.verdict.outcome == "none of these"
    assert result.verdict.threshold < result.matches[0].distance
    assert len(result.matches) == 5  # the ranking is still given


def test_too_few_patients_to_decide():
    result = compare_embedding(near(bank := ring_bank(4), 0), make_scan(), bank)
    assert result.verdict.outcome == "undecided"
    assert "too few patients (n=4)" in result.verdict.text
    assert result.matches
    assert result.conditions


def test_another_modality_is_out_of_scope():
    bank = ring_bank()
    bank.cases = tuple(replace(case, modality="DX") for case in bank.cases)
    result = compare_embedding(near(bank, 0), make_scan(modality="CT"), bank)
    assert result.verdict.outcome == "out of scope"
    assert "The scan is CT; this bank holds DX only." in result.verdict.text


def test_one_condition():
    bank = ring_bank(conditions=("LAM",))
    result = compare_embedding(near(bank, 0), make_scan(), bank)
    assert result.verdict.condition == "LAM"
    assert result.verdict.text.endswith("can only say near or far.")
    assert result.conditions[0].prototype_share == 1.0


def test_ties_go_by_case_id_whatever_the_order_of_addition():
    rows = [(name, "A", f"p{name}") for name in ("z", "b", "m")]
    bank = make_bank(*rows, embeddings=[[0, 1]] * 3)
    result = compare_embedding([0.0, 2.0], make_scan(), bank)
    assert [match.case_id for match in result.matches] == ["b", "m", "z"]


def test_an_empty_bank_and_a_bank_of_the_own_patient_alone():
    with pytest.raises(BankError, match="holds no cases yet"):
        compare(make_scan(), make_bank(embeddings=np.empty((0, 2))))
    bank = make_bank(("a", "A", "p"), ("b", "B", "p"), embeddings=[[1, 0], [0, 1]])
    with pytest.raises(BankError, match="all 2 cases of bank stub belong to the query's own"):
        compare_embedding([1.0, 0.0], make_scan(patient_id="p"), bank)


def test_wrong_settings_are_refused_before_anything_is_read():
    for wrong in ({"k": 0}, {"metric": "cosin"}, {"rule": "best"}):
        with pytest.raises(UsageError):
            compare(make_scan(), None, **wrong)


def test_scans_must_fit_the_bank():
    bank = ring_bank()
    volume = make_scan(np.zeros((4, 4, 4)), spatial_dims=3)
    with pytest.raises(EncoderMismatchError, match="3D scan, but bank stub compares 2D"):
        compare(volume, bank)
    bank.spatial_dims = 3
    with pytest.raises(EncoderMismatchError, match="2D scan, but bank stub compares 3D"):
        compare(make_scan(), bank)


def test_as_many_scans_as_phases():
    bank = make_bank(("a", "A", "p"), ("b", "B", "q"), embeddings=np.eye(4)[:2])
    bank.cases = tuple(replace(case, phases=("ED", "ES")) for case in bank.cases)
    first, second = make_scan(), make_scan(np.ones((8, 6)))
    with pytest.raises(EncoderMismatchError, match=r"2 scans \(ED, ES\), but the query has 1"):
        compare(first, bank)
    bank.encoder = LookUpEncoder({0.0: np.float32([0, 1]), 1.0: np.float32([0, 0])})
    result = compare([first, second], bank)
    assert result.matches[0].case_id == "b"  # (0, 1) before (0, 0): phases joined in order
    assert result.query.content_hashes == (first.content_hash, second.content_hash)


def test_an_embedding_that_is_not_the_bank_s():
    bank = ring_bank()
    with pytest.raises(EncoderMismatchError, match="has 5 values, those of bank stub have 6"):
        compare_embedding(np.zeros(5), make_scan(), bank)
    with pytest.raises(EncoderError, match="not finite"):
        compare_embedding(np.full(6, np.nan), make_scan(), bank)


def test_a_new_version_of_the_bank_is_seen():
    bank = ring_bank()
    compare_embedding(near(bank, 0), make_scan(), bank)
    added = replace(bank.cases[0], case_id="new", patient="new")
    bank.cases = (*bank.cases, added)
    bank.embeddings = np.vstack([bank.embeddings, near(bank, 0, 0.55)])
    bank.version += 1
    result = compare_embedding(near(bank, 0), make_scan(), bank, metric="euclidean")
    assert result.matches[0].case_id == "new"
    assert result.bank_version == 2


def test_a_likely_same_patient_is_left_out_and_named():
    bank = ring_bank()
    result = compare_embedding(near(bank, 6, 0.001), make_scan(), bank, k=99, metric="euclidean")
    assert next(match.case_id for match in result.maybe_same_patient) == "case-03-0"
    assert bank.cases[6].patient not in {match.patient for match in result.matches}
    assert any("may be the same patient as case case-03-0" in note for note in result.notes)
    named = {entry.nearest_case_id for entry in result.conditions}
    assert not named & {"case-03-0", "case-03-1"}


def test_a_calibrated_bank_recommends_and_explains():
    bank = ring_bank(30, conditions=("A", "B", "C"))
    found = calibrate(bank)
    assert compare_embedding(near(bank, 0), make_scan(), bank).calibration is None
    bank.keep_calibration(found.to_json(), bank_version=1)
    result = compare_embedding(near(bank, 0), make_scan(), bank)
    own = found.of(found.metric)
    assert (result.metric, result.rule) == (found.metric, own.rule)
    assert result.probability_reason is None
    assert sum(entry.probability for entry in result.conditions) == pytest.approx(1)
    given = {entry.condition: entry.probability for entry in result.conditions}
    assert all(match.probability == given[match.condition] for match in result.matches)
    assert result.verdict.condition == bank.cases[0].condition
    assert result.condition_set.conditions == (bank.cases[0].condition,)
    assert result.evidence.counter_example.condition != bank.cases[0].condition
    assert result.calibration.n_changed_cases == 0
    again = compare_embedding(near(bank, 0), make_scan(), bank, metric="euclidean", rule="vote")
    assert (again.metric, again.rule) == ("euclidean", "vote")


def test_an_older_calibration_stays_in_use_and_says_so():
    bank = ring_bank(30, conditions=("A", "B", "C"))
    bank.keep_calibration(calibrate(bank).to_json(), bank_version=1)
    bank.older[1] = bank.snapshot()
    bank.cases, bank.embeddings, bank.version = bank.cases[:-1], bank.embeddings[:-1], 2
    result = compare_embedding(near(bank, 0), make_scan(), bank)
    assert result.calibration.n_changed_cases == 1
    assert "fitted on version 1 of this bank; 1 case has been added or removed" in result.notes[0]


def test_far_from_everything_has_no_set():
    bank = ring_bank(30, conditions=("A", "B", "C"))
    bank.keep_calibration(calibrate(bank).to_json(), bank_version=1)
    result = compare_embedding(-bank.embeddings[0] * 9, make_scan(), bank, metric="euclidean")
    assert result.verdict.outcome == "none of these"
    assert result.verdict.far_off
    assert result.condition_set.conditions is None
    assert {entry.probability for entry in (*result.conditions, *result.matches)} == {None}
    assert "like nothing in this bank" in result.probability_reason
    assert not any("hangs on" in note or "three rules" in note for note in result.notes)


def test_an_older_answer_is_computed_again():
    bank = ring_bank(30, conditions=("A", "B", "C"))
    bank.keep_calibration(calibrate(bank).to_json(), bank_version=1)
    bank.older[1] = bank.snapshot()
    first = compare_embedding(near(bank, 0), make_scan(), bank)
    bank.cases, bank.embeddings, bank.version = bank.cases[:-3], bank.embeddings[:-3], 2
    again = compare_embedding(near(bank, 0), make_scan(), bank, version=1, calibration=1)
    assert (again.matches, again.conditions, again.verdict) == (
        first.matches,
        first.conditions,
        first.verdict,
    )
    assert again.bank_version == 1
    plain = compare_embedding(near(bank, 0), make_scan(), bank, version=1, calibration=0)
    assert plain.calibration is None
    assert plain.conditions[0].probability is None
    with pytest.raises(BankError, match="no calibration 9; it keeps 1"):
        compare_embedding(near(bank, 0), make_scan(), bank, calibration=9)


def test_a_calibration_of_a_later_version_is_not_taken_unasked():
    bank = ring_bank(30, conditions=("A", "B", "C"))
    bank.older[1] = bank.snapshot()
    bank.cases, bank.embeddings, bank.version = bank.cases[:-1], bank.embeddings[:-1], 2
    bank.keep_calibration(calibrate(bank).to_json(), bank_version=2)
    assert compare_embedding(near(bank, 0), make_scan(), bank, version=1).calibration is None
    asked = compare_embedding(near(bank, 0), make_scan(), bank, version=1, calibration=1)
    assert "fitted on version 2 of this bank, and version 1 answers" in asked.notes[0]


def test_the_limit_says_how_often_strangers_pass_it():
    bank = ring_bank(30, conditions=("A", "B", "C"))
    bank.keep_calibration(calibrate(bank).to_json(), bank_version=1)
    result = compare_embedding(near(bank, 0), make_scan(), bank)
    passed = f"{100 * result.verdict.unknown_accepted:.0f} of 100 lay within it too"
    assert any(passed in note for note in result.notes)


def test_the_function_is_not_hidden_by_its_module():
    check = (
        "import medsiam.comparison.compare\n"
        "from medsiam.comparison import compare\nassert callable(compare)"
    )
    subprocess.run([sys.executable, "-c", check], check=True)
    assert medsiam.compare is compare
