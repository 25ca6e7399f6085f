"""From an answer that was shown to what a reader says about it, ready to be kept by the bank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medsiam.bank.review import NONE_OF_THESE, NewReview, Review
from medsiam.comparison.result import Comparison, Match

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank


def study_of(comparison: Comparison) -> str:
    """What a review calls the query: the content hashes of its scans, which name nobody."""
    return " ".join(comparison.query.content_hashes)


def verdict_on(
    comparison: Comparison,
    match: Match,
    answer: str,
    *,
    reader: str,
    guess: str | None = None,
    comment: str | None = None,
) -> NewReview:
    """A verdict on a match as it was shown; "none of these" is about the whole study instead.

    Args:
        comparison: that was shown.
        match: one of its matches.
        answer: one of `medsiam.bank.ANSWERS`.
        reader: who says it.
        guess: the reader's own, made before diagnoses were shown.
        comment: in the reader's own words.
    """
    none = answer == NONE_OF_THESE
    return NewReview(
        reader=reader,
        study=study_of(comparison),
        bank_version=comparison.bank_version,
        encoder_fingerprint=comparison.encoder_fingerprint,
        answer=answer,
        case_id=None if none else match.case_id,
        condition=None if none else match.condition,
        distance=None if none else match.distance,
        rank=None if none else match.rank,
        guess=guess,
        comment=comment,
    )


def identity_revealed(study: str, bank: ReferenceBank, *, reader: str) -> NewReview:
    """The record that a reader had names shown.

    Args:
        study: whose they are, as `study_of` says it, or what else was shown; no name.
        bank: that was open.
        reader: who saw them.
    """
    return NewReview(
        kind="identity revealed",
        reader=reader,
        study=study,
        bank_version=bank.version,
        encoder_fingerprint=bank.encoder_card.fingerprint,
    )


def of_study(comparison: Comparison, reviews: Sequence[Review]) -> tuple[Review, ...]:
    """The reviews of the comparison's own study; another study's must never stand beside it."""
    study = study_of(comparison)
    return tuple(review for review in reviews if review.study == study)
