"""The centre against a plain loop; which pairs are checked; which outcome counts."""

from __future__ import annotations

import importlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from medsiam.bank.store import Snapshot
from medsiam.comparison import (
    bank_centre,
    calibrate,
    check_bank_explanations,
    explain,
    explain_match,
    kept_checks,
)
from medsiam.errors import BankError, EncoderError, UsageError
from tests.comparison.stub_bank import make_case, make_scan, ring_bank
from tests.comparison.test_explanation_checks import GOOD


def test_every_patient_counts_once_in_the_centre(phantom_bank):
    snapshot = phantom_bank.snapshot()
    of_patient: dict[str, list[np.ndarray]] = {}
    for case, vector in zip(snapshot.cases, snapshot.embeddings, strict=True):
        of_patient.setdefault(case.patient, []).append(vector.astype(float))
    expected = np.mean([np.mean(vectors, axis=0) for vectors in of_patient.values()], axis=0)
    np.testing.assert_allclose(bank_centre(snapshot), expected, rtol=1e-6)


def test_two_phases_have_one_centre(phantom_bank):
    snapshot = phantom_bank.snapshot()
    twice = replace(
        snapshot,
        cases=tuple(replace(case, phases=("ED", "ES")) for case in snapshot.cases),
        embeddings=np.hstack([snapshot.embeddings, 3 * snapshot.embeddings]),
    )
    np.testing.assert_allclose(bank_centre(twice), 2 * bank_centre(snapshot), rtol=1e-6)


def two_phase_bank():
    """14 cases of 12 patients, each of two scans whose values are their row and phase."""
    patients = [f"P{row % 12}" for row in range(14)]
    cases = tuple(
        make_case(f"case {row}", "A", patient, phases=("ED", "ES"))
        for row, patient in enumerate(patients)
    )
    embeddings = np.random.default_rng(2).normal(size=(14, 8)).astype(np.float32)
    card = SimpleNamespace(name="any", architecture=SimpleNamespace(backbone="resnet10"))
    bank = SimpleNamespace(name="two", keeps_pixels=True, encoder=None, encoder_card=card)
    snapshot = Snapshot(1, cases, embeddings)
    bank.snapshot = lambda: snapshot
    bank.scans = lambda case_id: tuple(
        make_scan([[int(case_id.split()[1]), phase]]) for phase in (0, 1)
    )
    return bank, snapshot, patients


def test_pairs_are_cases_and_their_nearest_of_another_patient(monkeypatch):
    asked = {}

    def record(pairs, encoder, **settings):
        asked.update(pairs=pairs, **settings)
        return GOOD

    monkeypatch.setattr("medsiam.comparison.explanation_bank.check_explanations", record)
    bank, snapshot, patients = two_phase_bank()
    assert check_bank_explanations(bank, 12) is GOOD
    unit = snapshot.embeddings / np.linalg.norm(snapshot.embeddings, axis=1, keepdims=True)
    asking = set()
    for place, pair in enumerate(asked["pairs"]):
        (row, phase), (found, same_phase) = (scan.array[0].astype(int) for scan in pair)
        assert phase == same_phase == place % 2
        asking.add(patients[row])
        others = [i for i in range(14) if patients[i] != patients[row]]
        assert found in others
        assert unit[row] @ unit[found] == pytest.approx(max(unit[others] @ unit[row]), abs=1e-6)
    assert len(asking) == len(asked["pairs"]) == 12
    np.testing.assert_array_equal(asked["centre"], bank_centre(snapshot))


@pytest.mark.parametrize(
    ("centre_passes", "plain_passes", "kept_is_centred"),
    [(True, True, True), (False, True, False), (False, False, True)],
)
def test_plain_maps_only_where_those_from_the_centre_fail_and_they_pass(
    monkeypatch, centre_passes, plain_passes, kept_is_centred
):
    def pretend(pairs, encoder, *, centre=None, random_state):
        passes = plain_passes if centre is None else centre_passes
        return replace(GOOD, deletion=float(passes), centred=centre is not None)

    monkeypatch.setattr("medsiam.comparison.explanation_bank.check_explanations", pretend)
    found = check_bank_explanations(two_phase_bank()[0], 10)
    assert found.centred == kept_is_centred
    assert found.passed == (centre_passes or plain_passes)


def test_what_cannot_be_checked_is_refused(phantom_bank, monkeypatch):
    with pytest.raises(UsageError, match="at least 10 pairs, not 3"):
        check_bank_explanations(phantom_bank, 3)
    with pytest.raises(BankError, match="4 cases of 4 patients"):
        check_bank_explanations(phantom_bank, 10)
    monkeypatch.setattr(type(phantom_bank), "keeps_pixels", False)
    with pytest.raises(BankError, match="keeps no scans"):
        check_bank_explanations(phantom_bank, 10)


def test_a_calibration_without_the_check_does_not_undo_one():
    bank = ring_bank(4)
    assert kept_checks(bank) is None
    plain = calibrate(bank)
    documents = [found.to_json() for found in (replace(plain, explanation=GOOD), plain)]
    for document in (*documents, "{}"):
        bank.keep_calibration(document, bank_version=1)
        assert kept_checks(bank) == GOOD


@pytest.mark.parametrize("checks", [None, GOOD, replace(GOOD, centred=True)])
def test_a_match_is_explained_as_the_checks_found_right(phantom_bank, monkeypatch, checks):
    module = importlib.import_module("medsiam.comparison.explanation_bank")
    monkeypatch.setattr(module, "kept_checks", lambda bank: checks)
    query, match = phantom_bank.cases[0].case_id, phantom_bank.cases[-1].case_id
    scans = phantom_bank.scans(query)
    (found,) = explain_match(scans, match, phantom_bank)
    centre = None if checks is GOOD else bank_centre(phantom_bank.snapshot())
    expected = explain(
        scans[0], phantom_bank.scans(match)[0], phantom_bank.encoder, centre=centre, checks=checks
    )
    np.testing.assert_array_equal(found.match.values, expected.match.values)
    assert (found.centred, found.checks) == (centre is not None, checks)


def test_maps_that_failed_are_not_made(phantom_bank, monkeypatch):
    module = importlib.import_module("medsiam.comparison.explanation_bank")
    monkeypatch.setattr(module, "kept_checks", lambda bank: replace(GOOD, deletion=0.5))
    case_id = phantom_bank.cases[0].case_id
    with pytest.raises(EncoderError, match="failed their checks"):
        explain_match(phantom_bank.scans(case_id), case_id, phantom_bank)
