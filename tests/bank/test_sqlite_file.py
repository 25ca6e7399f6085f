from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from medsiam.bank import schema, sqlite_file
from medsiam.bank.sqlite_store import SqliteStore
from medsiam.errors import BankError, OutputError
from tests.bank.samples import add, make_store


def foreign(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
        connection.commit()


def newer(path):
    make_store(path.parent)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("case_id,condition\n" * 50)


def cut(path):
    make_store(path.parent)
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (foreign, "belongs to another program"),
        (newer, "newer medsiam .*update medsiam"),
        (empty, "no bank's database"),
        (text, "no bank's database"),
        (cut, "no bank's database"),
    ],
)
def test_what_is_no_bank_of_ours_is_refused_untouched(make, said, tmp_path):
    path = tmp_path / "bank.sqlite"
    make(path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(BankError, match=said):
        SqliteStore.open(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [p.name for p in tmp_path.iterdir()] == ["bank.sqlite"]


def test_a_missing_file_is_named_and_not_made(tmp_path):
    with pytest.raises(BankError, match=r"bank\.sqlite is missing"):
        SqliteStore.open(tmp_path / "bank.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_the_file_says_whose_it_is_and_keeps_its_promises(tmp_path):
    store = make_store(tmp_path)
    with closing(sqlite3.connect(tmp_path / "bank.sqlite")) as connection:
        asked = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version", "journal_mode")
        }
    assert asked == {"application_id": 0x4D534D42, "user_version": 4, "journal_mode": "wal"}
    with store._database._engine.connect() as connection:
        for name, value in {"synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}.items():
            assert connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value


def test_the_folder_s_name_may_hold_any_character(tmp_path):
    folder = tmp_path / "bänk #1 50% ?mode=memory"
    folder.mkdir()
    add(make_store(folder), "c1")
    assert len(SqliteStore.open(folder / "bank.sqlite").read().cases) == 1
    assert [p.name for p in folder.iterdir()] == ["bank.sqlite"]


def test_a_bank_that_another_program_writes_too_long_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    store = make_store(tmp_path)
    with closing(sqlite3.connect(tmp_path / "bank.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BankError, match="being written by another program"):
            add(store, "c1")
        assert store.read().cases == ()
    assert add(store, "c1") == 1


def test_a_bank_that_may_only_be_read_is_read(tmp_path, monkeypatch):
    add(make_store(tmp_path), "c1")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    store = SqliteStore.open(tmp_path / "bank.sqlite")
    with closing(sqlite_file._connect(tmp_path / "bank.sqlite")) as connection:
        connection.execute("SELECT * FROM meta").fetchone()
        assert [p.name for p in tmp_path.iterdir()] == ["bank.sqlite"], "no log is made to read"
    assert [case.case_id for case in store.read().cases] == ["c1"]
    with pytest.raises(OutputError, match="cannot be written; check the rights"):
        add(store, "c2")


def test_a_full_disk_is_a_clear_error_and_an_intact_bank(tmp_path):
    store = make_store(tmp_path)
    add(store, "c1")
    with pytest.raises(OutputError, match="disk full"):
        fill_disk(store._database)
    assert [case.case_id for case in store.read().cases] == ["c1"]
    assert add(store, "c2") == 2


def fill_disk(database):
    """Write under SQLite's own limit on pages: any further one is refused as on a full disk."""
    with database.transaction(writes=True) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.exec_driver_sql("INSERT INTO meta VALUES ('filling', hex(zeroblob(1000000)))")
