"""Reviews as a chain of digests: what was changed, removed or moved is found.

Each review carries the digest of the one before it and a digest over itself. The first one hangs on
the bank's own identity. How many there are, and the digest of the newest, stand beside the chain in
a head that is sealed with the bank's salt, so that reviews missing at the end are missed.

What this is worth: damage, and edits by hand or by another program, are found. Salt and program are
known to whoever has the file, though, so somebody who sets out to can compute the whole chain anew.
A digest that was noted elsewhere finds that too: every export holds one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from medsiam.bank import schema
from medsiam.bank.review import FIELDS, NewReview, Review
from medsiam.bank.store import BankFacts

StoredReview = Mapping[str, object]
_COVERED = sorted(set(FIELDS) - {"digest"})


@dataclass(frozen=True)
class Head:
    """The end of the chain.

    Attributes:
        n_reviews: how many there are.
        digest: of the newest; the bank's anchor where there is none.
        seal: over both, made with the bank's salt.
    """

    n_reviews: int
    digest: str
    seal: str


@dataclass(frozen=True)
class StoredReviews:
    """All that a storage holds, as it stands there.

    Attributes:
        reviews: field -> value of each that was asked for, by number.
        head: None where there is none.
    """

    reviews: tuple[StoredReview, ...]
    head: Head | None


def anchor(facts: BankFacts) -> str:
    """Return what the first review of a bank hangs on: a digest that no other bank has."""
    identity = [facts.name, facts.created, facts.encoder_fingerprint, facts.salt.hex()]
    return schema.digest(["medsiam reviews", *identity])


def make_head(n_reviews: int, digest: str, facts: BankFacts) -> Head:
    """Return the sealed end of a chain."""
    said = f"medsiam reviews: {n_reviews} until {digest}".encode()
    return Head(n_reviews, digest, hmac.new(facts.salt, said, hashlib.sha256).hexdigest())


def next_review(new: NewReview, head: Head, time: str) -> Review:
    """Return the review as the next link after `head`."""
    number = head.n_reviews + 1
    values = {**asdict(new), "number": number, "time": time, "previous": head.digest}
    return Review(**values, digest=_digest(values))


def _digest(values: StoredReview) -> str:
    # By name, and only what is said: a field of a later form changes no older digest.
    said = ((name, values[name]) for name in _COVERED)
    return schema.digest([[name, value] for name, value in said if value is not None])


def faults(
    stored: StoredReviews, facts: BankFacts, *, after: Review | None = None
) -> tuple[str, ...]:
    """Return a sentence for everything that is not as it was written; none where all is.

    Args:
        stored: what is to be checked.
        facts: of the bank.
        after: the review before the first of them, where it was checked already.
    """
    number, digest = (0, anchor(facts)) if after is None else (after.number, after.digest)
    links = _faults_of_links(stored.reviews, number, digest)
    return (*links, *_faults_of_head(stored, facts, number, digest))


def _faults_of_links(reviews: Sequence[StoredReview], number: int, digest: str) -> Iterator[str]:
    previous: object = digest
    expected = number + 1
    for stored in reviews:
        found = stored["number"]
        if found != expected:
            yield f"where review {expected} should stand, there is review {found}"
        if _digest(stored) != stored["digest"]:
            yield f"review {found} was changed"
        if stored["previous"] != previous:
            before = f"review {expected - 1}" if expected > 1 else "this bank"
            yield f"review {found} does not follow on {before}"
        previous = stored["digest"]
        expected = (found if isinstance(found, int) else expected) + 1


def _faults_of_head(
    stored: StoredReviews, facts: BankFacts, number: int, digest: str
) -> Iterator[str]:
    head, count = stored.head, number + len(stored.reviews)
    if head is None:
        yield f"the end of the chain is not recorded, so of {count} reviews some may be missing"
        return
    if head != make_head(head.n_reviews, head.digest, facts):
        yield "the record of the chain's end was changed"
    newest = stored.reviews[-1]["digest"] if stored.reviews else digest
    if head.n_reviews != count:
        yield f"{head.n_reviews} reviews were kept, {count} are there"
    elif head.digest != newest:
        yield "the newest review is not the one that was kept last"
