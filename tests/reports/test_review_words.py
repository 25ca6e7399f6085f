from __future__ import annotations

from medsiam.bank import Review
from medsiam.comparison import Comparison, compare_embedding, in_digits, verdict_on
from medsiam.reports import review_lines
from medsiam.reports.review_words import chain_words, review_documents
from tests.bank.samples import make_review
from tests.comparison.stub_bank import make_scan, ring_bank


def make_comparison() -> Comparison:
    bank = ring_bank()
    return compare_embedding(bank.embeddings[0], make_scan(), bank, metric="euclidean", k=3)


def kept(number: int, new) -> Review:
    time = f"2026-11-30T09:{number:02d}:59.123+00:00"
    return Review(**vars(new), number=number, time=time, previous="", digest=f"{number}" * 64)


def make_reviews(comparison: Comparison) -> tuple[Review, ...]:
    """Of this study: a verdict that is withdrawn, and "none of these"; one of another study."""
    match = comparison.matches[1]
    facts = {"study": " ".join(comparison.query.content_hashes), "case_id": None}
    return (
        kept(1, verdict_on(comparison, match, "plausible", reader="ada", guess="cyst")),
        kept(2, make_review("eve", comment="of another study")),
        kept(3, make_review(kind="withdrawn", answer=None, refers_to=1, **facts)),
        kept(4, verdict_on(comparison, match, "none of these", reader="bob", comment="=odd")),
    )


def test_lines_of_this_study_alone():
    comparison = make_comparison()
    match = comparison.matches[1]
    first, second, third = review_lines(comparison, make_reviews(comparison))
    assert (first.number, first.reader, first.time) == ("1", "ada", "2026-11-30 09:01 UTC")
    assert first.said == "plausible, withdrawn"
    distance = in_digits(*(one.distance for one in comparison.matches))[1]
    about = f"case {match.case_id}, {match.condition}, distance {distance}, rank 2"
    assert first.about == about
    assert first.words == "guess before diagnoses were shown: cyst"
    assert (second.said, second.about, second.words) == ("withdrew 1", "", "")
    assert (third.said, third.about, third.words) == ("none of these", "", "=odd")
    assert str(third) == "4. bob, 2026-11-30 09:04 UTC: none of these: =odd"
    assert str(first).startswith(f"1. ada, 2026-11-30 09:01 UTC: plausible, withdrawn ({about})")


def test_the_newest_digest_of_the_study_is_printed():
    comparison = make_comparison()
    reviews = make_reviews(comparison)
    assert f"Review 4 of this bank has the digest {'4' * 64}" in chain_words(comparison, reviews)
    assert chain_words(comparison, reviews[1:2]) == ""
    assert review_lines(comparison, ()) == ()


def test_documents_hold_every_value():
    reviews = make_reviews(make_comparison())
    documents = review_documents(reviews)
    assert [document["withdrawn_by"] for document in documents] == [3, None, None, None]
    for document, review in zip(documents, reviews, strict=True):
        assert {k: v for k, v in document.items() if k != "withdrawn_by"} == vars(review)
