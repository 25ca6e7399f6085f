"""What is read and written of reviews within one transaction."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from medsiam.bank import schema
from medsiam.bank.review import NewReview, Review
from medsiam.bank.review_chain import (
    Head,
    StoredReviews,
    anchor,
    faults,
    make_head,
    next_review,
)
from medsiam.bank.store import BankFacts
from medsiam.errors import BankError, UsageError

_TABLE = schema.reviews
_HEAD = schema.review_head


def begin_chain(connection: Connection, facts: BankFacts) -> None:
    """Record the end of a chain that holds nothing yet."""
    head = make_head(0, anchor(facts), facts)
    connection.execute(insert(_HEAD).values(id=1, **asdict(head)))


def read_head(connection: Connection) -> Head | None:
    """Return the recorded end of the chain, unchecked."""
    row = connection.execute(select(_HEAD)).first()
    return None if row is None else Head(row.n_reviews, row.digest, row.seal)


def read_reviews(connection: Connection, *, after: int = 0) -> StoredReviews:
    """Return the reviews after a number, and the end of the chain, unchecked."""
    wanted = select(_TABLE).order_by(_TABLE.c.number)
    # Without the filter where all are meant: a damaged number must not slip through it.
    found = connection.execute(wanted.where(_TABLE.c.number > after) if after else wanted)
    return StoredReviews(tuple(row._asdict() for row in found), read_head(connection))


def append_review(connection: Connection, new: NewReview, facts: BankFacts, time: str) -> Review:
    """Add a review and move the end of the chain.

    Raises:
        BankError: the chain does not end as it was recorded; nothing is hung on it.
        UsageError: the verdict to withdraw cannot be.
    """
    head = _sound_head(connection, facts)
    if new.refers_to is not None:
        _check_withdrawal(connection, new)
    review = next_review(new, head, time)
    connection.execute(insert(_TABLE).values(**asdict(review)))
    moved = make_head(review.number, review.digest, facts)
    connection.execute(update(_HEAD).values(**asdict(moved)))
    return review


def _sound_head(connection: Connection, facts: BankFacts) -> Head:
    head, newest = read_head(connection), _newest(connection)
    n_reviews = 0 if newest is None else newest.number
    digest = anchor(facts) if newest is None else newest.digest
    if head is None or head != make_head(n_reviews, digest, facts):
        said = faults(read_reviews(connection), facts)
        raise BankError(
            f"the readers' verdicts of bank {facts.name} are not as they were kept "
            f"({'; '.join(said[:3])}), so nothing is added to them; `medsiam reviews verify` says "
            "more; restore the bank from a copy"
        )
    return head


def _newest(connection: Connection) -> Row[Any] | None:
    return connection.execute(select(_TABLE).order_by(_TABLE.c.number.desc()).limit(1)).first()


def _check_withdrawal(connection: Connection, new: NewReview) -> None:
    number = new.refers_to
    about = select(_TABLE).where(or_(_TABLE.c.number == number, _TABLE.c.refers_to == number))
    found = connection.execute(about).all()
    verdict = next((row for row in found if row.number == number), None)
    if verdict is None or verdict.kind != "verdict":
        raise UsageError(f"there is no verdict {number} to withdraw")
    if verdict.reader != new.reader:
        raise UsageError(
            f"verdict {number} is another reader's; say your own beside it, it takes nothing back"
        )
    if len(found) > 1:
        raise UsageError(f"verdict {number} was withdrawn already")
