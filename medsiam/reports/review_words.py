"""What readers said about a study, as plain values and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medsiam.bank.review import FIELDS, Review, withdrawals
from medsiam.comparison.digits import decimals_for
from medsiam.comparison.result import Comparison
from medsiam.comparison.reviewing import of_study


@dataclass(frozen=True)
class ReviewLine:
    """One review, ready to be shown.

    Attributes:
        number, time, reader: which one, when and whose.
        said: the answer, or what was done.
        about: the case with its condition and distance; empty where it is about none.
        words: guess and comment of the reader.
    """

    number: str
    time: str
    reader: str
    said: str
    about: str
    words: str

    def __str__(self) -> str:
        about = f" ({self.about})" if self.about else ""
        words = f": {self.words}" if self.words else ""
        return f"{self.number}. {self.reader}, {self.time}: {self.said}{about}{words}"


def review_documents(reviews: Sequence[Review]) -> list[dict[str, Any]]:
    """Each review as plain values, with the number of the review that withdrew it."""
    gone = withdrawals(reviews)
    return [
        {name: values[name] for name in FIELDS}
        | {"withdrawn_by": gone[values["number"]].number if values["number"] in gone else None}
        for values in map(asdict, reviews)
    ]


def review_lines(comparison: Comparison, reviews: Sequence[Review]) -> tuple[ReviewLine, ...]:
    """Each review of the comparison's study, oldest first, withdrawn ones said to be so."""
    own = of_study(comparison, reviews)
    gone = withdrawals(own)
    shown = [review.distance for review in own if review.distance is not None]
    digits = decimals_for([*shown, *(match.distance for match in comparison.matches)])
    return tuple(
        ReviewLine(
            number=str(review.number),
            time=review.time[:16].replace("T", " ") + " UTC",
            reader=review.reader,
            said=_said(review, gone.get(review.number)),
            about=_about(review, digits),
            words="; ".join(_words(review)),
        )
        for review in own
    )


def chain_words(comparison: Comparison, reviews: Sequence[Review]) -> str:
    """Which link of the bank's chain the newest review is; a digest to note and check by later."""
    own = of_study(comparison, reviews)
    if not own:
        return ""
    return (
        f"Review {own[-1].number} of this bank has the digest {own[-1].digest}: `medsiam reviews "
        "verify BANK --head DIGEST` tells whether it and all before it are as they were."
    )


def _said(review: Review, withdrawn_by: Review | None) -> str:
    if review.kind == "withdrawn":
        return f"withdrew {review.refers_to}"
    if review.answer is None:
        return review.kind
    return f"{review.answer}, withdrawn" if withdrawn_by else review.answer


def _about(review: Review, digits: int) -> str:
    if review.case_id is None:
        return ""
    parts = [f"case {review.case_id}"]
    if review.condition:
        parts.append(review.condition)
    if review.distance is not None:
        parts.append(f"distance {review.distance:.{digits}f}")
    if review.rank is not None:
        parts.append(f"rank {review.rank}")
    return ", ".join(parts)


def _words(review: Review) -> list[str]:
    guess = [f"guess before diagnoses were shown: {review.guess}"] if review.guess else []
    return guess + ([review.comment] if review.comment else [])
