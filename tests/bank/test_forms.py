from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsiam.bank.forms import check_form
from medsiam.bank.review_log import ReviewLog
from medsiam.bank.sqlite_store import SqliteStore
from medsiam.errors import BankError
from tests.bank.samples import FACTS, FINGERPRINT, add, make_record, make_review, vector_of

PHASES = ("ED", "ES")


@pytest.fixture(params=[1, 2, 3])
def form(request) -> int:
    return request.param


@pytest.fixture
def old(tmp_path, form) -> Path:
    """A bank that was written by a program of an older form."""
    path = tmp_path / "bank.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / f"form_{form}.sql").read_text())
        connection.execute("PRAGMA journal_mode = WAL")
    return path


def form_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def ids(store: SqliteStore, version: int | None = None) -> list[str]:
    return [case.case_id for case in store.read(version).cases]


def test_an_older_bank_is_read_as_it_is(old, form):
    before = old.read_bytes()
    store = SqliteStore.open(old)
    store.check_whole()
    assert store.facts == FACTS
    assert [ids(store, number) for number in range(4)] == [[], ["a", "b"], ["b"], ["b", "c"]]
    assert store.record("b").equals(make_record("b", phases=PHASES))
    assert store.record("c").case.site == (None if form == 1 else "A")
    expected = np.concatenate([vector_of("b", phase) for phase in PHASES])
    np.testing.assert_array_equal(store.read().embeddings[0], expected)
    assert store.read().picture_hashes == ((None, None), (None, None))
    said = ("wrong patient", None if form == 1 else "ada")
    assert [(v.why, v.who) for v in store.versions()][2] == said
    assert len(store.calibrations()) == (form > 1)
    with pytest.raises(BankError, match="case b is in the bank"):
        store.check(make_record("b", phases=PHASES).case)
    assert old.read_bytes() == before
    assert form_in(old) == form


def test_an_older_bank_that_may_only_be_read_is_read(old, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert ids(SqliteStore.open(old)) == ["b", "c"]


@pytest.mark.parametrize(
    "change",
    [
        lambda store: add(store, "d", phases=PHASES),
        lambda store: store.remove(["b"], who="me"),
        lambda store: store.restore(1),
        lambda store: store.keep_calibration("{}", bank_version=3, who="me"),
    ],
)
def test_the_first_change_upgrades_it_and_loses_nothing(change, old):
    reader = SqliteStore.open(old)
    store = SqliteStore.open(old)
    held = [(store.read(number).cases, ids(store, number)) for number in range(4)]
    change(store)
    assert form_in(old) == 4
    for seen in (reader, SqliteStore.open(old)):
        seen.check_whole()
        assert [(seen.read(number).cases, ids(seen, number)) for number in range(4)] == held
        assert seen.versions()[2].why == "wrong patient"


def test_a_change_that_is_refused_upgrades_nothing(old, form):
    with pytest.raises(BankError, match="no case x"):
        SqliteStore.open(old).remove(["x"])
    assert form_in(old) == form


def test_an_upgraded_bank_has_the_tables_of_a_new_one(old, tmp_path):
    SqliteStore.open(old).keep_calibration("{}", bank_version=0, who=None)
    (tmp_path / "new").mkdir()
    SqliteStore.create(tmp_path / "new" / "bank.sqlite", FACTS)

    def tables(path):
        with closing(sqlite3.connect(path)) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
            return {
                name: sorted(row[1:] for row in connection.execute(f"PRAGMA table_info('{name}')"))
                for name in names
            }

    assert tables(old) == tables(tmp_path / "new" / "bank.sqlite")


@pytest.mark.parametrize(("found", "said"), [(5, "newer medsiam"), (0, "unknown form")])
def test_other_forms_are_refused(found, said):
    with pytest.raises(BankError, match=said):
        check_form(found, Path("bank.sqlite"))
    check_form(2, Path("bank.sqlite"))


def test_a_newer_form_that_is_still_in_the_log_is_refused(old):
    with closing(sqlite3.connect(old)) as other:
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("PRAGMA user_version = 5")
        other.commit()
        with pytest.raises(BankError, match="newer medsiam"):
            SqliteStore.open(old)


def test_an_upgrade_does_not_seal_what_is_damaged(tmp_path):
    path = tmp_path / "bank.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "form_2.sql").read_text())
        connection.execute("UPDATE cases SET removed_version = 3 WHERE case_id = 'a'")
        connection.commit()
    store = SqliteStore.open(path)
    store.keep_calibration("{}", bank_version=0, who=None)
    with pytest.raises(BankError, match="the removal of case a"):
        SqliteStore.open(path).check_whole()


def test_picture_hashes_are_kept_and_covered(old):
    store = SqliteStore.open(old)
    record = make_record("d", phases=PHASES)
    hashed = tuple(
        replace(facts, picture_hash=text)
        for facts, text in zip(record.scans, ["0f", None], strict=True)
    )
    store.add([replace(record, scans=hashed)], encoder_fingerprint=FINGERPRINT)
    assert store.read().picture_hashes == ((None, None), (None, None), ("0f", None))
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("UPDATE scans SET picture_hash = '0e' WHERE picture_hash = '0f'")
        connection.commit()
    with pytest.raises(BankError, match="case d does not match"):
        SqliteStore.open(old).check_whole()


def test_a_bank_older_than_reviews_has_none_and_takes_the_first(old, form):
    store = SqliteStore.open(old)
    log = ReviewLog(store.reviews, store.facts)
    empty = log.head
    assert log.all() == ()
    assert log.verify(empty).sound
    assert form_in(old) == form
    first = log.append(make_review())
    assert form_in(old) == 4
    assert (first.number, first.previous) == (1, empty)
    assert log.verify(empty).sound
    assert log.all() == (first,)
