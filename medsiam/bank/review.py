"""What a reader said about a study: to be kept, and as it is kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

from medsiam.errors import UsageError

KINDS = ("verdict", "withdrawn", "identity revealed")
NONE_OF_THESE = "none of these"
ANSWERS = ("same condition", "plausible", "not similar", NONE_OF_THESE)
_LONGEST = {"reader": 200, "comment": 4_000, "guess": 400}


@dataclass(frozen=True, kw_only=True)
class NewReview:
    """What a reader says, before it is kept.

    Attributes:
        reader: who says it.
        study: content hashes of the query's scans, in phase order, with a space between.
        bank_version, encoder_fingerprint: what the study was compared with.
        kind: one of `KINDS`.
        answer: of a verdict, one of `ANSWERS`.
        case_id, condition: the case that it is about, as the bank had it; None for "none of these".
        distance, rank: of that case, as they were shown.
        guess: the reader's own, made before diagnoses were shown; None where none was asked for.
        comment: the reader's own words, kept as they are.
        refers_to: number of the verdict that is withdrawn.
    """

    reader: str
    study: str
    bank_version: int
    encoder_fingerprint: str
    kind: str = "verdict"
    answer: str | None = None
    case_id: str | None = None
    condition: str | None = None
    distance: float | None = None
    rank: int | None = None
    guess: str | None = None
    comment: str | None = None
    refers_to: int | None = None


@dataclass(frozen=True, kw_only=True)
class Review(NewReview):
    """What a reader said, as it is kept: one link of the chain.

    Attributes:
        number: from 1, without gaps; it alone tells the order, for clocks go wrong.
        time: UTC, ISO 8601.
        previous: digest of the review before; of the first one, the bank's own.
        digest: sha256 over all of this, `previous` included.
    """

    number: int
    time: str
    previous: str
    digest: str


FIELDS = tuple(field.name for field in fields(Review))


def checked(new: NewReview) -> NewReview:
    """Return the review in the types that are kept, texts without white space around them.

    Raises:
        UsageError: it says too little, too much, or contradicts itself.
    """
    reader = _text("reader", new.reader)
    if reader is None:
        raise UsageError("a review needs the reader's name")
    if new.kind not in KINDS:
        raise UsageError(f"a review is one of {', '.join(KINDS)}, not {new.kind!r}")
    _check_answer(new)
    # The database keeps 64 bits and knows no negative zero.
    distance = None if new.distance is None else float(new.distance) + 0.0
    if distance is not None and not (math.isfinite(distance) and distance >= 0):
        raise UsageError(f"a distance is finite and not negative, not {distance}")
    return replace(
        new,
        reader=reader,
        comment=_text("comment", new.comment),
        guess=_text("guess", new.guess),
        distance=distance,
        rank=None if new.rank is None else int(new.rank),
        bank_version=int(new.bank_version),
    )


def _text(name: str, text: str | None) -> str | None:
    stripped = (text or "").strip()
    if len(stripped) > _LONGEST[name]:
        raise UsageError(f"the {name} has {len(stripped)} characters; {_LONGEST[name]} are kept")
    try:
        stripped.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the {name} holds half a character; type it again") from error
    return stripped or None


def _check_answer(new: NewReview) -> None:
    if new.kind != "verdict":
        if new.answer is not None:
            raise UsageError(f"{new.kind!r} takes no answer")
        if (new.kind == "withdrawn") != (new.refers_to is not None):
            raise UsageError("a withdrawal, and nothing else, names the verdict it takes back")
        return
    if new.answer not in ANSWERS:
        raise UsageError(f"a verdict is one of {', '.join(ANSWERS)}, not {new.answer!r}")
    if new.refers_to is not None:
        raise UsageError("a verdict refers to no earlier one; withdraw that one first")
    if (new.answer == NONE_OF_THESE) != (new.case_id is None):
        raise UsageError("a verdict is about one case, but for 'none of these', about no case")


def withdrawals(reviews: Iterable[Review]) -> dict[int, Review]:
    """Return number of a withdrawn verdict -> the review that withdrew it."""
    return {
        review.refers_to: review
        for review in reviews
        if review.kind == "withdrawn" and review.refers_to is not None
    }


def standing(reviews: Sequence[Review]) -> tuple[Review, ...]:
    """Return the verdicts that nobody has withdrawn, in order."""
    gone = withdrawals(reviews)
    return tuple(r for r in reviews if r.kind == "verdict" and r.number not in gone)
