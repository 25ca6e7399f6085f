from __future__ import annotations

from dataclasses import replace

import pytest

from medsiam.bank import ANSWERS
from medsiam.bank.review import checked
from medsiam.comparison import compare_embedding, identity_revealed, study_of, verdict_on
from medsiam.comparison.reviewing import of_study
from tests.bank.samples import make_review
from tests.comparison.stub_bank import make_scan, ring_bank

SCANS = [make_scan(), make_scan(make_scan().array + 1)]


@pytest.fixture
def comparison():
    bank = ring_bank()
    bank.cases = tuple(replace(case, phases=("early", "late")) for case in bank.cases)
    return compare_embedding(bank.embeddings[0], SCANS, bank, k=3)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_verdict_says_what_was_shown(comparison, answer):
    match = comparison.matches[2]
    said = verdict_on(comparison, match, answer, reader="ada", guess="cyst", comment="hm")
    assert checked(said) == said
    assert said.study == f"{SCANS[0].content_hash} {SCANS[1].content_hash}"
    assert (said.bank_version, said.encoder_fingerprint) == (1, "f" * 64)
    assert (said.answer, said.guess, said.comment) == (answer, "cyst", "hm")
    shown = (match.case_id, match.condition, match.distance, 3)
    expected = (None,) * 4 if answer == "none of these" else shown
    assert (said.case_id, said.condition, said.distance, said.rank) == expected


def test_that_an_identity_was_shown_is_a_record_without_it(comparison):
    bank = ring_bank(4)
    said = checked(identity_revealed(study_of(comparison), bank, reader="ada"))
    assert (said.kind, said.reader, said.answer) == ("identity revealed", "ada", None)
    assert said.study == study_of(comparison)
    assert (said.bank_version, said.encoder_fingerprint) == (1, "f" * 64)


def test_another_study_s_reviews_are_left_out(comparison):
    mine = make_review(study=study_of(comparison))
    assert of_study(comparison, (make_review(), mine)) == (mine,)
