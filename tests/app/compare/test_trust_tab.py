from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from compare.trust_tab import evidence_facts, readers_said
from medsiam import ReferenceBank
from medsiam.bank import NewReview
from medsiam.comparison import compare
from tests.app.conftest import scan_2d, text_of


@pytest.fixture(scope="module")
def comparison(bank_2d):
    return compare(scan_2d("across", 300), bank_2d, k=4)


def test_what_the_answer_rests_on(comparison):
    facts = evidence_facts(comparison)
    evidence = comparison.evidence
    assert facts["leading condition"] == comparison.conditions[0].condition
    assert facts["rests on"] == f"{evidence.n_patients} patients of the bank"
    other = next(m for m in comparison.conditions if m.condition != evidence.condition)
    assert other.nearest_case_id in facts["nearest case against it"]
    assert facts["strangers let pass"] == "not measured on this bank"


def test_one_deciding_patient_is_named_as_such(comparison):
    one = replace(comparison.evidence, n_patients=1, n_deciding=1)
    facts = evidence_facts(replace(comparison, evidence=one))
    assert facts["rests on"] == "1 patient of the bank"
    assert "another condition would lead" in facts["without one of them"]


def test_measured_shares_are_given(comparison):
    verdict = replace(comparison.verdict, known_rejected=0.05, unknown_accepted=0.31)
    facts = evidence_facts(replace(comparison, verdict=verdict))
    assert facts["'none of these' wrongly"].startswith("5%")
    assert facts["strangers let pass"].startswith("31%")


def script():
    from dataclasses import replace

    from compare.trust_tab import show_trust
    from medsiam.comparison import compare
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    bank = the_bank()
    case = replace(bank.cases[0], proof="none")
    show_trust(case, compare(scan_2d("across", 300), bank), bank)


def test_a_case_without_proof_and_a_bank_without_calibration_say_so(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    said = text_of(app)
    assert "Nobody has said how this diagnosis was made sure" in said
    assert "this bank has no calibration" in said.replace("\\", "")
    assert "SECRET" not in said


def test_what_readers_said_of_a_case_is_counted_and_what_was_taken_back_is_not(bank_2d, tmp_path):
    bank = ReferenceBank.open(shutil.copytree(bank_2d.path, tmp_path / "copy"))
    case, other = bank.cases[:2]
    assert readers_said(case, bank) == "nothing yet"
    for study, reader, answer, about in (
        ("s1", "A", "same condition", case),
        ("s1", "B", "not similar", case),
        ("s2", "A", "same condition", case),
        ("s3", "A", "same condition", other),
    ):
        kept = bank.reviews.append(
            NewReview(
                reader=reader,
                study=study,
                bank_version=bank.version,
                encoder_fingerprint=bank.encoder_card.fingerprint,
                answer=answer,
                case_id=about.case_id,
                condition=about.condition,
            )
        )
        if answer == "not similar":
            taken_back = kept.number
    assert readers_said(case, bank) == "2 same condition, 1 not similar (of 2 studies)"
    bank.reviews.withdraw(taken_back, reader="B")
    assert readers_said(case, bank) == "2 same condition (of 2 studies)"
