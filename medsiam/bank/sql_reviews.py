"""The reviews of a bank in its database: each one is a transaction of its own."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from medsiam.bank import review_statements, schema
from medsiam.bank.database import Database
from medsiam.bank.forms import form_of
from medsiam.bank.review import NewReview, Review
from medsiam.bank.review_chain import Head, StoredReviews, anchor, make_head
from medsiam.bank.store import BankFacts


class SqlReviews:
    """A `ReviewStore` in a database."""

    def __init__(self, database: Database, facts: BankFacts) -> None:
        self._database = database
        self._facts = facts

    def append(self, new: NewReview) -> Review:
        """Add one review; when this returns, it is on the disk."""
        with self._database.transaction(writes=True) as connection:
            # Read once the write lock is held, so that times run as the numbers do.
            time = datetime.now(UTC).isoformat(timespec="milliseconds")
            return review_statements.append_review(connection, new, self._facts, time)

    def read(self, *, after: int = 0) -> StoredReviews:
        """The reviews after a number and the end of the chain, as one transaction sees them."""
        with self._database.transaction() as connection:
            if _knows_none(connection):
                return StoredReviews((), self._empty_head())
            return review_statements.read_reviews(connection, after=after)

    def head(self) -> Head | None:
        """The recorded end of the chain, unchecked."""
        with self._database.transaction() as connection:
            if _knows_none(connection):
                return self._empty_head()
            return review_statements.read_head(connection)

    def _empty_head(self) -> Head:
        return make_head(0, anchor(self._facts), self._facts)


def _knows_none(connection: Connection) -> bool:
    """True for a bank that no program has changed since reviews came."""
    return form_of(connection) < schema.since(schema.reviews)
