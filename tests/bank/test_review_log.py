from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from medsiam.bank import ReferenceBank
from medsiam.bank.review_chain import anchor, make_head, next_review
from medsiam.errors import BankError, OutputError, UsageError
from tests.bank.samples import make_image, make_review

STUDY, OTHER = make_review().study, "0" * 64


@pytest.fixture
def said(bank) -> ReferenceBank:
    """A bank of two cases with four reviews, the second of them withdrawn by the third."""
    for case_id in ("a", "b"):
        bank.add(make_image(ord(case_id)), case_id=case_id, condition="LAM")
    log = bank.reviews
    log.append(make_review("ada", comment="like =2+2"))
    log.append(make_review("ada", answer="not similar", case_id="b"))
    log.withdraw(2, reader="ada", comment="wrong row")
    log.append(make_review("bob", study=OTHER, answer="none of these", case_id=None))
    return bank


def rewrite(bank: ReferenceBank, *statements: str) -> None:
    with closing(sqlite3.connect(bank.path / "bank.sqlite")) as connection:
        for change in ("update", "delete"):
            connection.execute(f"DROP TRIGGER reviews_refuse_{change}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_what_was_said_is_there_after_opening_again(said):
    log = ReferenceBank.open(said.path).reviews
    assert [(r.number, r.reader, r.kind, r.answer) for r in log.all()] == [
        (1, "ada", "verdict", "plausible"),
        (2, "ada", "verdict", "not similar"),
        (3, "ada", "withdrawn", None),
        (4, "bob", "verdict", "none of these"),
    ]
    assert log.all()[2].refers_to == 2
    assert log.all()[2].study == STUDY
    assert [r.number for r in log.of_study(STUDY)] == [1, 2, 3]
    assert log.head == log.all()[-1].digest
    check = log.verify()
    assert (check.n_reviews, check.head, check.faults) == (4, log.head, ())


def test_another_program_s_reviews_are_seen_at_once(said):
    other = ReferenceBank.open(said.path)
    assert len(said.reviews.all()) == 4
    other.reviews.append(make_review("eve"))
    assert len(said.reviews.all()) == 5


def test_damage_that_comes_while_the_bank_is_open_is_told_with_the_next_review(said):
    assert len(said.reviews.all()) == 4
    other = ReferenceBank.open(said.path)
    other.reviews.append(make_review("eve"))
    rewrite(said, "UPDATE reviews SET reader = 'bob' WHERE number = 5")
    for _ in range(2):
        with pytest.raises(BankError, match="review 5 was changed"):
            said.reviews.all()


def test_an_open_bank_does_not_take_a_rewritten_chain_for_its_own(said):
    assert len(said.reviews.all()) == 4
    rewrite(
        said,
        "UPDATE reviews SET reader = 'eve' WHERE number = 2",
        "DELETE FROM reviews WHERE number > 2",
        "UPDATE review_head SET n_reviews = 2",
    )
    with pytest.raises(BankError, match="review 2 was changed"):
        said.reviews.all()


def test_a_hundred_verdicts_change_neither_ranking_nor_version(said):
    from medsiam.comparison import compare

    def view():
        with closing(sqlite3.connect(said.path / "bank.sqlite")) as connection:
            digests = connection.execute("SELECT digest FROM versions").fetchall()
        return (
            digests,
            said.versions,
            said.cases,
            said.embeddings.tobytes(),
            [(m.case_id, m.distance) for m in compare(make_image(5), said).matches],
        )

    before = view()
    for i in range(100):
        said.reviews.append(make_review(f"reader {i}", answer="same condition"))
    assert view() == before
    assert len(said.reviews.all()) == 104


def test_reviews_stay_where_cases_come_and_go(said):
    before = said.reviews.all()
    said.remove("a")
    said.restore(1)
    assert said.diff(0, said.version).added
    assert said.reviews.all() == before
    copy = ReferenceBank.open(shutil.copytree(said.path, said.path.parent / "copy"))
    assert copy.reviews.all() == before
    assert copy.reviews.verify(before[-1].digest).sound


def test_damage_is_told_when_they_are_read_and_spoils_no_answer(said):
    rewrite(said, "UPDATE reviews SET answer = 'plausible' WHERE number = 2")
    bank = ReferenceBank.open(said.path)
    assert [case.case_id for case in bank.cases] == ["a", "b"]
    with pytest.raises(BankError, match="review 2 was changed; restore the bank from a copy"):
        bank.reviews.all()
    assert bank.reviews.verify().faults == ("review 2 was changed",)


def test_nothing_is_added_where_the_end_is_missing(said):
    rewrite(said, "DELETE FROM reviews WHERE number = 4")
    bank = ReferenceBank.open(said.path)
    with pytest.raises(BankError, match=r"4 reviews were kept, 3 are there.*nothing is added"):
        bank.reviews.append(make_review())


def test_a_chain_computed_anew_is_told_by_a_head_noted_elsewhere(said):
    log, facts = said.reviews, said._store.facts
    heads = [anchor(facts), *(r.digest for r in log.all())]
    assert [log.verify(head).n_until_noted for head in heads] == [0, 1, 2, 3, 4]
    assert all(log.verify(head).sound for head in heads)
    # Who has the file and this program drops bob's verdict, and all is in order again.
    first = next_review(make_review("eve"), make_head(0, anchor(facts), facts), "2026")
    head = make_head(1, first.digest, facts)
    values = {name: value for name, value in vars(first).items() if value is not None}
    columns, held = ", ".join(values), ", ".join(map(repr, values.values()))
    rewrite(
        said,
        "DELETE FROM reviews",
        f"INSERT INTO reviews ({columns}) VALUES ({held})",
        f"UPDATE review_head SET n_reviews = 1, digest = '{head.digest}', seal = '{head.seal}'",
    )
    forged = ReferenceBank.open(said.path).reviews
    assert forged.verify().sound
    assert forged.verify(heads[0]).sound, "the bank is the same one"
    for noted in heads[1:]:
        check = forged.verify(noted)
        assert not check.sound
        assert check.n_until_noted is None
        assert f"the noted head {noted[:12]}... is in no link of the chain" in check.faults[0]


def test_an_unknown_verdict_cannot_be_withdrawn(said):
    with pytest.raises(UsageError, match="no verdict 9"):
        said.reviews.withdraw(9, reader="ada")


def test_a_bank_that_may_only_be_read_says_so(said, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    bank = ReferenceBank.open(said.path)
    assert len(bank.reviews.all()) == 4
    with pytest.raises(OutputError, match="cannot be written; check the rights"):
        bank.reviews.append(make_review())
