from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import create_engine, select

from medsiam.bank import review_statements, schema
from medsiam.errors import BankError, UsageError
from tests.bank.samples import FACTS, make_review


@pytest.fixture
def connection():
    engine = create_engine("sqlite://")
    schema.metadata.create_all(engine)
    with engine.begin() as opened:
        review_statements.begin_chain(opened, FACTS)
        yield opened


def append(connection, **said):
    return review_statements.append_review(connection, make_review(**said), FACTS, "2026")


def test_each_review_moves_the_head(connection):
    made = [append(connection, comment=text) for text in ("one", "two")]
    stored = review_statements.read_reviews(connection)
    assert [one["comment"] for one in stored.reviews] == ["one", "two"]
    assert (stored.head.n_reviews, stored.head.digest) == (2, made[1].digest)
    assert len(connection.execute(select(schema.review_head)).all()) == 1


def withdraw(connection, number, reader="ada"):
    return append(
        connection, reader=reader, kind="withdrawn", answer=None, case_id=None, refers_to=number
    )


def test_only_a_reader_s_own_standing_verdict_is_withdrawn(connection):
    append(connection)
    with pytest.raises(UsageError, match="verdict 1 is another reader's"):
        withdraw(connection, 1, reader="eve")
    with pytest.raises(UsageError, match="no verdict 2"):
        withdraw(connection, 2)
    assert withdraw(connection, 1).number == 2
    with pytest.raises(UsageError, match="withdrawn already"):
        withdraw(connection, 1)
    with pytest.raises(UsageError, match="no verdict 2"):
        withdraw(connection, 2)


def test_nothing_is_hung_on_a_chain_that_was_cut(tmp_path):
    path = tmp_path / "chain.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    schema.metadata.create_all(engine)
    with engine.begin() as connection:
        review_statements.begin_chain(connection, FACTS)
        append(connection)
        append(connection)
    engine.dispose()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TRIGGER reviews_refuse_delete")
        other.execute("DELETE FROM reviews WHERE number = 2")
        other.commit()
    cut = pytest.raises(BankError, match="2 reviews were kept, 1 are there")
    with engine.begin() as connection, cut:
        append(connection)
    engine.dispose()
