from __future__ import annotations

import random
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from medsiam.bank.review_log import ReviewLog
from medsiam.bank.sqlite_store import SqliteStore
from medsiam.errors import MedsiamError
from tests.bank.samples import make_review, make_store
from tests.bank.test_sqlite_store import start


def log_of(store: SqliteStore) -> ReviewLog:
    return ReviewLog(store.reviews, store.facts)


@pytest.fixture
def path(tmp_path) -> Path:
    """A bank with five reviews."""
    log = log_of(make_store(tmp_path))
    for i in range(5):
        log.append(make_review(comment=f"said as number {i}"))
    return tmp_path / "bank.sqlite"


@pytest.mark.parametrize("change", ["UPDATE reviews SET reader = 'eve'", "DELETE FROM reviews"])
def test_the_database_itself_refuses_changes(change, path):
    refused = pytest.raises(sqlite3.IntegrityError, match="a review is never changed")
    with closing(sqlite3.connect(path)) as connection, refused:
        connection.execute(change)
    assert len(log_of(SqliteStore.open(path)).all()) == 5


def test_two_readers_at_once_lose_nothing(tmp_path):
    store = make_store(tmp_path)
    readers = [start("review_process", tmp_path / "bank.sqlite", name, 25) for name in "ab"]
    numbers = []
    for process in readers:
        said, _ = process.communicate()
        assert process.returncode == 0
        numbers += map(int, said.split())
    assert sorted(numbers) == list(range(1, 51))
    log = log_of(store)
    assert log.verify().sound
    assert [sum(r.reader == name for r in log.all()) for name in "ab"] == [25, 25]
    assert [r.time for r in log.all()] == sorted(r.time for r in log.all())


def test_who_is_killed_right_after_has_said_it(tmp_path):
    store = make_store(tmp_path)
    for expected in (1, 2, 3):
        process = start("review_process", tmp_path / "bank.sqlite", "ada", 9, "die")
        said, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert said == f"{expected}\n"
        assert [r.number for r in log_of(store).all()] == list(range(1, expected + 1))
    assert log_of(store).verify().sound


def test_a_flipped_bit_is_found_or_changes_nothing(path):
    whole = path.read_bytes()
    right = log_of(SqliteStore.open(path)).all()
    chance = random.Random(5)
    # Every bit of one review's own row, and as many anywhere in the file.
    row = whole.index(right[2].comment.encode())
    near = [(at, bit) for at in range(row - 60, row + 60) for bit in range(8)]
    anywhere = [(chance.randrange(len(whole)), chance.randrange(8)) for _ in range(300)]
    found = 0
    for at, bit in chance.sample(near, 300) + anywhere:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        try:
            log = log_of(SqliteStore.open(path))
            sound, read = log.verify().sound, log.all()
        except MedsiamError:
            found += 1
            continue
        assert sound
        assert read == right, (at, bit)
    assert found > 250
