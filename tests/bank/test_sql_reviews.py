"""What every `ReviewStore` in a database does, held against each of them."""

from __future__ import annotations

import signal

import pytest

from medsiam.bank.review_log import ReviewLog
from medsiam.bank.sql_store import SqlStore
from tests.bank.samples import make_review, start


def log_of(store: SqlStore) -> ReviewLog:
    return ReviewLog(store.reviews, store.facts)


@pytest.mark.parametrize("change", ["UPDATE reviews SET reader = 'eve'", "DELETE FROM reviews"])
def test_the_database_itself_refuses_changes(change, kept):
    log = log_of(kept.make())
    for i in range(5):
        log.append(make_review(comment=f"said as number {i}"))
    with pytest.raises(Exception, match="a review is never changed"):
        kept.sql(change)
    assert len(log_of(kept.open()).all()) == 5
    assert log_of(kept.open()).verify().sound


def test_two_readers_at_once_lose_nothing(kept):
    store = kept.make()
    readers = [start("review_process", kept.address, name, 25) for name in "ab"]
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


def test_who_is_killed_right_after_has_said_it(kept):
    store = kept.make()
    for expected in (1, 2, 3):
        process = start("review_process", kept.address, "ada", 9, "die")
        said, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert said == f"{expected}\n"
        assert [r.number for r in log_of(store).all()] == list(range(1, expected + 1))
    assert log_of(store).verify().sound
