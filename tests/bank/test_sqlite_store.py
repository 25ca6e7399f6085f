from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from medsiam.bank.review_log import ReviewLog
from medsiam.bank.sqlite_store import SqliteStore
from medsiam.errors import BankError, MedsiamError
from tests.bank.samples import add, make_review, make_store, vector_of


def test_nothing_is_ever_deleted(tmp_path):
    store = make_store(tmp_path)
    add(store, "a", "b")
    store.remove(["a", "b"])
    with closing(sqlite3.connect(tmp_path / "bank.sqlite")) as connection:
        for table, count in {"cases": 2, "scans": 2, "embeddings": 2, "versions": 3}.items():
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == count


def test_a_flipped_byte_is_found_or_changes_nothing(tmp_path):
    store = make_store(tmp_path)
    add(store, *(f"case-{i}" for i in range(12)))
    store.remove(["case-3"])
    path = tmp_path / "bank.sqlite"
    whole = path.read_bytes()
    right, facts, versions = store.read(), store.facts, store.versions()
    chance = random.Random(11)
    found = 0
    for position in chance.sample(range(len(whole)), 120):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            opened = SqliteStore.open(path)
            read = opened.read()
            versions_read = opened.versions()
        except MedsiamError:
            found += 1
            continue
        assert opened.facts == facts
        assert (read.version, read.cases) == (right.version, right.cases), position
        np.testing.assert_array_equal(read.embeddings, right.embeddings)
        assert versions_read == versions
    assert found > 5


def test_damage_in_a_vector_names_its_case(tmp_path):
    store = make_store(tmp_path)
    add(store, "case-1", "case-2")
    path = tmp_path / "bank.sqlite"
    whole = path.read_bytes()
    at = whole.index(vector_of("case-2").tobytes())
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(BankError, match="case case-2 does not match its checksum"):
        SqliteStore.open(path).read()


def test_a_damaged_page_names_the_cases_on_it(tmp_path):
    store = make_store(tmp_path)
    add(store, *(f"case-{n:02d}" for n in range(40)))
    path = tmp_path / "bank.sqlite"
    whole = path.read_bytes()
    page = whole.index(vector_of("case-20").tobytes()) // 4096 * 4096
    path.write_bytes(whole[:page] + b"\xff" + whole[page + 1 :])  # no kind of page
    with pytest.raises(BankError, match=r"these cases cannot be read: case-\d\d"):
        SqliteStore.open(path).check_whole()


def log_of(store: SqliteStore) -> ReviewLog:
    return ReviewLog(store.reviews, store.facts)


@pytest.fixture
def path(tmp_path) -> Path:
    """A bank with five reviews."""
    log = log_of(make_store(tmp_path))
    for i in range(5):
        log.append(make_review(comment=f"said as number {i}"))
    return tmp_path / "bank.sqlite"


def test_a_flipped_bit_of_a_review_is_found_or_changes_nothing(path):
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
